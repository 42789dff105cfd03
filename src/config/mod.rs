//! Configuration at start: one file per section, laid together from defaults, a TOML file, environment variables and
//! flags.
//!
//! A later layer wins over an earlier one, key by key:
//! 1. the defaults of the sections;
//! 2. the file that is named, by argument or by the variable `TOKENWARD_CONFIG`. There is no other place where a file
//!    is looked for: what a server does must not depend on the folder it is started in;
//! 3. variables `TOKENWARD__SECTION__KEY`, such as `TOKENWARD__HTTP__CORS__ALLOWED_ORIGINS`. A list is comma-separated
//!    or a TOML array. Magento's settings, policies and clients can be set in the file only;
//! 4. flags, as pairs of key and value.
//!
//! Nothing is ignored silently: an unknown key is an error that names the nearest known one, a value that this version
//! does not serve yet is named by [`Config::not_yet_available`], and all problems are reported together, each with
//! its place. Secrets can be given as `<key>_file`; they are never part of a message or of `Debug`.
//!
//! It knows nothing of the parts that are configured: `app` fills their `Options` from here. To add a key, add a field
//! to its section and read it there; the known keys are those that are read. Then document it in `tokenward.toml`: a
//! test fails until that is done.

mod accounts;
mod admin;
mod agreement;
mod audit;
mod availability;
mod budget;
mod check;
mod check_config;
mod choice;
mod clients;
mod data;
mod demo;
mod environment;
mod error;
mod exchange;
mod graphql;
mod http;
mod installation;
mod layers;
mod lifecycle;
mod log;
mod magento;
mod memory;
mod policies;
mod raw;
mod reader;
mod settings;
mod sign_in;
#[cfg(test)]
mod tests;
mod tokens;
mod unknown;
mod upstream;
mod value;

pub use accounts::{AccountSource, Accounts};
pub use admin::{Admin, SecondFactor};
pub use audit::Audit;
pub use budget::Budget;
pub use check::{Check, Locked};
pub use check_config::check_config;
pub use clients::Client;
pub use data::{Data, Durability};
pub use demo::Demo;
pub use environment::{file_in_environment, process_environment};
pub use error::{ConfigError, ConfigErrors, Fault, Place, Places};
pub use exchange::{Exchange, ExchangeKind};
pub use graphql::Graphql;
pub use http::{Cors, Http};
pub use installation::ShopFileError;
pub use lifecycle::Lifecycle;
pub use log::{Log, LogFormat, LogLevel};
pub use magento::{Magento, MagentoLine};
pub use memory::memory_limit;
pub use policies::Policies;
pub use settings::InitialSettings;
pub use sign_in::SignIn;
pub use tokens::{Capacity, TokenFormat, Tokens};
pub use upstream::Upstream;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use layers::{FILE_VARIABLE, Layers};
use reader::Reader;

/// Everything that can be configured at start. The fields have the names of the keys.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where tokenward listens, and how it treats requests.
    pub http: Http,
    /// What GraphQL shows of itself.
    pub graphql: Graphql,
    /// The data folder.
    pub data: Data,
    /// Where customers and administrators are kept.
    pub accounts: Accounts,
    /// Which Magento to speak like, and how to reach the shop's database.
    pub magento: Magento,
    /// What tokens look like, and how many there may be.
    pub tokens: Tokens,
    /// Initial values of live settings.
    pub settings: InitialSettings,
    /// The Magento behind the public listener.
    pub upstream: Upstream,
    /// The JWT that Magento receives in place of the client's token.
    pub exchange: Exchange,
    /// How passwords are checked.
    pub sign_in: SignIn,
    /// What administrators have to show.
    pub admin: Admin,
    /// How the gateway's question is answered.
    pub check: Check,
    /// The audit trail.
    pub audit: Audit,
    /// How the server stops.
    pub lifecycle: Lifecycle,
    /// The passwords of `serve --demo`.
    pub demo: Demo,
    /// What is written to standard error.
    pub log: Log,
    /// What a gateway can ask for by name.
    pub policies: Policies,
    /// Who may introspect and revoke tokens.
    pub clients: Vec<Client>,
    /// Where each key was set: for messages.
    pub places: Places,
}

impl Config {
    /// Lays the layers together. Without `file`, the variable `TOKENWARD_CONFIG` may name one.
    ///
    /// The environment comes in as pairs of name and value ([`process_environment`] has the real one), flags as pairs
    /// of key and value, such as `http.public` and `127.0.0.1:0`.
    ///
    /// # Errors
    /// All that is wrong, each with its place.
    pub fn load<Name: Into<OsString>, Value: Into<OsString>>(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (Name, Value)>,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let environment: Vec<(OsString, OsString)> =
            environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let named = environment.iter().find(|(name, _)| name == FILE_VARIABLE);
        let named = named.map(|(_, path)| PathBuf::from(path));
        let mut layers = Layers::default();
        if let Some(path) = file.map(Path::to_owned).or(named) {
            layers.add_file(&path);
        }
        layers.add_environment(environment);
        layers.add_flags(flags);
        Self::from_layers(layers)
    }

    fn from_layers(layers: Layers) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(layers);
        let mut config = Self::read(&mut reader);
        unknown::report_unknown(&mut reader);
        config.places = reader.places;
        ConfigErrors::none_of(reader.problems)?;
        // Only now: a value that was refused has left its default behind, and that contradicts nobody.
        ConfigErrors::none_of(config.disagreements())?;
        Ok(config)
    }

    fn read(reader: &mut Reader) -> Self {
        Self {
            http: Http::read(reader),
            graphql: Graphql::read(reader),
            data: Data::read(reader),
            accounts: Accounts::read(reader),
            magento: Magento::read(reader),
            tokens: Tokens::read(reader),
            settings: InitialSettings::read(reader),
            upstream: Upstream::read(reader),
            exchange: Exchange::read(reader),
            sign_in: SignIn::read(reader),
            admin: Admin::read(reader),
            check: Check::read(reader),
            audit: Audit::read(reader),
            lifecycle: Lifecycle::read(reader),
            demo: Demo::read(reader),
            log: Log::read(reader),
            policies: Policies::read(reader),
            clients: clients::read(reader),
            places: Places::default(),
        }
    }
}

/// How many threads this process can run at once; a container's limit of processor time counts.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
