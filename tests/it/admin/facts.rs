//! The settings as the merchant sees them, row by row as in fact sheet 4.6: `facts_settings.toml`.

use serde::Deserialize;
use serde_json::json;

use super::{administrator, ask, get, server};

const TABLE: &str = include_str!("facts_settings.toml");

#[derive(Deserialize)]
struct Table {
    setting: Vec<Row>,
}

/// A row of the fact sheet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    label: String,
    path: String,
    default: String,
    /// Nothing where Magento shows none.
    #[serde(default)]
    comment: String,
    /// The rules in the fact sheet's words, with commas between them.
    validation: String,
    /// The scopes besides the default one, with commas between them.
    #[serde(default)]
    also: String,
}

impl Row {
    /// Values to try, and the words in which each is refused; nothing for those that are accepted.
    fn trials(&self) -> Vec<(&str, Option<&'static str>)> {
        let mut trials = Vec::new();
        for rule in self.validation.split(", ") {
            match rule {
                "required" => trials.push(("", Some("This is a required field."))),
                "not required" => trials.push(("", None)),
                "zero or greater" => {
                    trials.extend([("0", None), ("-1", Some("Please enter a number 0 or greater in this field."))]);
                }
                "number" => {
                    trials.extend([("1.5", None), ("x", Some("Please enter a valid number in this field."))]);
                }
                "digits" => {
                    trials.extend([("7", None), ("1.5", Some("Please enter a whole number in this field."))]);
                }
                "yes/no" => trials.extend([("0", None), ("1", None), ("2", Some("Please choose one of: 0, 1."))]),
                choices => {
                    let choices = choices.strip_prefix("one of ").expect("a rule of the table is known");
                    trials.extend(choices.split(' ').map(|choice| (choice, None)));
                    trials.push(("none", Some("Please choose one of: ")));
                }
            }
        }
        trials
    }
}

#[test]
fn settings_are_shown_and_checked_as_the_merchant_knows_them() {
    let server = server();
    let chief = administrator(&server, "chief");
    let table: Table = toml::from_str(TABLE).unwrap();
    assert_eq!(table.setting.len(), 14);
    for row in &table.setting {
        let path = format!("/settings/{}", row.path);
        let shown = get(&server, &chief, &path);
        let words = ["/label", "/comment", "/default", "/values/0/value"].map(|member| shown.at(member));
        assert_eq!(words, [&row.label, &row.comment, &row.default, &row.default].map(|text| json!(text)), "{path}");
        for (value, refusal) in row.trials() {
            let change = json!({ "value": value });
            let answer = ask(&server, "PUT", &chief, &format!("{path}?dry_run=true"), Some(&change));
            match refusal {
                None => assert_eq!(answer.assert_status(200).at("/value"), value, "{path}"),
                Some(words) => {
                    let detail = answer.assert_status(422).at("/detail");
                    assert!(detail.as_str().unwrap().starts_with(words), "{path} {value}: {detail}");
                }
            }
        }
        for (kind, scope) in [("website", "websites/eu"), ("store", "stores/de")] {
            let change = json!({ "value": row.default, "scope": scope });
            let answer = ask(&server, "PUT", &chief, &format!("{path}?dry_run=true"), Some(&change));
            let expected = if row.also.contains(kind) { 200 } else { 422 };
            assert_eq!(answer.status, expected, "{path} at {scope}");
        }
    }
}
