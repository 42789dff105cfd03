//! The demonstration, on a data folder that outlives it.

use std::os::unix::fs::PermissionsExt;

use crate::support::ServerBuilder;

#[test]
fn a_second_demonstration_on_the_same_folder_has_the_passwords_that_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |customer: &str, admin: &str| {
        let builder = ServerBuilder::on(folder.path()).argument("--demo");
        builder.key("DEMO__CUSTOMER_PASSWORD", customer).key("DEMO__ADMIN_PASSWORD", admin).start()
    };
    drop(demo("first customer", "first admin"));
    let server = demo("second customer", "second admin");
    server.try_customer("customer@example.com", "second customer").assert_status(200);
    server.try_admin("admin", "second admin").assert_status(200);
}

#[test]
fn a_second_demonstration_begins_sessions_of_the_customers_that_are_there_and_hides_their_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, "").unwrap();
    std::fs::set_permissions(&tokens, std::fs::Permissions::from_mode(0o644)).unwrap();
    for sessions in ["4", "6"] {
        let builder = ServerBuilder::on(&folder.path().join("data")).argument("--demo");
        let builder = builder.argument("--sessions").argument(sessions).argument("--tokens-out");
        let server = builder.argument(tokens.to_str().unwrap()).start();
        let written = std::fs::read_to_string(&tokens).unwrap();
        assert_eq!(written.lines().count().to_string(), sessions);
        for token in written.lines() {
            server.gateway(Some(token), "").assert_status(200);
        }
        assert_eq!(std::fs::metadata(&tokens).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
