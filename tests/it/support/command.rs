//! The command line, run to its end.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// What it printed; it has to have gone well.
    #[track_caller]
    pub(crate) fn printed(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout.trim_end()
    }

    /// Fails unless it ended with this code and said this on standard error.
    #[track_caller]
    pub(crate) fn assert_done(&self) {
        assert_eq!(self.code, 0, "{self:?}");
    }

    /// Fails unless the command ended with this code and said this.
    #[track_caller]
    pub(crate) fn assert_failed(&self, code: i32, saying: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stderr.contains(saying), "{saying:?} is not in {self:?}");
    }
}

/// The program, in an environment that holds nothing of the one who runs the test.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenward"));
    command.env_clear().env("RUST_BACKTRACE", "1");
    command
}

/// `tokenward` with these arguments on this data folder, with `input` on standard input.
pub(crate) fn tokenward(folder: &Path, arguments: &[&str], input: &str) -> Outcome {
    let mut command = program();
    command.args(arguments).env("TOKENWARD__DATA__DIR", folder);
    run(command, input)
}

/// Runs any command to its end.
pub(crate) fn run(mut command: Command, input: &str) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read its input has closed it, which is fine.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}
