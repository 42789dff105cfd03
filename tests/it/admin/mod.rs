//! What administrators see and change over the admin API, and who may.

mod described;
mod facts;

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Answer, Outcome, ServerBuilder, TestServer, repository, run, skip, tokenward};

const CUSTOMER_LIFETIME: &str = "/settings/oauth/access_token_lifetime/customer";

/// Two websites, and administrators who may do one thing each. Everybody's password is `password`.
const SEED: &str = r#"
[[websites]]
code = "base"
[[websites]]
code = "eu"
[[stores]]
code = "default"
website = "base"
[[stores]]
code = "de"
website = "eu"
[[roles]]
name = "Service"
allow = ["Magento_Customer::invalidate_tokens"]
[[roles]]
name = "Configuration"
allow = ["Magento_Integration::config_oauth"]
[[customers]]
email = "jane@example.com"
password = "password"
[[customers]]
email = "jane@example.com"
password = "password"
website = "eu"
[[administrators]]
username = "chief"
email = "chief@example.com"
password = "password"
[[administrators]]
username = "service"
email = "service@example.com"
password = "password"
role = "Service"
[[administrators]]
username = "configuration"
email = "configuration@example.com"
password = "password"
role = "Configuration"
"#;

fn server() -> TestServer {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seed.toml");
    std::fs::write(&file, SEED).unwrap();
    ServerBuilder::new().argument("--seed").argument(file.to_str().unwrap()).start()
}

fn administrator(server: &TestServer, username: &str) -> String {
    let answer = server.try_admin(username, "password");
    answer.assert_status(200).json().as_str().unwrap().to_owned()
}

/// Signs Jane in on a store view.
fn jane(server: &TestServer, store: &str) -> String {
    let body = json!({ "username": "jane@example.com", "password": "password" });
    let answer = server.post(None, &format!("/rest/{store}/V1/integration/customer/token"), &body);
    answer.assert_status(200).json().as_str().unwrap().to_owned()
}

/// Asks the admin API, whose answer has to be one that its document describes.
#[track_caller]
fn ask(server: &TestServer, method: &str, token: &str, path: &str, body: Option<&Value>) -> Answer {
    let answer = server.admin_api(method, token, path, body);
    described::assert_described(method, path, &answer);
    answer
}

fn get(server: &TestServer, token: &str, path: &str) -> Answer {
    ask(server, "GET", token, path, None)
}

fn delete(server: &TestServer, token: &str, path: &str) -> Answer {
    ask(server, "DELETE", token, path, None)
}

fn put(server: &TestServer, token: &str, path: &str, value: &str) -> Answer {
    ask(server, "PUT", token, path, Some(&json!({ "value": value })))
}

/// Fails unless this is a problem with this status and these words in its detail.
#[track_caller]
fn assert_problem(answer: &Answer, status: u16, saying: &str) {
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.assert_status(status).at("/status"), status);
    assert!(answer.at("/detail").as_str().unwrap().contains(saying), "{answer:?}");
}

fn session_ids(answer: &Answer) -> Vec<Value> {
    answer.assert_status(200).at("/sessions").as_array().unwrap().iter().map(|session| session["id"].clone()).collect()
}

#[test]
fn a_changed_lifetime_ends_as_many_sessions_as_was_foretold() {
    let server = server();
    let (chief, first, second) = (administrator(&server, "chief"), jane(&server, "default"), jane(&server, "default"));
    let foretold = put(&server, &chief, &format!("{CUSTOMER_LIFETIME}?dry_run=true"), "0");
    assert_eq!(foretold.assert_status(200).at("/sessions_ended"), 2);
    assert_eq!(foretold.at("/dry_run"), true);
    assert_eq!(server.gateway(Some(&first), "?require=customer").status, 200);
    let done = put(&server, &chief, CUSTOMER_LIFETIME, "0");
    assert_eq!(done.assert_status(200).at("/sessions_ended"), 2);
    assert_eq!(server.gateway(Some(&first), "?require=customer").status, 401);
    let back = delete(&server, &chief, CUSTOMER_LIFETIME);
    assert_eq!((back.at("/value"), back.at("/inherited")), (json!("1"), json!(true)));
    assert_eq!(server.gateway(Some(&second), "?require=customer").status, 200, "a mistyped lifetime can be undone");
}

