//! What an installation says about itself: its files, and its environment on top.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::magento::env_php::{Connection, Environment, Server, Value};
use crate::secret::Secret;

/// The connection that Magento uses for accounts and settings.
const CONNECTION: &str = "db/connection/default";

/// The numbers of PHP's TLS options for MySQL.
const CLIENT_KEY: &str = "1007";
/// See [`CLIENT_KEY`].
const CLIENT_CERTIFICATE: &str = "1008";
/// See [`CLIENT_KEY`].
const AUTHORITY: &str = "1009";
/// See [`CLIENT_KEY`].
const VERIFY: &str = "1014";

/// `config.php`, `env.php` and the environment, laid together in Magento's order (fact sheet 8.6).
#[derive(Clone)]
pub struct Deployment {
    values: Value,
    environment: Environment,
}

/// For whom a setting counts, by Magento's codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeCode {
    /// Everybody.
    Default,
    /// The website with this code.
    Website(String),
    /// The store view with this code.
    Store(String),
}

/// A setting that the installation fixes: it wins over the database.
#[derive(Clone, PartialEq, Eq)]
pub struct SystemValue {
    /// For whom.
    pub scope: ScopeCode,
    /// Magento's path.
    pub path: String,
    /// The value.
    pub value: Zeroizing<String>,
}

/// What is missing for a connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnectionError {
    /// A key that has to be there.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// The host cannot be understood.
    #[error("db/connection/default/host is neither a name, nor a name with a port, nor a socket")]
    Host,
}

impl Deployment {
    /// Lays the files together: later ones win, array by array.
    pub fn new(files: impl IntoIterator<Item = Value>, environment: Environment) -> Self {
        let mut values = Value::Array(Vec::new());
        for file in files {
            values.merge(file);
        }
        if let Some(sections) = environment.replaced_sections() {
            for (key, section) in sections.entries() {
                values.set(key.clone(), section.clone());
            }
        }
        Self { values, environment }
    }

    /// The text at a path such as `crypt/key`.
    pub fn text(&self, path: &str) -> Option<Zeroizing<String>> {
        match self.environment.deployment_value(path) {
            Some(value) => Some(value.clone()),
            None => self.resolved(self.values.at(path)?),
        }
    }

    /// How to reach the database.
    ///
    /// # Errors
    /// [`ConnectionError`], which names the key.
    pub fn connection(&self) -> Result<Connection, ConnectionError> {
        let host = self.filled("host").ok_or(ConnectionError::Missing("db/connection/default/host"))?;
        let server = match self.filled("unix_socket") {
            Some(socket) => Server::Socket(PathBuf::from(socket.as_str())),
            None => Server::from_host(&host).ok_or(ConnectionError::Host)?,
        };
        let database = self.filled("dbname").ok_or(ConnectionError::Missing("db/connection/default/dbname"))?;
        let username = self.filled("username").ok_or(ConnectionError::Missing("db/connection/default/username"))?;
        let option =
            |number: &str| self.filled(&format!("driver_options/{number}")).map(|path| PathBuf::from(path.as_str()));
        let verify = self.values.at(&format!("{CONNECTION}/driver_options/{VERIFY}"));
        Ok(Connection {
            server,
            database: database.to_string(),
            username: username.to_string(),
            password: Secret::new(self.of_connection("password").unwrap_or_default().to_string()),
            certificate_authority: option(AUTHORITY),
            client_certificate: option(CLIENT_CERTIFICATE).zip(option(CLIENT_KEY)),
            verify_certificate: verify.is_none_or(Value::is_true),
        })
    }

    /// What the names of all tables begin with; empty without a prefix.
    pub fn table_prefix(&self) -> String {
        self.text("db/table_prefix").unwrap_or_default().to_string()
    }

    /// The keys of the installation, as they are written: the last one counts (fact sheet 6.4, 7.7).
    pub fn crypt_key(&self) -> Option<Secret> {
        let text = self.text("crypt/key").filter(|text| !text.trim().is_empty())?;
        Some(Secret::new(text.to_string()))
    }

    /// Whether GraphQL must not tell its schema (fact sheet 1.6).
    pub fn disables_introspection(&self) -> bool {
        self.text("graphql/disable_introspection").is_some_and(|text| !matches!(text.as_str(), "" | "0"))
    }

    /// The settings that files and environment fix, those that win last.
    pub fn settings(&self) -> Vec<SystemValue> {
        let mut settings = Vec::new();
        let system = self.values.at("system");
        for (key, section) in system.map_or(&[][..], Value::entries) {
            self.collect(&key.name(), section, &mut settings);
        }
        settings.extend(self.environment.settings());
        settings
    }

