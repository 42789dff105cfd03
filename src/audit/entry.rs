//! What is kept of a line.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::audit::{Actor, Channel, Event, KeyName, Line, Personal};

/// The first byte of every entry, so that a later form can be told from this one.
const FORM: u8 = 1;

/// What is kept of a line, besides its number and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// Who caused it.
    pub by: Actor,
    /// By which way.
    pub channel: Channel,
    /// Name and address, encrypted.
    pub sealed: Option<Sealed>,
}

/// A name and an address, encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Under which key.
    pub key: KeyName,
    /// Nonce and text.
    pub text: Vec<u8>,
}

/// These bytes are no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not an entry that this program knows")]
pub struct NotAnEntry;

impl Entry {
    /// What is kept of `line`; `sealed` is what became of [`Line::personal`].
    pub fn of(line: &Line, sealed: Option<Sealed>) -> Self {
        Self { event: line.event.clone(), by: line.origin.by, channel: line.origin.channel, sealed }
    }

    /// Its bytes. Each part has a fixed length or is preceded by its length or number, so that no two entries have the
    /// same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Nothing in an entry has a length that is not known before it is written: the only thing that can go wrong.
        postcard::to_extend(self, vec![FORM]).unwrap_or_default()
    }

    /// The entry with these bytes.
    ///
    /// # Errors
    /// [`NotAnEntry`], also when something is left over.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAnEntry> {
        let (&form, rest) = bytes.split_first().ok_or(NotAnEntry)?;
        match postcard::take_from_bytes(rest) {
            Ok((entry, [])) if form == FORM => Ok(entry),
            _ => Err(NotAnEntry),
        }
    }
}

impl Line {
    /// What identifies a person in it.
    pub fn personal(&self) -> Personal {
        Personal { name: self.name.clone(), address: self.origin.address }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::audit::{Network, Which};
    use crate::clock::UnixSeconds;
    use crate::session::{SessionId, Subject, UserType};
    use crate::settings::WebsiteId;

    fn kinds() -> impl Strategy<Value = UserType> {
        proptest::sample::select(&UserType::ALL[..])
    }

    fn subjects() -> impl Strategy<Value = Subject> {
        (kinds(), 1..=u32::MAX).prop_map(|(kind, id)| Subject { kind, id })
    }

    fn sessions() -> impl Strategy<Value = SessionId> {
        any::<u64>().prop_map(SessionId)
    }

    fn networks() -> impl Strategy<Value = Network> {
        prop_oneof![Just(Network::Any), any::<[u8; 3]>().prop_map(Network::V4), any::<[u8; 6]>().prop_map(Network::V6),]
    }

    fn whiches() -> impl Strategy<Value = Which> {
        prop_oneof![
            (sessions(), subjects()).prop_map(|(session, subject)| Which::Session { session, subject }),
            subjects().prop_map(Which::Subject),
            kinds().prop_map(Which::Kind),
            Just(Which::Everything),
        ]
    }

    fn reasons() -> impl Strategy<Value = std::borrow::Cow<'static, str>> {
        any::<String>().prop_map(Into::into)
    }

    fn events() -> impl Strategy<Value = Event> {
        prop_oneof![
            (subjects(), sessions(), any::<u16>()).prop_map(|(subject, session, website)| Event::Issued {
                subject,
                session,
                website: WebsiteId(website)
            }),
            (kinds(), option::of(subjects()), reasons()).prop_map(|(kind, subject, reason)| Event::Refused {
                kind,
                subject,
                reason
            }),
            (kinds(), reasons(), networks(), any::<u64>())
                .prop_map(|(kind, reason, network, count)| Event::RefusedMany { kind, reason, network, count }),
            (whiches(), reasons(), any::<u64>()).prop_map(|(which, reason, count)| Event::Revoked {
                which,
                reason,
                count
            }),
            any::<u64>().prop_map(|count| Event::Expired { count }),
            any::<(String, String, Option<String>, Option<String>)>()
                .prop_map(|(path, scope, from, to)| Event::SettingChanged { path, scope, from, to }),
            (kinds(), any::<u64>(), option::of(subjects())).prop_map(|(kind, count, subject)| Event::AccountsMade {
                kind,
                count,
                subject
            }),
            subjects().prop_map(|subject| Event::PasswordSet { subject }),
            (subjects(), any::<bool>()).prop_map(|(subject, active)| Event::AccountSwitched { subject, active }),
            (kinds(), option::of(subjects())).prop_map(|(kind, subject)| Event::LockLifted { kind, subject }),
            option::of(subjects()).prop_map(|subject| Event::Erased { subject }),
            Just(Event::FolderFilled),
            reasons().prop_map(|version| Event::Started { version }),
            Just(Event::Stopped),
            any::<(u32, bool)>().prop_map(|(made_at, sessions_kept)| Event::RestoredAccepted {
                made_at: UnixSeconds(made_at),
                sessions_kept
            }),
            any::<bool>().prop_map(|sessions_kept| Event::Recovered { sessions_kept }),
            (subjects(), any::<bool>()).prop_map(|(subject, active)| Event::SecondFactorSwitched { subject, active }),
            Just(Event::BackedUp),
            (".*", ".*", any::<bool>()).prop_map(|(from, to, sessions_kept)| Event::AccountsAccepted {
                from,
                to,
                sessions_kept
            }),
        ]
    }

    pub(in crate::audit) fn entries() -> impl Strategy<Value = Entry> {
        let actors = prop_oneof![
            Just(Actor::Server),
            any::<Option<u32>>().prop_map(Actor::Operator),
            subjects().prop_map(Actor::User),
            Just(Actor::Stranger),
            Just(Actor::Shop),
        ];
        let channels = proptest::sample::select(&[
            Channel::None,
            Channel::Graphql,
            Channel::Rest,
            Channel::AdminApi,
            Channel::Command,
        ]);
        let keys = prop_oneof![subjects().prop_map(KeyName::Account), any::<u64>().prop_map(KeyName::Name)];
        let sealed = (keys, any::<Vec<u8>>()).prop_map(|(key, text)| Sealed { key, text });
        (events(), actors, channels, option::of(sealed)).prop_map(|(event, by, channel, sealed)| Entry {
            event,
            by,
            channel,
            sealed,
        })
    }

    proptest! {
        #[test]
        fn an_entry_comes_out_of_its_bytes_as_it_went_in(entry in entries()) {
            prop_assert_eq!(Entry::from_bytes(&entry.to_bytes()), Ok(entry));
        }

        #[test]
        fn different_entries_have_different_bytes_and_none_begins_another(one in entries(), other in entries()) {
            prop_assume!(one != other);
            prop_assert!(!other.to_bytes().starts_with(&one.to_bytes()));
        }

        #[test]
        fn bytes_that_are_cut_or_have_something_left_over_are_no_entry(entry in entries(), more: u8) {
            let bytes = entry.to_bytes();
            prop_assert_eq!(Entry::from_bytes(&bytes[..bytes.len() - 1]), Err(NotAnEntry));
            prop_assert_eq!(Entry::from_bytes(&[bytes.as_slice(), &[more]].concat()), Err(NotAnEntry));
        }

        #[test]
        fn garbage_is_no_entry_or_one_and_never_a_panic(bytes: Vec<u8>) {
            drop(Entry::from_bytes(&bytes));
        }
    }
}
