//! Who may import whom. This table is the rule; the test reads the paths in `src/` and compares.
//!
//! A room is a folder or file below `src/`; the four protocols below `http/` are rooms of their own. What test modules
//! import is their own affair.

mod paths;
mod tokens;

use std::collections::BTreeSet;
use std::path::Path;

use paths::{Module, UsedPath, used_paths};

use crate::support::repository;

/// Rooms that everybody may use.
const COMMON: [&str; 4] = ["clock", "lifecycle", "secret", "telemetry"];

/// Room, and what it may use besides the common ones. `app` puts everything together, so it may use all but those who
/// start it.
const ARROWS: [(&str, &[&str]); 23] = [
    ("lib", &[]),
    ("main", &["cli"]),
    ("cli", &["app", "audit", "config", "control", "http::admin", "http::graphql"]),
    (
        "app",
        &[
            "accounts",
            "audit",
            "config",
            "control",
            "decision",
            "http",
            "http::admin",
            "http::gateway",
            "http::graphql",
            "http::rest",
            "keeper",
            "magento",
            "registry",
            "session",
            "settings",
            "sign_in",
            "store",
            "token",
        ],
    ),
    ("control", &["accounts", "audit", "keeper", "registry", "session", "settings", "sign_in"]),
    (
        "http",
        &[
            "accounts",
            "audit",
            "decision",
            "http::admin",
            "http::gateway",
            "http::graphql",
            "http::rest",
            "keeper",
            "registry",
            "session",
            "settings",
            "sign_in",
            "token",
        ],
    ),
    (
        "http::admin",
        &["accounts", "audit", "decision", "http", "keeper", "registry", "session", "settings", "sign_in", "token"],
    ),
    (
        "http::gateway",
        &["accounts", "decision", "http", "keeper", "registry", "session", "settings", "sign_in", "token"],
    ),
    (
        "http::graphql",
        &["accounts", "audit", "decision", "http", "keeper", "registry", "session", "settings", "sign_in", "token"],
    ),
    (
        "http::rest",
        &["accounts", "audit", "decision", "http", "keeper", "registry", "session", "settings", "sign_in", "token"],
    ),
    ("sign_in", &["accounts", "audit", "magento", "registry", "session", "settings", "store", "token"]),
    ("keeper", &["accounts", "audit", "session", "settings", "store"]),
    ("decision", &["session", "settings"]),
    ("registry", &["audit", "session", "settings", "store", "token"]),
    ("accounts", &["audit", "magento", "session", "settings", "store", "token"]),
    ("store", &["audit", "session", "settings", "token"]),
    ("audit", &["session", "settings", "token"]),
    ("config", &["decision", "magento", "settings", "token"]),
    ("session", &["settings", "token"]),
    ("settings", &["session", "token"]),
    ("token", &["magento", "session", "settings"]),
    ("magento", &[]),
    ("telemetry", &[]),
];

/// Outside crates, and parts of them, with one door each: the modules that may use them.
const DOORS: [(&[&str], &[&str]); 7] = [
    (&["apollo_compiler"], &["http::graphql"]),
    (&["rusqlite"], &["store", "accounts::embedded"]),
    (&["sqlx"], &["accounts::magento"]),
    (&["argon2"], &["sign_in::password"]),
    (&["std", "env"], &["config"]),
    (&["actix_server"], &["app", "lifecycle"]),
    (&["utoipa"], &["http::admin"]),
];

/// The room of a path below the crate.
fn room(path: &[String]) -> String {
    match path {
        [] => "lib".to_owned(),
        [first, second, ..]
            if first == "http" && ["admin", "gateway", "graphql", "rest"].contains(&second.as_str()) =>
        {
            format!("http::{second}")
        }
        [first, ..] => first.clone(),
    }
}

/// Whether a module is below one of these doors.
fn is_behind(module: &[String], doors: &[&str]) -> bool {
    let module = module.join("::");
    doors.iter().any(|door| module == *door || module.starts_with(&format!("{door}::")))
}

/// What is wrong with a path that a module uses, if anything.
fn complaint(module: &Module, used: &UsedPath) -> Option<String> {
    let place = format!("{}:{}", module.file, used.line);
    let segments: Vec<_> = used.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["crate", ..] => {
            let (from, to) = (room(&module.path), room(&used.segments[1..]));
            let known = ARROWS.iter().find(|(room, _)| *room == from).map_or(&[][..], |(_, allowed)| allowed);
            let fine = from == to || COMMON.contains(&to.as_str()) || known.contains(&to.as_str());
            (!fine).then(|| format!("{place}: {from} may not use {to} ({})", segments.join("::")))
        }
        _ => DOORS.iter().find_map(|(outside, doors)| {
            let through = segments.starts_with(outside) && !is_behind(&module.path, doors);
            through.then(|| format!("{place}: {} belongs to {}", segments.join("::"), doors.join(" and ")))
        }),
    }
}

/// Everything that is wrong in a module with this text.
fn complaints(module: &Module, text: &str) -> Vec<String> {
    used_paths(module, text).iter().filter_map(|used| complaint(module, used)).collect()
}

