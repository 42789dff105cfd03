//! Carries a command out: by the server that runs on the data folder, or, when none does, on the folder itself.

use anyhow::{Context, bail};

use crate::app;
use crate::cli::common::ConfigArguments;
use crate::cli::{Failure, output};
use crate::config::{Config, Durability};
use crate::control::{self, Answer, Command, ControlError};

/// Carries `command` out.
pub(crate) fn carry_out(config: &ConfigArguments, command: Command) -> Result<Answer, Failure> {
    let config = config.load()?;
    match control::send(&config.data.dir, &command) {
        Ok(answer) => Ok(answer),
        Err(ControlError::NobodyListens) => {
            look_at_the_folder(&config, &command)?;
            Ok(on_the_folder(config, command)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// A folder that was named by mistake must not be made: only what adds an account may begin one.
fn look_at_the_folder(config: &Config, command: &Command) -> anyhow::Result<()> {
    let folder = &config.data.dir;
    let shown = folder.display();
    if app::is_there(folder)? {
        if command.is_about_sessions() {
            output::complain(&format!("no server runs on {shown}: {}", stored_sessions(config)));
        }
        return Ok(());
    }
    if !command.may_begin_a_folder() {
        let what = if folder.exists() { "holds no tokenward.db" } else { "does not exist" };
        bail!(
            "the data folder {shown} {what}, and no server runs on it: name the right one with --data-dir, --config or \
             $TOKENWARD__DATA__DIR (`serve`, `admin add` and `customer add` make a new one)"
        );
    }
    output::complain(&format!("a new data folder is made: {shown}"));
    Ok(())
}

fn stored_sessions(config: &Config) -> &'static str {
    match config.data.durability {
        Durability::None => "with data.durability = \"none\" no session outlives its server, so there are none",
        Durability::Sync | Durability::Async => "this is about the sessions that are stored in it",
    }
}

fn on_the_folder(config: Config, command: Command) -> anyhow::Result<Answer> {
    actix::System::new().block_on(async move {
        let house = app::House::open(config, None).await.context("the data folder cannot be opened")?;
        if command.needs_sessions() {
            house.load_sessions_for_command().await?;
        }
        let answer = control::execute(command, &house.office().asked_by(app::operator())).await;
        house.close().await;
        Ok(answer)
    })
}
