//! The commands and their answers, as they travel.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::secret::Password;
use crate::session::UserType;

/// Something an operator asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Make a customer.
    AddCustomer {
        /// E-mail address, unique within the website.
        email: String,
        /// First name.
        firstname: String,
        /// Last name.
        lastname: String,
        /// Code of the website; the default one when `None`.
        website: Option<String>,
        /// Without one the customer cannot sign in.
        password: Option<ExposedPassword>,
    },
    /// List customers.
    ListCustomers {
        /// Only those after this number.
        after: u32,
        /// At most so many.
        limit: u32,
    },
    /// Give a customer a new password.
    SetCustomerPassword {
        /// E-mail address.
        email: String,
        /// Code of the website; needed when several have the address.
        website: Option<String>,
        /// The new password.
        password: ExposedPassword,
    },
    /// Lift a customer's lock and throttle.
    UnlockCustomer {
        /// E-mail address.
        email: String,
        /// Code of the website; needed when several have the address.
        website: Option<String>,
    },
    /// Make whoever has an e-mail address unreadable.
    EraseCustomer {
        /// E-mail address.
        email: String,
        /// Code of the website; every customer with the address when `None`.
        website: Option<String>,
    },
    /// Make an administrator.
    AddAdministrator {
        /// User name.
        username: String,
        /// E-mail address.
        email: String,
        /// First name.
        firstname: String,
        /// Last name.
        lastname: String,
        /// Name of the role; everything is allowed when `None`.
        role: Option<String>,
        /// The password.
        password: ExposedPassword,
    },
    /// List administrators.
    ListAdministrators,
    /// Give an administrator a new password.
    SetAdministratorPassword {
        /// User name.
        username: String,
        /// The new password.
        password: ExposedPassword,
    },
    /// Lift an administrator's throttle.
    UnlockAdministrator {
        /// User name.
        username: String,
    },
    /// Deactivate an administrator and end their sessions.
    DisableAdministrator {
        /// User name.
        username: String,
        /// Also the last one who may do everything.
        #[serde(default)]
        force: bool,
    },
    /// Let an administrator who was deactivated in again.
    EnableAdministrator {
        /// User name.
        username: String,
    },
    /// Give an administrator a secret for an authenticator app. The answer is [`Answer::SecondFactor`].
    SetSecondFactor {
        /// User name.
        username: String,
        /// The secret in base32; a new one is made when `None`.
        secret: Option<ExposedPassword>,
    },
    /// Take an administrator's second factor away.
    RemoveSecondFactor {
        /// User name.
        username: String,
    },
    /// List the roles of administrators.
    ListRoles,
    /// List websites and their store views.
    ListWebsites,
    /// List live sessions.
    ListSessions {
        /// Only those of this user.
        user: Option<UserName>,
        /// Only those after this number.
        after: u64,
        /// At most so many.
        limit: usize,
    },
    /// End all sessions of a user.
    RevokeUser {
        /// Whose.
        user: UserName,
    },
    /// End one session by its number.
    RevokeSession {
        /// Which one.
        id: u64,
    },
    /// End the sessions of these tokens.
    RevokeTokens {
        /// The tokens.
        tokens: Vec<ExposedPassword>,
    },
    /// End all sessions of a kind of users.
    RevokeKind {
        /// Whose.
        kind: UserType,
    },
    /// End all sessions.
    RevokeAll,
    /// Show settings: the one with this path, or all.
    ShowSettings {
        /// Magento's path.
        path: Option<String>,
        /// `default`, `website:<code>` or `store:<code>`.
        scope: String,
    },
    /// Change a setting.
    SetSetting {
        /// Magento's path.
        path: String,
        /// `default`, `website:<code>` or `store:<code>`.
        scope: String,
        /// The new value; `None` goes back to the inherited one.
        value: Option<String>,
    },
    /// Say what changing a setting would do.
    TrySetting {
        /// Magento's path.
        path: String,
        /// `default`, `website:<code>` or `store:<code>`.
        scope: String,
        /// The new value; `None` for the inherited one.
        value: Option<String>,
    },
    /// Copy everything to a file.
    BackUp {
        /// An absolute path at which there is nothing yet.
        file: std::path::PathBuf,
    },
    /// Make an actor panic, to show that the process then ends.
    #[cfg(debug_assertions)]
    ProvokePanic {
        /// The actor's name.
        actor: String,
    },
}