/// All modules below `src/`, with their text; files of tests are left out.
fn modules() -> Vec<(Module, String)> {
    let source = repository().join("src");
    let mut folders = vec![source.clone()];
    let mut modules = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let module = module_of(path.strip_prefix(&source).unwrap());
                if !module.path.iter().any(|name| name == "tests") {
                    modules.push((module, std::fs::read_to_string(&path).unwrap()));
                }
            }
        }
    }
    modules
}

/// The module in a file below `src/`.
fn module_of(file: &Path) -> Module {
    let mut path: Vec<_> = file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if path.last().is_some_and(|last| last == "mod" || last == "lib") {
        path.pop();
    }
    Module { file: format!("src/{}", file.display()), path }
}

#[test]
fn every_import_follows_the_table() {
    let wrong: Vec<_> = modules().iter().flat_map(|(module, text)| complaints(module, text)).collect();
    assert!(wrong.is_empty(), "{} paths go where they may not:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_table() {
    let rooms: BTreeSet<_> = modules().iter().map(|(module, _)| room(&module.path)).collect();
    let known = |room: &String| COMMON.contains(&room.as_str()) || ARROWS.iter().any(|(name, _)| name == room);
    let unknown: Vec<_> = rooms.iter().filter(|room| !known(room)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let gone: Vec<_> = ARROWS.iter().filter(|(name, _)| !rooms.contains(*name)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn the_table_has_no_circle_but_among_the_pure_rooms_and_within_http() {
    let pure = ["session", "settings", "token"];
    let within =
        |from: &str, to: &str| (pure.contains(&from) && pure.contains(&to)) || to == "http" && from.starts_with(to);
    let arrows: Vec<(&str, &str)> = ARROWS
        .iter()
        .flat_map(|(from, allowed)| allowed.iter().map(|to| (*from, *to)))
        .filter(|(from, to)| !within(from, to))
        .collect();
    let mut left: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    // Rooms that use nobody who is left can be taken away; in a circle nobody can.
    while let Some(&leaf) = left.iter().find(|room| !arrows.iter().any(|(from, to)| from == *room && left.contains(to)))
    {
        left.remove(leaf);
    }
    assert!(left.is_empty(), "{left:?}");
}

/// The complaints about a made-up file.
fn about(file: &str, text: &str) -> Vec<String> {
    complaints(&module_of(Path::new(file)), text)
}

#[test]
fn an_arrow_that_is_not_in_the_table_is_found_however_it_is_written() {
    for (file, text) in [
        ("session/event.rs", "use crate::registry::Registry;"),
        ("session/event.rs", "fn f() -> crate::registry::Registry { todo!() }"),
        ("session/event.rs", "use crate::{token::Token, registry};"),
        ("session/event.rs", "use crate::{\n    token::{Token, TokenDigest},\n    registry::Registry,\n};"),
        ("session/event.rs", "use super::super::registry::Registry;"),
        ("session/event.rs", "mod inner { use super::super::super::registry::Registry; }"),
        ("session/mod.rs", "use super::registry::Registry;"),
        ("session/mod.rs", "macro_rules! m { () => { $crate::registry::Registry } }"),
        ("session/mod.rs", "use crate as root;"),
        ("session/mod.rs", "use tokenward::registry;"),
        ("http/rest/customers.rs", "use crate::http::graphql::Engine;"),
        ("http/rest/customers.rs", "use super::super::graphql::Engine;"),
        ("decision/mod.rs", "use actix_web::HttpRequest; use crate::http::Services;"),
        ("main.rs", "fn main() { tokenward::registry::start() }"),
        ("registry/actor.rs", "use rusqlite::Connection;"),
        ("accounts/mod.rs", "use rusqlite::Connection;"),
        ("http/rest/mod.rs", "fn f(d: apollo_compiler::Node<u8>) {}"),
        ("sign_in/service.rs", "use ::argon2::Argon2;"),
        ("cli/mod.rs", "fn f() { std::env::var(\"A\"); }"),
        ("cli/mod.rs", "use std::{env, fs};"),
    ] {
        assert_eq!(about(file, text).len(), 1, "{file}: {text}: {:?}", about(file, text));
    }
}

#[test]
fn what_the_table_allows_and_what_is_no_code_is_not_found() {
    for (file, text) in [
        ("http/rest/mod.rs", "use crate::http::error::Failure; use crate::{clock::Clock, sign_in::SignIn};"),
        ("http/rest/mod.rs", "use super::error::Failure; use self::customers::me; pub(crate) fn f() {}"),
        ("http/mod.rs", "use crate::http::rest; pub(in crate::http) fn f() {}"),
        ("session/event.rs", "//! [`crate::registry`]\n/* crate::registry /* nested */ crate::store */\n// crate::app"),
        (
            "session/event.rs",
            "const A: &str = \"crate::registry\"; const B: &str = r#\"\"crate::registry\"#; fn f<'a>(a: &'a u8) -> char { '\"' }",
        ),
        ("session/event.rs", "#[cfg(test)]\nmod tests { use crate::registry::Registry; }"),
        ("accounts/embedded/read.rs", "use rusqlite::Connection;"),
        ("store/writer.rs", "use rusqlite::{Connection, params};"),
        ("config/mod.rs", "fn f() { std::env::vars_os(); }"),
        ("main.rs", "fn main() -> ExitCode { tokenward::cli::run() }"),
    ] {
        assert_eq!(about(file, text), Vec::<String>::new(), "{file}: {text}");
    }
}
