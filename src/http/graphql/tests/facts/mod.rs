//! The fact sheet as cases: what is asked, and what each line of Magento answers, compared as JSON values.
//!
//! A file is a group of sections, a function is a section, and a case says in words which sentence of the section it
//! shows. `.answers` is what both lines say; `.older` and `.newer` are 2.4.7 and 2.4.8 where they differ. A token in an
//! answer is compared as `<token>`. One request in a case can follow others: what happens first is said first.

mod accounts;
mod draft;
mod engine;
mod headers;
mod requests;
mod sign_in;
mod statuses;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::{CUSTOMER, House, Reply};
use crate::http::MagentoVersion;
use crate::http::graphql::Options;
use crate::session::Subject;
use crate::settings::RoleId;

pub(super) const EMAIL: &str = "{ customer { email } }";
pub(super) const STORE: &str = "{ storeConfig { store_code } }";
pub(super) const SIGN_OUT: &str = "mutation { revokeCustomerToken { result } }";

/// A section of the fact sheet.
type Section = fn() -> Vec<Case>;

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    /// Nobody.
    Guest,
    /// The customer of website `base`.
    Customer,
    /// Somebody who is no longer a customer.
    Gone,
    /// An administrator with this role: 1 may do everything, 2 may sign in as a customer, 3 may do something else.
    Admin(u32),
    /// Whoever has this token.
    Bearer(&'static str),
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    method: Method,
    uri: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    who: Who,
}

impl Ask {
    /// A document by POST.
    pub(super) fn post(query: impl Into<String>) -> Self {
        Self::json(&json!({ "query": query.into() }))
    }

    /// A document by POST with values of variables.
    pub(super) fn post_with(query: &str, variables: &Value) -> Self {
        Self::json(&json!({ "query": query, "variables": variables }))
    }

    /// A JSON body by POST.
    pub(super) fn json(body: &Value) -> Self {
        Self::body(body.to_string()).header("content-type", "application/json")
    }

    /// Any body by POST, without a content type.
    pub(super) fn body(body: impl Into<Vec<u8>>) -> Self {
        Self { method: Method::POST, body: body.into(), ..Self::get(&[]) }
    }

    /// A GET with these parameters.
    pub(super) fn get(parameters: &[(&str, &str)]) -> Self {
        let pairs: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{name}={}", super::support::escaped(value))).collect();
        Self {
            method: Method::GET,
            uri: format!("/graphql?{}", pairs.join("&")),
            headers: Vec::new(),
            body: Vec::new(),
            who: Who::Guest,
        }
    }

    /// By this method instead.
    pub(super) fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// At this address instead.
    pub(super) fn at(self, uri: &str) -> Self {
        Self { uri: uri.to_owned(), ..self }
    }

    /// With one more header.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Sent by `who`.
    pub(super) fn by(self, who: Who) -> Self {
        Self { who, ..self }
    }
}

/// Something that happens before the last request.
enum Step {
    Happens(Box<dyn Fn(&House)>),
    IsAsked(Ask),
}

/// What is expected of an answer.
#[derive(Clone, Debug, PartialEq)]
struct Expected {
    status: u16,
    body: Value,
}

/// A request and its answers.
pub(super) struct Case {
    about: &'static str,
    options: Options,
    steps: Vec<Step>,
    ask: Ask,
    older: Option<Expected>,
    newer: Option<Expected>,
    headers: Vec<(&'static str, Option<&'static str>)>,
}

/// A case about a sentence of the fact sheet.
pub(super) fn case(about: &'static str, ask: Ask) -> Case {
    Case { about, options: Options::default(), steps: Vec::new(), ask, older: None, newer: None, headers: Vec::new() }
}