    fn collect(&self, path: &str, value: &Value, settings: &mut Vec<SystemValue>) {
        for (key, inner) in value.entries() {
            self.collect(&format!("{path}/{}", key.name()), inner, settings);
        }
        if let (Some(value), Some((scope, path))) = (self.resolved(value), ScopeCode::split(path)) {
            settings.push(SystemValue { scope, path: path.to_owned(), value });
        }
    }

    fn of_connection(&self, key: &str) -> Option<Zeroizing<String>> {
        self.text(&format!("{CONNECTION}/{key}"))
    }

    fn filled(&self, key: &str) -> Option<Zeroizing<String>> {
        self.of_connection(key).filter(|text| !text.is_empty())
    }

    /// The text of a value; `#env(NAME, "default")` stands for a variable.
    fn resolved(&self, value: &Value) -> Option<Zeroizing<String>> {
        let text = value.to_text()?;
        let Some((name, default)) = variable_reference(&text) else { return Some(text) };
        let found = self.environment.variable(name).filter(|value| !matches!(value.as_str(), "" | "0"));
        Some(found.cloned().unwrap_or_else(|| Zeroizing::new(default.unwrap_or_default().to_owned())))
    }
}

impl ScopeCode {
    /// Takes the scope off a path such as `websites/base/web/unsecure/base_url`.
    pub(super) fn split(path: &str) -> Option<(Self, &str)> {
        let (scope, rest) = path.split_once('/')?;
        match scope {
            "default" => Some((Self::Default, rest)),
            "websites" => rest.split_once('/').map(|(code, path)| (Self::Website(code.to_owned()), path)),
            "stores" => rest.split_once('/').map(|(code, path)| (Self::Store(code.to_owned()), path)),
            _ => None,
        }
    }
}

/// The name, and the default, of `#env(NAME)` or `#env(NAME, "default")`.
fn variable_reference(text: &str) -> Option<(&str, Option<&str>)> {
    let inner = text.strip_prefix("#env(")?.strip_suffix(')')?;
    let (name, default) = inner.split_once(',').map_or((inner, None), |(name, default)| (name, Some(default)));
    let default = match default {
        Some(default) => Some(default.trim_start().strip_prefix('"')?.strip_suffix('"')?),
        None => None,
    };
    let name = name.trim();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    is_name.then_some((name, default))
}

/// Prints nothing of the values.
impl fmt::Debug for Deployment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Deployment").finish_non_exhaustive()
    }
}

