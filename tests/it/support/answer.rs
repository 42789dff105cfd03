//! What the server said.

use serde_json::Value;
use ureq::http::HeaderMap;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// A header's value; it has to be there.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        value.to_str().unwrap()
    }

    /// The member of the body at a JSON pointer, such as `/data/customer/email`.
    #[track_caller]
    pub(crate) fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {self:?}")).clone()
    }

    /// Fails unless this is a GraphQL or REST error with this status and this message.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, message: &str) {
        let json = self.json();
        let said = json.pointer("/errors/0/message").or_else(|| json.pointer("/message"));
        assert_eq!((self.status, said.and_then(Value::as_str)), (status, Some(message)), "{self:?}");
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub(crate) fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}
