//! Carries a command out: by the server that runs on the data folder, or, when none does, on the folder itself.

use anyhow::Context;

use crate::app;
use crate::cli::Failure;
use crate::cli::common::ConfigArguments;
use crate::control::{self, Answer, Command, ControlError};

/// Carries `command` out.
pub(crate) fn carry_out(config: &ConfigArguments, command: Command) -> Result<Answer, Failure> {
    let config = config.load()?;
    match control::send(&config.data.dir, &command) {
        Ok(answer) => Ok(answer),
        Err(ControlError::NobodyListens) => Ok(on_the_folder(config, command)?),
        Err(error) => Err(error.into()),
    }
}

fn on_the_folder(config: crate::config::Config, command: Command) -> anyhow::Result<Answer> {
    actix::System::new().block_on(async move {
        let house = app::House::open(config, None).await.context("the data folder cannot be opened")?;
        house.load_sessions().await?;
        let answer = control::execute(command, &house.office()).await;
        house.close().await;
        Ok(answer)
    })
}
