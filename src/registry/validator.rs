//! The validator of one worker.

use actix::{Actor, Context, Handler, MessageResult};

use crate::registry::{Reader, ValidateToken, ValidateTokens};

/// Answers [`ValidateToken`] on the thread of the worker that asks.
#[derive(Debug)]
pub struct TokenValidator {
    reader: Reader,
}

/// What a validator has counted.
#[derive(Debug, Default)]
pub struct ValidatorCounts {}

impl Actor for TokenValidator {
    type Context = Context<Self>;
}

impl Handler<ValidateToken> for TokenValidator {
    type Result = MessageResult<ValidateToken>;

    fn handle(&mut self, message: ValidateToken, _context: &mut Self::Context) -> Self::Result {
        MessageResult(self.reader.validate(message.digest))
    }
}

impl Handler<ValidateTokens> for TokenValidator {
    type Result = MessageResult<ValidateTokens>;

    fn handle(&mut self, message: ValidateTokens, _context: &mut Self::Context) -> Self::Result {
        MessageResult(
            message
                .digests
                .into_iter()
                .map(|digest| self.reader.validate(digest))
                .collect(),
        )
    }
}
