//! `[log]`: what is written to standard error.

use serde::Deserialize;

use crate::config::choice::one_of;
use crate::config::reader::Reader;

/// What is written to standard error.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The least important events that are written.
    pub level: LogLevel,
    /// How they are written.
    pub format: LogFormat,
}

/// How important an event is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Something needs attention.
    Warn,
    /// What an operator wants to know.
    #[default]
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogLevel {
    /// The level's name, as filters of events write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Log {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            level: reader.read("log.level", one_of).unwrap_or_default(),
            format: reader.read("log.format", one_of).unwrap_or_default(),
        }
    }
}
