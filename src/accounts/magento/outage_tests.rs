//! A shop's database that is away, slow or crowded, on a real server.

use futures_util::future::join_all;
use sqlx::ConnectOptions;
use tokio::time::Instant;

use super::*;

#[actix::test]
async fn a_database_that_is_away_is_said_at_once_and_is_found_again() {
    let Some(mut database) = MariaDb::start() else { return };
    let accounts = Arc::new(open(options(&database)).await.unwrap());
    database.stop();
    assert!(matches!(accounts.customer(4).await, Err(AccountError::Unavailable(_))));
    assert!(accounts.condition().is_away());
    let asked = accounts.condition().questions();
    for _ in 0..100 {
        assert!(accounts.customer(4).await.is_err());
    }
    assert!(accounts.condition().questions() - asked <= 2, "a database that is away is not asked by everybody");
    database.start_again();
    while accounts.customer(4).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert!(!accounts.condition().is_away());
}

#[actix::test]
async fn a_question_that_takes_too_long_is_cut_and_the_next_one_is_answered_right() {
    let Some(database) = MariaDb::start() else { return };
    let limit = Duration::from_millis(300);
    let accounts = Arc::new(open(DatabaseOptions { timeout: limit, ..options(&database) }).await.unwrap());
    let held = hold_customers(&database).await;
    let outcome = accounts.customer(4).await;
    assert!(
        matches!(&outcome, Err(AccountError::Unavailable(cause)) if cause.contains("took more than")),
        "{outcome:?}"
    );
    drop(held);
    until_answered(&accounts).await;
}

/// Holds the table of customers, as a change of its columns would, for as long as what this returns is there.
async fn hold_customers(database: &MariaDb) -> sqlx::MySqlConnection {
    let options: sqlx::mysql::MySqlConnectOptions = database.url().parse().unwrap();
    let mut held = options.connect().await.unwrap();
    sqlx::raw_sql("LOCK TABLES customer_entity WRITE").execute(&mut held).await.unwrap();
    held
}

/// Asks until there is an answer, for at most ten seconds.
async fn until_answered(accounts: &MagentoAccounts) {
    let answered = async {
        loop {
            if let Ok(found) = accounts.customer(5).await {
                assert_eq!(found.unwrap().id, 5);
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answered).await.expect("no answer for ten seconds");
}

#[actix::test]
async fn what_took_too_long_ends_in_the_server_too() {
    let Some(database) = MariaDb::start() else { return };
    let limit = Duration::from_millis(300);
    let accounts = open(DatabaseOptions { timeout: limit, ..options(&database) }).await.unwrap();
    let running = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'magento' AND COMMAND = 'Query'";
    let ends = |what: &str| {
        let begun = Instant::now();
        while database.sql(running) != "0" {
            assert!(begun.elapsed() < Duration::from_secs(10), "{what}: {} still run", database.sql(running));
        }
    };
    let held = hold_customers(&database).await;
    for outcome in join_all((1..=5).map(|id| accounts.customer(id))).await {
        assert!(matches!(outcome, Err(AccountError::Unavailable(_))), "{outcome:?}");
    }
    ends("waiting for a table");
    drop(held);
    // A server notices by itself that somebody who waits for a table has gone, but not that somebody has who searches.
    database.sql(
        "DROP TABLE oauth_token; CREATE VIEW oauth_token AS SELECT a.entity_id + 0 AS entity_id
         FROM customer_entity a, customer_entity b, customer_entity c, customer_entity d, customer_entity e,
            customer_entity f, customer_entity g, customer_entity h",
    );
    assert!(accounts.last_token().await.is_err());
    ends("searching");
}

#[actix::test]
async fn a_try_that_takes_too_long_leaves_the_next_one_to_try_soon() {
    let Some(mut database) = MariaDb::start() else { return };
    let limit = Duration::from_millis(500);
    let accounts = open(DatabaseOptions { timeout: limit, ..options(&database) }).await.unwrap();
    database.stop();
    assert!(accounts.customer(4).await.is_err() && accounts.condition().is_away());
    database.start_again();
    let held = hold_customers(&database).await;
    loop {
        match accounts.customer(4).await {
            Err(AccountError::Unavailable(cause)) if cause.contains("took more than") => break,
            outcome => assert!(outcome.is_err(), "{outcome:?}"),
        }
        tokio::task::yield_now().await;
    }
    assert!(accounts.condition().is_away());
    drop(held);
    until_answered(&accounts).await;
    assert!(!accounts.condition().is_away());
}

#[actix::test]
async fn a_crowd_is_not_taken_for_a_database_that_is_away() {
    let Some(database) = MariaDb::start() else { return };
    let limit = Duration::from_millis(500);
    let options = DatabaseOptions { timeout: limit, connections: 1, ..options(&database) };
    let accounts = open(options).await.unwrap();
    let held = hold_customers(&database).await;
    let outcomes = join_all((1..=5).map(|id| accounts.customer(id))).await;
    let busy = outcomes.iter().filter(
        |outcome| matches!(outcome, Err(AccountError::Unavailable(cause)) if cause.contains("connections to the shop")),
    );
    assert!(busy.count() >= 3, "{outcomes:?}");
    assert!(!accounts.condition().is_away());
    assert!(accounts.condition().failures() >= 5);
    drop(held);
    until_answered(&accounts).await;
}
