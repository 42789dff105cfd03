use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::config::layers::variable_of;

/// A key of each form.
const KEYS: [&str; 7] = [
    "http.public",
    "http.trusted_proxies",
    "http.cors.allowed_origins",
    "http.issuer",
    "exchange.kinds",
    "tokens.capacity",
    "policies",
];

#[test]
fn an_unknown_key_names_its_place_and_the_nearest_known_one() {
    let text = "[http]\n\nworker = 2\n\n[http.cors]\norigins = []\n[data]\nxyz = 1\n[htpp]\npublic = 1\nworkers = 2";
    assert_snapshot!(problems(text), @r#"
    tokenward.toml:3: http.worker is not a key; did you mean http.workers?
    tokenward.toml:6: http.cors.origins is not a key; did you mean http.cors.allowed_origins?
    tokenward.toml:8: data.xyz is not a key
    tokenward.toml:9: htpp is not a key; did you mean http?
    "#);
    let text = "max_body = 1\n\"http.workers\" = 2\n[data.dir]\n[settings.foo]\nbar = 1";
    assert_snapshot!(problems(text), @r#"
    tokenward.toml:1: max_body is not a key; did you mean http.max_body?
    tokenward.toml:2: "http.workers" is not a key; did you mean http.workers?
    tokenward.toml:3: data.dir is a key, not a section
    tokenward.toml:5: "foo.bar" is not a setting
    "#);
    assert_snapshot!(problems("settings = 3"), @r#"tokenward.toml:1: settings is a section: set the keys in it"#);
}

#[test]
fn an_unknown_variable_or_flag_names_the_nearest_known_one() {
    let environment = [
        ("TOKENWARD__HTTP__WORKER", "2"),
        ("TOKENWARD__http__workers", "2"),
        ("TOKENWARD_HTTP_PUBLIC", "127.0.0.1:1"),
        ("TOKENWARD_SERVICE_HOST", "10.0.0.1"),
        ("TOKENWARD__HTTP", "x"),
    ];
    let errors = from_layers("", &environment, &[("http.wrokers", "2")]).unwrap_err();
    assert_snapshot!(errors, @r#"
    TOKENWARD_HTTP_PUBLIC: is not read; did you mean TOKENWARD__HTTP__PUBLIC?
    TOKENWARD__HTTP: http is a section: set the keys in it
    TOKENWARD__HTTP__WORKER: http.worker is not a key; did you mean TOKENWARD__HTTP__WORKERS?
    TOKENWARD__http__workers: http__workers is not a key; did you mean TOKENWARD__HTTP__WORKERS?
    command line: http.wrokers is not a key; did you mean http.workers?
    "#);
}

#[test]
fn what_is_not_toml_is_pointed_at() {
    assert_snapshot!(problems("[http]\nworkers = \n"), @r#"
    tokenward.toml:2: string values must be quoted, expected literal string
    "#);
    assert_snapshot!(problems("[http]\nworkers = 1\nworkers = 2\n"), @r#"tokenward.toml:3: duplicate key"#);
}

#[test]
fn a_value_of_another_type_or_out_of_range_says_what_would_be_right() {
    let text = r#"
http.public = 8080
http.internal = "localhost"
http.admin = "127.0.0.1:70000"
http.workers = 0
http.max_body = "1 MiB"
http.trusted_proxies = ["10.0.0.0/33"]
http.grpc = ""
data.dir = " "
data.durability = "fsync"
accounts.source = 1
magento.version = 2.4
tokens.capacity = "many"
tokens.per_subject = -1
sign_in.concurrency = 0
sign_in.refuse_inactive = "yes"
exchange.kinds = ["customer", "guest"]
lifecycle.drain_timeout = 1.5
upstream.url = "magento:8080"
log = "info"
"#;
    assert_snapshot!(problems(text), @r#"
    tokenward.toml:2: http.public must be an address with a port, such as 127.0.0.1:8080 or [::1]:8080, not 8080
    tokenward.toml:3: http.internal must be an address with a port, such as 127.0.0.1:8080 or [::1]:8080, not "localhost"
    tokenward.toml:4: http.admin must be an address with a port, such as 127.0.0.1:8080 or [::1]:8080, not "127.0.0.1:70000"
    tokenward.toml:5: http.workers must be a whole number from 1 to 1024, not 0
    tokenward.toml:6: http.max_body must be a whole number from 1 to 1073741824, not "1 MiB"
    tokenward.toml:7: http.trusted_proxies has an entry that must be a network such as 10.0.0.0/8, or an address, not "10.0.0.0/33"
    tokenward.toml:8: http.grpc must be an address with a port, such as 127.0.0.1:8080 or [::1]:8080, not empty text
    tokenward.toml:9: data.dir must be a path, not " "
    tokenward.toml:10: data.durability must be "sync", "async" or "none", not "fsync"
    tokenward.toml:11: accounts.source must be "embedded" or "magento", not 1
    tokenward.toml:12: magento.version must be "2.4.7" or "2.4.8", not 2.4
    tokenward.toml:13: tokens.capacity must be "auto" or a whole number from 1 to 1000000000, not "many"
    tokenward.toml:14: tokens.per_subject must be a whole number from 1 to 1000000, not -1
    tokenward.toml:15: sign_in.concurrency must be a whole number from 1 to 1024, not 0
    tokenward.toml:16: sign_in.refuse_inactive must be true or false, not "yes"
    tokenward.toml:17: exchange.kinds has an entry that must be "customer" or "admin", not "guest"
    tokenward.toml:18: lifecycle.drain_timeout must be a whole number of seconds from 1 to 3600, not 1.5
    tokenward.toml:19: upstream.url must be an address such as https://shop.example.com, without a query, not "magento:8080"
    tokenward.toml:20: log is a section: set the keys in it
    "#);
}

proptest! {
    #[test]
    fn whatever_is_written_is_answered(text in "\\PC{0,40}", key in prop::sample::select(KEYS.to_vec())) {
        drop(from_text(&text));
        drop(from_layers("", &[(&variable_of(key), &text)], &[(key, &text)]));
    }
}

#[test]
fn an_origin_is_what_a_browser_sends() {
    let refused = |origin: &str| from_text(&format!("http.cors.allowed_origins = [{origin:?}]")).is_err();
    for origin in [
        "*",
        "null",
        "shop.example.com",
        "https://*.example.com",
        "https://shop.example.com/",
        "https://shop.example.com/path",
        "https://shop.example.com?a",
        "https://shop.example.com:443",
        "http://shop.example.com:80",
        "https://shop.example.com:",
        "https://user@shop.example.com",
        "ftp://shop.example.com",
        "https://",
        "",
    ] {
        assert!(refused(origin), "{origin}");
    }
    for origin in ["https://shop.example.com", "http://localhost:3000", "http://[::1]:3000", "https://a:80"] {
        assert!(!refused(origin), "{origin}");
    }
    let config = from_text("http.cors.allowed_origins = [\"HTTPS://Shop.Example.com\"]").unwrap();
    assert_eq!(config.http.cors.allowed_origins, ["https://shop.example.com"]);
    assert_snapshot!(problems("[http.cors]\nallowed_origins = [\n  \"*\",\n]"), @r#"
    tokenward.toml:2: http.cors.allowed_origins has an entry that must be an origin as browsers send it, such as https://shop.example.com or http://localhost:3000, without * and without a path, not "*"
    "#);
    assert_snapshot!(problems("http.cors.allowed_origins = \"https://a.example\""), @r#"
    tokenward.toml:1: http.cors.allowed_origins must be a list in [ ], not "https://a.example"
    "#);
}
