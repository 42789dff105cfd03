//! Nothing that a client sends ends the server, makes it answer 500, or costs it more than the request is worth.

use std::sync::Barrier;

use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use crate::support::{Answer, ServerBuilder, TestServer, send_raw, tokenward};

/// A POST of bytes that need not be text.
fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn post_json(path: &str, body: &[u8]) -> Vec<u8> {
    post(path, "Content-Type: application/json\r\n", body)
}

#[track_caller]
fn message(body: &str) -> String {
    let json: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {body:?}"));
    let message = json.pointer("/errors/0/message").or_else(|| json.pointer("/message"));
    message.and_then(Value::as_str).unwrap_or_else(|| panic!("no message in {body}")).to_owned()
}

/// Fails unless GraphQL answers this query with this status and this message.
#[track_caller]
fn assert_graphql(server: &TestServer, query: &str, status: u16, said: &str) {
    let answer = server.graphql(None, query);
    answer.assert_status(status);
    assert_eq!(message(&answer.body), said);
}

#[test]
fn ten_thousand_aliases_are_too_many() {
    let server = TestServer::demo();
    let aliases =
        (0..10_000).map(|number| format!("a{number}: storeConfig {{ store_code }} ")).collect::<Vec<_>>().concat();
    let answer = server.graphql(None, &format!("{{ {aliases} }}"));
    // The document is not read to its end, so it is not said how many there are.
    let said = message(&answer.body);
    assert!(answer.status == 400 && said.starts_with("Max Aliases in query should be 10 but got 1"), "{answer:?}");
    server.assert_unharmed();
}

#[test]
fn selections_a_thousand_deep_are_refused() {
    let server = TestServer::demo();
    for (depth, status, said) in [
        (100, 200, "Max query depth should be 20 but got "),
        // What is too much before the document is validated is told first.
        (1000, 400, "Max query complexity should be 1000 but got 1001."),
    ] {
        let query = format!("{}email{}", "{ customer ".repeat(depth), "}".repeat(depth));
        let answer = server.graphql(None, &query);
        assert!(answer.status == status && message(&answer.body).starts_with(said), "{answer:?}");
    }
    server.assert_unharmed();
}

#[test]
fn a_short_request_about_the_schema_is_not_answered_with_megabytes() {
    let server = TestServer::demo();
    let in_depth = |fields: &str| {
        format!("{{ __schema {{ types {{ fields {{ type {{ fields {{ type {{ ... {{ {fields} }} }} }} }} }} }} }} }}")
    };
    let long = format!("{}: name", "A".repeat(1_000_000));
    let answer = server.graphql(None, &in_depth(&long));
    answer.assert_refused(400, "Query is too large.");
    assert!(answer.body.len() < 1024, "{}", answer.body.len());
    let many = (0..900).map(|number| format!("an_alias_of_some_length_{number}: name ")).collect::<Vec<_>>().concat();
    let answer = server.graphql(None, &in_depth(&many));
    answer.assert_refused(200, "Query is too large.");
    assert!(answer.body.len() < 1024, "{}", answer.body.len());
    server.assert_unharmed();
}

#[test]
fn a_mebibyte_of_braces_is_refused() {
    let server = TestServer::demo();
    let query = json!({ "query": "{".repeat((1 << 20) - 100) }).to_string();
    let answer = server.graphql_body(None, &query);
    assert_eq!(answer.status, 400, "{answer:?}");
    let answer = server.graphql_body(None, &"{".repeat(1 << 20));
    answer.assert_refused(400, "Unable to parse the request.");
    server.assert_unharmed();
}

#[test]
fn arrays_nested_a_hundred_thousand_deep_are_refused() {
    let server = TestServer::demo();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    server.graphql_body(None, &deep).assert_refused(400, "Unable to parse the request.");
    let rest = send_raw(server.public, &post_json("/rest/V1/integration/admin/token", deep.as_bytes()));
    assert_eq!(rest.0, 400, "{}", rest.1);
    let deep = format!("{{\"username\":{deep},\"password\":\"x\"}}");
    let rest = send_raw(server.public, &post_json("/rest/V1/integration/admin/token", deep.as_bytes()));
    assert_eq!(rest.0, 400, "{}", rest.1);
    server.assert_unharmed();
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let server = TestServer::demo();
    let body = json!({ "query": " ".repeat(1 << 20) }).to_string();
    let (status, body) = send_raw(server.public, &post_json("/graphql", body.as_bytes()));
    assert_eq!((status, message(&body).as_str()), (400, "Request body is too large."));

    let body = json!({ "username": "a".repeat(1 << 20) }).to_string();
    let (status, _) = send_raw(server.public, &post_json("/rest/V1/integration/admin/token", body.as_bytes()));
    assert!((400..500).contains(&status), "{status}");
    server.assert_unharmed();
}

