//! What somebody tells: an event, who caused it, and from where.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::audit::{Event, Person};
use crate::clock::UnixSeconds;
use crate::session::Subject;

/// Who caused something. What is kept of it is the number of the variant: new ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// The server itself.
    Server,
    /// Somebody at the command line, with their number as the operating system has it.
    Operator(Option<u32>),
    /// A user who is signed in.
    User(Subject),
    /// Somebody who is not.
    Stranger,
    /// The shop beside which the server runs, or its operator there.
    Shop,
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => formatter.write_str("server"),
            Self::Operator(Some(user)) => write!(formatter, "operator:{user}"),
            Self::Operator(None) => formatter.write_str("operator"),
            Self::User(subject) => subject.fmt(formatter),
            Self::Stranger => formatter.write_str("stranger"),
            Self::Shop => formatter.write_str("shop"),
        }
    }
}

/// The way something was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// Nobody asked.
    None,
    /// Magento's GraphQL.
    Graphql,
    /// Magento's REST API.
    Rest,
    /// The admin API.
    AdminApi,
    /// The command line.
    Command,
}

impl Channel {
    /// Its name in an export.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Graphql => "graphql",
            Self::Rest => "rest",
            Self::AdminApi => "admin-api",
            Self::Command => "command",
        }
    }

    /// The channel of a protocol that is called `graphql` or `rest`.
    pub fn of_protocol(name: &str) -> Self {
        match name {
            "graphql" => Self::Graphql,
            "rest" => Self::Rest,
            _ => Self::None,
        }
    }
}

/// Who asked for something, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who.
    pub by: Actor,
    /// By which way.
    pub channel: Channel,
    /// From which address, as far as it is known.
    pub address: Option<IpAddr>,
}

impl Origin {
    /// The server itself.
    pub const SERVER: Self = Self { by: Actor::Server, channel: Channel::None, address: None };

    /// The shop beside which the server runs: who it was there is not known here.
    pub const SHOP: Self = Self { by: Actor::Shop, channel: Channel::None, address: None };

    /// Somebody at the command line; `user` is their number as the operating system has it.
    pub fn operator(user: Option<u32>) -> Self {
        Self { by: Actor::Operator(user), channel: Channel::Command, address: None }
    }

    /// A user who is signed in.
    pub fn user(subject: Subject, channel: Channel, address: Option<IpAddr>) -> Self {
        Self { by: Actor::User(subject), channel, address }
    }
}

/// A line, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: UnixSeconds,
    /// What.
    pub event: Event,
    /// Who asked for it, and from where.
    pub origin: Origin,
    /// The name that was typed, where one was.
    pub name: Option<String>,
    /// Whose the name and the address are; without a person neither is kept.
    pub person: Option<Person>,
}

impl Line {
    /// A line about what somebody asked for; the address is theirs.
    pub fn new(at: UnixSeconds, event: Event, origin: Origin) -> Self {
        let person = match origin.by {
            Actor::User(subject) => Some(Person::Account(subject)),
            Actor::Server | Actor::Operator(_) | Actor::Stranger | Actor::Shop => None,
        };
        Self { at, event, origin, name: None, person }
    }

    /// The same, with the name that was typed, which is this person's.
    #[must_use]
    pub fn typed(self, name: String, person: Person) -> Self {
        Self { name: Some(name), person: Some(person), ..self }
    }
}
