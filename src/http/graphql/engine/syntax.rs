//! Syntax errors in the words of Magento's engine (fact sheet 1.5).
//!
//! The parser that documents go through has other words, finds the error in other places, and lets some errors pass. So a
//! document is read by the grammar of Magento's engine first, up to the first error.

use apollo_compiler::diagnostic::ToCliReport;
use apollo_compiler::validation::DiagnosticList;

use crate::http::graphql::engine::Complaint;
use crate::http::graphql::engine::lexer::{Fault, Kind, Lexer, Token};

/// What the parser's message begins with, unless it gave up.
const SYNTAX_ERROR: &str = "syntax error: ";

/// How deep selections, values and types may be nested to be read here, so that nothing runs out of stack.
const NESTING: usize = 128;

/// The words that begin definitions of types, which are not read here.
const TYPE_SYSTEM: [&str; 9] =
    ["schema", "scalar", "type", "interface", "union", "enum", "input", "extend", "directive"];

/// Reads a document by the grammar of Magento's engine.
///
/// # Errors
/// The first syntax error.
pub(super) fn check(text: &str) -> Result<(), Complaint> {
    read(text).map_err(|fault| complaint(&fault, text))
}

/// The first syntax error that the parser alone has found, in a document that cannot be read here. `None` when the parser
/// gave up before it found one.
pub(super) fn first_error(errors: &DiagnosticList, text: &str) -> Option<Complaint> {
    let first = errors.iter().next()?;
    if !first.error.to_string().starts_with(SYNTAX_ERROR) {
        return None;
    }
    let offset = first.error.location().map_or(text.len(), |location| location.offset());
    Some(complaint(&unexpected_at(text, offset), text))
}

fn complaint(fault: &Fault, text: &str) -> Complaint {
    Complaint::at(format!("Syntax Error: {}", fault.message), text, fault.offset)
}

/// What the parser alone finds wrong: something unexpected at this place.
fn unexpected_at(text: &str, offset: usize) -> Fault {
    let rest = text.get(offset..).unwrap_or_default();
    let found = Lexer::new(rest).next();
    let message = found.map_or_else(|fault| fault.message, |token| format!("Unexpected {}", token.describe()));
    Fault { message, offset }
}

/// Reads a document to its first error, or as far as it can be read here.
fn read(text: &str) -> Result<(), Fault> {
    let mut lexer = Lexer::new(text);
    let token = lexer.next()?;
    let mut reader = Reader { lexer, token, depth: 0 };
    match reader.document() {
        Err(Stop::Fault(fault)) => Err(fault),
        Err(Stop::OutOfReach) | Ok(()) => Ok(()),
    }
}

/// Why reading ends early.
enum Stop {
    /// There is an error.
    Fault(Fault),
    /// It is nested too deeply, or defines types.
    OutOfReach,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

type Read = Result<(), Stop>;

/// Reads by recursive descent, with one token in view.
struct Reader<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    depth: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Read {
        loop {
            self.definition()?;
            if self.token.kind == Kind::End {
                return Ok(());
            }
        }
    }

    fn definition(&mut self) -> Read {
        match (self.token.kind, self.token.text) {
            (Kind::Sign(b'{'), _) => self.selection_set(),
            (Kind::Name, "query" | "mutation" | "subscription") => self.operation(),
            (Kind::Name, "fragment") => self.fragment_definition(),
            (Kind::Text | Kind::BlockText, _) => self.described_definition(),
            (Kind::Name, word) if TYPE_SYSTEM.contains(&word) => Err(Stop::OutOfReach),
            _ => Err(self.unexpected()),
        }
    }

    /// A description may stand before the definition of a type only.
    fn described_definition(&mut self) -> Read {
        self.advance()?;
        if TYPE_SYSTEM.contains(&self.token.text) { Err(Stop::OutOfReach) } else { Err(self.unexpected()) }
    }

    fn operation(&mut self) -> Read {
        self.advance()?;
        if self.token.kind == Kind::Name {
            self.advance()?;
        }
        self.optional_many(b'(', b')', Self::variable_definition)?;
        self.directives()?;
        self.selection_set()
    }

    fn variable_definition(&mut self) -> Read {
        self.variable()?;
        self.expect(Kind::Sign(b':'))?;
        self.type_reference()?;
        if self.skip(Kind::Sign(b'='))? {
            self.value(true)?;
        }
        self.directives()
    }

    fn variable(&mut self) -> Read {
        self.expect(Kind::Sign(b'$'))?;
        self.expect(Kind::Name)
    }

    fn type_reference(&mut self) -> Read {
        if self.skip(Kind::Sign(b'['))? {
            self.deeper(Self::type_reference)?;
            self.expect(Kind::Sign(b']'))?;
        } else {
            self.expect(Kind::Name)?;
        }
        self.skip(Kind::Sign(b'!')).map(|_| ())
    }

