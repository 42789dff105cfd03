//! `tokenward serve`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tracing::info;

use crate::app::{self, Demo, DemoError, Entrance, House, Inherited, Running};
use crate::cli::accept_restored::RestoredSessions;
use crate::cli::common::{ConfigArguments, whole_number};
use crate::cli::{Failure, output};
use crate::config::{AccountSource, Config, LogFormat, LogLevel, SecondFactor};
use crate::lifecycle;
use crate::telemetry::{Readiness, logging};

/// Runs the server.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    config: ConfigArguments,

    /// Fill a fresh data folder from this file (TOML)
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,

    /// Start on a data folder that was restored from a backup, or used with other accounts: what becomes of its sessions
    #[arg(long, value_name = "WHAT")]
    accept_restored: Option<RestoredSessions>,

    /// Try it out: a temporary data folder, known accounts, commands to paste. A folder that is given must be new, or a
    /// demonstration's
    #[arg(long)]
    demo: bool,

    /// With --demo: begin so many sessions of made-up customers, two each
    #[arg(long, value_name = "N", requires = "demo", default_value_t = 0, value_parser = whole_number::<usize>)]
    sessions: usize,

    /// With --demo: write the tokens of those sessions to this file, one a line
    #[arg(long, value_name = "FILE", requires = "sessions")]
    tokens_out: Option<PathBuf>,

    /// Where Magento's API listens; port 0 picks one [http.public]
    #[arg(long, value_name = "ADDRESS")]
    public: Option<String>,

    /// Where /check, health and metrics listen; port 0 picks one [http.internal]
    #[arg(long, value_name = "ADDRESS")]
    internal: Option<String>,

    /// Where the admin API listens; port 0 picks one [http.admin]
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,

    /// How many threads answer requests [http.workers]
    #[arg(long, value_name = "N")]
    workers: Option<String>,

    /// How much is logged: error, warn, info, debug or trace [log.level]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl Serve {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        // First of all, because it changes the environment: there may be no other thread yet.
        let inherited = Inherited::take();
        let mut config = self.config.load_for_serving(self.flags())?;
        logging::init(log_format(&config), &log_filter(&config))?;
        let demo = if self.demo { Some(prepare(&mut config, self.sessions, self.tokens_out)?) } else { None };
        info!(
            version = env!("CARGO_PKG_VERSION"),
            data = %config.data.dir.display(),
            configuration = %self.config.file().map_or_else(|| "none".to_owned(), |file| file.display().to_string()),
            "tokenward starts"
        );
        if let Some(sessions) = self.accept_restored {
            app::accept_restored(&config, sessions == RestoredSessions::KeepSessions)?;
        }
        actix::System::new().block_on(async {
            let inherited = inherited?;
            // Before anybody can be accepted, who must not be cut.
            let mut signals = lifecycle::Signals::listen()?;
            let (readiness, terms) = (Arc::new(Readiness::default()), config.lifecycle.clone());
            let entrance = match Entrance::open(&config, inherited, &readiness) {
                Ok(entrance) => entrance,
                // What is wrong with the folder is told first: that another server has it says more than that its port is
                // taken.
                Err(error) => {
                    tokio::select! { tried = app::try_folder(&config.data.dir) => tried?, _ = signals.next() => {} }
                    return Err(error.into());
                }
            };
            let opening = House::open_in_time(config, self.seed.as_deref(), readiness);
            let house = tokio::select! {
                house = entrance.telling(opening) => house?,
                name = signals.next() => return Ok(entrance.stop(name, signals, terms).await),
            };
            if let Some(demo) = &demo {
                demo.claim(&house).await?;
            }
            let running = entrance.admit(house);
            tokio::select! {
                prepared = prepared(&running, demo.as_ref()) => prepared?,
                name = signals.next() => return Ok(running.stop(name, signals).await),
            }
            running.welcome()?;
            if let Some(demo) = &demo {
                // Whoever does not read it may have started a server all the same.
                drop(output::print(&demo.invitation(running.listeners, running.house().folder())));
            }
            Ok(running.until_stopped(signals).await)
        })
    }

    fn flags(&self) -> Vec<(String, String)> {
        let flags = [
            ("http.public", &self.public),
            ("http.internal", &self.internal),
            ("http.admin", &self.admin),
            ("http.workers", &self.workers),
            ("log.level", &self.log_level),
        ];
        flags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))).collect()
    }
}

/// Loads the sessions, and makes what a demonstration has.
async fn prepared(running: &Running, demo: Option<&Demo>) -> Result<(), Failure> {
    running.load().await?;
    if let Some(demo) = demo {
        demo.furnish(running.house()).await?;
    }
    Ok(())
}

/// A demonstration that asks for more than there may be is a wrong command line.
fn prepare(config: &mut Config, sessions: usize, tokens_out: Option<PathBuf>) -> Result<Demo, Failure> {
    if config.accounts.source == AccountSource::Magento {
        return Err(Failure::Usage("--demo has accounts of its own: leave accounts.source out".to_owned()));
    }
    if config.admin.second_factor == SecondFactor::Required {
        return Err(Failure::Usage(
            "--demo shows how to sign an administrator in with a password alone, so it cannot go with \
             admin.second_factor = \"required\": leave one of the two out"
                .to_owned(),
        ));
    }
    Demo::prepare(config, sessions, tokens_out).map_err(|error| match error {
        DemoError::TooMany { .. } => Failure::Usage(error.to_string()),
        error => error.into(),
    })
}

/// What the server's machinery says of itself at `info` is of no use to an operator, and what the HTTP layer says of
/// broken requests can be caused at will by anybody. At `debug` and `trace` everything is told.
fn log_filter(config: &Config) -> String {
    match config.log.level {
        LogLevel::Info => "info,actix_server=warn,actix_http=off".to_owned(),
        level @ (LogLevel::Error | LogLevel::Warn) => format!("{},actix_http=off", level.name()),
        level @ (LogLevel::Debug | LogLevel::Trace) => level.name().to_owned(),
    }
}

fn log_format(config: &Config) -> logging::Format {
    match config.log.format {
        LogFormat::Auto => logging::Format::Auto,
        LogFormat::Text => logging::Format::Text,
        LogFormat::Json => logging::Format::Json,
    }
}
