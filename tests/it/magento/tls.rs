//! TLS to the shop's database, as `magento.database_url` asks for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use crate::magento::token;
use crate::support::{MariaDb, ServerBuilder, is_installed, skip};

/// A certificate authority of its own, in this folder.
fn authority(folder: &Path, name: &str) -> PathBuf {
    let certificate = folder.join(format!("{name}.pem"));
    let subject = format!("/CN={name}");
    let arguments = ["req", "-x509", "-days", "2", "-subj", &subject, "-keyout"];
    openssl(&arguments, &[&folder.join(format!("{name}.key")), Path::new("-out"), &certificate]);
    certificate
}

/// What a server on 127.0.0.1 with a certificate of `authority` is started with.
fn identity(folder: &Path, authority: &Path) -> Vec<String> {
    let [key, request, certificate] = ["server.key", "server.csr", "server.pem"].map(|name| folder.join(name));
    let named = ["req", "-subj", "/CN=shop", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout"];
    openssl(&named, &[&key, Path::new("-out"), &request]);
    let signed = Command::new("openssl")
        .args(["x509", "-req", "-days", "2", "-copy_extensions", "copy", "-CAcreateserial", "-CA"])
        .args([authority, Path::new("-CAkey"), &authority.with_extension("key"), Path::new("-in"), &request])
        .args([Path::new("-out"), &certificate])
        .output();
    succeeded(&signed.unwrap());
    vec![format!("--ssl-cert={}", certificate.display()), format!("--ssl-key={}", key.display())]
}

fn openssl(arguments: &[&str], files: &[&Path]) {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let made = Command::new("openssl").args(arguments).args(files).args(key).output();
    succeeded(&made.unwrap());
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_databases_certificate_is_verified_when_its_address_asks_for_that() {
    if !is_installed("openssl") {
        return skip("openssl is not there (scripts/test install)");
    }
    let Some(mut database) = MariaDb::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (authority(folder.path(), "ours"), authority(folder.path(), "other"));
    database.start_again_with(identity(folder.path(), &ours));
    database.sql("ALTER USER magento@'%' REQUIRE SSL");
    let server = |mode: &str, authority: &Path| {
        let url = format!("{}?ssl-mode={mode}&ssl-ca={}", database.url(), authority.display());
        ServerBuilder::new().key("ACCOUNTS__SOURCE", "magento").key("MAGENTO__DATABASE_URL", &url)
    };
    for mode in ["VERIFY_CA", "verify_identity"] {
        let server = server(mode, &ours).start();
        token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    }
    for (authority, saying) in
        [(other, "invalid peer certificate: UnknownIssuer"), (folder.path().join("none.pem"), "No such file")]
    {
        let mut process = server("VERIFY_CA", &authority).spawn();
        assert!(!process.wait(Duration::from_mins(1)).success());
        let log = process.log.text();
        assert!(log.contains(saying) && log.contains("cannot connect to the shop's database"), "{log}");
    }
}

#[test]
fn the_servers_own_socket_is_used_although_the_server_offers_tls() {
    if !is_installed("openssl") {
        return skip("openssl is not there (scripts/test install)");
    }
    let Some(mut database) = MariaDb::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    database.start_again_with(identity(folder.path(), &authority(folder.path(), "ours")));
    let server = ServerBuilder::new().key("ACCOUNTS__SOURCE", "magento");
    let server = server.key("MAGENTO__DATABASE_URL", &database.url_by_socket()).start();
    token(&server.try_customer("sha256@example.com", "Sha-pass-1"));
    let log = server.process.log.text();
    assert!(!log.contains("waits for the shop's database"), "{log}");
}
