//! A Rust text without comments and literals, cut into words and signs: enough to find paths in it.

/// A word or a sign, and the line it is on, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token<'text> {
    pub(crate) text: &'text str,
    pub(crate) line: usize,
}

/// Cuts a text. `::` is one sign; all other signs are of one character.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = measure(rest, first);
        if is_token {
            tokens.push(Token { text: &rest[..length], line });
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// How long what `rest` begins with is, in bytes, and whether it is a token.
fn measure(rest: &str, first: char) -> (usize, bool) {
    if first.is_whitespace() {
        (first.len_utf8(), false)
    } else if rest.starts_with("//") {
        (rest.find('\n').unwrap_or(rest.len()), false)
    } else if rest.starts_with("/*") {
        (block_comment(rest), false)
    } else if let Some(length) = string(rest) {
        (length, false)
    } else if first == '\'' {
        (character(rest), false)
    } else if is_word(first) {
        (rest.find(|next| !is_word(next)).unwrap_or(rest.len()), true)
    } else if rest.starts_with("::") {
        (2, true)
    } else {
        (first.len_utf8(), true)
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// A string of any kind: plain, of bytes, of C, raw.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""]
        .into_iter()
        .find(|prefix| rest.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"')))?;
    let hashes = rest[prefix.len()..].len() - rest[prefix.len()..].trim_start_matches('#').len();
    let start = prefix.len() + hashes + 1;
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len()));
    }
    if hashes > 0 {
        return None;
    }
    Some(closing(&rest[start..], '"').map_or(rest.len(), |at| start + at))
}

/// A character, or the `'` of a lifetime.
fn character(rest: &str) -> usize {
    let inside = &rest[1..];
    let plain = inside.chars().next().filter(|first| *first != '\\' && *first != '\'');
    match plain {
        Some(first) if inside[first.len_utf8()..].starts_with('\'') => first.len_utf8() + 2,
        Some(_) => 1,
        None => closing(inside, '\'').map_or(rest.len(), |at| at + 1),
    }
}

/// Where a literal ends that may hold escapes: the byte after its closing sign.
fn closing(inside: &str, sign: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in inside.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == sign => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[test]
fn comments_and_literals_leave_nothing_behind() {
    let text = "a::b // c\n/* d /* e */ f */ 'x' '\\'' '\\n' \"g \\\" h\" r#\"i \" j\"# b\"k\" &'l m";
    let words: Vec<_> = tokens(text).iter().map(|token| token.text).collect();
    assert_eq!(words, ["a", "::", "b", "&", "l", "m"]);
    assert_eq!(tokens("a\n\n\"\n\"\nb")[1], Token { text: "b", line: 5 });
}
