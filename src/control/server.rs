//! The socket of a running server.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, info, warn};

use crate::audit::Origin;
use crate::control::{Answer, Command, Office, execute};

/// The name of the socket in the data folder.
pub const SOCKET: &str = "control.sock";

/// The longest command in bytes; a file of tokens to revoke is sent in several.
const LONGEST_COMMAND: u64 = 4 * 1024 * 1024;

/// How long an open connection may be silent.
const SILENCE: Duration = Duration::from_secs(10);

/// Listens for commands in `folder` for as long as the returned future is polled.
///
/// # Errors
/// When the socket cannot be made.
pub fn listen(folder: &Path, office: Arc<Office>) -> io::Result<impl Future<Output = ()> + use<>> {
    let path = folder.join(SOCKET);
    // One that an earlier run left behind: the folder's lock is ours, so nobody listens on it.
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(actix_rt::spawn(serve(stream, Arc::clone(&office)))),
                Err(error) => {
                    warn!(%error, "the control socket cannot accept; trying again in a second");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    })
}

async fn serve(stream: UnixStream, office: Arc<Office>) {
    if let Err(error) = converse(stream, &office).await {
        debug!(%error, "a control connection ended early");
    }
}

async fn converse(stream: UnixStream, office: &Office) -> io::Result<()> {
    let user = stream.peer_cred().ok().map(|peer| peer.uid());
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    loop {
        let mut line = zeroize::Zeroizing::new(Vec::new());
        let mut limited = (&mut reading).take(LONGEST_COMMAND);
        let read = tokio::time::timeout(SILENCE, limited.read_until(b'\n', &mut line)).await;
        if read.map_err(|_| io::ErrorKind::TimedOut)?? == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_slice::<Command>(&line) {
            Ok(command) => carry_out(command, office, user).await,
            Err(error) => Answer::Failed(format!("this is not a command: {error}")),
        };
        let mut text = zeroize::Zeroizing::new(serde_json::to_vec(&answer)?);
        text.push(b'\n');
        writing.write_all(&text).await?;
        if line.last() != Some(&b'\n') {
            return Ok(());
        }
    }
}

/// Carries a command out, and leaves a trace of what it changed: `user` is the system's number of whoever sent it.
async fn carry_out(command: Command, office: &Office, user: Option<u32>) -> Answer {
    let change = command.change();
    let answer = execute(command, &office.asked_by(Origin::operator(user))).await;
    if let Some((command, of)) = change {
        let done = !matches!(answer, Answer::Failed(_));
        info!(target: "tokenward::control", command, of, done, user, "an operator's command");
    }
    answer
}