    fn fragment_definition(&mut self) -> Read {
        self.advance()?;
        self.fragment_name()?;
        if !self.is_word("on") {
            return Err(self.fault(format!("Expected \"on\", found {}", self.token.describe())));
        }
        self.advance()?;
        self.expect(Kind::Name)?;
        self.directives()?;
        self.selection_set()
    }

    fn fragment_name(&mut self) -> Read {
        if self.is_word("on") {
            return Err(self.unexpected());
        }
        self.expect(Kind::Name)
    }

    fn selection_set(&mut self) -> Read {
        self.many(b'{', b'}', |reader| reader.deeper(Self::selection))
    }

    fn selection(&mut self) -> Read {
        if self.skip(Kind::Spread)? {
            return self.fragment();
        }
        self.expect(Kind::Name)?;
        if self.skip(Kind::Sign(b':'))? {
            self.expect(Kind::Name)?;
        }
        self.optional_many(b'(', b')', Self::argument)?;
        self.directives()?;
        if self.token.kind == Kind::Sign(b'{') { self.selection_set() } else { Ok(()) }
    }

    /// What follows three dots.
    fn fragment(&mut self) -> Read {
        let has_type = self.is_word("on");
        if has_type {
            self.advance()?;
            self.expect(Kind::Name)?;
        } else if self.skip(Kind::Name)? {
            return self.directives();
        }
        self.directives()?;
        self.selection_set()
    }

    fn directives(&mut self) -> Read {
        while self.skip(Kind::Sign(b'@'))? {
            self.expect(Kind::Name)?;
            self.optional_many(b'(', b')', Self::argument)?;
        }
        Ok(())
    }

    fn argument(&mut self) -> Read {
        self.expect(Kind::Name)?;
        self.expect(Kind::Sign(b':'))?;
        self.value(false)
    }

    fn value(&mut self, is_constant: bool) -> Read {
        match self.token.kind {
            Kind::Sign(b'[') => self.any(b']', |reader| reader.deeper(|reader| reader.value(is_constant))),
            Kind::Sign(b'{') => self.any(b'}', |reader| {
                reader.expect(Kind::Name)?;
                reader.expect(Kind::Sign(b':'))?;
                reader.deeper(|reader| reader.value(is_constant))
            }),
            Kind::Name | Kind::Int | Kind::Float | Kind::Text | Kind::BlockText => self.advance(),
            Kind::Sign(b'$') if !is_constant => self.variable(),
            _ => Err(self.unexpected()),
        }
    }

    fn optional_many(&mut self, open: u8, close: u8, item: impl Fn(&mut Self) -> Read) -> Read {
        if self.token.kind == Kind::Sign(open) { self.many(open, close, item) } else { Ok(()) }
    }

    /// One or more.
    fn many(&mut self, open: u8, close: u8, item: impl Fn(&mut Self) -> Read) -> Read {
        self.expect(Kind::Sign(open))?;
        item(self)?;
        while !self.skip(Kind::Sign(close))? {
            item(self)?;
        }
        Ok(())
    }

    /// None or more, behind the sign in view.
    fn any(&mut self, close: u8, item: impl Fn(&mut Self) -> Read) -> Read {
        self.advance()?;
        while !self.skip(Kind::Sign(close))? {
            item(self)?;
        }
        Ok(())
    }

    fn deeper(&mut self, read: impl Fn(&mut Self) -> Read) -> Read {
        if self.depth >= NESTING {
            return Err(Stop::OutOfReach);
        }
        self.depth += 1;
        let outcome = read(self);
        self.depth -= 1;
        outcome
    }

    fn is_word(&self, word: &str) -> bool {
        self.token.kind == Kind::Name && self.token.text == word
    }

    fn advance(&mut self) -> Read {
        self.token = self.lexer.next()?;
        Ok(())
    }

    fn skip(&mut self, kind: Kind) -> Result<bool, Stop> {
        let is_there = self.token.kind == kind;
        if is_there {
            self.advance()?;
        }
        Ok(is_there)
    }

    fn expect(&mut self, kind: Kind) -> Read {
        if self.skip(kind)? {
            return Ok(());
        }
        Err(self.fault(format!("Expected {}, found {}", kind.describe(), self.token.describe())))
    }

    fn unexpected(&self) -> Stop {
        self.fault(format!("Unexpected {}", self.token.describe()))
    }

