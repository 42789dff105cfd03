//! What is looked at, on a real database, and how often.

#[path = "../../../tests/it/support/mariadb.rs"]
#[expect(clippy::duplicate_mod, reason = "tests of the accounts need it, too, and neither knows the other")]
mod mariadb;

use std::sync::Arc;
use std::time::Duration;

use mariadb::MariaDb;

use crate::app::House;
use crate::app::shop::Revocations;
use crate::config::{AccountSource, Config};
use crate::session::Subject;

#[actix::test]
async fn once_a_minute_a_revocation_is_heard_of_whose_moment_is_long_ago() {
    let Some(database) = MariaDb::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.data.dir = home.path().join("data");
    config.accounts.source = AccountSource::Magento;
    config.magento.env_php = Some(database.env_php());
    let house = House::open(config, None).await.unwrap();
    let (shop, registry) = (house.shop.clone().unwrap(), house.services.registry.clone());
    let stored = (house.store.clone(), house.readers.clone());
    let mut revocations = Revocations::new(shop, registry.clone(), stored, Arc::clone(&house.services.clock));
    let revoked = || registry.reader().jwts_revoked(Subject::customer(2));
    revocations.take_over().await.unwrap();
    let before = revoked();
    // The shop's clock may be wrong, and a row may have come out of a backup.
    database.sql("INSERT INTO jwt_auth_revoked VALUES (3, 2, UNIX_TIMESTAMP() - 120)");
    let look_after = async |seconds, revocations: &mut Revocations| {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
        revocations.take_over().await.unwrap();
    };
    look_after(2, &mut revocations).await;
    assert_eq!(revoked(), before);
    look_after(60, &mut revocations).await;
    assert!(revoked() > before);
    house.close().await;
}
