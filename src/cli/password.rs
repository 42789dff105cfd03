//! Passwords from a prompt or from standard input.

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

fn prompt_twice() -> anyhow::Result<Password> {
    let ask = |prompt| rpassword::prompt_password(prompt).map(Password::new).context("the terminal cannot be read");
    let password = ask("Password: ")?;
    if ask("The same again: ")?.expose() != password.expose() {
        bail!("the two passwords differ");
    }
    Ok(password)
}

fn first_line() -> anyhow::Result<Password> {
    let mut text = String::new();
    std::io::stdin().take(LONGEST).read_to_string(&mut text).context("standard input is not UTF-8 text")?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    zeroize::Zeroize::zeroize(&mut text);
    Ok(Password::new(line))
}
