//! The text between quotation marks.

use zeroize::Zeroizing;

use crate::magento::env_php::EnvPhpError;

/// What stands between single quotes: only `\'` and `\\` are escapes.
pub(super) fn single_quoted(source: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(source.len()));
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = characters.next_if(|next| character == '\\' && matches!(next, '\'' | '\\'));
        text.push(escaped.unwrap_or(character));
    }
    text
}

/// What stands between double quotes, on this line. Variables are refused: they would have to be run.
pub(super) fn double_quoted(source: &str, line: usize) -> Result<Zeroizing<String>, EnvPhpError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(source.len()));
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '\\' => {
                rest = escape(rest, &mut bytes).ok_or_else(|| EnvPhpError::at(line, "a \\u{…} names no character"))?;
            }
            '$' if rest
                .starts_with(|next: char| next == '_' || next == '{' || next.is_alphabetic() || !next.is_ascii()) =>
            {
                return Err(EnvPhpError::at(line, "a variable within text cannot be read without running PHP"));
            }
            '{' if rest.starts_with('$') => {
                return Err(EnvPhpError::at(line, "a variable within text cannot be read without running PHP"));
            }
            plain => push(plain, &mut bytes),
        }
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| EnvPhpError::at(line, "a text is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn push(character: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Takes an escape, without its backslash, and gives what follows it. An unknown one stands for itself.
fn escape<'source>(source: &'source str, bytes: &mut Vec<u8>) -> Option<&'source str> {
    let Some(first) = source.chars().next() else {
        bytes.push(b'\\');
        return Some(source);
    };
    let plain = match first {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        'v' => 0x0b,
        'e' => 0x1b,
        'f' => 0x0c,
        '\\' | '$' | '"' => first as u8,
        '0'..='7' => return Some(numbered(source, 8, 3, bytes)),
        'x' if source[1..].starts_with(|digit: char| digit.is_ascii_hexdigit()) => {
            return Some(numbered(&source[1..], 16, 2, bytes));
        }
        'u' if source[1..].starts_with('{') => return code_point(&source[2..], bytes),
        _ => {
            bytes.push(b'\\');
            return Some(source);
        }
    };
    bytes.push(plain);
    Some(&source[1..])
}

/// A byte by its number, of which the lowest eight bits count.
fn numbered<'source>(source: &'source str, radix: u32, most: usize, bytes: &mut Vec<u8>) -> &'source str {
    let digits = source.chars().take(most).take_while(|digit| digit.is_digit(radix)).count();
    let number = u32::from_str_radix(&source[..digits], radix).unwrap_or_default();
    bytes.push((number & 0xff) as u8);
    &source[digits..]
}

fn code_point<'source>(source: &'source str, bytes: &mut Vec<u8>) -> Option<&'source str> {
    let (digits, rest) = source.split_once('}')?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    push(char::from_u32(number)?, bytes);
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_quotes_know_two_escapes() {
        for (source, text) in
            [(r"kit\'s \\ @:/#%", r"kit's \ @:/#%"), (r"\n\$\x41", r"\n\$\x41"), (r"a\", r"a\"), (r"\\\'", r"\'")]
        {
            assert_eq!(single_quoted(source).as_str(), text);
        }
    }

    #[test]
    fn double_quotes_know_those_of_php() {
        for (source, text) in [
            (r#"\n\t\r\v\e\f\\\$\""#, "\n\t\r\u{b}\u{1b}\u{c}\\$\""),
            (r"\101\x41\x4a\u{20AC}\0", "AAJ€\0"),
            (r"\q\8\xZ$5 $ {a}", r"\q\8\xZ$5 $ {a}"),
            (r"\xe2\x82\xac\501", "€A"),
            ("ä", "ä"),
        ] {
            assert_eq!(double_quoted(source, 1).unwrap().as_str(), text, "{source}");
        }
        for wrong in ["a $b", "${b}", "{$b}", r"\xff", r"\u{110000}", r"\u{41"] {
            assert_eq!(double_quoted(wrong, 7).unwrap_err().line, 7, "{wrong}");
        }
    }
}
