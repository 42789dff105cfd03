//! A request, taken apart: the body of a POST, the query string of everything else (fact sheet 1.1).

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::{Payload, Query};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::http::body;
use crate::http::error::Failure;
use crate::http::graphql::line::Line;

/// What a client asks.
#[derive(Default)]
pub(super) struct GraphqlRequest {
    /// The document; empty when there is none. It may hold a password.
    pub(super) query: Zeroizing<String>,
    /// The values of variables. They hold passwords.
    pub(super) variables: Variables,
    /// Which operation of the document to execute.
    pub(super) operation_name: Option<String>,
}

/// Values of variables, whose texts are wiped when they are dropped, and which do not print themselves.
#[derive(Default)]
pub(super) struct Variables(Map<String, Value>);

impl Variables {
    /// The values by name.
    pub(super) fn values(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl From<Map<String, Value>> for Variables {
    fn from(values: Map<String, Value>) -> Self {
        Self(values)
    }
}

impl Drop for Variables {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// Wipes every text in `value`. What was parsed is at most as deep as the JSON parser allows.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl GraphqlRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Failure::BodyTooLarge`] beyond `max_body` bytes, [`Failure::BodyTooSlow`], [`Failure::RequestUnparsable`] for
    /// what is not JSON.
    pub(super) async fn read(
        request: &HttpRequest,
        payload: Payload,
        max_body: usize,
        line: Line,
    ) -> Result<Self, Failure> {
        match *request.method() {
            Method::POST => Self::from_body(&body::read(request, payload, max_body).await?),
            Method::GET => Self::from_query_string(request.query_string(), line),
            // Only the verb is looked at.
            _ => Ok(Self { query: parameters(request.query_string()).query, ..Self::default() }),
        }
    }

    /// An empty body is an empty document; what is JSON but no object has no document either.
    fn from_body(body: &[u8]) -> Result<Self, Failure> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let mut body = serde_json::from_slice(body).map_err(|_| Failure::RequestUnparsable)?;
        let Value::Object(fields) = &mut body else {
            wipe(&mut body);
            return Ok(Self::default());
        };
        Ok(Self {
            query: Zeroizing::new(fields.get_mut("query").map(take_text).unwrap_or_default()),
            variables: fields.get_mut("variables").map(take_object).unwrap_or_default(),
            operation_name: fields.get_mut("operationName").map(take_text).filter(is_given),
        })
    }

    fn from_query_string(text: &str, line: Line) -> Result<Self, Failure> {
        let Parameters { query, variables, operation_name } = parameters(text);
        let variables = match variables {
            Some(text) if !(text.is_empty() && line.reads_empty_variables_as_none) => {
                take_object(&mut serde_json::from_str(&text).map_err(|_| Failure::RequestUnparsable)?)
            }
            _ => Variables::default(),
        };
        Ok(Self { query, variables, operation_name })
    }
}

/// What a query string can say.
#[derive(Default)]
struct Parameters {
    query: Zeroizing<String>,
    variables: Option<Zeroizing<String>>,
    operation_name: Option<String>,
}

/// As in PHP, the last one of several parameters of the same name counts.
fn parameters(text: &str) -> Parameters {
    let Query(pairs) = Query::<Vec<(String, String)>>::from_query(text).unwrap_or(Query(Vec::new()));
    let mut parameters = Parameters::default();
    for (name, value) in pairs {
        match name.as_str() {
            "query" => parameters.query = Zeroizing::new(value),
            "variables" => parameters.variables = Some(Zeroizing::new(value)),
            "operationName" => parameters.operation_name = Some(value).filter(is_given),
            _ => {}
        }
    }
    parameters
}

fn take_text(value: &mut Value) -> String {
    match value {
        Value::String(text) => std::mem::take(text),
        _ => String::new(),
    }
}

fn take_object(value: &mut Value) -> Variables {
    match value {
        Value::Object(fields) => Variables(std::mem::take(fields)),
        other => {
            wipe(other);
            Variables::default()
        }
    }
}

#[expect(clippy::ptr_arg, reason = "it filters an Option<String>")]
fn is_given(name: &String) -> bool {
    !name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::MagentoVersion;

    fn read(body: &str) -> (String, usize, Option<String>) {
        parts(GraphqlRequest::from_body(body.as_bytes()).unwrap())
    }

    fn parts(mut request: GraphqlRequest) -> (String, usize, Option<String>) {
        (std::mem::take(&mut request.query), request.variables.values().len(), request.operation_name.take())
    }

    #[test]
    fn a_body_may_leave_everything_out() {
        let nothing = (String::new(), 0, None);
        for empty in ["", "null", "5", "[{\"query\":\"{a}\"}]", "{}", r#"{"query":5,"variables":"x"}"#] {
            assert_eq!(read(empty), nothing, "{empty}");
        }
        let full = r#"{"query":"{a}","variables":{"b":1},"operationName":"c","extensions":{}}"#;
        assert_eq!(read(full), ("{a}".to_owned(), 1, Some("c".to_owned())));
        let nulls = r#"{"query":"{a}","variables":null,"operationName":null}"#;
        assert_eq!(read(nulls), ("{a}".to_owned(), 0, None));
        assert_eq!(read(r#"{"query":"{a}","operationName":""}"#).2, None);
    }

    #[test]
    fn what_is_not_json_cannot_be_parsed() {
        let deep = format!(r#"{{"variables":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
        for wrong in [&b"{customer{email}}"[..], b"{\"query\":\"\xff\"}", b"{", deep.as_bytes()] {
            let outcome = GraphqlRequest::from_body(wrong).map(parts);
            assert_eq!(outcome, Err(Failure::RequestUnparsable));
        }
    }

    #[test]
    fn a_query_string_carries_variables_as_json_text() {
        let read = |text| GraphqlRequest::from_query_string(text, MagentoVersion::V248.line()).map(parts);
        assert_eq!(
            read("query=%7Ba%7D&variables=%7B%22b%22%3A1%7D&operationName=c"),
            Ok(("{a}".to_owned(), 1, Some("c".to_owned())))
        );
        assert_eq!(read("query=a+b&variables="), Ok(("a b".to_owned(), 0, None)));
        assert_eq!(read("variables=5"), Ok((String::new(), 0, None)));
        assert_eq!(read("query=a&query=b"), Ok(("b".to_owned(), 0, None)));
        assert_eq!(read("variables=%7B"), Err(Failure::RequestUnparsable));
        let older = |text| GraphqlRequest::from_query_string(text, MagentoVersion::V247.line()).map(parts);
        assert_eq!(older("variables="), Err(Failure::RequestUnparsable));
        assert_eq!(older("query=a"), Ok(("a".to_owned(), 0, None)));
    }

    #[test]
    fn wiping_reaches_every_text() {
        let mut value = serde_json::json!({"a": ["b", {"c": "d"}], "e": 1});
        wipe(&mut value);
        assert_eq!(value, serde_json::json!({"a": ["", {"c": ""}], "e": 1}));
    }
}
