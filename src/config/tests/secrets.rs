use super::*;

const KEYS: [&str; 4] = ["magento.crypt_key", "magento.database_url", "demo.customer_password", "demo.admin_password"];

#[test]
fn a_secret_comes_from_its_file_without_the_line_break_at_the_end() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let key = |content: &str| {
        std::fs::write(file.path(), content).unwrap();
        let config = from_text(&format!("magento.crypt_key_file = {:?}", file.path())).unwrap();
        config.magento.crypt_key.unwrap().expose().to_owned()
    };
    assert_eq!(key("hunter2\n"), "hunter2");
    assert_eq!(key("hunter2\r\n"), "hunter2");
    assert_eq!(key(" hunter2 \n\n"), " hunter2 \n");
}

#[test]
fn a_secrets_file_that_is_missing_or_empty_is_named() {
    insta::assert_snapshot!(problems("\nmagento.crypt_key_file = \"/nowhere/key\""), @r#"
    tokenward.toml:2: magento.crypt_key_file names /nowhere/key, which cannot be read: No such file or directory (os error 2)
    "#);
    let file = tempfile::NamedTempFile::new().unwrap();
    let problems = problems(&format!("magento.crypt_key_file = {:?}", file.path()));
    assert!(problems.ends_with("which is empty"), "{problems}");
}

#[test]
fn a_secret_is_given_once_in_a_layer_and_the_later_layer_wins() {
    let both = "[demo]\nadmin_password = \"hunter2\"\nadmin_password_file = \"/nowhere\"";
    insta::assert_snapshot!(problems(both), @r#"
    tokenward.toml:3: demo.admin_password and demo.admin_password_file are both set: keep one of them
    "#);
    let file = "demo.admin_password_file = \"/nowhere\"";
    let config = from_layers(file, &[("TOKENWARD__DEMO__ADMIN_PASSWORD", "hunter2")], &[]).unwrap();
    assert_eq!(config.demo.admin_password.unwrap().expose(), "hunter2");
    let file = "demo.admin_password = \"hunter2\"";
    let errors = from_layers(file, &[("TOKENWARD__DEMO__ADMIN_PASSWORD_FILE", "/nowhere")], &[]).unwrap_err();
    assert!(errors.to_string().starts_with("TOKENWARD__DEMO__ADMIN_PASSWORD_FILE: "), "{errors}");
}

#[test]
fn a_secret_is_taken_as_it_is() {
    let config = from_layers("", &[("TOKENWARD__DEMO__ADMIN_PASSWORD", " [a, b] ")], &[]).unwrap();
    assert_eq!(config.demo.admin_password.unwrap().expose(), " [a, b] ");
}

#[test]
fn secrets_do_not_print() {
    for key in KEYS {
        let config = from_text(&format!("{key} = \"hunter2\"")).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"), "{key}");
    }
    let client = "[[clients]]\nid = \"a\"\nsecret = \"hunter2\"";
    assert!(!format!("{:?}", from_text(client).unwrap()).contains("hunter2"));
}

#[test]
fn a_problem_with_a_secret_does_not_print_it() {
    for key in KEYS {
        for value in ["715517", "[\"715517\"]", "715517.5", "{ a = \"715517\" }", "\"715517", "a715517"] {
            let problems = problems(&format!("{key} = {value}"));
            assert!(!problems.contains("715517"), "{problems}");
        }
        assert!(!problems(&format!("{key}s = \"hunter2\"")).contains("hunter2"));
        assert!(!problems(&format!("{key} = \"\"")).is_empty());
    }
}
