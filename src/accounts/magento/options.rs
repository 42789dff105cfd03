//! How to reach the shop's database.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::accounts::AccountError;
use crate::magento::env_php::{Connection, Server};
use crate::secret::Secret;

/// Where a database on the same machine usually has its socket: Debian, Red Hat, MySQL's own packages.
const USUAL_SOCKETS: [&str; 3] = ["/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"];

/// How to reach the shop's database, and how to treat it.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// What the names of the tables begin with: letters, digits and `_`.
    pub table_prefix: String,
    /// Whether anything may be written: `magento.write`.
    pub write: bool,
    /// At most so many connections: `magento.connections`.
    pub connections: u32,
    /// How long a question may take, and how long it may wait for its turn and for a connection: `magento.timeout`.
    pub timeout: Duration,
    /// What has named this database, for messages.
    pub named_by: String,
    pub(super) connect: MySqlConnectOptions,
}

impl DatabaseOptions {
    /// A database by its address, such as `mysql://user:password@host/database`.
    ///
    /// # Errors
    /// [`AccountError::Conflict`] when it is no address; the words do not repeat it.
    pub fn from_url(url: &Secret) -> Result<Self, AccountError> {
        let wrong = || {
            AccountError::Conflict(
                "magento.database_url must look like mysql://user:password@host/database (%-encoded)".to_owned(),
            )
        };
        if !url.expose().starts_with("mysql://") && !url.expose().starts_with("mariadb://") {
            return Err(wrong());
        }
        let connect: MySqlConnectOptions = url.expose().parse().map_err(|_| wrong())?;
        if connect.get_database().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        Ok(Self::new(connect, "magento.database_url"))
    }

    /// What the database is called on its server.
    pub fn name(&self) -> &str {
        self.connect.get_database().unwrap_or_default()
    }

    /// The database that the shop's own files name.
    pub fn from_connection(connection: &Connection) -> Self {
        let named = MySqlConnectOptions::new()
            .username(&connection.username)
            .password(connection.password.expose())
            .database(&connection.database);
        let mut connect = match &connection.server {
            Server::Network { host, port } => named.host(host).port(*port),
            Server::Socket(path) => named.socket(path),
            Server::Here => match USUAL_SOCKETS.iter().find(|path| Path::new(path).exists()) {
                Some(path) => named.socket(path),
                None => named.host("127.0.0.1"),
            },
        };
        if let Some(authority) = &connection.certificate_authority {
            connect = connect.ssl_ca(authority).ssl_mode(MySqlSslMode::VerifyIdentity);
        }
        if let Some((certificate, key)) = &connection.client_certificate {
            connect = connect.ssl_client_cert(certificate).ssl_client_key(key).ssl_mode(MySqlSslMode::VerifyIdentity);
        }
        let asks_for_tls = connection.certificate_authority.is_some() || connection.client_certificate.is_some();
        if asks_for_tls && !connection.verify_certificate {
            connect = connect.ssl_mode(MySqlSslMode::Required);
        }
        Self::new(connect, "the shop's own files and variables")
    }

    /// Where the database is and what has named it, without user and password.
    pub(super) fn place(&self) -> String {
        let server = match self.connect.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.connect.get_host(), self.connect.get_port()),
        };
        format!("{server}/{} (from {})", self.connect.get_database().unwrap_or_default(), self.named_by)
    }

    fn new(connect: MySqlConnectOptions, named_by: &str) -> Self {
        // In UTC, as Magento has it (fact sheet 8); and an empty result is no reason to make a table's engine up.
        let connect = connect.timezone(Some("+00:00".to_owned())).charset("utf8mb4");
        Self {
            table_prefix: String::new(),
            write: true,
            connections: 10,
            timeout: Duration::from_secs(3),
            named_by: named_by.to_owned(),
            connect,
        }
    }
}

/// Without how to connect: the password is among that.
impl fmt::Debug for DatabaseOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DatabaseOptions")
            .field("table_prefix", &self.table_prefix)
            .field("write", &self.write)
            .field("connections", &self.connections)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        let options =
            DatabaseOptions::from_url(&Secret::new("mysql://shop:swordfish@host/magento".to_owned())).unwrap();
        let shown = format!("{options:?}");
        assert!(shown.contains("connections") && !shown.contains("swordfish"), "{shown}");
        assert_eq!(options.place(), "host:3306/magento (from magento.database_url)");
    }
}
