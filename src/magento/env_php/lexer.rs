//! From text to tokens, each with its line.

use zeroize::Zeroizing;

use crate::magento::env_php::{EnvPhpError, text};

/// What the file is made of.
#[derive(Clone, PartialEq)]
pub(super) enum Token {
    /// One of `[ ] ( ) , ; . - +`.
    Sign(char),
    /// `=>`.
    Arrow,
    /// Text in quotes.
    Text(Zeroizing<String>),
    /// A number as it is written, without sign.
    Number(String),
    /// A bare word, in lower case.
    Word(String),
    /// `?>`: the end of what PHP reads.
    Close,
    /// The end of the file.
    End,
}

/// Reads one token after the other.
pub(super) struct Lexer<'source> {
    rest: &'source str,
    line: usize,
}

impl<'source> Lexer<'source> {
    /// Begins after `<?php`.
    pub(super) fn new(source: &'source str) -> Result<Self, EnvPhpError> {
        let missing = || EnvPhpError::at(1, "the file does not begin with <?php");
        let (head, rest) = source.split_at_checked(5).ok_or_else(missing)?;
        let spaced = rest.is_empty() || rest.starts_with(|next: char| next.is_ascii_whitespace());
        if head.eq_ignore_ascii_case("<?php") && spaced { Ok(Self { rest, line: 1 }) } else { Err(missing()) }
    }

    /// The next token, with the line on which it begins.
    pub(super) fn next(&mut self) -> Result<(Token, usize), EnvPhpError> {
        self.skip_what_says_nothing()?;
        let line = self.line;
        Ok((self.token()?, line))
    }

    fn token(&mut self) -> Result<Token, EnvPhpError> {
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        let token = match first {
            '\'' | '"' => return self.quoted(first),
            '=' if self.rest.starts_with("=>") => (Token::Arrow, 2),
            '?' if self.rest.starts_with("?>") => (Token::Close, 2),
            '[' | ']' | '(' | ')' | ',' | ';' | '.' | '-' | '+' if !self.begins_with_fraction() => {
                (Token::Sign(first), 1)
            }
            '0'..='9' | '.' => {
                let number = self.number();
                (Token::Number(number.to_owned()), number.len())
            }
            '_' | 'a'..='z' | 'A'..='Z' => {
                let end = self.rest.find(|c: char| !(c == '_' || c.is_ascii_alphanumeric()));
                let word = &self.rest[..end.unwrap_or(self.rest.len())];
                (Token::Word(word.to_ascii_lowercase()), word.len())
            }
            _ => return Err(self.error("only plain data can be read without running PHP: arrays, texts, numbers")),
        };
        self.take(token.1);
        Ok(token.0)
    }

    /// `.5` is a number, `. 5` is not.
    fn begins_with_fraction(&self) -> bool {
        let mut characters = self.rest.chars();
        characters.next() == Some('.') && characters.next().is_some_and(|next| next.is_ascii_digit())
    }

    fn number(&self) -> &'source str {
        let mut before = ' ';
        let end = self.rest.find(|c: char| {
            let goes_on =
                c.is_ascii_alphanumeric() || c == '.' || c == '_' || (matches!(c, '+' | '-') && before == 'e');
            before = c.to_ascii_lowercase();
            !goes_on
        });
        &self.rest[..end.unwrap_or(self.rest.len())]
    }

    fn quoted(&mut self, mark: char) -> Result<Token, EnvPhpError> {
        let line = self.line;
        let inner = &self.rest[1..];
        let mut escaped = false;
        let end = inner.find(|c| {
            let ends = c == mark && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let source = &inner[..end.ok_or_else(|| self.error("a text does not end"))?];
        self.take(source.len() + 2);
        Ok(Token::Text(if mark == '\'' { text::single_quoted(source) } else { text::double_quoted(source, line)? }))
    }

    /// White space and comments.
    fn skip_what_says_nothing(&mut self) -> Result<(), EnvPhpError> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{b}', '\u{c}']).len();
            self.take(blank);
            let is_attribute = self.rest.starts_with("#[");
            if self.rest.starts_with("//") || (self.rest.starts_with('#') && !is_attribute) {
                // A comment ends before the end of what PHP reads.
                let end = [self.rest.find(['\n', '\r']), self.rest.find("?>")].into_iter().flatten().min();
                self.take(end.unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                let end = self.rest[2..].find("*/").ok_or_else(|| self.error("a comment does not end"))?;
                self.take(end + 4);
            } else {
                return Ok(());
            }
        }
    }

    fn take(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
    }

    fn error(&self, problem: &str) -> EnvPhpError {
        EnvPhpError::at(self.line, problem)
    }
}
