//! `serve --demo`: the newcomer's first minute, and the load test's sessions.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use thiserror::Error;
use tracing::info;

use crate::accounts::embedded::{CustomerPage, NewAdministrator, NewCustomer};
use crate::accounts::{AccountError, AccountStore};
use crate::app::{House, Listeners};
use crate::config::{self, Config, ConfigError, SecondFactor};
use crate::registry::{PreloadSession, PreloadSessions};
use crate::secret::Password;
use crate::session::Subject;
use crate::settings::WebsiteId;
use crate::store::holds_data;
use crate::token::Token;

const CUSTOMER: &str = "customer@example.com";
const ADMINISTRATOR: &str = "admin";

/// Where storefronts in development usually run.
const STOREFRONT_PORTS: [u16; 7] = [3000, 3001, 4200, 5173, 8000, 8080, 10_000];

/// How many made-up customers are written, and their sessions begun, at a time.
const SLICE: usize = 10_000;

/// How many sessions each made-up customer has.
const SESSIONS_EACH: usize = 2;

/// The file that says that a data folder is a demonstration's, so that the next one may use it again.
const MARK: &str = "demo";

/// A demonstration: a temporary data folder, known accounts, sessions on demand.
#[derive(Debug)]
pub struct Demo {
    customer_password: Password,
    administrator_password: Password,
    sessions: usize,
    tokens_out: Option<PathBuf>,
    /// Whether there was no data before: what a seed puts there is the demonstration's then.
    begins_fresh: bool,
    /// Removed with the demonstration; `None` when `data.dir` is given.
    folder: Option<TempDir>,
}

