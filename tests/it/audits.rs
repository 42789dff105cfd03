//! The audits of the npm package `graphql-http` against `/graphql`, as `scripts/test install` installs it.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::support::{TestServer, repository, skip};

/// The section that lists what we do not follow, and why.
const SECTION: &str = "## GraphQL over HTTP audits";

/// The ids of the audits that did not pass, with how much that matters and why; `None` when they cannot be run here.
fn audited() -> Option<Vec<Value>> {
    let folder = repository().join("tests/clients/audits");
    if !folder.join("node_modules/graphql-http").exists() {
        skip("tests/clients/audits/node_modules is not there (scripts/test install)");
        return None;
    }
    let server = TestServer::demo();
    let output = Command::new("node").arg(folder.join("audits.js")).arg(server.public.to_string()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    let lines = said.strip_suffix("good\n").unwrap_or_else(|| panic!("{said}\n{complained}"));
    server.assert_unharmed();
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Id and name of the rows of the section's table.
fn listed() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(repository().join("CONTRIBUTING.md")).unwrap();
    let (_, section) = text.split_once(SECTION).expect("CONTRIBUTING.md has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let id = cells.next()?.trim_end_matches('`').to_owned();
        let name = cells.next()?.to_owned();
        let reason = cells.next()?;
        assert!(!reason.is_empty(), "{id} is listed without a reason");
        Some((id, name))
    };
    section.lines().filter_map(row).collect()
}

#[test]
fn every_must_of_graphql_over_http_is_kept_and_every_other_exception_is_listed() {
    let Some(failures) = audited() else { return };
    let of = |status: &str| failures.iter().filter(|audit| audit["status"] == status).collect::<Vec<_>>();
    assert_eq!(of("error"), Vec::<&Value>::new());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let warned: BTreeMap<_, _> = of("warn").iter().map(|audit| (text(&audit["id"]), text(&audit["name"]))).collect();
    assert_eq!(warned, listed(), "CONTRIBUTING.md lists them");
}
