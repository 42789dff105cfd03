//! The configuration as a whole: layers, places, messages, and the documented file.

mod documented_file;
mod layering;
mod messages;
mod rules;
mod secrets;

use std::path::Path;

use crate::config::layers::Layers;
use crate::config::{Config, ConfigErrors};

/// Loads the text of a file named `tokenward.toml`.
fn from_text(text: &str) -> Result<Config, ConfigErrors> {
    from_layers(text, &[], &[])
}

/// Loads the text of a file, an environment, and flags.
fn from_layers(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let mut layers = Layers::default();
    layers.add_document(Path::new("tokenward.toml"), text);
    layers.add_environment(environment.iter().map(|(name, value)| (name.into(), value.into())));
    layers.add_flags(flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    Config::from_layers(layers)
}

/// What is wrong with the text of a file.
fn problems(text: &str) -> String {
    from_text(text).expect_err("it is wrong").to_string()
}
