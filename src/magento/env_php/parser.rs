//! From tokens to a value.

use zeroize::Zeroizing;

use crate::magento::env_php::lexer::{Lexer, Token};
use crate::magento::env_php::{EnvPhpError, Key, Value};

/// How deep arrays may be nested: Magento's own files stay below ten.
const DEEPEST: usize = 64;

/// How long a file may be, in bytes: Magento's own stay below a hundred kilobytes.
const LONGEST_FILE: usize = 4 * 1024 * 1024;

/// Reads `<?php return […];`.
pub(super) fn parse(text: &[u8]) -> Result<Value, EnvPhpError> {
    if text.len() > LONGEST_FILE {
        return Err(EnvPhpError::at(1, "the file is longer than 4 MiB"));
    }
    let text = std::str::from_utf8(text).map_err(|error| {
        let lines = text[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        EnvPhpError::at(lines, "the file is not UTF-8")
    })?;
    let mut parser = Parser::new(text)?;
    parser.expect_word("return")?;
    let value = parser.value(0)?;
    if !matches!(value, Value::Array(_)) {
        return Err(EnvPhpError::at(parser.line, "the file returns no array"));
    }
    parser.end()?;
    Ok(value)
}

struct Parser<'source> {
    lexer: Lexer<'source>,
    /// The token that is looked at.
    token: Token,
    line: usize,
}

impl<'source> Parser<'source> {
    fn new(text: &'source str) -> Result<Self, EnvPhpError> {
        let mut lexer = Lexer::new(text)?;
        let (token, line) = lexer.next()?;
        Ok(Self { lexer, token, line })
    }

