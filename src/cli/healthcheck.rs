//! `tokenward healthcheck`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use crate::cli::Failure;
use crate::cli::common::ConfigArguments;

/// A container is asked every few seconds; an answer that takes longer than this is none.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the running server whether it is ready.
#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    #[command(flatten)]
    config: ConfigArguments,

    /// What to ask [default: /health/ready on the internal listener of the configuration]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl Healthcheck {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let url = match self.url {
            Some(url) => url,
            None => readiness_url(self.config.load()?.http.internal),
        };
        ask(&url)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn readiness_url(mut internal: SocketAddr) -> String {
    if internal.ip().is_unspecified() {
        internal.set_ip(if internal.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{internal}/health/ready")
}

fn ask(url: &str) -> anyhow::Result<()> {
    let configuration =
        ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build();
    let answer = ureq::Agent::from(configuration).get(url).call().with_context(|| format!("{url} does not answer"))?;
    if answer.status() != 200 {
        bail!("{url} answers {}: not ready", answer.status());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_loopback() {
        assert_eq!(readiness_url("0.0.0.0:8081".parse().unwrap()), "http://127.0.0.1:8081/health/ready");
        assert_eq!(readiness_url("[::]:8081".parse().unwrap()), "http://[::1]:8081/health/ready");
        assert_eq!(readiness_url("10.0.0.1:1".parse().unwrap()), "http://10.0.0.1:1/health/ready");
    }
}
