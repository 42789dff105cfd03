//! How to reach the shop's database.

use std::fmt;
use std::path::PathBuf;

use crate::secret::Secret;

/// Where the database listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// On the network.
    Network {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// On a Unix socket.
    Socket(PathBuf),
    /// Where a database on the same machine usually listens: PHP takes the name `localhost` for its socket.
    Here,
}

/// The connection `default` of the file.
#[derive(Clone)]
pub struct Connection {
    /// Where.
    pub server: Server,
    /// The database.
    pub database: String,
    /// The user.
    pub username: String,
    /// The password; may be empty.
    pub password: Secret,
    /// The authority that signed the server's certificate, when TLS is asked for with one.
    pub certificate_authority: Option<PathBuf>,
    /// Certificate and key of the client, when it has to show one.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Whether the server's certificate is looked at.
    pub verify_certificate: bool,
}

/// MySQL's port.
const DEFAULT_PORT: u16 = 3306;

impl Server {
    /// What the key `host` says: a name, a name with a port, or the path of a socket (fact sheet 8).
    pub(super) fn from_host(host: &str) -> Option<Self> {
        if host.contains('/') {
            return Some(Self::Socket(PathBuf::from(host)));
        }
        if host == "localhost" {
            return Some(Self::Here);
        }
        let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, rest)) => (name, rest.strip_prefix(':')),
            None if host.matches(':').count() > 1 => (host, None),
            None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
        };
        let port = port.filter(|port| !port.is_empty()).map_or(Ok(DEFAULT_PORT), str::parse).ok()?;
        (!name.is_empty() && port != 0).then(|| Self::Network { host: name.to_owned(), port })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network { host, port } => write!(formatter, "{host}:{port}"),
            Self::Socket(path) => write!(formatter, "{}", path.display()),
            Self::Here => formatter.write_str("localhost"),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_a_name_with_a_port_or_a_socket() {
        let network = |host: &str, port| Some(Server::Network { host: host.to_owned(), port });
        for (host, server) in [
            ("db.example", network("db.example", 3306)),
            ("127.0.0.1:33060", network("127.0.0.1", 33060)),
            ("[::1]:3307", network("::1", 3307)),
            ("::1", network("::1", 3306)),
            ("localhost:3307", network("localhost", 3307)),
            ("localhost", Some(Server::Here)),
            ("/run/mysqld/mysqld.sock", Some(Server::Socket("/run/mysqld/mysqld.sock".into()))),
            ("db:x", None),
            ("db:70000", None),
            ("", None),
            (":3306", None),
        ] {
            assert_eq!(Server::from_host(host), server, "{host}");
        }
    }
}
