//! Cuts a document into tokens as Magento's engine does, to word what is wrong with it.
//!
//! The parser that documents go through has its own lexer.

use std::fmt::Write;

/// What is wrong, without the words `Syntax Error:`, and where, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) offset: usize,
}

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    /// One of `! $ & ( ) : = @ [ ] { | }`.
    Sign(u8),
    Spread,
    Name,
    Int,
    Float,
    Text,
    BlockText,
}

/// A token and where it stands, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// As it is written.
    pub(super) text: &'a str,
    pub(super) offset: usize,
}

impl Kind {
    /// Its name.
    pub(super) fn describe(self) -> String {
        match self {
            Self::End => "<EOF>".to_owned(),
            Self::Sign(sign) => char::from(sign).to_string(),
            Self::Spread => "...".to_owned(),
            Self::Name => "Name".to_owned(),
            Self::Int => "Int".to_owned(),
            Self::Float => "Float".to_owned(),
            Self::Text => "String".to_owned(),
            Self::BlockText => "BlockString".to_owned(),
        }
    }
}

/// At most so many characters of a name or number are repeated in a message.
const LONGEST: usize = 64;

impl Token<'_> {
    /// Its kind with its value. The value of a string is left out, other than in Magento: it may be a password.
    pub(super) fn describe(&self) -> String {
        let kind = self.kind.describe();
        match self.kind {
            Kind::Name | Kind::Int | Kind::Float => {
                format!("{kind} \"{}\"", self.text.get(..LONGEST).unwrap_or(self.text))
            }
            _ => kind,
        }
    }
}

/// The length of the longest name in `text`, in bytes, up to where it can be cut into tokens.
pub(super) fn longest_name(text: &str) -> usize {
    let mut lexer = Lexer::new(text);
    let tokens = std::iter::from_fn(|| lexer.next().ok().filter(|token| token.kind != Kind::End));
    tokens.filter(|token| token.kind == Kind::Name).map(|token| token.text.len()).max().unwrap_or(0)
}

/// Hands out one token after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Lexer<'a> {
    /// A lexer at the beginning of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: if text.starts_with('\u{feff}') { 3 } else { 0 } }
    }

    /// The next token; at the end of the text [`Kind::End`], again and again.
    pub(super) fn next(&mut self) -> Result<Token<'a>, Fault> {
        self.skip_ignored();
        let start = self.position;
        let kind = match self.peek() {
            None => Kind::End,
            Some(sign @ (b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}')) => {
                self.position += 1;
                Kind::Sign(sign)
            }
            Some(b'.') if self.rest().starts_with("...") => {
                self.position += 3;
                Kind::Spread
            }
            Some(b'A'..=b'Z' | b'a'..=b'z' | b'_') => {
                self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                Kind::Name
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'"') if self.rest().starts_with("\"\"\"") => self.block_text()?,
            Some(b'"') => self.quoted_text()?,
            Some(_) => return Err(self.fault(unexpected_character(self.character()))),
        };
        Ok(Token { kind, text: &self.text[start..self.position], offset: start })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn character(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&belongs) {
            self.position += 1;
        }
    }

    fn skip_ignored(&mut self) {
        loop {
            self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b','));
            if self.peek() != Some(b'#') {
                return;
            }
            self.skip_while(|byte| !matches!(byte, b'\n' | b'\r'));
        }
    }

    fn fault(&self, message: String) -> Fault {
        Fault { message, offset: self.position }
    }

    fn number(&mut self) -> Result<Kind, Fault> {
        let mut kind = Kind::Int;
        self.skip_one_of(b"-");
        if self.skip_one_of(b"0") {
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                let digit = printed(self.character());
                return Err(self.fault(format!("Invalid number, unexpected digit after 0: {digit}")));
            }
        } else {
            self.digits()?;
        }
        if self.skip_one_of(b".") {
            kind = Kind::Float;
            self.digits()?;
        }
        if self.skip_one_of(b"eE") {
            kind = Kind::Float;
            self.skip_one_of(b"+-");
            self.digits()?;
        }
        Ok(kind)
    }

    fn skip_one_of(&mut self, bytes: &[u8]) -> bool {
        let is_there = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.position += usize::from(is_there);
        is_there
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            let other = printed(self.character());
            return Err(self.fault(format!("Invalid number, expected digit but got: {other}")));
        }
        self.skip_while(|byte| byte.is_ascii_digit());
        Ok(())
    }

    fn quoted_text(&mut self) -> Result<Kind, Fault> {
        self.position += 1;
        loop {
            self.skip_while(|byte| !matches!(byte, b'"' | b'\\') && (byte >= b' ' || byte == b'\t'));
            match self.peek() {
                None | Some(b'\n' | b'\r') => return Err(self.fault("Unterminated string.".to_owned())),
                Some(b'"') => {
                    self.position += 1;
                    return Ok(Kind::Text);
                }
                Some(b'\\') => self.escape()?,
                Some(_) => {
                    let control = printed(self.character());
                    return Err(self.fault(format!("Invalid character within String: {control}")));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.position += 1;
        match self.character() {
            Some('"' | '/' | '\\' | 'b' | 'f' | 'n' | 'r' | 't') => self.position += 1,
            Some('u') => {
                let digits: String = self.rest().chars().skip(1).take(4).collect();
                if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(self.fault(format!("Invalid character escape sequence: \\u{digits}")));
                }
                self.position += 5;
            }
            Some(other) => return Err(self.fault(format!("Invalid character escape sequence: \\{other}"))),
            None => return Err(self.fault("Unterminated string.".to_owned())),
        }
        Ok(())
    }

    fn block_text(&mut self) -> Result<Kind, Fault> {
        self.position += 3;
        loop {
            self.skip_while(|byte| !matches!(byte, b'"' | b'\\'));
            match self.rest() {
                "" => return Err(self.fault("Unterminated string.".to_owned())),
                rest if rest.starts_with("\"\"\"") => {
                    self.position += 3;
                    return Ok(Kind::BlockText);
                }
                rest => self.position += if rest.starts_with("\\\"\"\"") { 4 } else { 1 },
            }
        }
    }
}

fn unexpected_character(character: Option<char>) -> String {
    let printed = printed(character);
    match character {
        Some('\'') => "Unexpected single quote character ('), did you mean to use a double quote (\")?".to_owned(),
        Some('\0'..='\u{1f}') => format!("Cannot contain the invalid character {printed}"),
        _ => format!("Cannot parse the unexpected character {printed}."),
    }
}

/// A character as JSON text, those beyond ASCII by their number.
fn printed(character: Option<char>) -> String {
    let mut text = String::new();
    match character {
        None => text += "<EOF>",
        // Cannot fail: it is written into a text.
        Some(other) if u32::from(other) >= 0x7f => drop(write!(text, "\"\\u{:x}\"", u32::from(other))),
        Some(ascii) => text = serde_json::json!(ascii.to_string()).to_string().replace('/', "\\/"),
    }
    text
}
