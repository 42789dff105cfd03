//! Clients that others wrote, and that `scripts/test install` installs.

use std::path::Path;
use std::process::Command;

use crate::support::{TestServer, repository, skip};

/// Runs a client against a fresh server; it says "good" at the end.
#[track_caller]
fn run(mut client: Command) {
    let server = TestServer::demo();
    // Some write files where they stand.
    let folder = tempfile::tempdir().unwrap();
    let output = client.arg(server.public.to_string()).current_dir(folder.path()).output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.ends_with("good\n"), "{said}\n{complained}\n{}", server.process.log.text());
    server.assert_unharmed();
}

fn is_there(file: &Path) -> bool {
    if !file.exists() {
        skip(&format!("{} is not there (scripts/test install)", file.display()));
    }
    file.exists()
}

#[test]
fn the_apollo_client_signs_in_asks_and_signs_out() {
    let folder = repository().join("tests/clients/apollo");
    if is_there(&folder.join("node_modules/@apollo/client")) {
        let mut client = Command::new("node");
        client.arg(folder.join("storefront.js"));
        run(client);
    }
}

#[test]
fn a_magento_library_signs_in_as_administrator() {
    let python = repository().join("target/clients/magento/bin/python");
    if is_there(&python) {
        let mut client = Command::new(python);
        client.arg(repository().join("tests/clients/magento/administrator.py"));
        run(client);
    }
}