#[test]
fn a_setting_is_shown_in_magentos_words_with_its_values() {
    let server = server();
    let chief = administrator(&server, "chief");
    let shown = get(&server, &chief, "/settings/oauth%2Faccess_token_lifetime%2Fcustomer");
    assert_eq!(
        shown.assert_status(200).json(),
        json!({
            "path": "oauth/access_token_lifetime/customer",
            "label": "Customer Token Lifetime (hours)",
            "comment": "We will disable this feature if the value is empty.",
            "unit": "hours",
            "default": "1",
            "required": false,
            "rule": { "type": "number" },
            "values": [{ "scope": "default", "value": "1", "inherited": true }],
        })
    );
    let body = json!({ "value": "de_DE", "scope": "websites/eu" });
    ask(&server, "PUT", &chief, "/settings/general/locale/code", Some(&body)).assert_status(200);
    let values = get(&server, &chief, "/settings/general/locale/code").at("/values");
    let value = |scope: &str| values.as_array().unwrap().iter().find(|value| value["scope"] == scope).unwrap().clone();
    assert_eq!(value("websites/eu"), json!({ "scope": "websites/eu", "value": "de_DE", "inherited": false }));
    assert_eq!(value("stores/de"), json!({ "scope": "stores/de", "value": "de_DE", "inherited": true }));
    assert_eq!(value("stores/default")["value"], "en_US");
}

#[test]
fn a_wrong_change_is_refused_in_magentos_words() {
    let server = server();
    let chief = administrator(&server, "chief");
    let change = |path: &str, body: Value| ask(&server, "PUT", &chief, path, Some(&body));
    let refused = change(CUSTOMER_LIFETIME, json!({ "value": "-1" }));
    assert_problem(&refused, 422, "Please enter a number 0 or greater in this field.");
    let failures = "/settings/oauth/authentication_lock/max_failures_count";
    assert_problem(&change(failures, json!({ "value": "" })), 422, "This is a required field.");
    let website = json!({ "value": "2", "scope": "websites/eu" });
    assert_problem(&change(CUSTOMER_LIFETIME, website), 422, "cannot be set for this scope");
    for scope in ["websites/eu", "stores/de"] {
        let reset = delete(&server, &chief, &format!("{CUSTOMER_LIFETIME}?scope={scope}"));
        assert_problem(&reset, 422, "cannot be set for this scope");
    }
    let nowhere = json!({ "value": "2", "scope": "websites/moon" });
    assert_problem(&change(CUSTOMER_LIFETIME, nowhere), 422, "no such website");
    let mistyped = "/settings/oauth/access_token_lifetime/costumer";
    assert_problem(&change(mistyped, json!({ "value": "2" })), 404, "oauth/access_token_lifetime/customer");
    assert_problem(&change(CUSTOMER_LIFETIME, json!({ "value": 2 })), 400, "JSON");
    assert_problem(&change(CUSTOMER_LIFETIME, json!({ "value": "2", "scoop": "default" })), 400, "scoop");
    assert_problem(&change(&format!("{CUSTOMER_LIFETIME}?dryrun=true"), json!({ "value": "2" })), 400, "dryrun");
    assert_problem(&ask(&server, "PUT", &chief, CUSTOMER_LIFETIME, None), 415, "application/json");
    assert_problem(&change(CUSTOMER_LIFETIME, json!({ "value": "1".repeat(70_000) })), 413, "too large");
    assert_eq!(get(&server, &chief, CUSTOMER_LIFETIME).at("/values/0/value"), "1");
}