/// Why a demonstration could not be prepared.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The temporary folder, or the file for the tokens.
    #[error("{what}: {source}")]
    File {
        /// What was to be done.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// The folder holds accounts that are none of a demonstration's.
    #[error(
        "{0} holds accounts and was not made by a demonstration: --demo would give it accounts with known passwords. \
         Leave --data-dir and data.dir out, and it makes a temporary folder; or name a new folder"
    )]
    NotADemonstration(PathBuf),
    /// More sessions than may be held.
    #[error("--sessions {sessions} is more than tokens.capacity allows here: {capacity}")]
    TooMany {
        /// How many were asked for.
        sessions: usize,
        /// How many there may be.
        capacity: u64,
    },
    /// Sessions and hashing do not fit into the memory.
    #[error(transparent)]
    Budget(#[from] ConfigError),
    /// The accounts.
    #[error(transparent)]
    Accounts(#[from] AccountError),
    /// Hashing, or the sessions.
    #[error("{0}")]
    Failed(String),
}

impl Demo {
    /// Bends `config` to the demonstration: a temporary folder unless one is given, no second factor, browsers on
    /// localhost may call. The well-known passwords are used on loopback only.
    ///
    /// # Errors
    /// [`DemoError::TooMany`], and [`DemoError::File`] when no temporary folder can be made.
    pub fn prepare(config: &mut Config, sessions: usize, tokens_out: Option<PathBuf>) -> Result<Self, DemoError> {
        // Before anything is made, so that nobody waits for what cannot be.
        let capacity = config.budget(config::memory_limit())?.sessions;
        if sessions as u64 > capacity {
            return Err(DemoError::TooMany { sessions, capacity });
        }
        let folder = if config.places.is_set("data.dir") { None } else { Some(temporary_folder()?) };
        if let Some(folder) = &folder {
            folder.path().clone_into(&mut config.data.dir);
        }
        let begins_fresh = !holds_data(&config.data.dir);
        config.admin.second_factor = SecondFactor::Off;
        if config.http.cors.allowed_origins.is_empty() {
            config.http.cors.allowed_origins = storefront_origins();
        }
        let at_home = config.http.listeners().iter().all(|(_, address)| address.ip().is_loopback());
        let password = |given: Option<Password>, known: &str| {
            given.unwrap_or_else(|| if at_home { Password::new(known.to_owned()) } else { made_up() })
        };
        Ok(Self {
            customer_password: password(config.demo.customer_password.take(), "password"),
            administrator_password: password(config.demo.admin_password.take(), "admin123"),
            sessions,
            tokens_out,
            begins_fresh,
            folder,
        })
    }

    /// Makes sure that nobody's accounts but a demonstration's are in the folder, and marks it.
    ///
    /// # Errors
    /// [`DemoError::NotADemonstration`]; nothing was changed then.
    pub async fn claim(&self, house: &House) -> Result<(), DemoError> {
        let mark = house.folder().join(MARK);
        if mark.exists() {
            return Ok(());
        }
        if !self.begins_fresh && has_accounts(house).await? {
            return Err(DemoError::NotADemonstration(house.folder().to_owned()));
        }
        let failed = |source| DemoError::File { what: format!("{} cannot be written", mark.display()), source };
        private_file(&mark).map(drop).map_err(failed)
    }

    /// Makes the accounts and the sessions.
    ///
    /// # Errors
    /// Any [`DemoError`].
    pub async fn furnish(&self, house: &House) -> Result<(), DemoError> {
        self.add_customer(house).await?;
        self.add_administrator(house).await?;
        if self.sessions > 0 { self.add_sessions(house).await } else { Ok(()) }
    }

    /// What to paste into a terminal.
    pub fn invitation(&self, listeners: Listeners, folder: &Path) -> String {
        let (public, internal) = (local(listeners.public), local(listeners.internal));
        let admin = local(listeners.admin);
        let (customer, administrator) = (self.customer_password.expose(), self.administrator_password.expose());
        let kept = match &self.folder {
            Some(_) => "Everything is forgotten when it stops.",
            None => "It keeps its accounts, and the passwords below, in the data folder that you gave.",
        };
        format!(
            r#"
tokenward is ready, for trying out. {kept}

  sign a customer in (GraphQL), or an administrator (REST):

    curl -s http://{public}/graphql -H 'Content-Type: application/json' \
      -d '{{"query":"mutation {{ generateCustomerToken(email: \"{CUSTOMER}\", password: \"{customer}\") {{ token }} }}"}}'

    curl -s http://{public}/rest/V1/integration/admin/token -H 'Content-Type: application/json' \
      -d '{{"username":"{ADMINISTRATOR}","password":"{administrator}"}}'

  ask what a token is worth, as a gateway does (put the token in place of TOKEN):

    curl -si http://{internal}/check -H 'Authorization: Bearer TOKEN'

  see who is signed in (the token of the administrator in place of TOKEN):

    curl -s http://{admin}/admin/api/v1/sessions -H 'Authorization: Bearer TOKEN'

  the same and more with commands, in another terminal:

    tokenward session list --data-dir {folder}

  stop with Ctrl-C.
"#,
            folder = folder.display()
        )
    }

    /// The customer may be there already, with another password than the one that is printed.
    async fn add_customer(&self, house: &House) -> Result<(), DemoError> {
        let hash = hash(house, &self.customer_password).await?;
        let snapshot = house.services.snapshot.load();
        let website = snapshot.stores.default_store().website;
        if house.accounts.customer_by_email(CUSTOMER, Some(website)).await?.is_some() {
            let code = snapshot.stores.website(website).map(|website| website.code.as_str());
            house.accounts.set_customer_password(CUSTOMER, code, hash).await?;
            return Ok(());
        }
        let password_hash = Some(hash);
        let new = NewCustomer {
            firstname: Some("Veronica".to_owned()),
            lastname: Some("Costello".to_owned()),
            password_hash,
            ..customer(CUSTOMER.to_owned())
        };
        house.accounts.add_customer(new).await?;
        Ok(())
    }

    /// As for the customer.
    async fn add_administrator(&self, house: &House) -> Result<(), DemoError> {
        let password_hash = hash(house, &self.administrator_password).await?;
        if house.accounts.administrator_by_username(ADMINISTRATOR).await?.is_some() {
            house.accounts.set_administrator_password(ADMINISTRATOR, password_hash).await?;
            return Ok(());
        }
        let new = NewAdministrator {
            username: ADMINISTRATOR.to_owned(),
            email: "admin@example.com".to_owned(),
            firstname: Some("Ada".to_owned()),
            lastname: Some("Min".to_owned()),
            role: None,
            password_hash,
        };
        house.accounts.add_administrator(new).await?;
        Ok(())
    }

    async fn add_sessions(&self, house: &House) -> Result<(), DemoError> {
        let website = house.services.snapshot.load().stores.default_store().website;
        let mut out = self.open_tokens()?;
        let mut begun = 0;
        while begun < self.sessions {
            let slice = SLICE.min((self.sessions - begun).div_ceil(SESSIONS_EACH));
            let first = begun / SESSIONS_EACH;
            let emails = (first..first + slice).map(|number| format!("customer-{}@example.com", number + 1)).collect();
            let ids = made_up_customers(house, website, emails).await?;
            let count = (self.sessions - begun).min(slice * SESSIONS_EACH);
            begin(house, self.folder.is_none(), website, &ids, count, &mut out).await?;
            begun += count;
            info!(begun, of = self.sessions, "beginning sessions");
        }
        out.flush().map_err(|source| self.tokens_failed(source))
    }

    fn open_tokens(&self) -> Result<Box<dyn Write>, DemoError> {
        match &self.tokens_out {
            None => Ok(Box::new(io::sink())),
            Some(path) => {
                let file = private_file(path).map_err(|source| self.tokens_failed(source))?;
                Ok(Box::new(BufWriter::new(file)))
            }
        }
    }

    fn tokens_failed(&self, source: io::Error) -> DemoError {
        let path = self.tokens_out.clone().unwrap_or_default();
        DemoError::File { what: format!("the tokens cannot be written to {}", path.display()), source }
    }
}

async fn has_accounts(house: &House) -> Result<bool, AccountError> {
    let first = CustomerPage { after: 0, limit: 1 };
    Ok(!house.accounts.list_customers(first).await?.is_empty()
        || !house.accounts.list_administrators().await?.is_empty())
}

/// The numbers of the customers with these addresses; those who are not there yet are added.
async fn made_up_customers(house: &House, website: WebsiteId, emails: Vec<String>) -> Result<Vec<u32>, DemoError> {
    let known = house.accounts.customer_numbers(&emails, website).await?;
    let missing = emails.into_iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(email, _)| customer(email));
    let mut added = house.accounts.add_customers(missing).await?.into_iter();
    Ok(known.into_iter().filter_map(|known| known.or_else(|| added.next())).collect())
}

