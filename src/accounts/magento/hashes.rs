//! Password hashes that are renewed (`magento.rehash`; fact sheet 7.5).

use std::sync::Arc;

use crate::accounts::AccountError;
use crate::accounts::magento::MagentoAccounts;
use crate::session::{Subject, UserType};

impl MagentoAccounts {
    /// Writes a hash in the place of an older one, byte for byte, and says whether it stood there.
    pub(super) async fn replace_hash(&self, subject: Subject, old: &str, new: &str) -> Result<bool, AccountError> {
        self.may_write()?;
        let sql = match subject.kind {
            UserType::Customer => {
                "UPDATE {customer_entity} SET password_hash = ?
                 WHERE entity_id = ? AND CAST(password_hash AS BINARY) = CAST(? AS BINARY)"
            }
            UserType::Admin => {
                "UPDATE {admin_user} SET password = ?
                 WHERE user_id = ? AND CAST(password AS BINARY) = CAST(? AS BINARY)"
            }
            UserType::Integration => return Ok(false),
        };
        let (old, new, tables) = (old.to_owned(), new.to_owned(), Arc::clone(&self.tables));
        let asked = self.database.ask(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(tables.sql(sql)).bind(new).bind(subject.id).bind(old);
                Ok(query.execute(connection).await?.rows_affected() > 0)
            })
        });
        asked.await
    }
}
