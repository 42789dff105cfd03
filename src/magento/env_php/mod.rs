//! `app/etc/env.php`: what Magento writes there, read without PHP, with Magento's environment variables on top.
//!
//! | file | what |
//! |---|---|
//! | `lexer` | text to tokens: quotes, escapes, comments, line numbers |
//! | `parser` | tokens to a [`Value`]: arrays in both notations and nothing that would have to be run |
//! | `environment` | `MAGENTO_DC_…`, `MAGENTO_DC__OVERRIDE`, `#env(…)`, `CONFIG__…` |
//! | `deployment` | [`Deployment`]: what tokenward wants of it, by name |

mod connection;
mod deployment;
mod environment;
mod lexer;
mod parser;
mod text;
mod value;

pub use connection::{Connection, Server};
pub use deployment::{ConnectionError, Deployment, ScopeCode, SystemValue};
pub use environment::Environment;
pub use value::{Key, Value};

use thiserror::Error;

/// Reads the text of a file that returns one array, as Magento writes `env.php` and `config.php`.
///
/// # Errors
/// [`EnvPhpError`] with the line, for everything that is not plain data.
pub fn parse(text: &[u8]) -> Result<Value, EnvPhpError> {
    parser::parse(text)
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct EnvPhpError {
    /// The line; the first one is 1.
    pub line: usize,
    /// What is wrong. It never repeats a value.
    pub problem: String,
}

impl EnvPhpError {
    fn at(line: usize, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into() }
    }
}
