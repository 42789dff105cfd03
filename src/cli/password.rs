//! Passwords and secrets from a prompt or from standard input.

use std::io::{IsTerminal, Read};

use anyhow::{Context, bail};

use crate::control::ExposedPassword;
use crate::secret::Password;

/// The longest password that Magento accepts is 256 characters; this many bytes hold it in any script.
const LONGEST: u64 = 4096;

/// Asks for a new password: twice on a terminal, otherwise the first line of standard input.
pub(crate) fn new_password() -> anyhow::Result<ExposedPassword> {
    let password = if std::io::stdin().is_terminal() { prompt_twice()? } else { first_line()? };
    if password.is_empty() {
        bail!("the password is empty; give one on standard input, or run this on a terminal to be asked for it");
    }
    Ok(ExposedPassword(password))
}

/// Asks for a secret that is known already: once on a terminal, otherwise the first line of standard input.
pub(crate) fn secret() -> anyhow::Result<ExposedPassword> {
    let secret = if std::io::stdin().is_terminal() { ask("Secret: ")? } else { first_line()? };
    Ok(ExposedPassword(secret))
}

fn prompt_twice() -> anyhow::Result<Password> {
    let password = ask("Password: ")?;
    if ask("The same again: ")?.expose() != password.expose() {
        bail!("the two passwords differ");
    }
    Ok(password)
}

fn ask(prompt: &str) -> anyhow::Result<Password> {
    rpassword::prompt_password(prompt).map(Password::new).context("the terminal cannot be read")
}

fn first_line() -> anyhow::Result<Password> {
    let mut text = String::new();
    std::io::stdin().take(LONGEST).read_to_string(&mut text).context("standard input is not UTF-8 text")?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    zeroize::Zeroize::zeroize(&mut text);
    Ok(Password::new(line))
}