#[test]
fn sessions_are_listed_page_by_page_and_chosen_by_user_and_website() {
    let server = server();
    let chief = administrator(&server, "chief");
    for store in ["default", "de", "default"] {
        jane(&server, store);
    }
    let all = session_ids(&get(&server, &chief, "/sessions"));
    assert_eq!(all.len(), 4);
    let (mut pages, mut after) = (Vec::new(), 0);
    loop {
        let page = get(&server, &chief, &format!("/sessions?limit=3&after={after}"));
        pages.extend(session_ids(&page));
        let Some(next) = page.at("/next").as_u64() else { break };
        after = next;
    }
    assert_eq!(pages, all);
    let full = get(&server, &chief, "/sessions?limit=4");
    assert_eq!((session_ids(&full), full.at("/next")), (all.clone(), Value::Null), "nothing follows a full last page");
    let customers = get(&server, &chief, "/sessions?limit=2&email=jane@example.com&website=base");
    assert_eq!((session_ids(&customers).len(), customers.at("/next")), (2, Value::Null));
    let listed = |filter: &str| session_ids(&get(&server, &chief, &format!("/sessions?{filter}")));
    assert_eq!(listed("kind=admin"), all[..1]);
    assert_eq!(listed("kind=customer"), all[1..]);
    assert_eq!(listed("website=eu"), all[2..3]);
    assert_eq!(listed("email=Jane@example.com"), all[1..], "in both websites");
    assert_eq!(listed("email=jane@example.com&website=base"), [all[1].clone(), all[3].clone()]);
    assert_eq!(listed("username=CHIEF"), all[..1]);
    let id = get(&server, &chief, &format!("/sessions/{}", all[2])).at("/user/id");
    assert_eq!(listed(&format!("kind=customer&id={id}")), all[2..3]);
    assert_eq!(listed("email=nobody@example.com"), Vec::<Value>::new());
    for wrong in
        ["limit=0", "limit=1001", "id=1", "kind=admin&email=a@example.com", "website=moon", "kind=guest", "x=1"]
    {
        assert_eq!(get(&server, &chief, &format!("/sessions?{wrong}")).status, 400, "{wrong}");
    }
}

#[test]
fn ended_sessions_are_counted_and_dead_at_once() {
    let server = server();
    let chief = administrator(&server, "chief");
    let good = |token: &str| server.gateway(Some(token), "").status == 200;
    let (first, second, third) = (jane(&server, "default"), jane(&server, "default"), jane(&server, "de"));
    let ids = session_ids(&get(&server, &chief, "/sessions?kind=customer"));
    let one = delete(&server, &chief, &format!("/sessions/{}", ids[0]));
    assert_eq!(one.assert_status(200).json(), json!({ "sessions_ended": 1 }));
    assert!(!good(&first) && good(&second));
    assert_problem(&delete(&server, &chief, &format!("/sessions/{}", ids[0])), 404, "no live session");
    let user = get(&server, &chief, &format!("/sessions/{}", ids[1])).at("/user/id");
    let ended = delete(&server, &chief, &format!("/users/customer/{user}/sessions"));
    assert_eq!(ended.at("/sessions_ended"), 1);
    assert!(!good(&second) && good(&third));
    assert_eq!(delete(&server, &chief, &format!("/users/customer/{user}/sessions")).at("/sessions_ended"), 0);
    assert_problem(&delete(&server, &chief, "/users/customer/4711/sessions"), 404, "no customer");
    assert_problem(&delete(&server, &chief, "/sessions?kind=customer"), 400, "confirm");
    assert_problem(&delete(&server, &chief, "/sessions?kind=customer&confirm=admin"), 400, "confirm");
    assert!(good(&third));
    assert_eq!(delete(&server, &chief, "/sessions?kind=customer&confirm=customer").at("/sessions_ended"), 1);
    assert!(!good(&third) && good(&chief));
    assert_eq!(delete(&server, &chief, "/sessions?kind=admin&confirm=admin").at("/sessions_ended"), 1);
    let gone = get(&server, &chief, "/sessions");
    assert_problem(&gone, 401, "not known");
    assert!(gone.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""));
}

#[test]
fn everybody_is_signed_out_by_who_may_and_says_so_twice() {
    let server = server();
    let chief = administrator(&server, "chief");
    let customer = jane(&server, "default");
    assert_problem(&delete(&server, &chief, "/sessions?kind=all"), 400, "confirm");
    assert_problem(&delete(&server, &chief, "/sessions?kind=all&confirm=customer"), 400, "confirm");
    assert_eq!(delete(&server, &chief, "/sessions?kind=all&confirm=all").at("/sessions_ended"), 2);
    for token in [&chief, &customer] {
        assert_eq!(server.gateway(Some(token), "").status, 401);
    }
}

