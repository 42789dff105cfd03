//! The shop gets another key: whoever has an opaque token stays signed in, and JWTs are signed under the new key.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use tokenward::session::Subject;

use crate::jwt::under;
use crate::magento::{becomes, beside, token};
use crate::support::{MariaDb, TestServer};

const OLD: &str = "base64a2l0LWtleS1tYWdlbnRvLTMyLWJ5dGVzLS0tLS0tLS0=";
const NEW: &str = "g9mY9KLrcuAVJfsmVUSRkKFLDdUPVkaZ";

/// What Magento does: another key behind the ones that are there.
fn rotate(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text.replace(OLD, &format!("{OLD}\n{NEW}"))).unwrap();
}

/// A JWT that the shop has issued under this key.
fn of_shop(key: &str) -> String {
    under(key, Subject::customer(4), 10)
}

/// Waits until the new key is in force.
#[track_caller]
fn follows(server: &TestServer) {
    server.wait_until(|server| server.check(&of_shop(NEW)) == 200);
}

#[test]
fn a_new_key_signs_nobody_out_and_ends_the_jwts_under_the_old_one() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let session = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    let (old, new) = (of_shop(OLD), of_shop(NEW));
    assert_eq!((server.check(&old), server.check(&new)), (200, 401));
    token(&server.try_customer("hmac@example.com", "Hmac-pass-x"));

    rotate(&database.env_php());
    follows(&server);
    assert_eq!((server.check(&session), server.check(&old), server.check(&new)), (200, 401, 200));
    let inner = server.gateway(Some(&session), "?exchange=jwt").assert_status(200).header("authorization").to_owned();
    let inner = inner.strip_prefix("Bearer ").unwrap();
    assert_eq!(server.check(inner), 200, "it is signed under the new key");
    let keyed = server.try_customer("hmac@example.com", "Hmac-pass-x");
    assert!(!keyed.body.contains("\"token\":\""), "such a hash is compared under the newest key: {}", keyed.body);
    token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    server.assert_unharmed();
}

#[test]
fn sessions_whose_tokens_are_jwts_end_with_their_key_and_new_ones_begin_under_the_next() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).key("TOKENS__FORMAT", "jwt").start();
    let before = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    assert_eq!(server.check(&before), 200);
    rotate(&database.env_php());
    follows(&server);
    let after = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    assert_eq!((server.check(&before), server.check(&after)), (401, 200));
}

#[test]
fn a_file_that_cannot_be_read_leaves_the_key_as_it_is_until_it_can() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let file = database.env_php();
    let whole = fs::read_to_string(&file).unwrap();
    for broken in ["<?php\nreturn [", "<?php\nreturn [];"] {
        fs::write(&file, broken).unwrap();
        let said = if broken.ends_with(';') { "crypt/key is gone" } else { "cannot be read again" };
        server.wait_until(|server| server.process.log.text().contains(said));
        assert_eq!(server.check(&of_shop(OLD)), 200);
    }
    fs::write(&file, whole).unwrap();
    rotate(&file);
    follows(&server);
}

#[test]
fn a_file_that_cannot_be_read_to_its_end_keeps_nothing_else_from_being_noticed() {
    let Some(database) = MariaDb::start() else { return };
    let mut server = beside(&database).start();
    let session = token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    let file = database.env_php();
    let whole = fs::read_to_string(&file).unwrap();
    // Whoever opens a pipe waits until somebody writes.
    let pipe = || {
        fs::remove_file(&file).unwrap();
        mknodat(CWD, &file, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    };
    pipe();
    server.wait_until(|server| server.process.log.text().contains("takes long to read"));
    database.sql("UPDATE customer_entity SET lock_expires = NOW() + INTERVAL 1 DAY WHERE entity_id = 2");
    becomes(&server, &session, 403);
    fs::write(&file, whole.replace(OLD, &format!("{OLD}\n{NEW}"))).unwrap();
    follows(&server);
    pipe();
    server.wait_until(|server| server.process.log.text().matches("takes long to read").count() == 2);
    server.process.signal(Signal::TERM);
    assert!(server.process.wait(Duration::from_secs(20)).success(), "nobody waits for the file at the end");
}