    fn fault(&self, message: String) -> Stop {
        Fault { message, offset: self.token.offset }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apollo_compiler::ast::Document;

    fn error(text: &str) -> String {
        check(text).unwrap_err().message
    }

    #[test]
    fn syntax_errors_are_worded_as_magento_words_them() {
        for (text, message) in [
            ("", "Unexpected <EOF>"),
            ("  \n", "Unexpected <EOF>"),
            ("# nothing", "Unexpected <EOF>"),
            ("{", "Expected Name, found <EOF>"),
            ("{ customer { email ", "Expected Name, found <EOF>"),
            ("{ }", "Expected Name, found }"),
            ("{ customer { } }", "Expected Name, found }"),
            ("{{", "Expected Name, found {"),
            ("}", "Unexpected }"),
            ("{ a } }", "Unexpected }"),
            ("customer", "Unexpected Name \"customer\""),
            ("5", "Unexpected Int \"5\""),
            ("1.5e3", "Unexpected Float \"1.5e3\""),
            ("query", "Expected {, found <EOF>"),
            ("query Q", "Expected {, found <EOF>"),
            ("query Q()", "Expected $, found )"),
            ("query Q(a: Int) { a }", "Expected $, found Name \"a\""),
            ("query Q($: Int) { a }", "Expected Name, found :"),
            ("query Q($a Int) { a }", "Expected :, found Name \"Int\""),
            ("query Q($a: ) { a }", "Expected Name, found )"),
            ("query Q($a: [Int) { a }", "Expected ], found )"),
            ("query Q($a: Int = $b) { a }", "Unexpected $"),
            ("query Q { a } { ", "Expected Name, found <EOF>"),
            ("mutation { a(b: ) }", "Unexpected )"),
            ("mutation { a(b) }", "Expected :, found )"),
            ("mutation { a() }", "Expected Name, found )"),
            ("mutation { a(b: 1 }", "Expected Name, found }"),
            ("{ a(b: [1, 2) }", "Unexpected )"),
            ("{ a(b: {c 1}) }", "Expected :, found Int \"1\""),
            ("{ a(b: {1}) }", "Expected Name, found Int \"1\""),
            ("{ a(b: $) }", "Expected Name, found )"),
            ("{ a: }", "Expected Name, found }"),
            ("{ a @ }", "Expected Name, found }"),
            ("{ ... }", "Expected {, found }"),
            ("{ ...on }", "Expected Name, found }"),
            ("{ customer(: 5) { email } }", "Expected Name, found :"),
            ("fragment on Customer { email }", "Unexpected Name \"on\""),
            ("fragment F { email }", "Expected \"on\", found {"),
            ("fragment F on { email }", "Expected Name, found {"),
            ("{ a(b: \"x) }", "Unterminated string."),
            ("{ a(b: \"x\n\") }", "Unterminated string."),
            ("{ a(b: \"\"\"x) }", "Unterminated string."),
            ("{ a(b: \"\\q\") }", "Invalid character escape sequence: \\q"),
            ("{ a(b: \"\\u12g4\") }", "Invalid character escape sequence: \\u12g4"),
            ("{ a(b: 'x') }", "Unexpected single quote character ('), did you mean to use a double quote (\")?"),
            ("{ a ? }", "Cannot parse the unexpected character \"?\"."),
            ("{ a / }", "Cannot parse the unexpected character \"\\/\"."),
            ("{ a. }", "Cannot parse the unexpected character \".\"."),
            ("{ é }", "Cannot parse the unexpected character \"\\ue9\"."),
            ("{ a(b: 01) }", "Invalid number, unexpected digit after 0: \"1\""),
            ("{ a(b: -) }", "Invalid number, expected digit but got: \")\""),
            ("{ a(b: 1.) }", "Invalid number, expected digit but got: \")\""),
            ("{ a(b: 1e", "Invalid number, expected digit but got: <EOF>"),
        ] {
            assert_eq!(error(text), format!("Syntax Error: {message}"), "{text}");
        }
    }

    #[test]
    fn an_error_is_placed_where_magento_places_it() {
        let at = |text: &str| {
            let location = check(text).unwrap_err().locations[0];
            (location.line, location.column)
        };
        assert_eq!(at(""), (1, 1));
        assert_eq!(at("{ a(b) }"), (1, 6));
        assert_eq!(at("{\n  customer {\n    }\n}"), (3, 5));
        assert_eq!(at("{ a "), (1, 5));
    }

    #[test]
    fn what_cannot_be_read_here_is_worded_by_what_the_parser_found() {
        let text = "type A {";
        assert_eq!(check(text), Ok(()));
        let problem = Document::parse(text, "test").unwrap_err();
        assert_eq!(first_error(&problem.errors, text).unwrap().message, "Syntax Error: Unexpected <EOF>");
        assert_eq!(check(&"{ a ".repeat(100_000)), Ok(()));
        assert_eq!(check(&format!("{{ a(b: {}", "[".repeat(100_000))), Ok(()));
    }

    #[test]
    fn what_is_right_passes() {
        for text in [
            "{ a }",
            "\u{feff}query Q($a: [Int!]! = [1, 2.5e-3], $b: In = {c: {d: \"\\u00e9\\n\"}} @d(e: 1)) @f { a: b(c: $a, d: ENUM) @g }",
            "# first\n{ ...F ... on A @b { c } ... @include(if: true) { d } ... { e } } fragment F on A @g { on, query }",
            "subscription { a(b: \"\"\"one \\\"\"\" \"two\" \"\"\", c: null, d: -0, e: {}) }",
            "fragment fragment on on { fragment }",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_string_is_not_repeated() {
        assert!(!error("\"hunter2\" hunter3").contains("hunter2"));
        assert!(!error("{ a(b \"hunter2\") }").contains("hunter2"));
    }
}
