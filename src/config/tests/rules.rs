use insta::assert_snapshot;

use super::*;

#[test]
fn what_contradicts_is_named_at_the_place_that_brought_it_about() {
    assert_snapshot!(problems("http.internal = \"0.0.0.0:8080\""), @r#"
    tokenward.toml:1: http.internal and http.public listen on the same port (0.0.0.0:8080): give each its own
    "#);
    let environment = [("TOKENWARD__HTTP__PUBLIC", "127.0.0.1:7000")];
    let errors = from_layers("http.internal = \"127.0.0.1:7000\"", &environment, &[]).unwrap_err();
    assert_snapshot!(errors, @r#"
    TOKENWARD__HTTP__PUBLIC: http.public and http.internal listen on the same port (127.0.0.1:7000): give each its own
    "#);
    assert!(from_text("[http]\npublic = \"127.0.0.1:0\"\ninternal = \"127.0.0.1:0\"").is_ok());
}

#[test]
fn policies_are_named_once_and_make_sense() {
    let text = r#"
[[policies]]
name = "editors"
require = "admin"
acl = "Magento_Catalog::products"
[[policies]]
name = "editors"
require = "adminn"
[[policies]]
name = "storefront"
[[policies]]
require = "customer"
acl = "Magento_Catalog::products"
[[policies]]
name = "a/b"
required = "any"
observe = "yes"
[[clients]]
id = "monitoring"
"#;
    assert_snapshot!(problems(text), @r#"
    tokenward.toml:7: policies[1].name "editors" is there twice: choose another name
    tokenward.toml:8: policies[1].require must be "any", "customer", "admin", "integration" or "guest-ok", not "adminn"
    tokenward.toml:10: policies[2].name "storefront" is built in: choose another name
    tokenward.toml:11: policies[3].name is missing: a policy is asked for by its name
    tokenward.toml:13: policies[3].acl is about administrators and integrations, whom this policy's `require` does not let through
    tokenward.toml:15: policies[4].name must be a name of letters, digits, - and _, not "a/b"
    tokenward.toml:16: policies[4].required is not a key; did you mean policies[4].require?
    tokenward.toml:17: policies[4].observe must be true or false, not "yes"
    tokenward.toml:18: clients[0] needs an id, and a secret or a secret_file
    "#);
    assert_snapshot!(problems("[policies]\nname = \"a\""), @r#"
    tokenward.toml:1: policies is a list of tables: write [[policies]] in the file
    "#);
    let errors = from_layers("", &[("TOKENWARD__POLICIES", "a")], &[]).unwrap_err();
    assert_snapshot!(errors, @r#"TOKENWARD__POLICIES: policies is a list of tables: write [[policies]] in the file"#);
}

#[test]
fn policies_are_there_with_the_built_in_ones() {
    let text = "[[policies]]\nname = \"mine\"\nrequire = \"guest-ok\"\nother_schemes = \"pass\"\nobserve = true";
    let config = from_text(text).unwrap();
    let names: Vec<_> = config.policies.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["admin", "any", "customer", "mine", "storefront"]);
    assert!(config.policies.named("mine").unwrap().observe);
}

#[test]
fn a_setting_has_one_of_magentos_paths_and_is_set_in_the_file() {
    let text = r#"
[settings]
"oauth/access_token_lifetime/customer" = 2.5
"oauth/access_token_lifetime/admin" = 8
"#;
    let config = from_text(text).unwrap();
    let settings: Vec<_> = config.settings.iter().collect();
    let expected = [("oauth/access_token_lifetime/admin", "8"), ("oauth/access_token_lifetime/customer", "2.5")];
    assert_eq!(settings, expected);
    let text = r#"
[settings]
"oauth/access_token_lifetime/custmer" = 2
"oauth/access_token_lifetime/admin" = []
"oauth/cleanup/expiration_period" = "soon"
"oauth/cleanup/cleanup_probability" = -1
"#;
    assert_snapshot!(problems(text), @r#"
    tokenward.toml:3: "oauth/access_token_lifetime/custmer" is not a setting; did you mean "oauth/access_token_lifetime/customer"?
    tokenward.toml:4: "oauth/access_token_lifetime/admin" must be text, a number, true or false, not a list
    tokenward.toml:5: "oauth/cleanup/expiration_period" = "soon": Please enter a valid number in this field.
    tokenward.toml:6: "oauth/cleanup/cleanup_probability" = -1: Please enter a number 0 or greater in this field.
    "#);
    let environment = [("TOKENWARD__SETTINGS__OAUTH/ACCESS_TOKEN_LIFETIME/ADMIN", "1")];
    assert_snapshot!(from_layers("", &environment, &[]).unwrap_err(), @r#"
    TOKENWARD__SETTINGS__OAUTH/ACCESS_TOKEN_LIFETIME/ADMIN: settings can be set in the file only, and while the server runs by `tokenward setting`
    "#);
}

#[test]
fn what_signs_jwts_needs_the_key_of_the_installation() {
    let text = r#"
exchange.lifetime = 30
exchange.kinds = ["customer"]
tokens.format = "jwt"
[[policies]]
name = "plain"
[[policies]]
name = "magento"
require = "customer"
exchange = "jwt"
"#;
    assert_snapshot!(problems_beside_a_shop(text, &[]), @r#"
    tokenward.toml:2: exchange.lifetime needs the key of the Magento installation, and there is none: set magento.crypt_key (or crypt_key_file), name an env.php that has crypt/key with magento.env_php, or set MAGENTO_DC_CRYPT__KEY
    tokenward.toml:3: exchange.kinds needs the key of the Magento installation, and there is none: set magento.crypt_key (or crypt_key_file), name an env.php that has crypt/key with magento.env_php, or set MAGENTO_DC_CRYPT__KEY
    tokenward.toml:4: tokens.format needs the key of the Magento installation, and there is none: set magento.crypt_key (or crypt_key_file), name an env.php that has crypt/key with magento.env_php, or set MAGENTO_DC_CRYPT__KEY
    tokenward.toml:10: policies[1].exchange needs the key of the Magento installation, and there is none: set magento.crypt_key (or crypt_key_file), name an env.php that has crypt/key with magento.env_php, or set MAGENTO_DC_CRYPT__KEY
    "#);
    let config = from_text(text).unwrap();
    assert_eq!(config.policies.named("magento").unwrap().exchange, Some(crate::decision::Exchange::Jwt));
    for variables in [[("MAGENTO_DC_CRYPT__KEY", "abc")], [("MAGENTO_DC__OVERRIDE", r#"{"crypt":{"key":"abc"}}"#)]] {
        assert_eq!(problems_beside_a_shop(text, &variables), "", "{variables:?}");
    }
    assert_eq!(problems_beside_a_shop(&format!("magento.crypt_key = \"abc\"{text}"), &[]), "");
    let long = "x".repeat(3000);
    assert_snapshot!(problems_beside_a_shop("tokens.format = \"jwt\"", &[("MAGENTO_DC_CRYPT__KEY", &long)]), @"tokenward.toml:1: tokens.format needs the key of the Magento installation, and crypt/key of the shop is longer than 2048 bytes, which no key is");
}

#[test]
fn the_shops_file_is_looked_at_before_anything_relies_on_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env.php");
    let text = format!("magento.env_php = {file:?}\ntokens.format = \"jwt\"");
    let told = |variables: &[(&str, &str)]| {
        problems_beside_a_shop(&text, variables).replace(folder.path().to_str().unwrap(), "FOLDER")
    };
    assert_snapshot!(told(&[]), @"tokenward.toml:1: magento.env_php names a file that cannot be used: FOLDER/env.php cannot be read: No such file or directory (os error 2)");
    std::fs::write(&file, "<?php return ['crypt' => ").unwrap();
    assert!(
        told(&[]).starts_with(
            "tokenward.toml:1: magento.env_php names a file that cannot be used: FOLDER/env.php, line 1: "
        )
    );
    std::fs::write(&file, "<?php return ['crypt' => ['key' => '']];").unwrap();
    assert_snapshot!(told(&[]), @"tokenward.toml:2: tokens.format needs the key of the Magento installation, and there is none: set magento.crypt_key (or crypt_key_file), name an env.php that has crypt/key with magento.env_php, or set MAGENTO_DC_CRYPT__KEY");
    assert_eq!(told(&[("MAGENTO_DC_CRYPT__KEY", "abc")]), "");
    std::fs::write(&file, "<?php return ['crypt' => ['key' => 'abc']];").unwrap();
    assert_eq!(told(&[]), "");
    // Magento, too, takes an empty variable for the value.
    assert!(told(&[("MAGENTO_DC_CRYPT__KEY", "")]).contains("and there is none"));
}

/// What `check-config` says of a file and the shop's variables; nothing when all is good.
fn problems_beside_a_shop(text: &str, variables: &[(&str, &str)]) -> String {
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    ConfigErrors::none_of(from_text(text).unwrap().shop_problems(variables))
        .map_or_else(|problems| problems.to_string(), |()| String::new())
}

#[test]
fn where_the_shops_database_is_has_to_be_said_and_to_be_an_address() {
    let beside = "accounts.source = \"magento\"\n";
    assert_snapshot!(problems_beside_a_shop(beside, &[]), @r#"tokenward.toml:1: accounts.source = "magento" needs magento.env_php, magento.database_url or the shop's own variables (MAGENTO_DC_DB__CONNECTION__DEFAULT__HOST …): db/connection/default/host is not set"#);
    let variables = [("HOST", "shop"), ("DBNAME", "magento"), ("USERNAME", "tokenward"), ("PASSWORD", "")]
        .map(|(name, value)| (format!("MAGENTO_DC_DB__CONNECTION__DEFAULT__{name}"), value));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(problems_beside_a_shop(beside, &variables), "");
    let url = |url: &str| problems_beside_a_shop(&format!("{beside}magento.database_url = \"{url}\""), &[]);
    for good in [
        "mysql://a:b@host/magento",
        "mariadb://a@host:3307/magento?ssl-mode=required&socket=/run/x.sock",
        "mysql://a@host/magento?ssl-ca=/etc/ca@2.pem",
    ] {
        assert_eq!(url(good), "");
    }
    for wrong in [
        "postgres://a:b@host/magento",
        "mysql://a:b@host",
        "mysql://a:b@host/",
        "mysql://a:b#w@host/magento",
        "mysql://a:p@ss/w#rd@host/magento",
        "mysql://a:b/c@host/magento",
    ] {
        assert!(url(wrong).contains("tokenward.toml:2: magento.database_url must look like"), "{wrong}");
    }
}

#[test]
fn a_key_without_an_entry_is_refused() {
    assert_snapshot!(problems("\nmagento.crypt_key = \" \""), @"tokenward.toml:2: magento.crypt_key has no entry");
    let long = problems(&format!("magento.crypt_key = \"{}\"", "x".repeat(3000)));
    assert_snapshot!(long, @"tokenward.toml:1: magento.crypt_key is longer than 2048 bytes, which no key is");
}

#[test]
fn what_writes_into_a_shop_needs_one_that_may_be_written_to() {
    let wanted = "magento.mirror_tokens = true\nmagento.rehash = true\n";
    assert_snapshot!(problems(wanted), @r#"
    tokenward.toml:1: magento.mirror_tokens is about a shop's accounts: it needs accounts.source = "magento"
    tokenward.toml:2: magento.rehash is about a shop's accounts: it needs accounts.source = "magento"
    "#);
    let beside = format!("{wanted}accounts.source = \"magento\"\n");
    assert_snapshot!(problems(&format!("{beside}magento.write = false")), @r"
    tokenward.toml:1: magento.mirror_tokens writes into the shop's database, which magento.write = false forbids
    tokenward.toml:2: magento.rehash writes into the shop's database, which magento.write = false forbids
    ");
    let there = format!("{beside}magento.database_url = \"mysql://tokenward:secret@shop/magento\"");
    let without_key = problems_beside_a_shop(&there, &[]);
    assert!(without_key.starts_with("tokenward.toml:1: magento.mirror_tokens needs the key"), "{without_key}");
    assert_snapshot!(problems_beside_a_shop(&there, &[("MAGENTO_DC_CRYPT__KEY", "abc")]), @"tokenward.toml:1: magento.mirror_tokens encrypts as the shop does, and the last key of the installation does not have 32 bytes");
    let key = "0123456789abcdef0123456789abcdef";
    assert_eq!(problems_beside_a_shop(&there, &[("MAGENTO_DC_CRYPT__KEY", key)]), "");
    let jwt = format!("{beside}magento.crypt_key = \"abc\"\ntokens.format = \"jwt\"");
    assert_snapshot!(problems(&jwt), @r#"tokenward.toml:1: magento.mirror_tokens is about opaque tokens: with tokens.format = "jwt" there are none, and the shop takes JWTs as they are"#);
    let good = from_text(&format!("{beside}magento.env_php = \"env.php\"")).unwrap();
    assert!(good.magento.mirror_tokens && good.magento.rehash);
}