/// Prints the place alone: some settings are secrets.
impl fmt::Debug for SystemValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SystemValue")
            .field("scope", &self.scope)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::magento::env_php::parse;

    const KIT: &[u8] = include_bytes!("../../../tests/magento-db/env.php");

    fn deployment(file: &[u8], variables: &[(&str, &str)]) -> Deployment {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Deployment::new([parse(file).unwrap()], Environment::new(environment))
    }

    fn told(settings: &[SystemValue]) -> Vec<(String, &str, &str)> {
        let told = |one: &SystemValue| match &one.scope {
            ScopeCode::Default => "default".to_owned(),
            ScopeCode::Website(code) => format!("website {code}"),
            ScopeCode::Store(code) => format!("store {code}"),
        };
        settings.iter().map(|one| (told(one), one.path.as_str(), one.value.as_str())).collect()
    }

    #[test]
    fn the_file_of_an_installation_says_how_to_reach_the_database() {
        let kit = deployment(KIT, &[]);
        let connection = kit.connection().unwrap();
        assert_eq!(connection.server, Server::Network { host: "127.0.0.1".to_owned(), port: 33060 });
        assert_eq!((connection.database.as_str(), connection.username.as_str()), ("magento", "magento"));
        assert_eq!(connection.password.expose(), r#"kit's "secret" \ @:/#%"#);
        assert!(!connection.verify_certificate && connection.certificate_authority.is_none());
        assert_eq!(kit.table_prefix(), "");
        let keys = kit.crypt_key().unwrap();
        assert_eq!(keys.expose().lines().count(), 2);
        assert!(keys.expose().ends_with("base64a2l0LWtleS1tYWdlbnRvLTMyLWJ5dGVzLS0tLS0tLS0="));
        assert!(!format!("{kit:?} {connection:?}").contains("secret"));
    }

    #[test]
    fn variables_win_over_the_file() {
        let kit = deployment(
            KIT,
            &[
                ("MAGENTO_DC_DB__CONNECTION__DEFAULT__HOST", "db.example:3307"),
                ("MAGENTO_DC_DB__TABLE_PREFIX", "m2_"),
                ("MAGENTO_DC_CRYPT__KEY", "another"),
                ("MAGENTO_DC_GRAPHQL__DISABLE_INTROSPECTION", "1"),
            ],
        );
        let server = kit.connection().unwrap().server;
        assert_eq!(server, Server::Network { host: "db.example".to_owned(), port: 3307 });
        assert_eq!((kit.table_prefix().as_str(), kit.crypt_key().unwrap().expose()), ("m2_", "another"));
        assert!(kit.disables_introspection());
    }

    #[test]
    fn an_override_takes_the_place_of_whole_sections() {
        let replaced = deployment(KIT, &[("MAGENTO_DC__OVERRIDE", r#"{"db":{"table_prefix":"x_"}}"#)]);
        assert_eq!(replaced.table_prefix(), "x_");
        assert_eq!(replaced.connection().unwrap_err(), ConnectionError::Missing("db/connection/default/host"));
        assert!(replaced.crypt_key().is_some());
        let broken = deployment(KIT, &[("MAGENTO_DC__OVERRIDE", "{")]);
        assert!(broken.connection().is_ok());
    }

    #[test]
    fn the_environment_alone_is_enough() {
        let variables = [("HOST", "/run/db.sock"), ("DBNAME", "shop"), ("USERNAME", "u"), ("PASSWORD", "")];
        let named =
            variables.map(|(key, value)| (format!("MAGENTO_DC_DB__CONNECTION__DEFAULT__{key}"), value.to_owned()));
        let connection = Deployment::new([], Environment::new(named)).connection().unwrap();
        assert_eq!(connection.server, Server::Socket("/run/db.sock".into()));
        assert_eq!(connection.password.expose(), "");
    }

    #[test]
    fn a_value_may_name_a_variable() {
        let file = br#"<?php return ['crypt' => ['key' => '#env(KEY, "fallback")'], 'db' => ['table_prefix' => '#env( P )']];"#;
        let set = deployment(file, &[("KEY", "from outside")]);
        assert_eq!((set.crypt_key().unwrap().expose(), set.table_prefix().as_str()), ("from outside", ""));
        assert_eq!(deployment(file, &[]).crypt_key().unwrap().expose(), "fallback");
        for plain in ["#env(KEY", "#env()", "#env(A B)", "#env(A, x)", "a#env(KEY)"] {
            assert_eq!(variable_reference(plain), None, "{plain}");
        }
    }

    #[test]
    fn settings_are_told_in_the_order_in_which_they_win() {
        let config =
            parse(br"<?php return ['system' => ['default' => ['web' => ['a' => ['x' => 'file', 'y' => true]]]]];");
        let env = parse(
            br"<?php return ['system' => ['default' => ['web' => ['a' => ['x' => 5]]],
               'websites' => ['base' => ['web' => ['a' => ['x' => null]]]], 'stores' => ['de' => ['w' => ['g' => 'f']]]]];",
        );
        let variables = [
            ("CONFIG__DEFAULT__WEB__A__X", "outside"),
            ("CONFIG__WEBSITES__BASE__OAUTH__ACCESS_TOKEN_LIFETIME__CUSTOMER", "2"),
            ("CONFIG__NOWHERE", "x"),
        ];
        let environment = Environment::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let settings = Deployment::new([config.unwrap(), env.unwrap()], environment).settings();
        assert_eq!(
            told(&settings),
            [
                ("default".to_owned(), "web/a/x", "5"),
                ("default".to_owned(), "web/a/y", "1"),
                ("website base".to_owned(), "web/a/x", ""),
                ("store de".to_owned(), "w/g", "f"),
                ("default".to_owned(), "web/a/x", "outside"),
                ("website base".to_owned(), "oauth/access_token_lifetime/customer", "2"),
            ]
        );
    }

    #[test]
    fn tls_comes_from_the_options_of_php() {
        let file = br"<?php return ['db' => ['connection' => ['default' => ['host' => 'db', 'dbname' => 'd', 'username' => 'u',
            'driver_options' => [1007 => '/k.pem', 1008 => '/c.pem', 1009 => '/ca.pem']]]]];";
        let connection = deployment(file, &[]).connection().unwrap();
        assert_eq!(connection.certificate_authority, Some("/ca.pem".into()));
        assert_eq!(connection.client_certificate, Some(("/c.pem".into(), "/k.pem".into())));
        assert!(connection.verify_certificate);
    }
}
