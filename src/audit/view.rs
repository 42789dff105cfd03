//! A line as it is exported.

use serde_json::{Map, Value, json};

use crate::audit::{Entry, LineHash, Network, Personal};
use crate::clock::UnixSeconds;
use crate::session::Subject;

/// A line as a JSON object; `personal` is what could be decrypted of what identifies a person.
pub fn view(number: u64, at: UnixSeconds, hash: LineHash, entry: &Entry, personal: Option<&Personal>) -> Value {
    let mut object = Map::new();
    object.insert("line".to_owned(), json!(number));
    object.insert("at".to_owned(), json!(at.to_rfc3339()));
    tell_event(&mut object, serde_json::to_value(&entry.event).unwrap_or_default());
    object.insert("by".to_owned(), json!(entry.by.to_string()));
    object.insert("channel".to_owned(), json!(entry.channel.name()));
    match (personal, &entry.sealed) {
        (Some(personal), _) => {
            object.extend(personal.name.iter().map(|name| ("name".to_owned(), json!(name))));
            object.extend(personal.address.iter().map(|address| ("address".to_owned(), json!(address))));
        }
        (None, Some(_)) => drop(object.insert("erased".to_owned(), json!(true))),
        (None, None) => {}
    }
    object.insert("hash".to_owned(), json!(hash.to_string()));
    Value::Object(object)
}

/// The event's name, and what it says, in one level.
fn tell_event(object: &mut Map<String, Value>, event: Value) {
    match event {
        Value::Object(event) => {
            for (name, told) in event {
                object.insert("event".to_owned(), json!(name));
                flatten(object, told);
            }
        }
        name => drop(object.insert("event".to_owned(), name)),
    }
}

fn flatten(object: &mut Map<String, Value>, told: Value) {
    let Value::Object(told) = told else { return };
    for (name, value) in told {
        match (name.as_str(), value) {
            // What does not apply is left out, except where nothing is a value.
            ("subject", Value::Null) => {}
            ("which", which) => tell_which(object, which),
            ("network", value) => {
                let network = serde_json::from_value::<Network>(value);
                object.insert(name, network.map_or(Value::Null, |network| json!(network.to_string())));
            }
            ("made_at", Value::Number(at)) => {
                let at = at.as_u64().and_then(|at| u32::try_from(at).ok()).unwrap_or_default();
                object.insert(name, json!(UnixSeconds(at).to_rfc3339()));
            }
            (_, value) => drop(object.insert(name, plain(value))),
        }
    }
}

/// Which sessions were ended: `which`, and what it takes to know them.
fn tell_which(object: &mut Map<String, Value>, which: Value) {
    match which {
        Value::Object(which) => {
            for (name, told) in which {
                object.insert("which".to_owned(), json!(name));
                match plain(told) {
                    Value::Object(told) => {
                        object.extend(told.into_iter().map(|(name, value)| (name, plain(value))));
                    }
                    told => drop(object.insert(name, told)),
                }
            }
        }
        name => drop(object.insert("which".to_owned(), name)),
    }
}

/// A subject as `customer:7`, everything else as it is.
fn plain(value: Value) -> Value {
    match serde_json::from_value::<Subject>(value.clone()) {
        Ok(subject) => json!(subject.to_string()),
        Err(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::entry::tests::entries;
    use crate::audit::{Actor, Channel, Event, KeyName, Sealed, Which};
    use crate::session::{SessionId, UserType};
    use crate::settings::WebsiteId;

    fn shown(event: Event, personal: Option<&Personal>) -> String {
        let subject = Subject::customer(7);
        let sealed = Some(Sealed { key: KeyName::Account(subject), text: Vec::new() });
        let entry = Entry { event, by: Actor::User(subject), channel: Channel::Graphql, sealed };
        view(3, UnixSeconds(1_700_000_000), LineHash([0xab; 16]), &entry, personal).to_string()
    }

    #[test]
    fn a_line_is_one_flat_object() {
        let jane = Personal { name: Some("jane@example.com".to_owned()), address: "192.0.2.1".parse().ok() };
        let subject = Subject::customer(7);
        let issued = Event::Issued { subject, session: SessionId(42), website: WebsiteId(1) };
        insta::assert_snapshot!(shown(issued, Some(&jane)), @r#"{"line":3,"at":"2023-11-14T22:13:20Z","event":"issued","subject":"customer:7","session":42,"website":1,"by":"customer:7","channel":"graphql","name":"jane@example.com","address":"192.0.2.1","hash":"abababababababababababababababab"}"#);
        let which = Which::Session { session: SessionId(42), subject };
        let revoked = Event::Revoked { which, reason: "signed-out".into(), count: 1 };
        insta::assert_snapshot!(shown(revoked, None), @r#"{"line":3,"at":"2023-11-14T22:13:20Z","event":"revoked","which":"session","session":42,"subject":"customer:7","reason":"signed-out","count":1,"by":"customer:7","channel":"graphql","erased":true,"hash":"abababababababababababababababab"}"#);
        let network = Network::V4([192, 0, 2]);
        let many = Event::RefusedMany { kind: UserType::Customer, reason: "throttled".into(), network, count: 5 };
        insta::assert_snapshot!(shown(many, None), @r#"{"line":3,"at":"2023-11-14T22:13:20Z","event":"refused-many","kind":"customer","reason":"throttled","network":"192.0.2.0/24","count":5,"by":"customer:7","channel":"graphql","erased":true,"hash":"abababababababababababababababab"}"#);
        let made_at = UnixSeconds(1_700_000_000);
        let restored = Event::RestoredAccepted { made_at, sessions_kept: false };
        insta::assert_snapshot!(shown(restored, None), @r#"{"line":3,"at":"2023-11-14T22:13:20Z","event":"restored-accepted","made_at":"2023-11-14T22:13:20Z","sessions_kept":false,"by":"customer:7","channel":"graphql","erased":true,"hash":"abababababababababababababababab"}"#);
    }

    #[test]
    fn the_value_of_a_setting_is_told_as_it_is() {
        for value in ["Any", "any", "{\"V4\":[1,2,3]}", ""] {
            let (path, scope) = ("general/locale/code".to_owned(), "default".to_owned());
            let changed = Event::SettingChanged { path, scope, from: None, to: Some(value.to_owned()) };
            let shown: Value = serde_json::from_str(&shown(changed, None)).unwrap();
            assert_eq!((&shown["from"], &shown["to"]), (&Value::Null, &json!(value)));
        }
    }

    proptest! {
        #[test]
        fn every_entry_has_an_event_and_fits_on_one_line(entry in entries()) {
            let view = view(1, UnixSeconds(1), LineHash::default(), &entry, None);
            prop_assert!(view["event"].is_string());
            prop_assert!(!view.to_string().contains('\n'));
        }
    }
}
