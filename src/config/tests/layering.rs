use super::*;
use crate::config::{AccountSource, Capacity, MagentoLine, Place, check_config};

#[test]
fn a_later_layer_wins_over_an_earlier_one_key_by_key() {
    let file = "[http]\npublic = \"127.0.0.1:1\"\ninternal = \"127.0.0.1:2\"\nadmin = \"127.0.0.1:3\"";
    let environment = [("TOKENWARD__HTTP__INTERNAL", "127.0.0.1:4"), ("TOKENWARD__HTTP__ADMIN", "127.0.0.1:5")];
    let config = from_layers(file, &environment, &[("http.admin", "127.0.0.1:6")]).unwrap();
    assert_eq!(config.http.public.port(), 1);
    assert_eq!(config.http.internal.port(), 4);
    assert_eq!(config.http.admin.port(), 6);
    assert_eq!(config.http.max_body, 1 << 20);
    assert_eq!(config.places.of("http.admin"), Place::Flag);
    assert_eq!(config.places.of("http.max_body"), Place::Default);
}

#[test]
fn a_wrong_value_that_a_later_layer_replaces_does_no_harm() {
    let config = from_layers("magento.version = \"1\"", &[("TOKENWARD__MAGENTO__VERSION", "2.4.7")], &[]);
    assert_eq!(config.unwrap().magento.version, MagentoLine::V247);
}

#[test]
fn variables_hold_text_numbers_choices_and_lists() {
    let environment = [
        ("TOKENWARD__HTTP__MAX_BODY", "2048"),
        ("TOKENWARD__SIGN_IN__REFUSE_INACTIVE", "true"),
        ("TOKENWARD__TOKENS__CAPACITY", "5000"),
        ("TOKENWARD__ACCOUNTS__SOURCE", "embedded"),
        ("TOKENWARD__HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.1"),
        ("TOKENWARD__HTTP__CORS__ALLOWED_ORIGINS", r#"["https://a.example", "http://b.example:3000"]"#),
        ("HOME", "/root"),
    ];
    let config = from_layers("", &environment, &[]).unwrap();
    assert_eq!(config.http.max_body, 2048);
    assert!(config.sign_in.refuse_inactive);
    assert_eq!(config.tokens.capacity, Capacity::Sessions(5000));
    assert_eq!(config.accounts.source, AccountSource::Embedded);
    let proxies: Vec<_> = config.http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.168.1.1/32"]);
    assert_eq!(config.http.cors.allowed_origins, ["https://a.example", "http://b.example:3000"]);
}

#[test]
fn an_empty_variable_is_an_empty_list_that_replaces_the_files() {
    let file = "http.trusted_proxies = [\"10.0.0.0/8\"]";
    let config = from_layers(file, &[("TOKENWARD__HTTP__TRUSTED_PROXIES", "")], &[]).unwrap();
    assert_eq!(config.http.trusted_proxies, []);
}

#[test]
fn a_file_is_read_when_it_is_named_by_argument_or_variable_and_never_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, port: u16| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("http.public = \"127.0.0.1:{port}\"")).unwrap();
        path
    };
    let (argument, variable) = (write("argument.toml", 1), write("variable.toml", 2));
    let port = |file: Option<&Path>, named: Option<&Path>| {
        let environment = named.map(|path| ("TOKENWARD_CONFIG", path));
        Config::load(file, environment, []).unwrap().http.public.port()
    };
    assert_eq!(port(Some(&argument), Some(&variable)), 1);
    assert_eq!(port(None, Some(&variable)), 2);
    assert_eq!(port(None, None), 8080);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let errors = Config::load(Some(Path::new("nowhere.toml")), [] as [(&str, &str); 0], []).unwrap_err();
    assert_eq!(errors.to_string(), "nowhere.toml: cannot be read: No such file or directory (os error 2)");
}

#[test]
fn what_is_not_served_yet_is_refused_and_never_ignored() {
    let environment = [("TOKENWARD__HTTP__GRPC", "127.0.0.1:0"), ("TOKENWARD__UPSTREAM__URL", "http://magento")];
    let errors = check_config(None, environment, [], None).unwrap_err();
    insta::assert_snapshot!(errors, @r"
    TOKENWARD__HTTP__GRPC: http.grpc is not available in this version yet: ask /check of the internal listener
    TOKENWARD__UPSTREAM__URL: upstream.url is not available in this version yet: leave it out
    ");
}

#[test]
fn what_is_served_passes_with_its_budget() {
    let environment = [("TOKENWARD__DATA__DURABILITY", "sync"), ("TOKENWARD__EXCHANGE__LIFETIME", "60")];
    let (_, budget) = check_config(None, environment, [], Some(64 << 30)).unwrap();
    assert_eq!(budget.sessions, 10_000_000);
    let flags = [("sign_in.concurrency".to_owned(), "100".to_owned())];
    let errors = check_config(None, environment, flags, Some(1 << 30)).unwrap_err();
    assert!(errors.to_string().starts_with("command line: sign_in.concurrency is too high"), "{errors}");
}
