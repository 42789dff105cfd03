//! What the configuration changes of GraphQL, and what takes a real administrator.

use serde_json::json;

use crate::support::{ServerBuilder, TestServer};

const CUSTOMER: &str = "{ customer { email } }";
const SCHEMA: &str = "{ __schema { queryType { name } } }";

fn demo(key: &str, value: &str) -> TestServer {
    ServerBuilder::new().argument("--demo").key(key, value).start()
}

#[test]
fn introspection_can_be_switched_off() {
    let shown = TestServer::demo();
    assert_eq!(shown.graphql(None, SCHEMA).at("/data/__schema/queryType/name"), json!("Query"));
    let message = "GraphQL introspection is not allowed, but the query contained __schema or __type";
    demo("GRAPHQL__INTROSPECTION", "false").graphql(None, SCHEMA).assert_refused(200, message);
}

#[test]
fn developer_mode_tells_all_errors() {
    let query = "{ nothing nowhere }";
    let count = |server: &TestServer| server.graphql(None, query).at("/errors").as_array().unwrap().len();
    assert_eq!(count(&TestServer::demo()), 1);
    assert_eq!(count(&demo("GRAPHQL__DEVELOPER_MODE", "true")), 2);
}

#[test]
fn the_older_line_is_spoken_when_it_is_configured() {
    let server = demo("MAGENTO__VERSION", "2.4.7");
    server.graphql(None, CUSTOMER).assert_refused(200, "The current customer isn't authorized.");
    server.graphql(Some("unknown"), CUSTOMER).assert_refused(200, "The current customer isn't authorized.");
    server.graphql_body(None, "{").assert_refused(500, "Unable to parse the request.");
    server.assert_unharmed();
}

#[test]
fn an_administrator_is_given_a_customers_token() {
    let server = TestServer::demo();
    let query = r#"mutation { generateCustomerTokenAsAdmin(input: {customer_email: "customer@example.com"}) { customer_token } }"#;
    let answer = server.graphql(Some(&server.admin()), query);
    let token = answer.assert_status(200).at("/data/generateCustomerTokenAsAdmin/customer_token");
    let token = token.as_str().unwrap();
    assert_eq!(server.graphql(Some(token), CUSTOMER).at("/data/customer/email"), json!("customer@example.com"));
    server.graphql(Some(token), query).assert_refused(403, "The current customer isn't authorized.");
    assert!(!server.process.log.text().contains(token));
}