#[test]
fn bytes_that_are_not_utf_8_are_refused() {
    let server = TestServer::demo();
    let body = b"{\"query\":\"{ storeConfig { store_code } } # \xff\xfe\"}";
    let (status, body) = send_raw(server.public, &post_json("/graphql", body));
    assert_eq!((status, message(&body).as_str()), (400, "Unable to parse the request."));

    let body = b"{\"username\":\"\xff\",\"password\":\"\xfe\"}";
    let (status, body) = send_raw(server.public, &post_json("/rest/V1/integration/customer/token", body));
    assert_eq!((status, message(&body).as_str()), (400, "Decoding error."));

    let head = b"GET /check HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer \xff\xfe\r\n\r\n";
    let (status, _) = send_raw(server.internal, head);
    assert_eq!(status, 401);
    server.assert_unharmed();
}

#[test]
fn header_lines_of_64_kib_are_answered() {
    let server = TestServer::demo();
    let long = "a".repeat(64 << 10);
    let unknown_store = format!("Requested store is not found ({long})");
    for (header, status, said) in [
        (format!("X-Anything: {long}"), 200, None),
        (format!("Store: {long}"), 400, Some(unknown_store.as_str())),
        (format!("Authorization: Bearer {long}"), 401, Some("Composite reader could not read a token")),
    ] {
        let request = post(
            "/graphql",
            &format!("Content-Type: application/json\r\n{header}\r\n"),
            b"{\"query\":\"{__typename}\"}",
        );
        let (got, body) = send_raw(server.public, &request);
        assert_eq!(got, status, "{} {body}", &header[..20]);
        if let Some(said) = said {
            assert_eq!(message(&body), said);
        }
        let (got, _) = send_raw(
            server.internal,
            format!("GET /check HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n{header}\r\n\r\n").as_bytes(),
        );
        assert_eq!(got, 401, "{}", &header[..20]);
    }
    server.assert_unharmed();
}

#[test]
fn an_unknown_store_is_named() {
    let server = TestServer::demo();
    let request =
        post("/graphql", "Content-Type: application/json\r\nStore: atlantis\r\n", b"{\"query\":\"{__typename}\"}");
    let (status, body) = send_raw(server.public, &request);
    assert_eq!((status, message(&body).as_str()), (400, "Requested store is not found (atlantis)"));
    let answer = server.get(None, "/rest/atlantis/V1/customers/me");
    answer.assert_refused(400, "Specified request cannot be processed.");
    server.assert_unharmed();
}

#[test]
fn credentials_that_php_calls_empty_are_empty_on_graphql() {
    let server = TestServer::demo();
    for (email, password, said) in [
        ("", "x", "Specify the \"email\" value."),
        ("0", "x", "Specify the \"email\" value."),
        ("a@example.com", "", "Specify the \"password\" value."),
        ("a@example.com", "0", "Specify the \"password\" value."),
    ] {
        let answer = server.try_customer(email, password);
        assert_eq!((answer.status, message(&answer.body).as_str()), (200, said));
    }
    server.assert_unharmed();
}