impl Case {
    /// In a house that shows this of itself.
    pub(super) fn showing(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// With this setting.
    pub(super) fn set(self, path: &'static str, value: &'static str) -> Self {
        self.given(move |house| house.set(path, value))
    }

    /// After this has happened.
    pub(super) fn given(mut self, happens: impl Fn(&House) + 'static) -> Self {
        self.steps.push(Step::Happens(Box::new(happens)));
        self
    }

    /// After this was asked, `times` times.
    pub(super) fn after(mut self, times: usize, ask: &Ask) -> Self {
        self.steps.extend((0..times).map(|_| Step::IsAsked(ask.clone())));
        self
    }

    /// What both lines answer.
    pub(super) fn answers(self, status: u16, body: Value) -> Self {
        self.older(status, body.clone()).newer(status, body)
    }

    /// What both lines answer, with the status of each.
    pub(super) fn with_statuses(self, older: u16, newer: u16, body: Value) -> Self {
        self.older(older, body.clone()).newer(newer, body)
    }

    /// What 2.4.7 answers.
    pub(super) fn older(self, status: u16, body: Value) -> Self {
        Self { older: Some(Expected { status, body }), ..self }
    }

    /// What 2.4.8 answers.
    pub(super) fn newer(self, status: u16, body: Value) -> Self {
        Self { newer: Some(Expected { status, body }), ..self }
    }

    /// With this header; `None` says that it is not there.
    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<Option<&'static str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    async fn check(&self, version: MagentoVersion) {
        let client = Client::new(House::showing(version, self.options)).await;
        for step in &self.steps {
            match step {
                Step::Happens(happens) => happens(&client.house),
                Step::IsAsked(ask) => drop(client.send(ask).await),
            }
        }
        let reply = client.send(&self.ask).await;
        let mut body = reply.json();
        hide_tokens(&mut body);
        let expected = match version {
            MagentoVersion::V247 => self.older.as_ref(),
            MagentoVersion::V248 => self.newer.as_ref(),
        };
        let got = Expected { status: reply.status.as_u16(), body };
        assert_eq!(Some(&got), expected, "{}, {version:?}", self.about);
        for (name, value) in &self.headers {
            let got = reply.headers.get(*name).map(|value| value.to_str().unwrap());
            assert_eq!(got, *value, "{}, {version:?}: {name}", self.about);
        }
    }
}

/// A house with a token for everybody.
struct Client {
    house: House,
    customer: String,
    gone: String,
    admins: Vec<String>,
}

impl Client {
    async fn new(house: House) -> Self {
        let mut admins = Vec::new();
        for role in 1..=3 {
            admins.push(house.token_with_role(Subject::admin(role), Some(RoleId(role))).await);
        }
        Self {
            customer: house.token(Subject::customer(CUSTOMER)).await,
            gone: house.token(Subject::customer(99)).await,
            admins,
            house,
        }
    }

    fn token(&self, who: Who) -> Option<&str> {
        match who {
            Who::Guest => None,
            Who::Customer => Some(&self.customer),
            Who::Gone => Some(&self.gone),
            Who::Admin(role) => Some(&self.admins[role as usize - 1]),
            Who::Bearer(token) => Some(token),
        }
    }

    async fn send(&self, ask: &Ask) -> Reply {
        let mut request = TestRequest::with_uri(&ask.uri).method(ask.method.clone()).set_payload(ask.body.clone());
        for (name, value) in &ask.headers {
            request = request.append_header((*name, value.as_str()));
        }
        if let Some(token) = self.token(ask.who) {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        self.house.send(request).await
    }
}

/// Puts `<token>` where a token is.
fn hide_tokens(value: &mut Value) {
    match value {
        Value::String(text)
            if text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()) =>
        {
            "<token>".clone_into(text);
        }
        Value::Array(items) => items.iter_mut().for_each(hide_tokens),
        Value::Object(fields) => fields.values_mut().for_each(hide_tokens),
        _ => {}
    }
}

/// An error before execution that has a category.
pub(super) fn refused(category: &str, message: &str) -> Value {
    json!({"errors": [{"message": message, "extensions": {"category": category}}]})
}

