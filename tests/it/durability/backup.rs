//! A copy that is made while the server runs starts, and an old copy brings nobody back unless it is asked to.

use std::os::unix::fs::PermissionsExt;

use super::{Home, SOON, revoke, session, sign_in};
use crate::support::{ServerBuilder, tokenward};

/// A folder that was restored from a copy, one token that was good then and is revoked now, and one that is good still.
fn restored() -> (tempfile::TempDir, String, String) {
    let home = Home::with_customers(1);
    let server = home.start();
    let (revoked, kept) = (sign_in(&server, 0), sign_in(&server, 0));
    let copy = home.own.path().join("copy.db");
    server.command(&["backup", copy.to_str().unwrap()], "").printed();
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let again = server.command(&["backup", copy.to_str().unwrap()], "");
    again.assert_failed(1, "copy.db");
    revoke(&server, &revoked);
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(&copy, folder.path().join("tokenward.db")).unwrap();
    (folder, revoked, kept)
}

#[test]
fn a_restored_copy_asks_first_and_by_default_ends_all_sessions() {
    let (folder, revoked, kept) = restored();
    let mut refused = ServerBuilder::on(folder.path()).spawn();
    assert_eq!(refused.wait(SOON).code(), Some(1));
    let log = refused.log.text();
    assert!(log.contains("--accept-restored end-sessions"), "{log}");
    tokenward(folder.path(), &["session", "list"], "").assert_failed(1, "was restored from a copy");

    let server = ServerBuilder::on(folder.path()).argument("--accept-restored").argument("end-sessions").start();
    assert_eq!([session(&server, &revoked), session(&server, &kept)], [None, None]);
    let new = session(&server, &sign_in(&server, 0));
    assert!(new > Some(1000), "{new:?}: numbers that were given out after the copy do not come again");
    drop(server);
    ServerBuilder::on(folder.path()).start();
}

#[test]
fn a_restored_copy_can_keep_its_sessions_and_the_log_says_what_that_means() {
    let (folder, revoked, kept) = restored();
    let server = ServerBuilder::on(folder.path()).argument("--accept-restored").argument("keep-sessions").start();
    assert!(session(&server, &kept).is_some());
    assert!(session(&server, &revoked).is_some());
    let log = server.process.log.text();
    assert!(log.contains("what was revoked after the copy was made is good again"), "{log}");
}
