//! The `tokenward` command: everything is in the library, so that everything can be tested.

use std::process::ExitCode;

/// Gives freed memory back to the system, which matters after many sessions have ended at once.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    tokenward::cli::run()
}