/// An error that the engine finds in the first line.
pub(super) fn at(column: usize, message: &str) -> Value {
    json!({"errors": [{"message": message, "locations": [{"line": 1, "column": column}]}]})
}

/// An error that the engine finds between two places of the first line.
pub(super) fn at_both(columns: [usize; 2], message: &str) -> Value {
    at_all(&columns, message)
}

/// An error that the engine finds at several places of the first line.
pub(super) fn at_all(columns: &[usize], message: &str) -> Value {
    let locations: Vec<_> = columns.iter().map(|column| json!({"line": 1, "column": column})).collect();
    json!({"errors": [{"message": message, "locations": locations}]})
}

/// An error that the engine finds in the document as a whole.
pub(super) fn nowhere(message: &str) -> Value {
    json!({"errors": [{"message": message}]})
}

/// A field of the first line that failed.
pub(super) fn failed(field: &str, column: usize, category: &str, message: &str) -> Value {
    json!({
        "errors": [{
            "message": message,
            "locations": [{"line": 1, "column": column}],
            "path": [field],
            "extensions": {"category": category},
        }],
        "data": {field: null},
    })
}

/// The data of one field.
pub(super) fn data(field: &str, value: &Value) -> Value {
    json!({"data": {field: value}})
}

/// The answer to [`STORE`].
pub(super) fn store(code: &str) -> Value {
    data("storeConfig", &json!({"store_code": code}))
}

/// The answer to [`EMAIL`].
pub(super) fn email() -> Value {
    data("customer", &json!({"email": "customer@example.com"}))
}

/// The answer to [`EMAIL`] and [`SIGN_OUT`] when nobody is a customer.
pub(super) fn not_authorized(field: &str, column: usize) -> Value {
    failed(field, column, "graphql-authorization", "The current customer isn't authorized.")
}

/// Checks every case of a section on both lines.
async fn check(section: Section) {
    for case in section() {
        for version in [MagentoVersion::V247, MagentoVersion::V248] {
            case.check(version).await;
        }
    }
}

/// A test for each section.
macro_rules! sections {
    ($($name:ident: $section:path,)*) => {
        $(#[actix_web::test]
        async fn $name() {
            check($section).await;
        })*

        const SECTIONS: &[Section] = &[$($section),*];
    };
}

sections! {
    fact_sheet_1_1_request_forms: requests::section_1_1,
    fact_sheet_1_2_order_of_checks: requests::section_1_2,
    fact_sheet_1_3_statuses: statuses::section_1_3,
    fact_sheet_1_4_error_objects: statuses::section_1_4,
    fact_sheet_1_5_documents: engine::section_1_5_documents,
    fact_sheet_1_5_variables: engine::section_1_5_variables,
    fact_sheet_1_5_lenient_input: engine::section_1_5_lenient_input,
    fact_sheet_1_6_limits: engine::section_1_6,
    fact_sheet_1_7_headers: headers::section_1_7,
    fact_sheet_1_8_who_is_a_customer: headers::section_1_8,
    graphql_over_http_draft_by_accept: draft::statuses,
    fact_sheet_2_1_generate_customer_token: sign_in::section_2_1,
    fact_sheet_2_2_revoke_customer_token: accounts::section_2_2,
    fact_sheet_2_3_generate_customer_token_as_admin: accounts::section_2_3,
    fact_sheet_2_4_customer: accounts::section_2_4,
    fact_sheet_2_5_is_email_available: accounts::section_2_5,
    fact_sheet_2_14_store_config: accounts::section_2_14,
    fact_sheet_5_1_throttle: sign_in::section_5_1,
    fact_sheet_5_2_account_lock: sign_in::section_5_2,
}

#[test]
fn there_are_more_than_a_hundred_cases() {
    let cases: usize = SECTIONS.iter().map(|section| section().len()).sum();
    assert!(cases > 100, "{cases}");
}