#[test]
fn a_role_opens_only_what_it_allows() {
    let server = server();
    let (chief, service) = (administrator(&server, "chief"), administrator(&server, "service"));
    let configuration = administrator(&server, "configuration");
    let customer = jane(&server, "default");
    let sessions = get(&server, &chief, "/sessions").at("/sessions");
    let id = |kind: &str| {
        let found = sessions.as_array().unwrap().iter().find(|session| session["user"]["kind"] == kind);
        found.unwrap()["id"].clone()
    };
    get(&server, &configuration, "/settings").assert_status(200);
    let users = "Magento_User::acl_users";
    for (path, resource) in [
        ("/settings", "Magento_Integration::config_oauth"),
        ("/sessions", users),
        ("/sessions?kind=admin", users),
        ("/sessions?username=chief", users),
        (&format!("/sessions/{}", id("admin")), users),
        ("/locks/throttle", users),
    ] {
        let refused = get(&server, &service, path);
        assert_problem(&refused, 403, resource);
        assert_eq!(refused.at("/resource"), resource);
        assert!(refused.header("www-authenticate").contains("insufficient_scope"), "{path}");
    }
    for path in ["/sessions?kind=customer", "/sessions?email=jane@example.com", "/locks/customers"] {
        get(&server, &service, path).assert_status(200);
        assert_problem(&get(&server, &configuration, path), 403, "Magento_Customer::invalidate_tokens");
    }
    assert_problem(&delete(&server, &service, &format!("/sessions/{}", id("admin"))), 403, users);
    assert_problem(&delete(&server, &service, "/users/admin/1/sessions"), 403, users);
    assert_problem(&delete(&server, &service, "/sessions?kind=admin&confirm=admin"), 403, users);
    assert_problem(&delete(&server, &service, "/sessions?kind=all&confirm=all"), 403, users);
    assert_eq!(server.gateway(Some(&chief), "?require=admin").status, 200);
    delete(&server, &service, &format!("/sessions/{}", id("customer"))).assert_status(200);
    assert_problem(&get(&server, &customer, "/sessions"), 401, "not known");
    assert_problem(&get(&server, &jane(&server, "de"), "/sessions"), 403, "Only an administrator");
}

#[test]
fn a_throttled_name_is_listed_and_let_in_again() {
    let server = server();
    let chief = administrator(&server, "chief");
    put(&server, &chief, "/settings/oauth/authentication_lock/max_failures_count", "2").assert_status(200);
    for _ in 0..2 {
        server.try_admin("service", "wrong");
        server.try_customer("nobody@example.com", "wrong");
    }
    assert_eq!(server.try_admin("service", "password").status, 401);
    let listed = get(&server, &chief, "/locks/throttle");
    let names = listed.assert_status(200).at("/names");
    let brief: Vec<_> =
        names.as_array().unwrap().iter().map(|row| (&row["kind"], &row["name"], &row["refused"])).collect();
    let (yes, admin, customer) = (json!(true), json!("admin"), json!("customer"));
    assert_eq!(brief, [(&admin, &json!("service"), &yes), (&customer, &json!("nobody@example.com"), &yes)]);
    let first = get(&server, &chief, "/locks/throttle?limit=1");
    assert_eq!(first.at("/next"), "admin:service");
    for last in ["limit=2", "limit=1&kind=admin", "limit=1&after=admin:service"] {
        assert_eq!(get(&server, &chief, &format!("/locks/throttle?{last}")).at("/next"), Value::Null, "{last}");
    }
    assert_eq!(get(&server, &chief, "/locks/throttle?limit=1&after=admin:service").at("/names/0/kind"), "customer");
    assert_eq!(get(&server, &chief, "/locks/throttle?kind=admin&limit=5").at("/names").as_array().unwrap().len(), 1);
    let answer = delete(&server, &chief, "/locks/throttle?kind=admin&name=Service");
    assert_eq!(answer.assert_status(200).at("/locks_lifted"), 1);
    assert_eq!(server.try_admin("service", "password").status, 200);
    assert_problem(&delete(&server, &chief, "/locks/throttle?kind=admin&name=service"), 404, "No failures");
}