/// A file that nobody else may read, also when it was there before: whoever reads a token may use it.
fn private_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

async fn begin(
    house: &House,
    stored: bool,
    website: WebsiteId,
    ids: &[u32],
    count: usize,
    out: &mut impl Write,
) -> Result<(), DemoError> {
    let reader = house.services.registry.reader();
    let mut sessions = Vec::with_capacity(count);
    for id in ids.iter().flat_map(|&id| [id; SESSIONS_EACH]).take(count) {
        let token = Token::generate();
        let failed = |source| DemoError::File { what: "the tokens cannot be written".to_owned(), source };
        writeln!(out, "{}", token.expose()).map_err(failed)?;
        let digest = reader.digest(token.expose()).expect("a generated token has the shape of one");
        sessions.push(PreloadSession { subject: Subject::customer(id), website, digest });
    }
    let loaded = house.services.registry.actor().send(PreloadSessions { sessions, stored }).await;
    let gone = |_| DemoError::Failed("the registry is gone".to_owned());
    loaded.map_err(gone)?.map_err(|error| DemoError::Failed(error.to_string()))
}

async fn hash(house: &House, password: &Password) -> Result<String, DemoError> {
    let hashed = house.services.sign_in.hash_password(password.clone()).await;
    hashed.map_err(|error| DemoError::Failed(error.to_string()))
}

fn customer(email: String) -> NewCustomer {
    NewCustomer {
        email,
        firstname: Some("Made".to_owned()),
        lastname: Some("Up".to_owned()),
        website: None,
        password_hash: None,
        confirmed: true,
        active: true,
    }
}

fn temporary_folder() -> Result<TempDir, DemoError> {
    let failed = |source| DemoError::File { what: "no temporary data folder can be made".to_owned(), source };
    tempfile::Builder::new()
        .prefix("tokenward-demo-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .map_err(failed)
}

fn storefront_origins() -> Vec<String> {
    let hosts = ["localhost", "127.0.0.1"];
    hosts.iter().flat_map(|host| STOREFRONT_PORTS.map(|port| format!("http://{host}:{port}"))).collect()
}

/// A password that nobody knows: a token is as good a source as any.
fn made_up() -> Password {
    Password::new(Token::generate().expose()[..16].to_owned())
}

/// How the terminal in front of the server reaches an address.
fn local(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}
