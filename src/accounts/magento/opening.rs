//! The first look at the shop's database, which may be away when the server starts.

use crate::accounts::AccountError;
use crate::accounts::magento::database::Database;
use crate::accounts::magento::{DatabaseOptions, DoneWithout, SchemaReport};

/// A shop's database that nobody has looked at yet.
#[derive(Debug)]
pub struct ShopDatabase {
    pub(super) database: Database,
    pub(super) options: DatabaseOptions,
}

impl ShopDatabase {
    /// The database of these options. Nothing is asked yet.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when the prefix is none; [`AccountError::Unavailable`] when there can be no thread for it.
    pub fn connect(options: DatabaseOptions) -> Result<Self, AccountError> {
        let prefix = &options.table_prefix;
        if !prefix.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
            return Err(AccountError::Conflict("the table prefix may hold letters, digits and _ only".to_owned()));
        }
        Ok(Self { database: Database::open(&options)?, options })
    }

    /// Reaches it and looks at its tables. May be tried again.
    ///
    /// # Errors
    /// [`AccountError::Unavailable`] when it cannot be reached at the moment; [`AccountError::Conflict`] for what waiting
    /// does not mend: it does not let this user in, or something necessary is missing.
    pub async fn inspect(&self) -> Result<SchemaReport, AccountError> {
        let prefix = self.options.table_prefix.clone();
        self.database.reach(&self.options).await?;
        let read =
            self.database.ask(move |connection| Box::pin(async move { SchemaReport::read(connection, &prefix).await }));
        let schema = read.await?;
        if let Some(missing) = schema.first_missing(&self.options.table_prefix) {
            return Err(AccountError::Conflict(missing.to_string()));
        }
        schema.done_without(self.options.write).iter().for_each(DoneWithout::tell);
        Ok(schema)
    }
}
