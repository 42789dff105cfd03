//! `magento.rehash`: old hashes are renewed after a sign-in, and PHP takes the new ones.

use crate::magento::{beside, token};
use crate::referee::Referee;
use crate::support::MariaDb;

/// Customers whose hashes are of older versions, with their passwords.
const OLD: [(&str, &str); 4] = [
    ("md5@example.com", "Md5-pass-0"),
    ("sha256@example.com", "Sha-pass-1"),
    ("argon@example.com", "Argon-pass-2"),
    ("chain-012@example.com", "Chain-pass-012"),
];

fn stored(database: &MariaDb, email: &str) -> String {
    database.sql(&format!("SELECT password_hash FROM customer_entity WHERE email = '{email}'"))
}

fn stored_admin(database: &MariaDb) -> String {
    database.sql("SELECT password FROM admin_user WHERE username = 'chief'")
}

/// The versions behind hash and salt.
fn versions(hash: &str) -> &str {
    hash.splitn(3, ':').nth(2).unwrap()
}

#[test]
fn an_old_hash_is_renewed_by_a_sign_in_and_php_takes_the_new_one() {
    let Some(database) = MariaDb::start() else { return };
    database.sql(
        "UPDATE admin_user SET password = (SELECT password_hash FROM customer_entity WHERE email = 'sha256@example.com')
         WHERE username = 'chief'",
    );
    let server = beside(&database).key("MAGENTO__REHASH", "true").start();
    let php = Referee::find();
    let php_takes = |hash: &str, password: &str| php.as_ref().is_none_or(|php| php.matches(hash, password));
    for (email, password) in OLD {
        let before = stored(&database, email);
        server.try_customer(email, "wrong");
        token(&server.try_customer(email, password));
        server.wait_until(|_| stored(&database, email) != before);
        let renewed = stored(&database, email);
        assert_eq!(versions(&renewed), "3_32_2_67108864", "{email}");
        assert!(php_takes(&renewed, password) && !php_takes(&renewed, "wrong"), "{email}: {renewed}");
        token(&server.try_customer(email, password));
        assert_eq!(stored(&database, email), renewed, "a new one is left alone");
    }
    let before = stored_admin(&database);
    server.try_admin("chief", "Sha-pass-1").assert_status(200);
    server.wait_until(|_| stored_admin(&database) != before);
    assert!(php_takes(&stored_admin(&database), "Sha-pass-1"));
    server.try_admin("chief", "Sha-pass-1").assert_status(200);
    server.assert_unharmed();
}

#[test]
fn without_the_setting_hashes_are_only_read() {
    let Some(database) = MariaDb::start() else { return };
    let server = beside(&database).start();
    let before = OLD.map(|(email, _)| stored(&database, email));
    for (email, password) in OLD {
        token(&server.try_customer(email, password));
    }
    // Hashes are renewed behind the answer: one that was begun by mistake for the first is done before the last signs in.
    for (email, password) in OLD {
        token(&server.try_customer(email, password));
    }
    assert_eq!(OLD.map(|(email, _)| stored(&database, email)), before);
}
