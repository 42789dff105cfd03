//! `check-config`, and what a server does with a configuration that is wrong.

use std::path::Path;

use crate::support::{Outcome, ServerBuilder, program, repository, run, tokenward};

fn check(text: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokenward.toml");
    std::fs::write(&file, text).unwrap();
    check_file(&file)
}

fn check_file(file: &Path) -> Outcome {
    tokenward(Path::new("unused"), &["check-config", "--config", file.to_str().unwrap()], "")
}

#[test]
fn the_example_in_the_repository_is_good() {
    check_file(&repository().join("tokenward.toml")).printed();
}

#[test]
fn an_unknown_key_is_an_error_that_names_line_and_neighbour() {
    let outcome = check("[http]\nworkers = 2\nmax_bdoy = 5\n");
    outcome.assert_failed(64, "max_bdoy");
    outcome.assert_failed(64, "max_body");
    outcome.assert_failed(64, "tokenward.toml:3");
}

#[test]
fn all_mistakes_are_named_at_once() {
    let outcome = check("[http]\npublic = \"nowhere\"\n\n[tokens]\nformat = \"paper\"\n");
    outcome.assert_failed(64, "http.public");
    outcome.assert_failed(64, "tokens.format");
}

#[test]
fn jwts_without_a_key_are_refused_with_the_key_that_is_missing() {
    check("[tokens]\nformat = \"jwt\"\n").assert_failed(64, "crypt_key");
}

#[test]
fn a_policy_for_a_website_that_is_not_there_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokenward.toml");
    std::fs::write(&file, "[[policies]]\nname = \"orders\"\nrequire = \"customer\"\nwebsite = \"atlantis\"\n").unwrap();
    let server = ServerBuilder::new().argument("--config").argument(file.to_str().unwrap()).start();
    let events = server.process.log.events();
    let warned = events.iter().any(|event| event["website"] == "atlantis" && event["known"] == "base");
    assert!(warned, "{events:?}");
}

#[test]
fn what_is_no_toml_is_named_with_its_line() {
    check("[http]\npublic = \n").assert_failed(64, "tokenward.toml:2");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    check_file(Path::new("/nowhere/tokenward.toml")).assert_failed(64, "/nowhere/tokenward.toml");
}

#[test]
fn a_server_does_not_start_with_a_configuration_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = tokenward(folder.path(), &["serve", "--public", "nowhere"], "");
    outcome.assert_failed(64, "nowhere");
    assert!(!folder.path().join("tokenward.db").exists());
}

#[test]
fn the_environment_of_the_container_is_good_and_what_it_copies_is_there() {
    let dockerfile = std::fs::read_to_string(repository().join("Dockerfile")).unwrap();
    let variables: Vec<_> = dockerfile
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .filter(|(name, _)| name.starts_with("TOKENWARD__"))
        .collect();
    assert!(variables.len() > 2, "{variables:?}");
    let mut command = program();
    command.arg("check-config").envs(variables);
    run(command, "").printed();

    let copied = dockerfile.lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from"));
    for source in copied.flat_map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().into_iter().rev().skip(1))
    {
        assert!(repository().join(source).exists(), "{source}");
    }
}
