//! What can have happened.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::clock::UnixSeconds;
use crate::session::{SessionId, Subject, UserType};
use crate::settings::WebsiteId;

/// Something that happened. What is kept of it begins with the number of the variant: new ones go to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A token was handed out.
    Issued {
        /// Whose session it is.
        subject: Subject,
        /// The session.
        session: SessionId,
        /// In which website.
        website: WebsiteId,
    },
    /// A sign-in was refused.
    Refused {
        /// The kind of user that the name was meant for.
        kind: UserType,
        /// Whose account it was, when the name reached one.
        subject: Option<Subject>,
        /// Why.
        reason: Cow<'static, str>,
    },
    /// Sign-ins were refused, more than there are lines for.
    RefusedMany {
        /// The kind of user that the names were meant for.
        kind: UserType,
        /// Why.
        reason: Cow<'static, str>,
        /// Where they came from.
        network: Network,
        /// How many.
        count: u64,
    },
    /// Sessions were ended before their time.
    Revoked {
        /// Which.
        which: Which,
        /// Why.
        reason: Cow<'static, str>,
        /// How many live ones.
        count: u64,
    },
    /// Sessions ended by themselves.
    Expired {
        /// How many since the line before.
        count: u64,
    },
    /// A setting was changed; `None` is the inherited value.
    SettingChanged {
        /// Magento's path.
        path: String,
        /// Where.
        scope: String,
        /// The value before.
        from: Option<String>,
        /// The value from now on.
        to: Option<String>,
    },
    /// Accounts were made.
    AccountsMade {
        /// Of which kind.
        kind: UserType,
        /// How many.
        count: u64,
        /// The account, when it is one.
        subject: Option<Subject>,
    },
    /// A password was set.
    PasswordSet {
        /// Whose.
        subject: Subject,
    },
    /// An account was switched on or off.
    AccountSwitched {
        /// Whose.
        subject: Subject,
        /// Whether it is on.
        active: bool,
    },
    /// A lock or a throttle was lifted.
    LockLifted {
        /// The kind of user.
        kind: UserType,
        /// Whose, when there is an account.
        subject: Option<Subject>,
    },
    /// A person was made unreadable.
    Erased {
        /// The customer, when there was an account.
        subject: Option<Subject>,
    },
    /// A fresh data folder got what it starts with.
    FolderFilled,
    /// The server started.
    Started {
        /// The version of the program.
        version: Cow<'static, str>,
    },
    /// The server stopped as it was told to.
    Stopped,
    /// A folder that was restored from a copy was accepted.
    RestoredAccepted {
        /// When the copy was made.
        made_at: UnixSeconds,
        /// Whether its sessions go on.
        sessions_kept: bool,
    },
    /// What was whole of a damaged file was saved.
    Recovered {
        /// Whether its sessions go on.
        sessions_kept: bool,
    },
    /// The secret of an administrator's authenticator app was set, or removed.
    SecondFactorSwitched {
        /// Whose.
        subject: Subject,
        /// Whether there is one from now on.
        active: bool,
    },
    /// Everything was copied to a file.
    BackedUp,
    /// A folder whose users were of other accounts was accepted.
    AccountsAccepted {
        /// The accounts that it was used with.
        from: String,
        /// Those that it is used with from now on.
        to: String,
        /// Whether its sessions go on.
        sessions_kept: bool,
    },
}

/// Which sessions were ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// One.
    Session {
        /// The session.
        session: SessionId,
        /// Whose it was.
        subject: Subject,
    },
    /// All of a user.
    Subject(Subject),
    /// All of a kind.
    Kind(UserType),
    /// All.
    Everything,
}

/// A network that is too large to name a person: 24 bits of an address of version 4, 48 of one of version 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Network {
    /// It is not known, or there were too many to keep apart.
    Any,
    /// The first three bytes.
    V4([u8; 3]),
    /// The first six bytes.
    V6([u8; 6]),
}

impl Network {
    /// The network of an address.
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self::Any,
            Some(IpAddr::V4(address)) => {
                let [a, b, c, _] = address.octets();
                Self::V4([a, b, c])
            }
            Some(IpAddr::V6(address)) => {
                let mut first = [0; 6];
                first.copy_from_slice(&address.octets()[..6]);
                Self::V6(first)
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Any => formatter.write_str("any"),
            Self::V4([a, b, c]) => write!(formatter, "{}/24", Ipv4Addr::new(a, b, c, 0)),
            Self::V6(first) => {
                let mut octets = [0; 16];
                octets[..6].copy_from_slice(&first);
                write!(formatter, "{}/48", Ipv6Addr::from(octets))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_too_large_to_name_a_person() {
        let network = |text: &str| Network::of(text.parse().ok()).to_string();
        assert_eq!(network("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(network("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2::7"), "2001:db8:1::/48");
        assert_eq!(network("unknown"), "any");
    }
}