impl Command {
    /// Whether it may be the first thing that is done with a data folder.
    pub fn may_begin_a_folder(&self) -> bool {
        matches!(self, Self::AddCustomer { .. } | Self::AddAdministrator { .. })
    }

    /// Whether it is about sessions alone.
    pub fn is_about_sessions(&self) -> bool {
        matches!(
            self,
            Self::ListSessions { .. }
                | Self::RevokeUser { .. }
                | Self::RevokeSession { .. }
                | Self::RevokeTokens { .. }
                | Self::RevokeKind { .. }
                | Self::RevokeAll
        )
    }

    /// Whether it is about accounts that are kept in the data folder.
    pub fn is_about_embedded_accounts(&self) -> bool {
        matches!(
            self,
            Self::AddCustomer { .. }
                | Self::ListCustomers { .. }
                | Self::SetCustomerPassword { .. }
                | Self::UnlockCustomer { .. }
                | Self::EraseCustomer { .. }
                | Self::AddAdministrator { .. }
                | Self::ListAdministrators
                | Self::SetAdministratorPassword { .. }
                | Self::SetSecondFactor { .. }
                | Self::RemoveSecondFactor { .. }
                | Self::UnlockAdministrator { .. }
                | Self::DisableAdministrator { .. }
                | Self::EnableAdministrator { .. }
        )
    }

    /// Whether the stored sessions have to be loaded before it is carried out on a folder that no server runs on. Millions
    /// of them take seconds, and what is damaged among them must not keep anybody from setting a setting back.
    pub fn needs_sessions(&self) -> bool {
        !matches!(
            self,
            Self::AddCustomer { .. }
                | Self::ListCustomers { .. }
                | Self::SetCustomerPassword { .. }
                | Self::UnlockCustomer { .. }
                | Self::AddAdministrator { .. }
                | Self::ListAdministrators
                | Self::SetAdministratorPassword { .. }
                | Self::SetSecondFactor { .. }
                | Self::RemoveSecondFactor { .. }
                | Self::UnlockAdministrator { .. }
                | Self::EnableAdministrator { .. }
                | Self::ListRoles
                | Self::ListWebsites
                | Self::ShowSettings { .. }
                | Self::SetSetting { .. }
        )
    }

    /// What it changes, and of whom, for the log: no secret, and `None` when it only asks.
    pub fn change(&self) -> Option<(&'static str, String)> {
        match self {
            Self::AddCustomer { email, .. } => Some(("customer add", email.clone())),
            Self::SetCustomerPassword { email, .. } => Some(("customer set-password", email.clone())),
            Self::UnlockCustomer { email, .. } => Some(("customer unlock", email.clone())),
            // The log is no place for an address that is to be forgotten.
            Self::EraseCustomer { .. } => Some(("customer erase", "an address".to_owned())),
            Self::AddAdministrator { username, .. } => Some(("admin add", username.clone())),
            Self::SetAdministratorPassword { username, .. } => Some(("admin set-password", username.clone())),
            Self::UnlockAdministrator { username } => Some(("admin unlock", username.clone())),
            Self::DisableAdministrator { username, .. } => Some(("admin disable", username.clone())),
            Self::EnableAdministrator { username } => Some(("admin enable", username.clone())),
            Self::SetSecondFactor { username, .. } => Some(("admin set-totp", username.clone())),
            Self::RemoveSecondFactor { username } => Some(("admin set-totp --remove", username.clone())),
            Self::RevokeUser { user } => Some(("session revoke", user.to_string())),
            Self::RevokeSession { id } => Some(("session revoke", format!("session {id}"))),
            Self::RevokeTokens { tokens } => Some(("session revoke", format!("{} tokens", tokens.len()))),
            Self::RevokeKind { kind } => Some(("session revoke", format!("kind {kind}"))),
            Self::RevokeAll => Some(("session revoke", "all".to_owned())),
            Self::SetSetting { path, scope, value: Some(_) } => Some(("setting set", format!("{path} ({scope})"))),
            Self::SetSetting { path, scope, value: None } => Some(("setting reset", format!("{path} ({scope})"))),
            Self::BackUp { file } => Some(("backup", file.display().to_string())),
            Self::ListCustomers { .. }
            | Self::ListAdministrators
            | Self::ListRoles
            | Self::ListWebsites
            | Self::ListSessions { .. }
            | Self::ShowSettings { .. }
            | Self::TrySetting { .. } => None,
            #[cfg(debug_assertions)]
            Self::ProvokePanic { .. } => None,
        }
    }
}

