//! The facts about REST, section by section: `section_3_2.toml` holds those of fact sheet 3.2, and so on.
//!
//! Each table is run once for 2.4.7 and once for 2.4.8, on a data folder of its own that is filled from `shop.toml` and
//! the table's settings. Its cases are requests, sent in the order in which they stand, and what is answered; time
//! passes where a case says so. A case asks GraphQL where REST does not tell. See [`table`] for what a case can say.

mod shop;
mod table;

use crate::http::MagentoVersion;
use crate::http::tests::facts_rest::shop::Shop;
use crate::http::tests::facts_rest::table::Table;

/// A module for each table, with a test for each version.
macro_rules! tables {
    ($($section:ident)*) => {
        /// All tables: name and text.
        const TABLES: &[(&str, &str)] = &[$((stringify!($section), include_str!(concat!(stringify!($section), ".toml")))),*];

        $(mod $section {
            use super::*;

            const TEXT: &str = include_str!(concat!(stringify!($section), ".toml"));

            #[actix_web::test]
            async fn as_magento_2_4_7() {
                super::holds(TEXT, MagentoVersion::V247).await;
            }

            #[actix_web::test]
            async fn as_magento_2_4_8() {
                super::holds(TEXT, MagentoVersion::V248).await;
            }
        })*
    };
}

tables! {
    section_1_7
    section_2_5
    section_2_7
    section_2_10
    section_3_1
    section_3_2
    section_3_3_errors
    section_3_3_headers
    section_3_3_xml
    section_3_4
    section_4_3
    section_4_4
    section_4_5
    section_5_1
    section_5_2
    section_5_2_confirmation
    section_5_3
    section_5_4
    section_9_1
    section_9_1_off
    section_9_1_required
    section_9_2
    section_9_2_other
    section_9_2_without_app
}

/// Runs a table's cases, and says all at once which of them do not hold.
async fn holds(text: &str, version: MagentoVersion) {
    let table = Table::parse(text);
    let mut shop = Shop::open(&table, version).await;
    let mut wrong = Vec::new();
    for case in table.cases_of(version) {
        shop.wait(case.after).await;
        for _ in 0..case.times {
            let seen = shop.ask(case).await;
            wrong.extend(case.differences(&seen).map(|difference| format!("{}: {difference}", case.says)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_version_has_more_than_a_hundred_cases_that_say_what_is_in_the_body() {
    for version in [MagentoVersion::V247, MagentoVersion::V248] {
        let told = |text| Table::parse(text).cases_of(version).filter(|case| case.has_body()).count();
        let count = TABLES.iter().map(|(_, text)| told(text)).sum::<usize>();
        assert!(count > 100, "{count} cases for {version:?}");
    }
}

#[test]
fn no_table_says_the_same_twice() {
    for (name, text) in TABLES {
        let table = Table::parse(text);
        let mut seen = std::collections::HashSet::new();
        for case in &table.cases {
            assert!(seen.insert(&case.says), "{name}: {}", case.says);
        }
    }
}
