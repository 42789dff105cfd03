//! The command line's side of the socket.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::control::{Answer, Command, SOCKET};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Why a command could not be sent.
#[derive(Debug, Error)]
pub enum ControlError {
    /// Nobody listens: no server runs on this folder.
    #[error("no server runs on this data folder")]
    NobodyListens,
    /// The socket belongs to somebody else.
    #[error(
        "{0} may not be opened: a server runs on this data folder as another user; run the command as that user, or as \
         root"
    )]
    NotAllowed(PathBuf),
    /// The conversation broke off.
    #[error("the running server did not answer: {0}")]
    Broken(#[from] io::Error),
    /// The server speaks another language.
    #[error("the running server gave an answer that this command does not understand (is it another version?): {0}")]
    Foreign(#[from] serde_json::Error),
}

/// Sends a command to the server that runs on `folder`.
///
/// # Errors
/// [`ControlError`]; whether the command was carried out is known only for [`ControlError::NobodyListens`]: it was not.
pub fn send(folder: &Path, command: &Command) -> Result<Answer, ControlError> {
    let socket = folder.join(SOCKET);
    let mut stream = UnixStream::connect(&socket).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::ConnectionRefused => {
            ControlError::NobodyListens
        }
        io::ErrorKind::PermissionDenied => ControlError::NotAllowed(socket),
        _ => ControlError::Broken(error),
    })?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = zeroize::Zeroizing::new(serde_json::to_vec(command)?);
    text.push(b'\n');
    stream.write_all(&text)?;
    let mut answer = zeroize::Zeroizing::new(String::new());
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}
