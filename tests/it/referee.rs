//! PHP as the referee: what is written here is what Magento's own language reads, and the other way round.
//!
//! `tests/php/magento.php` has Magento's rules in PHP's own functions.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tokenward::clock::UnixSeconds;
use tokenward::magento::InstallationKey;
use tokenward::secret::Password;
use tokenward::session::Subject;
use tokenward::sign_in::password::{self, Memory, StoredHash};
use tokenward::token::jwt::{Claims, Issuer, JwtAlgorithm, JwtKey};

use crate::support::{ServerBuilder, TestServer, repository, run, skip};

const OLD: &str = "g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ";
const MODERN: &str = "base64bWFnZW50by10ZXN0LWtleS0zMi1ieXRlcy0tLS0tLS0=";
const ROTATED: &str = "g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ\n  base64bWFnZW50by10ZXN0LWtleS0zMi1ieXRlcy0tLS0tLS0=\n";

/// Answers questions in PHP.
pub(crate) struct Referee(PathBuf);

impl Referee {
    /// `None`, and a word about it, where PHP is missing.
    pub(crate) fn find() -> Option<Self> {
        let folders = ["/usr/bin", "/usr/local/bin"].map(PathBuf::from);
        let found = folders.iter().map(|folder| folder.join("php")).find(|program| program.exists());
        if found.is_none() {
            skip("php is not there (scripts/test install)");
        }
        found.map(Self)
    }

    #[track_caller]
    pub(crate) fn ask(&self, question: &Value) -> Value {
        let mut php = Command::new(&self.0);
        php.arg(repository().join("tests/php/magento.php"));
        let outcome = run(php, &question.to_string());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:?}");
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error} in {outcome:?}"))
    }

    /// What PHP reads in a JWT.
    #[track_caller]
    pub(crate) fn read(&self, token: &str, key: &str, algorithm: &str) -> Value {
        self.ask(&json!({ "do": "read", "token": token, "key": key, "algorithm": algorithm }))
    }

    /// Whether PHP takes this hash for that of this password.
    #[track_caller]
    pub(crate) fn matches(&self, stored: &str, password: &str) -> bool {
        self.ask(&json!({ "do": "matches", "stored": stored, "password": password, "key": MODERN })) == json!(true)
    }
}

fn key(text: &str) -> InstallationKey {
    InstallationKey::parse(text).unwrap()
}

#[test]
fn a_hash_that_is_written_here_matches_in_php() {
    let Some(php) = Referee::find() else { return };
    for text in ["Password1", "pässwörd€-日本", " with spaces ", "a'b\"c\\d:e"] {
        let stored = password::hash(&Password::new(text.to_owned())).unwrap();
        assert!(php.matches(&stored, text), "{stored}");
        assert!(!php.matches(&stored, "Password2"), "{stored}");
    }
}

#[test]
fn a_hash_that_php_makes_matches_here() {
    let Some(php) = Referee::find() else { return };
    let here = |stored: &str, text: &str| {
        let password = Password::new(text.to_owned());
        StoredHash::parse(stored).matches(&password, Some(&key(MODERN)), &mut Memory::default()).unwrap()
    };
    let text = "pässwörd€ 1";
    for versions in ["0", "1", "2", "3_32_2_67108864", "3_16_3_8388608", "0:1", "1:2", "0:1:3_32_2_67108864"] {
        for salt in ["abcdefghijklmnopqrstuvwxyzABCDEF", "short"] {
            let ask = json!({ "do": "hash", "password": text, "salt": salt, "versions": versions });
            let stored = format!("{}:{salt}:{versions}", php.ask(&ask).as_str().unwrap());
            assert!(here(&stored, text) && php.matches(&stored, text), "{stored}");
            assert!(!here(&stored, "another"), "{stored}");
        }
    }
    let keyed = php.ask(&json!({ "do": "keyed", "password": text, "key": MODERN }));
    assert!(here(keyed.as_str().unwrap(), text) && php.matches(keyed.as_str().unwrap(), text));
}

