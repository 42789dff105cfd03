//! From a [`Raw`] value to what a key wants. Each function answers the value, or a sentence that goes on after the key:
//! `must be a whole number from 1 to 512, not "many"`.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use actix_web::http::Uri;
use ipnet::IpNet;

use crate::config::raw::Raw;

/// A value, or what is wrong with it.
pub(super) type Parsed<T> = Result<T, String>;

/// A whole number within bounds.
pub(super) fn whole_number<T>(range: RangeInclusive<T>) -> impl Fn(&Raw) -> Parsed<T>
where
    T: TryFrom<i128> + PartialOrd + Display,
{
    move |raw| {
        let number = match raw {
            Raw::Integer(number) => Some(*number),
            Raw::Untyped(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| mismatch(&format!("a whole number from {} to {}", range.start(), range.end()), raw))
    }
}

/// A length of time in whole seconds.
pub(super) fn seconds(range: RangeInclusive<u64>) -> impl Fn(&Raw) -> Parsed<Duration> {
    let expected = format!("a whole number of seconds from {} to {}", range.start(), range.end());
    let number = whole_number(range);
    move |raw| number(raw).map(Duration::from_secs).map_err(|_| mismatch(&expected, raw))
}

/// `true` or `false`.
pub(super) fn boolean(raw: &Raw) -> Parsed<bool> {
    let value = match raw {
        Raw::Boolean(value) => Some(*value),
        Raw::Untyped(text) => text.trim().parse().ok(),
        _ => None,
    };
    value.ok_or_else(|| mismatch("true or false", raw))
}

/// Text that is not empty.
pub(super) fn text(raw: &Raw) -> Parsed<String> {
    some_text(raw, "text").map(str::to_owned)
}

/// The path of a file or folder; relative ones start at the working directory.
pub(super) fn path(raw: &Raw) -> Parsed<PathBuf> {
    some_text(raw, "a path").map(PathBuf::from)
}

/// Text that must not be repeated in a message, and is taken as it is.
pub(super) fn secret(raw: &Raw) -> Parsed<String> {
    match raw.text() {
        Some("") => Err("must not be empty".to_owned()),
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("must be text in quotes, not {}", raw.kind())),
    }
}

/// A secret in the file that is named. A line break at the file's end is not part of it.
pub(super) fn secret_in_file(raw: &Raw) -> Parsed<String> {
    let file = path(raw)?;
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("names {}, which cannot be read: {error}", file.display()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    match line.strip_suffix('\r').unwrap_or(line) {
        "" => Err(format!("names {}, which is empty", file.display())),
        secret => Ok(secret.to_owned()),
    }
}

/// An address to listen on.
pub(super) fn listen_address(raw: &Raw) -> Parsed<SocketAddr> {
    let expected = "an address with a port, such as 127.0.0.1:8080 or [::1]:8080";
    some_text(raw, expected)?.parse().map_err(|_| mismatch(expected, raw))
}

/// A network, or a single address.
pub(super) fn network(raw: &Raw) -> Parsed<IpNet> {
    let expected = "a network such as 10.0.0.0/8, or an address";
    let text = some_text(raw, expected)?;
    text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| mismatch(expected, raw))
}

/// A web origin as a browser sends it (RFC 6454): scheme, host, and the port unless it is the scheme's own.
pub(super) fn origin(raw: &Raw) -> Parsed<String> {
    let expected = "an origin as browsers send it, such as https://shop.example.com or http://localhost:3000, \
                    without * and without a path";
    let text = some_text(raw, expected)?.to_ascii_lowercase();
    match web_address(&text) {
        Some(address) if text == format!("{}://{}", scheme(&address), authority(&address)) => Ok(text),
        _ => Err(mismatch(expected, raw)),
    }
}

/// An address of the web without query and fragment.
pub(super) fn url(raw: &Raw) -> Parsed<String> {
    let expected = "an address such as https://shop.example.com, without a query";
    let text = some_text(raw, expected)?;
    web_address(text)
        .filter(|address| address.query().is_none() && !text.contains('#'))
        .map(|_| text.to_owned())
        .ok_or_else(|| mismatch(expected, raw))
}

/// A list; from the environment comma-separated or a TOML array.
pub(super) fn list_of<T>(item: impl Fn(&Raw) -> Parsed<T>) -> impl Fn(&Raw) -> Parsed<Vec<T>> {
    move |raw| {
        let items = raw.items().ok_or_else(|| mismatch("a list in [ ]", raw))?;
        let read = |value: &Raw| item(value).map_err(|problem| format!("has an entry that {problem}"));
        items.iter().map(read).collect()
    }
}

/// The sentence that says what would be right.
pub(super) fn mismatch(expected: &str, raw: &Raw) -> String {
    format!("must be {expected}, not {}", raw.shown())
}

pub(super) fn some_text<'raw>(raw: &'raw Raw, expected: &str) -> Parsed<&'raw str> {
    raw.text().map(str::trim).filter(|text| !text.is_empty()).ok_or_else(|| mismatch(expected, raw))
}

fn web_address(text: &str) -> Option<Uri> {
    let address: Uri = text.parse().ok()?;
    let is_web = matches!(address.scheme_str(), Some("http" | "https"));
    let authority = address.authority()?.as_str();
    let has_host = !authority.contains(['@', '*']) && address.host().is_some_and(|host| !host.is_empty());
    let port_is_good = address.port_u16().is_some() || !authority.ends_with(':');
    (is_web && has_host && port_is_good).then_some(address)
}

fn scheme(address: &Uri) -> &str {
    address.scheme_str().unwrap_or_default()
}

/// Host and port, the port only where a browser sends it.
fn authority(address: &Uri) -> String {
    let host = address.host().unwrap_or_default();
    match (scheme(address), address.port_u16()) {
        ("http", Some(80)) | ("https", Some(443)) | (_, None) => host.to_owned(),
        (_, Some(port)) => format!("{host}:{port}"),
    }
}