#[test]
fn a_locked_customer_is_listed_and_let_in_again() {
    let server = server();
    let chief = administrator(&server, "chief");
    let customer = jane(&server, "default");
    put(&server, &chief, "/settings/customer/password/lockout_failures", "2").assert_status(200);
    for _ in 0..2 {
        server.try_customer("jane@example.com", "wrong");
    }
    assert_eq!(server.gateway(Some(&customer), "").status, 403);
    let listed = get(&server, &chief, "/locks/customers");
    assert_eq!(listed.assert_status(200).at("/customers/0/email"), "jane@example.com");
    assert_eq!(listed.at("/customers/0/website"), "base");
    assert_eq!(
        get(&server, &chief, "/locks/customers?limit=1").at("/next"),
        Value::Null,
        "a full page may be the last"
    );
    let path = format!("/locks/customers/{}", listed.at("/customers/0/id"));
    assert_eq!(delete(&server, &chief, &path).assert_status(200).at("/locks_lifted"), 1);
    server.wait_until(|server| server.gateway(Some(&customer), "").status == 200);
    assert_eq!(get(&server, &chief, "/locks/customers").at("/customers"), json!([]));
    assert_eq!(get(&server, &chief, "/locks/throttle").at("/names"), json!([]), "her address may try again as well");
    assert_eq!(delete(&server, &chief, &path).at("/locks_lifted"), 0);
    assert_problem(&delete(&server, &chief, "/locks/customers/4711"), 404, "no customer");
}

#[test]
fn head_is_answered_like_get_without_a_body() {
    let server = server();
    let (chief, service) = (administrator(&server, "chief"), administrator(&server, "service"));
    for path in ["/settings", CUSTOMER_LIFETIME, "/sessions", "/sessions/1", "/locks/customers", "/locks/throttle"] {
        for token in [&chief, &service] {
            let [head, get] = ["HEAD", "GET"].map(|method| ask(&server, method, token, path, None));
            assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
            for header in ["content-type", "content-length", "cache-control"] {
                assert_eq!(head.header(header), get.header(header), "{path}");
            }
        }
    }
    let refused = ask(&server, "POST", &chief, "/sessions", None);
    assert_problem(&refused, 405, "GET, HEAD, DELETE");
    assert_eq!(refused.header("allow"), "GET, HEAD, DELETE");
}

#[test]
fn no_answer_is_kept_by_a_cache_or_shared_with_another_origin() {
    let server = server();
    let chief = administrator(&server, "chief");
    for answer in [get(&server, &chief, "/sessions"), get(&server, "nonsense", "/sessions"), get(&server, &chief, "/x")]
    {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.headers.get("access-control-allow-origin").is_none());
        assert!(!answer.body.contains(&chief), "no answer holds a token");
    }
}

#[test]
fn the_openapi_document_is_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let printed: Outcome = tokenward(folder.path(), &["export-openapi"], "");
    let file = std::fs::read_to_string(repository().join("openapi.json")).unwrap();
    assert!(printed.printed() == file.trim_end(), "openapi.json is not what `tokenward export-openapi` prints");
}

#[test]
fn a_generated_client_changes_a_lifetime_and_ends_a_session() {
    let python = repository().join("target/clients/openapi/bin/python");
    if !python.exists() {
        skip(&format!("{} is not there (scripts/test install)", python.display()));
        return;
    }
    let clients = repository().join("tests/clients/openapi");
    let folder = tempfile::tempdir().unwrap();
    let mut generator = Command::new(&python);
    generator
        .args(["-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"])
        .arg("--path")
        .arg(repository().join("openapi.json"))
        .arg("--config")
        .arg(clients.join("generator.yml"))
        .arg("--output-path")
        .arg(folder.path().join("tokenward_client"));
    assert_eq!(run(generator, "").code, 0);
    let server = TestServer::demo();
    let mut client = Command::new(&python);
    client.arg(clients.join("administrator.py")).env("PYTHONPATH", folder.path());
    client.args([server.public.to_string(), server.admin_listener.to_string()]);
    assert_eq!(run(client, "").printed(), "good");
    server.assert_unharmed();
}