/// What became of a command.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is done; the text says what.
    Done(String),
    /// An administrator has a secret for an authenticator app.
    SecondFactor {
        /// What was done.
        done: String,
        /// The address that an app reads the secret from.
        uri: ExposedPassword,
    },
    /// Tokens were revoked.
    TokensRevoked {
        /// How many tokens were given.
        given: usize,
        /// How many sessions ended.
        ended: usize,
    },
    /// What was asked for, a row each.
    Rows(Vec<serde_json::Map<String, serde_json::Value>>),
    /// It could not be done; the text says why, and what would be right.
    Failed(String),
}

/// A secret that has to travel over the control socket, and nowhere else.
#[derive(Clone, Debug)]
pub struct ExposedPassword(pub Password);

impl PartialEq for ExposedPassword {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose().as_bytes().ct_eq(other.0.expose().as_bytes()).into()
    }
}

impl Eq for ExposedPassword {}

impl Serialize for ExposedPassword {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for ExposedPassword {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Password::new(text)))
    }
}

/// How an operator names a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserName {
    /// `customer:<number>`.
    CustomerId(u32),
    /// `admin:<number>`.
    AdministratorId(u32),
    /// Something with an `@`: a customer's address, or an administrator's.
    CustomerEmail(String),
    /// Anything else.
    AdministratorName(String),
}

impl std::fmt::Display for UserName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CustomerId(id) => write!(formatter, "customer:{id}"),
            Self::AdministratorId(id) => write!(formatter, "admin:{id}"),
            Self::CustomerEmail(name) | Self::AdministratorName(name) => formatter.write_str(name),
        }
    }
}

impl std::str::FromStr for UserName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |digits: &str| {
            let wrong = || format!("{digits:?} is not the number of a user; a number above 0 is, as in customer:12");
            digits.parse().ok().filter(|id| *id > 0).ok_or_else(wrong)
        };
        match text.split_once(':') {
            Some(("customer", digits)) => number(digits).map(Self::CustomerId),
            Some(("admin", digits)) => number(digits).map(Self::AdministratorId),
            _ if text.is_empty() => Err("a user is customer:<number>, admin:<number>, an e-mail address or an \
                                         administrator's user name"
                .to_owned()),
            _ if text.contains('@') => Ok(Self::CustomerEmail(text.to_owned())),
            _ => Ok(Self::AdministratorName(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_number_address_or_user_name() {
        let parse = |text: &str| text.parse::<UserName>();
        assert_eq!(parse("customer:12"), Ok(UserName::CustomerId(12)));
        assert_eq!(parse("admin:3"), Ok(UserName::AdministratorId(3)));
        assert_eq!(parse("a@example.com"), Ok(UserName::CustomerEmail("a@example.com".to_owned())));
        assert_eq!(parse("chief"), Ok(UserName::AdministratorName("chief".to_owned())));
        for wrong in ["customer:0", "admin:x", "", "customer:99999999999"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_command_travels_with_its_password_but_does_not_print_it() {
        let password = ExposedPassword(Password::new("secret".to_owned()));
        let command = Command::SetAdministratorPassword { username: "chief".to_owned(), password };
        assert!(!format!("{command:?}").contains("secret"));
        let text = serde_json::to_string(&command).unwrap();
        let Ok(Command::SetAdministratorPassword { password, .. }) = serde_json::from_str(&text) else {
            panic!("{text}");
        };
        assert_eq!(password.0.expose(), "secret");
    }
}