#[test]
fn missing_credentials_are_named_on_rest() {
    let server = TestServer::demo();
    let path = "/rest/V1/integration/customer/token";
    let one = "\"%fieldName\" is required. Enter and try again.";
    for body in [
        json!({ "username": "a" }),
        json!({ "username": "a", "password": null }),
        json!({ "username": "a", "password": "" }),
    ] {
        let answer = server.post(None, path, &body);
        answer.assert_refused(400, one);
        assert_eq!(answer.at("/parameters/fieldName"), "password");
    }
    let answer = server.post(None, path, &json!({}));
    assert_eq!(answer.assert_status(400).at("/message"), "One or more input exceptions have occurred.");
    assert_eq!(answer.at("/errors/1/parameters/fieldName"), "password");
    // "0" is a password on REST, though a wrong one.
    server.post(None, path, &json!({ "username": "a", "password": "0" })).assert_status(401);
    server.assert_unharmed();
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    let server = TestServer::demo();
    let said = "The \"array\" value's type is invalid. The \"string\" type was expected. Verify and try again.";
    for wrong in [json!(["a"]), json!({ "a": 1 })] {
        let body = json!({ "username": wrong, "password": "x" });
        server.post(None, "/rest/V1/integration/admin/token", &body).assert_refused(400, said);
    }
    for body in [
        "[]",
        "5",
        "\"text\"",
        "null",
        "{\"query\": 5}",
        "{\"query\": [\"{}\"]}",
        "{\"query\": \"{__typename}\", \"variables\": 5}",
    ] {
        let answer = server.graphql_body(None, body);
        assert!(answer.status < 500, "{body}: {answer:?}");
    }
    assert_graphql(&server, "", 400, "Syntax Error: Unexpected <EOF>");
    assert_graphql(
        &server,
        r#"mutation { generateCustomerToken(email: ["a"], password: "x") { token } }"#,
        200,
        r#"String cannot represent a non string value: ["a"]"#,
    );
    server.assert_unharmed();
}

#[test]
fn what_is_no_http_is_not_served_and_the_next_client_is() {
    let server = TestServer::demo();
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let (status, _) = send_raw(server.public, bytes);
        assert!(matches!(status, 0 | 400 | 505), "{status} for {bytes:?}");
    }
    server.assert_unharmed();
}

#[test]
fn when_too_many_passwords_wait_the_next_is_refused_at_once_and_told_when_to_come_back() {
    const AT_ONCE: usize = 12;
    let server =
        ServerBuilder::new().argument("--demo").key("SIGN_IN__CONCURRENCY", "1").key("SIGN_IN__QUEUE", "4").start();
    let all_together = Barrier::new(AT_ONCE);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let sign_in = |number: usize| {
            all_together.wait();
            // Names of their own, so that it is not the throttle that refuses.
            if number.is_multiple_of(2) {
                server.try_admin(&format!("nobody{number}"), "x")
            } else {
                server.try_customer(&format!("nobody{number}@example.com"), "x")
            }
        };
        let threads: Vec<_> = (0..AT_ONCE).map(|number| scope.spawn(move || sign_in(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!refused.is_empty() && answers.iter().all(|answer| matches!(answer.status, 401 | 503)), "{answers:?}");
    for answer in refused {
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        answer.assert_refused(503, "Too many sign-ins at the moment. Please try again shortly.");
    }
    server.customer();
    server.assert_unharmed();
}

#[test]
fn while_the_account_file_is_locked_checks_go_on_and_sign_ins_come_back_afterwards() {
    let server = TestServer::demo();
    let token = server.customer();
    let other = rusqlite::Connection::open(server.folder.join("tokenward.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    server.gateway(Some(&token), "").assert_status(200);
    // A sign-in waits for the file a while, and is told to come back.
    for answer in [server.try_customer("customer@example.com", "password"), server.try_admin("admin", "admin123")] {
        answer.assert_refused(503, "The service is temporarily unavailable. Please try again shortly.");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    server.gateway(Some(&token), "").assert_status(200);
    other.execute_batch("ROLLBACK").unwrap();
    server.wait_until(|server| server.try_customer("customer@example.com", "password").status == 200);
    server.assert_unharmed();
}

#[test]
fn while_the_account_file_cannot_be_written_changes_are_refused_and_checks_go_on() {
    let server = TestServer::demo();
    let token = server.customer();
    let limit_files = |bytes| {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(server.process.id()), Resource::Fsize, limit).unwrap();
    };
    limit_files(Some(0));
    for answer in [server.try_customer("customer@example.com", "password"), server.try_admin("admin", "admin123")] {
        answer.assert_refused(503, "The service is temporarily unavailable. Please try again shortly.");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    server.gateway(Some(&token), "").assert_status(200);
    limit_files(None);
    server.wait_until(|server| server.try_customer("customer@example.com", "password").status == 200);
    server.admin();
    server.assert_unharmed();
}

#[test]
fn an_account_file_that_is_none_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokenward.db");
    let garbage = "this is no database".repeat(1000);
    std::fs::write(&file, &garbage).unwrap();
    let outcome = tokenward(
        folder.path(),
        &["serve", "--public", "127.0.0.1:0", "--internal", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
        "",
    );
    outcome.assert_failed(1, "tokenward.db");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), garbage);
}