    fn advance(&mut self) -> Result<Token, EnvPhpError> {
        let (next, line) = self.lexer.next()?;
        self.line = line;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn error<T>(&self, problem: &str) -> Result<T, EnvPhpError> {
        Err(EnvPhpError::at(self.line, problem))
    }

    fn take_sign(&mut self, sign: char) -> Result<bool, EnvPhpError> {
        let found = self.token == Token::Sign(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect_word(&mut self, word: &str) -> Result<(), EnvPhpError> {
        if self.token != Token::Word(word.to_owned()) {
            return self.error(&format!("`{word}` has to stand here"));
        }
        self.advance().map(drop)
    }

    /// A value; texts may be put together with dots, as PHP writes those with a zero byte.
    fn value(&mut self, depth: usize) -> Result<Value, EnvPhpError> {
        let first = self.single_value(depth)?;
        if self.token != Token::Sign('.') {
            return Ok(first);
        }
        let Value::Text(mut text) = first else { return self.error("only texts can be put together with a dot") };
        while self.take_sign('.')? {
            match self.single_value(depth)? {
                Value::Text(more) => text = Zeroizing::new([text.as_str(), more.as_str()].concat()),
                _ => return self.error("only texts can be put together with a dot"),
            }
        }
        Ok(Value::Text(text))
    }

    fn single_value(&mut self, depth: usize) -> Result<Value, EnvPhpError> {
        if depth > DEEPEST {
            return self.error("arrays are nested too deeply");
        }
        match self.advance()? {
            Token::Text(text) => Ok(Value::Text(text)),
            Token::Number(digits) => self.number(&digits, false),
            Token::Sign(sign @ ('-' | '+')) => match self.advance()? {
                Token::Number(digits) => self.number(&digits, sign == '-'),
                _ => self.error("a number has to follow the sign"),
            },
            Token::Sign('[') => self.array(']', depth),
            Token::Word(word) => match word.as_str() {
                "true" => Ok(Value::Boolean(true)),
                "false" => Ok(Value::Boolean(false)),
                "null" => Ok(Value::Null),
                "array" if self.take_sign('(')? => self.array(')', depth),
                _ => self.error("a function, a constant or a class cannot be read without running PHP"),
            },
            _ => self.error("a value has to stand here: a text in quotes, a number, true, false, null or an array"),
        }
    }

    /// What stands in an array, up to its end.
    fn array(&mut self, end: char, depth: usize) -> Result<Value, EnvPhpError> {
        let mut array = Builder::default();
        loop {
            if self.take_sign(end)? {
                return Ok(array.finish());
            }
            let first = self.value(depth + 1)?;
            if self.token == Token::Arrow {
                let Some(key) = key(&first) else { return self.error("an array cannot be a key") };
                self.advance()?;
                let value = self.value(depth + 1)?;
                array.set(key, value);
            } else {
                array.push(first);
            }
            if !self.take_sign(',')? && self.token != Token::Sign(end) {
                return self.error(&format!("`,` or `{end}` has to stand here"));
            }
        }
    }

    fn number(&self, digits: &str, negative: bool) -> Result<Value, EnvPhpError> {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain && digits.len() > 1 && digits.starts_with('0') {
            return self.error("an octal number has to be written as a decimal one");
        }
        let sign = if negative { "-" } else { "" };
        if plain && let Ok(number) = format!("{sign}{digits}").parse() {
            return Ok(Value::Integer(number));
        }
        match digits.parse::<f64>() {
            Ok(number) if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') => {
                Ok(Value::Fraction(if negative { -number } else { number }))
            }
            _ => self.error("a number has to be written in decimal"),
        }
    }

    fn end(&mut self) -> Result<(), EnvPhpError> {
        let ended = self.take_sign(';')?;
        match self.token {
            Token::End if ended => Ok(()),
            // What follows is sent to browsers by PHP, and says nothing.
            Token::Close => Ok(()),
            _ => self.error("nothing but `;` may follow the array"),
        }
    }
}

/// The key that PHP makes of a value.
fn key(value: &Value) -> Option<Key> {
    match value {
        Value::Integer(number) => Some(Key::Number(*number)),
        Value::Boolean(flag) => Some(Key::Number(i64::from(*flag))),
        #[expect(clippy::cast_possible_truncation, reason = "PHP cuts it off, too")]
        Value::Fraction(number) => Some(Key::Number(*number as i64)),
        Value::Text(text) => Some(Key::of(text)),
        Value::Null => Some(Key::Name(String::new())),
        Value::Array(_) => None,
    }
}

/// An array that grows, in a time that grows with its length alone.
#[derive(Default)]
struct Builder {
    entries: Vec<(Key, Value)>,
    places: std::collections::HashMap<String, usize>,
    next: i64,
}

impl Builder {
    fn push(&mut self, value: Value) {
        self.set(Key::Number(self.next), value);
    }

    fn set(&mut self, key: Key, value: Value) {
        if let Key::Number(number) = key {
            self.next = self.next.max(number.saturating_add(1));
        }
        let place = *self.places.entry(key.name()).or_insert(self.entries.len());
        match self.entries.get_mut(place) {
            Some((_, known)) => *known = value,
            None => self.entries.push((key, value)),
        }
    }

    fn finish(self) -> Value {
        Value::Array(self.entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn php(body: &str) -> Result<Value, EnvPhpError> {
        parse(format!("<?php\nreturn {body};\n").as_bytes())
    }

    #[test]
    fn both_notations_comments_and_nesting_are_read() {
        let both = php(
            "array( // a comment\n 'a' => [1, -2, 'x' => 'y',], # another ] \n 'b' => ARRAY(), /* and => \n 'one' */ 'c' => \
             NULL, 'd' => True, 'e' => 1.5E+3, 7 => \"seven\", 'eight',)",
        )
        .unwrap();
        assert_eq!(both.at("a/1"), Some(&Value::Integer(-2)));
        assert_eq!(both.at("a/x"), Some(&Value::text("y")));
        assert_eq!(both.at("b"), Some(&Value::Array(Vec::new())));
        assert_eq!((both.at("c"), both.at("d")), (Some(&Value::Null), Some(&Value::Boolean(true))));
        assert_eq!(both.at("e"), Some(&Value::Fraction(1500.0)));
        assert_eq!((both.at("7"), both.at("8")), (Some(&Value::text("seven")), Some(&Value::text("eight"))));
    }

    #[test]
    fn a_text_with_a_zero_byte_is_put_together_as_php_writes_it() {
        let value = php(r#"['a' => 'x' . "\0" . 'y']"#).unwrap();
        assert_eq!(value.at("a"), Some(&Value::text("x\0y")));
    }

    #[test]
    fn a_later_value_takes_the_place_of_an_earlier_one() {
        let value = php("['a' => 1, '1' => 'x', 'a' => 2, 1 => 'y', true => 'z']").unwrap();
        assert_eq!(value.entries().len(), 2);
        assert_eq!((value.at("a"), value.at("1")), (Some(&Value::Integer(2)), Some(&Value::text("z"))));
    }

    #[test]
    fn what_would_have_to_be_run_is_refused_with_its_line() {
        for (body, line) in [
            ("[\n'a' => getenv('A')]", 3),
            ("[\n'a' => \\Magento\\App::class]", 3),
            ("[\n'a' => $b]", 3),
            ("['a' => PDO::ATTR]", 2),
            ("[\n\n'a' => \"x $b\"]", 4),
            ("['a' => <<<TEXT\nx\nTEXT]", 2),
            ("['a' => 0777]", 2),
            ("['a' => 0x1f]", 2),
            ("['a' => 1 'b' => 2]", 2),
            ("['a' => 1", 2),
            ("['a' => 'open]", 2),
            ("[[1] => 2]", 2),
            ("'text'", 2),
            ("[1] + [2]", 2),
            ("['a' => 1 . 'b']", 2),
            ("[] /* open", 2),
        ] {
            assert_eq!(php(body).unwrap_err().line, line, "{body}");
        }
        for whole in ["", "<?php", "<?phpreturn [];", "return [];", "<?php\nfoo(); return [];", "<?php return [] "] {
            assert!(parse(whole.as_bytes()).is_err(), "{whole:?}");
        }
        assert_eq!(parse(b"<?php\nreturn [\n'\xff'];").unwrap_err().line, 3);
        assert!(parse(b"<?php return [] ?>\n").is_ok());
    }

    #[test]
    fn no_message_repeats_a_value() {
        for body in ["['hunter2' 'hunter2']", "['a' => hunter2]", "['a' => \"hunter2 $x\"]", "[hunter2()]"] {
            assert!(!php(body).unwrap_err().to_string().contains("hunter2"), "{body}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| php(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        assert!(nested(DEEPEST).is_ok());
        assert!(nested(100_000).unwrap_err().to_string().contains("nested too deeply"));
        assert!(php(&"array(".repeat(100_000)).is_err());
    }

    /// A value as Magento writes it.
    fn printed(value: &Value) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Boolean(flag) => flag.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Fraction(number) => format!("{number:?}"),
            Value::Text(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
            Value::Array(entries) => {
                let entry = |(key, value): &(Key, Value)| match key {
                    Key::Number(number) => format!("{number} => {}", printed(value)),
                    Key::Name(name) => format!("{} => {}", printed(&Value::text(name)), printed(value)),
                };
                format!("[\n{}\n]", entries.iter().map(entry).collect::<Vec<_>>().join(",\n"))
            }
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            (i64::MIN + 1..i64::MAX).prop_map(Value::Integer),
            any::<String>().prop_map(Value::text),
        ];
        leaf.prop_recursive(5, 50, 8, |inner| {
            proptest::collection::vec((any::<String>(), inner), 0..8).prop_map(|entries| {
                let mut array = Builder::default();
                for (key, value) in entries {
                    array.set(Key::of(&key), value);
                }
                array.finish()
            })
        })
    }

    proptest! {
        #[test]
        fn what_magento_writes_is_read_back(value in values()) {
            let array = Value::Array(vec![(Key::Name("a".to_owned()), value)]);
            prop_assert!(php(&printed(&array)) == Ok(array));
        }

        #[test]
        fn nothing_makes_it_panic(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&noise);
            let _ = parse(&[b"<?php return [".as_slice(), &noise].concat());
        }

        #[test]
        fn nothing_that_looks_like_php_makes_it_panic(noise in r#"([\[\]()'"\\,;=> .$#/*+-]|\n|array|true|\?>|[0-9a-z\{\}ä])*"#) {
            let _ = php(&noise);
        }
    }
}