#[test]
fn a_jwt_that_is_signed_here_is_read_in_php() {
    let Some(php) = Referee::find() else { return };
    let issued = UnixSeconds(1_700_000_000);
    for text in [OLD, MODERN, ROTATED] {
        for algorithm in JwtAlgorithm::ALL {
            for (subject, issuer) in [(Subject::customer(7), Issuer::Magento), (Subject::admin(1), Issuer::Session)] {
                let claims = Claims { subject, issued, expires: issued.plus(3600), issuer };
                let jwt = JwtKey::new(&key(text)).sign(&claims, algorithm);
                let seen = php.read(jwt.expose(), text, algorithm.name());
                assert_eq!(seen["header"].to_string(), format!(r#"{{"kid":"1","alg":"{}"}}"#, algorithm.name()));
                let said = seen["claims"].to_string();
                let expected = format!(
                    r#"{{"uid":{},"utypid":{},"iat":1700000000,"exp":1700003600"#,
                    subject.id,
                    subject.kind.number()
                );
                assert!(said.starts_with(&expected), "{said}");
                assert_eq!(php.read(jwt.expose(), "another", algorithm.name()), Value::Null);
            }
        }
    }
}

#[test]
fn a_jwt_that_php_issues_is_read_here() {
    let Some(php) = Referee::find() else { return };
    for text in [OLD, MODERN, ROTATED] {
        for algorithm in JwtAlgorithm::ALL {
            let claims = json!({ "uid": 7, "utypid": 3, "iat": 1_700_000_000, "exp": 1_700_003_600 });
            let ask = json!({ "do": "issue", "claims": claims, "key": text, "algorithm": algorithm.name() });
            let jwt = php.ask(&ask);
            let issued = UnixSeconds(1_700_000_000);
            let expected =
                Claims { subject: Subject::customer(7), issued, expires: issued.plus(3600), issuer: Issuer::Magento };
            let reader = JwtKey::new(&key(text));
            assert_eq!(reader.read(jwt.as_str().unwrap(), algorithm), Ok(expected));
            assert_eq!(reader.sign(&expected, algorithm).expose(), jwt.as_str().unwrap(), "to the letter");
        }
    }
}

#[test]
fn an_encrypted_value_is_read_on_the_other_side() {
    let Some(php) = Referee::find() else { return };
    for text in [OLD, MODERN, ROTATED] {
        for plain in ["abcdefghijklmnopqrstuvwxyz012345", "{\"google\":{\"secret\":\"MFRGG43F\"}}", "ünï", ""] {
            let stored = key(text).encrypt(plain).unwrap();
            assert_eq!(php.ask(&json!({ "do": "decrypt", "stored": stored, "key": text })), json!(plain));
            let stored = php.ask(&json!({ "do": "encrypt", "text": plain, "key": text }));
            assert_eq!(key(text).decrypt(stored.as_str().unwrap()).unwrap().as_str(), plain);
        }
        let stored = key(OLD).encrypt("kept").unwrap();
        assert_eq!(key(ROTATED).decrypt(&stored).unwrap().as_str(), "kept");
        assert_eq!(php.ask(&json!({ "do": "decrypt", "stored": stored, "key": ROTATED })), json!("kept"));
    }
}

/// A server of the demonstration with a key, and what else is set.
fn server(keys: &[(&str, &str)]) -> TestServer {
    let builder = ServerBuilder::new().argument("--demo").key("MAGENTO__CRYPT_KEY", MODERN);
    keys.iter().fold(builder, |builder, (key, value)| builder.key(key, value)).start()
}

#[test]
fn what_the_server_issues_and_exchanges_is_read_in_php() {
    let Some(php) = Referee::find() else { return };
    let server = server(&[("TOKENS__FORMAT", "jwt")]);
    for algorithm in JwtAlgorithm::ALL.map(JwtAlgorithm::name) {
        server.command(&["setting", "set", "webapi/jwtauth/jwt_alg", algorithm], "").assert_done();
        for (token, user, kind) in [(server.customer(), 1, 3), (server.admin(), 1, 2)] {
            let seen = php.read(&token, MODERN, algorithm);
            assert_eq!((&seen["claims"]["uid"], &seen["claims"]["utypid"]), (&json!(user), &json!(kind)), "{seen}");
            let lives = seen["claims"]["exp"].as_u64().unwrap() - seen["claims"]["iat"].as_u64().unwrap();
            assert!((3599..=3600).contains(&lives), "{seen}");
            let answer = server.gateway(Some(&token), "?exchange=jwt");
            let exchanged = answer.assert_status(200).header("authorization").strip_prefix("Bearer ").unwrap();
            let inner = php.read(exchanged, MODERN, algorithm);
            assert_eq!((&inner["claims"]["uid"], &inner["claims"]["utypid"]), (&json!(user), &json!(kind)), "{inner}");
            assert_eq!(inner["claims"].as_object().unwrap().len(), 4, "{inner}");
            assert!(inner["claims"]["exp"].as_u64() <= seen["claims"]["exp"].as_u64(), "{inner}");
        }
    }
}

#[test]
fn what_php_issues_is_good_at_the_server() {
    let Some(php) = Referee::find() else { return };
    let server = server(&[]);
    let now = wall_clock();
    let claims = json!({ "uid": 1, "utypid": 3, "iat": now, "exp": now + 600 });
    let token = php.ask(&json!({ "do": "issue", "claims": claims, "key": MODERN, "algorithm": "HS256" }));
    let token = token.as_str().unwrap();
    let answer = server.gateway(Some(token), "?require=customer&website=base");
    assert_eq!(answer.assert_status(200).header("x-token-user-id"), "1");
    let answer = server.graphql(Some(token), "{ customer { email } }");
    assert_eq!(answer.at("/data/customer/email"), "customer@example.com");
    for (claims, algorithm) in [
        (json!({ "uid": 1, "utypid": 3, "iat": now - 600, "exp": now - 1 }), "HS256"),
        (json!({ "uid": 1, "utypid": 3, "iat": now, "exp": now + 600 }), "HS512"),
        (json!({ "uid": 0, "utypid": 3, "iat": now, "exp": now + 600 }), "HS256"),
        (json!({ "uid": 1, "utypid": 4, "iat": now, "exp": now + 600 }), "HS256"),
        (json!({ "uid": 1, "utypid": 3, "exp": now + 600 }), "HS256"),
    ] {
        let bad = php.ask(&json!({ "do": "issue", "claims": claims, "key": MODERN, "algorithm": algorithm }));
        server.gateway(Some(bad.as_str().unwrap()), "").assert_status(401);
    }
}

/// The wall clock, in Unix seconds.
pub(crate) fn wall_clock() -> u64 {
    use tokenward::clock::{Clock, SystemClock};
    u64::from(SystemClock::default().wall().get())
}
