//! Password hashes that are renewed (`magento.rehash`; fact sheet 7.5).

use std::sync::Arc;

use crate::accounts::AccountError;
use crate::accounts::magento::MagentoAccounts;
use crate::accounts::magento::rights::RENEWING;
use crate::accounts::magento::row::flag;
use crate::accounts::magento::store::ask;
use crate::session::{Subject, UserType};

impl MagentoAccounts {
    /// Whether hashes can be renewed: with the rights for it, and in a shop that reads what is written. Magento 2.3 does
    /// not know version 3 of the hashes, and nobody signs in there whose hash has it. A Magento that knows it gives it to
    /// each administrator who signs in to its panel, and nothing here gives it to one before it is known there.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when they cannot; [`AccountError::Unavailable`] when it cannot be told.
    pub async fn try_renewing_hashes(&self) -> Result<(), AccountError> {
        self.may_write()?;
        self.try_rights_of(&RENEWING).await?;
        let knows = ask!(self, |connection, tables| {
            let sql = "SELECT CAST(COUNT(*) AS SIGNED) AS renewed FROM {admin_user} WHERE LOCATE(':3_', password) > 0";
            flag(&sqlx::query(tables.sql(sql)).fetch_one(connection).await?, "renewed")
        })?;
        if knows {
            return Ok(());
        }
        let problem = "magento.rehash writes hashes of version 3, which Magento 2.3 and older cannot read, and no \
                       administrator of this shop has one: with Magento 2.4 or newer sign in to its admin panel once, \
                       which renews your own hash; else leave that setting out";
        Err(AccountError::Conflict(problem.to_owned()))
    }

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
