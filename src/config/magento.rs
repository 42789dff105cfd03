//! `[magento]`: which Magento to speak like, and how to reach the shop's database.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::config::choice::one_of;
use crate::config::reader::Reader;
use crate::config::value::{boolean, path, seconds, text, whole_number};
use crate::magento::InstallationKey;
use crate::secret::Secret;

/// Which Magento to speak like, and how to reach the shop's database.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
#[derive(Clone, Debug)]
pub struct Magento {
    /// Whose HTTP statuses and messages to speak.
    pub version: MagentoLine,
    /// The shop's database, such as `mysql://user:password@host/database`. A secret, since a password stands in it.
    pub database_url: Option<Secret>,
    /// What the names of the shop's tables begin with.
    pub table_prefix: Option<String>,
    /// The shop's `app/etc/env.php`, which gives database, prefix and key.
    pub env_php: Option<PathBuf>,
    /// The installation's key, for JWTs and old password hashes (fact sheet 6.4). What is here can be parsed.
    pub crypt_key: Option<Secret>,
    /// Whether the shop's database is written to; if not, `SELECT` alone is enough.
    pub write: bool,
    /// Whether tokens that are issued here are written into the shop's table, too.
    pub mirror_tokens: bool,
    /// Whether a password hash of an older version is renewed at a sign-in.
    pub rehash: bool,
    /// How often the shop is looked at.
    pub poll: Duration,
    /// At most so many connections to the shop's database.
    pub connections: u32,
    /// How long a question to the shop's database may take.
    pub timeout: Duration,
    /// Whether the server says that it is not ready while the shop's database is away.
    pub unready_when_away: bool,
}

/// A line of Magento versions with the same behaviour on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum MagentoLine {
    /// 2.4.7 and older.
    #[serde(rename = "2.4.7")]
    V247,
    /// 2.4.8 and newer.
    #[default]
    #[serde(rename = "2.4.8")]
    V248,
}

impl Default for Magento {
    fn default() -> Self {
        Self {
            version: MagentoLine::default(),
            database_url: None,
            table_prefix: None,
            env_php: None,
            crypt_key: None,
            write: true,
            mirror_tokens: false,
            rehash: false,
            poll: Duration::from_secs(2),
            connections: 10,
            timeout: Duration::from_secs(3),
            unready_when_away: false,
        }
    }
}

impl Magento {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            version: reader.read("magento.version", one_of).unwrap_or_default(),
            database_url: reader.secret("magento.database_url").map(Secret::new),
            table_prefix: reader.read("magento.table_prefix", text),
            env_php: reader.read("magento.env_php", path),
            crypt_key: crypt_key(reader),
            write: reader.read("magento.write", boolean).unwrap_or(default.write),
            mirror_tokens: reader.read("magento.mirror_tokens", boolean).unwrap_or(default.mirror_tokens),
            rehash: reader.read("magento.rehash", boolean).unwrap_or(default.rehash),
            poll: reader.read("magento.poll", seconds(1..=3600)).unwrap_or(default.poll),
            connections: reader.read("magento.connections", whole_number(1..=200)).unwrap_or(default.connections),
            timeout: reader.read("magento.timeout", seconds(1..=60)).unwrap_or(default.timeout),
            unready_when_away: reader.read("magento.unready_when_away", boolean).unwrap_or(default.unready_when_away),
        }
    }
}

fn crypt_key(reader: &mut Reader) -> Option<Secret> {
    const KEY: &str = "magento.crypt_key";
    let text = reader.secret(KEY)?;
    match InstallationKey::parse(&text) {
        Ok(_) => Some(Secret::new(text)),
        Err(problem) => {
            let place = reader.places.of(KEY).max(reader.places.of("magento.crypt_key_file"));
            reader.report(place, KEY, problem.to_string());
            None
        }
    }
}
