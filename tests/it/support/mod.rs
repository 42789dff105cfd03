//! Starting the program, and talking to it.

mod answer;
mod client;
mod command;
pub(crate) mod examples;
pub(crate) mod faketime;
mod log;
mod mariadb;
mod process;
mod raw;
mod server;

pub(crate) use answer::Answer;
pub(crate) use client::{ADMINISTRATOR, CUSTOMER, call};
pub(crate) use command::{Outcome, program, run, tokenward};
pub(crate) use mariadb::MariaDb;
pub(crate) use process::Process;
pub(crate) use raw::{Connection, send_raw};
pub(crate) use server::{ServerBuilder, TestServer};

use std::path::Path;

/// The folder of the checkout.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether a program of the system is there.
pub(crate) fn is_installed(program: &str) -> bool {
    ["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

/// Says that a test cannot run here. Where nothing may be skipped (`scripts/test` says so) it fails instead.
pub(crate) fn skip(what: &str) {
    #[expect(clippy::disallowed_methods, reason = "how strict a run is comes from the one who runs it")]
    let strict = std::env::var_os("TOKENWARD_REQUIRE_ALL").is_some();
    assert!(!strict, "{what}, and TOKENWARD_REQUIRE_ALL is set");
    #[expect(clippy::print_stdout, reason = "whoever reads the run has to see it")]
    {
        println!("skipped: {what}");
    }
}
