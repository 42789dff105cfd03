//! The paths that a module uses, wherever in its text they stand.

use super::tokens::{Token, tokens};

/// A file of the crate.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    /// Its place, for messages.
    pub(crate) file: String,
    /// Its path below the crate, such as `["http", "rest"]`.
    pub(crate) path: Vec<String>,
}

/// A path that is used, from `crate` or from an outside crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsedPath {
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
}

/// All paths in a text. `super`, `self` and the crate's own name become `crate`; a group in braces is one path for each
/// of its members; test modules are passed over.
pub(crate) fn used_paths(module: &Module, text: &str) -> Vec<UsedPath> {
    let tokens = tokens(text);
    let mut finder =
        Finder { module: module.path.clone(), tokens: &tokens, at: 0, depth: 0, inside: Vec::new(), found: Vec::new() };
    finder.run();
    finder.found
}

struct Finder<'text> {
    /// The module that is being read: the file's, and the modules within it.
    module: Vec<String>,
    tokens: &'text [Token<'text>],
    at: usize,
    /// How many braces are open.
    depth: usize,
    /// For each module within the file: how many braces were open before its own.
    inside: Vec<usize>,
    found: Vec<UsedPath>,
}

impl Finder<'_> {
    fn run(&mut self) {
        while self.at < self.tokens.len() {
            match self.peek(0) {
                "mod" if self.peek(2) == "{" && self.peek(1) == "tests" => self.pass_over_block(),
                "mod" if self.peek(2) == "{" => self.enter_module(),
                "{" => self.open(),
                "}" => self.close(),
                word if starts_path(word) && !self.is_continued() => self.path(),
                _ => self.at += 1,
            }
        }
    }

    /// The token so many further on; nothing behind the end.
    fn peek(&self, further: usize) -> &str {
        self.tokens.get(self.at + further).map_or("", |token| token.text)
    }

    /// Whether what stands here goes on a path that began before.
    fn is_continued(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).map_or("", |at| self.tokens[at].text);
        before(1) == "." || before(1) == "::" && starts_path(before(2))
    }

    fn open(&mut self) {
        self.depth += 1;
        self.at += 1;
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.inside.last() == Some(&self.depth) {
            self.inside.pop();
            self.module.pop();
        }
        self.at += 1;
    }

    fn enter_module(&mut self) {
        self.module.push(self.peek(1).to_owned());
        self.inside.push(self.depth);
        self.at += 2;
    }

    fn pass_over_block(&mut self) {
        let before = self.depth;
        self.at += 2;
        self.open();
        while self.depth > before && self.at < self.tokens.len() {
            match self.peek(0) {
                "{" => self.open(),
                "}" => self.close(),
                _ => self.at += 1,
            }
        }
    }

    fn path(&mut self) {
        self.tree(&[]);
    }

    /// One path, or a group of them behind a common beginning.
    fn tree(&mut self, beginning: &[String]) {
        let line = self.tokens[self.at].line;
        let mut segments = beginning.to_vec();
        loop {
            match self.peek(0) {
                "{" => {
                    self.at += 1;
                    return self.group(&segments);
                }
                word if is_name(word) || word == "*" => {
                    segments.push(word.to_owned());
                    self.at += 1;
                }
                _ => break,
            }
            if self.peek(0) != "::" {
                break;
            }
            self.at += 1;
        }
        self.take(line, segments);
    }

    fn group(&mut self, beginning: &[String]) {
        while self.at < self.tokens.len() && self.peek(0) != "}" {
            if is_name(self.peek(0)) || self.peek(0) == "{" {
                self.tree(beginning);
                // `as name` does not matter: what is imported does.
                while !matches!(self.peek(0), "," | "}" | "") {
                    self.at += 1;
                }
            } else {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    /// Notes a path, after finding out where it begins.
    fn take(&mut self, line: usize, segments: Vec<String>) {
        let first = segments[0].as_str();
        let below_crate = match first {
            "crate" => {
                // `crate` alone is a visibility, as in `pub(crate)`, unless it is given another name.
                if segments.len() == 1 && self.peek(0) != "as" {
                    return;
                }
                segments[1..].to_vec()
            }
            "tokenward" if segments.len() > 1 => segments[1..].to_vec(),
            "super" | "self" if segments.len() > 1 => self.relative(&segments),
            "tokenward" | "super" | "self" => return,
            _ => return self.found.push(UsedPath { line, segments }),
        };
        let segments = std::iter::once("crate".to_owned()).chain(below_crate).collect();
        self.found.push(UsedPath { line, segments });
    }

    fn relative(&self, segments: &[String]) -> Vec<String> {
        let ups = segments.iter().filter(|segment| *segment == "super").count();
        let below = segments.iter().skip_while(|segment| matches!(segment.as_str(), "super" | "self"));
        let kept = self.module.len().saturating_sub(ups);
        self.module[..kept].iter().chain(below).cloned().collect()
    }
}

/// Names with which a path begins that somebody may not use.
fn starts_path(word: &str) -> bool {
    matches!(word, "crate" | "super" | "self" | "tokenward" | "std")
        || matches!(word, "apollo_compiler" | "rusqlite" | "argon2" | "actix_server")
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}
