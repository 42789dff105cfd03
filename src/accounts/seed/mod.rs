//! What a fresh data folder is filled with: websites, store views, roles, accounts and settings, from a TOML file.
//!
//! [`Seed`] is the file as it was read; [`apply`] turns it into changes and writes them in one transaction, together
//! with the mark that ends the folder's being fresh. So a folder is filled whole or not at all. The file may hold
//! passwords in clear: no error quotes it.

mod build;
mod file;

pub use file::{Seed, SeededAdministrator, SeededCustomer, SeededRole, SeededSetting, SeededStore, SeededWebsite};

use std::fmt;
use std::io;

use thiserror::Error;

use crate::accounts::{AccountError, DirectorySource, EmbeddedAccounts};
use crate::audit::{Event, Line, Origin};
use crate::secret::Password;
use crate::store::Change;

/// Why a seed was not taken.
#[derive(Debug, Error)]
pub enum SeedError {
    /// The file cannot be read.
    #[error("the file cannot be read: {cause}")]
    Unreadable {
        /// Why.
        cause: io::Error,
    },
    /// It is not what a seed looks like.
    #[error("line {line}: {problem}")]
    Malformed {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// It contradicts itself or the rules.
    #[error("{0}")]
    Wrong(String),
    /// A password could not be hashed.
    #[error("a password could not be hashed: {0}")]
    Hash(String),
    /// It could not be stored.
    #[error(transparent)]
    Accounts(#[from] AccountError),
}

/// Fills a fresh folder: `initial` are settings of the default scope by path, from the configuration; the seed's own
/// come after them. An empty seed is the filling of a folder without one. To be called exactly when
/// [`crate::store::DataFolder::is_fresh`] says so.
///
/// # Errors
/// Any [`SeedError`]; nothing was stored then, and the folder is still fresh.
pub async fn apply<H, E>(
    accounts: &EmbeddedAccounts,
    seed: Seed,
    initial: impl IntoIterator<Item = (String, String)>,
    hash: H,
) -> Result<(), SeedError>
where
    H: AsyncFn(Password) -> Result<String, E>,
    E: fmt::Display,
{
    let (present, roles) = accounts.directory().await?;
    let mut builder = build::Builder::new(&seed, present, &roles, accounts.now())?;
    builder.settings(initial)?;
    builder.roles_and_settings(&seed)?;
    for customer in seed.customers {
        let hash = hashed(customer.password.clone(), customer.password_hash.clone(), &hash).await?;
        builder.customer(customer, hash)?;
    }
    for administrator in seed.administrators {
        let hash = hashed(administrator.password.clone(), administrator.password_hash.clone(), &hash).await?;
        builder.administrator(administrator, hash)?;
    }
    let mut changes = builder.finish();
    changes.push(Change::FolderInitialised);
    changes.push(Change::Audit(Line::new(accounts.now(), Event::FolderFilled, Origin::SERVER)));
    accounts.carry_out(changes).await?;
    Ok(())
}

/// The hash to store: the one that is given, or that of the password.
async fn hashed<H, E>(password: Option<Password>, given: Option<String>, hash: &H) -> Result<Option<String>, SeedError>
where
    H: AsyncFn(Password) -> Result<String, E>,
    E: fmt::Display,
{
    match password {
        Some(password) => hash(password).await.map(Some).map_err(|error| SeedError::Hash(error.to_string())),
        None => Ok(given),
    }
}

#[cfg(test)]
mod tests;
