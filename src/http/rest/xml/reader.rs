//! Arguments out of an XML body: the root element's name does not matter, its children are the arguments.

use std::mem;

use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use zeroize::Zeroizing;

use crate::http::rest::arguments::{Argument, Text, position};
use crate::http::rest::error::RestError;

/// No request needs more levels: an argument is on the second.
const DEEPEST: usize = 64;

/// The byte order mark that some clients put in front.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The children of the root element with these names. A child with children or attributes, or one that comes twice, is
/// a structure; an empty one is absent.
///
/// # Errors
/// [`RestError::Undecodable`] for what is not well-formed, not UTF-8, too deep, or declares a document type.
pub(in crate::http::rest) fn arguments<const N: usize>(
    names: [&'static str; N],
    body: &[u8],
) -> Result<[Argument; N], RestError> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed)?;
    Ok(parse(names, text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))?)
}

/// The body is not what can be read.
#[derive(Debug)]
struct Malformed;

impl From<Malformed> for RestError {
    fn from(_: Malformed) -> Self {
        Self::Undecodable
    }
}

impl From<quick_xml::Error> for Malformed {
    fn from(_: quick_xml::Error) -> Self {
        Self
    }
}

fn parse<const N: usize>(names: [&'static str; N], text: &str) -> Result<[Argument; N], Malformed> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut document = Document::new(names, text.len());
    loop {
        match reader.read_event()? {
            Event::Start(tag) => document.open(&tag)?,
            Event::Empty(tag) => {
                document.open(&tag)?;
                document.close();
            }
            Event::End(_) => document.close(),
            Event::Text(part) => document.text(&part.xml10_content())?,
            Event::CData(part) => document.literal(&part.xml10_content())?,
            Event::GeneralRef(reference) => document.character(resolve(&reference)?)?,
            Event::Decl(declaration) => document.declare(&declaration)?,
            Event::Comment(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err(Malformed),
            Event::Eof => return document.finish(),
        }
    }
}

/// What was read so far.
struct Document<const N: usize> {
    names: [&'static str; N],
    arguments: [Argument; N],
    /// How many elements are open.
    depth: usize,
    has_root: bool,
    /// The open child of the root element.
    child: Child,
    /// The length of the body in bytes: no text is longer.
    length: usize,
}

/// A child of the root element.
#[derive(Default)]
struct Child {
    /// Which argument it is.
    index: Option<usize>,
    text: Text,
    /// Whether white space alone counts: it was written as `<![CDATA[ ]]>`.
    is_literal: bool,
    is_structure: bool,
}

impl<const N: usize> Document<N> {
    fn new(names: [&'static str; N], length: usize) -> Self {
        let arguments = [const { Argument::Absent }; N];
        Self { names, arguments, depth: 0, has_root: false, child: Child::default(), length }
    }

    fn declare(&self, declaration: &BytesDecl<'_>) -> Result<(), Malformed> {
        let is_first = self.depth == 0 && !self.has_root;
        let is_utf8 = match declaration.encoding() {
            Some(encoding) => encoding.is_ok_and(|name| name.eq_ignore_ascii_case("utf-8")),
            None => true,
        };
        if is_first && is_utf8 { Ok(()) } else { Err(Malformed) }
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), Malformed> {
        if !is_name(tag.name().into_inner()) || self.depth == DEEPEST || (self.depth == 0 && self.has_root) {
            return Err(Malformed);
        }
        let has_attributes = has_attributes(tag)?;
        self.depth += 1;
        match self.depth {
            1 => self.has_root = true,
            2 => self.child = self.new_child(tag.name().into_inner(), has_attributes),
            _ => self.child.is_structure = true,
        }
        Ok(())
    }

    fn new_child(&self, name: &str, is_structure: bool) -> Child {
        let index = position(&self.names, name);
        // One allocation for the whole text: one that grows leaves copies behind that are not wiped.
        let capacity = if index.is_some() { self.length } else { 0 };
        Child { index, text: Zeroizing::new(String::with_capacity(capacity)), is_literal: false, is_structure }
    }

    /// The parser has seen to it that the names of the tags match.
    fn close(&mut self) {
        self.depth -= 1;
        if self.depth == 1
            && let Child { index: Some(index), text, is_literal, is_structure } = mem::take(&mut self.child)
        {
            let value = argument(text, is_literal, is_structure);
            let known = &mut self.arguments[index];
            *known = if *known == Argument::Absent { value } else { Argument::Structure };
        }
    }

    fn text(&mut self, part: &str) -> Result<(), Malformed> {
        if self.depth == 0 {
            return if part.trim_ascii().is_empty() { Ok(()) } else { Err(Malformed) };
        }
        if part.contains("]]>") {
            return Err(Malformed);
        }
        self.push(part)
    }

    fn literal(&mut self, part: &str) -> Result<(), Malformed> {
        if self.depth == 0 {
            return Err(Malformed);
        }
        self.child.is_literal = true;
        self.push(part)
    }

    fn character(&mut self, character: char) -> Result<(), Malformed> {
        if self.depth == 0 {
            return Err(Malformed);
        }
        self.push(character.encode_utf8(&mut [0; 4]))
    }

    fn push(&mut self, part: &str) -> Result<(), Malformed> {
        if !part.chars().all(is_allowed) {
            return Err(Malformed);
        }
        if self.depth == 2 && self.child.index.is_some() {
            self.child.text.push_str(part);
        }
        Ok(())
    }

    fn finish(self) -> Result<[Argument; N], Malformed> {
        if self.depth == 0 && self.has_root { Ok(self.arguments) } else { Err(Malformed) }
    }
}

fn argument(text: Text, is_literal: bool, is_structure: bool) -> Argument {
    if is_structure {
        Argument::Structure
    } else if text.is_empty() {
        Argument::Absent
    } else if !is_literal && text.trim_ascii().is_empty() {
        Argument::Text(Text::default())
    } else {
        Argument::Text(text)
    }
}

/// Whether there are attributes besides declarations of namespaces.
fn has_attributes(tag: &BytesStart<'_>) -> Result<bool, Malformed> {
    let mut found = false;
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| Malformed)?;
        let name = attribute.key.into_inner();
        if !is_name(name) || attribute.value.contains('<') || unescape(&attribute.value).is_err() {
            return Err(Malformed);
        }
        found |= name != "xmlns" && !name.starts_with("xmlns:");
    }
    Ok(found)
}

/// A reference to a character, or to one of the five entities that need no declaration.
fn resolve(reference: &BytesRef<'_>) -> Result<char, Malformed> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character);
    }
    resolve_predefined_entity(reference).and_then(|text| text.chars().next()).ok_or(Malformed)
}

/// Whether XML 1.0 allows this character.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether this can be the name of an element or an attribute.
fn is_name(name: &str) -> bool {
    let starts_name = |character: char| character.is_alphabetic() || matches!(character, '_' | ':');
    name.starts_with(starts_name)
        && name.chars().all(|character| {
            starts_name(character) || character.is_numeric() || matches!(character, '-' | '.' | '\u{b7}')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(body: &str) -> Result<[Argument; 2], RestError> {
        arguments(["username", "newPassword"], body.as_bytes())
    }

    fn text(value: &str) -> Argument {
        Argument::Text(Zeroizing::new(value.to_owned()))
    }

    #[test]
    fn the_children_of_any_root_element_are_the_arguments() {
        for body in [
            "<login><username>a</username><newPassword>b</newPassword></login>",
            "<?xml version=\"1.0\"?>\n<x>\n <new_password>b</new_password>\n <username>a</username>\n <y>c</y></x>\n",
            "\u{feff}<?xml version='1.0' encoding='UTF-8'?><!-- c --><x xmlns='urn:x' y='z'><username>a</username>\
             <?pi?><newPassword><![CDATA[b]]></newPassword></x><!-- d -->",
        ] {
            assert_eq!(read(body), Ok([text("a"), text("b")]), "{body}");
        }
    }

    #[test]
    fn references_are_resolved_and_spaces_inside_are_kept() {
        let body = "<x><username> a &amp;&lt;&gt;&quot;&apos;&#228;&#x1F600; </username>\
                    <newPassword>&#32;<![CDATA[ <b> ]]></newPassword></x>";
        assert_eq!(read(body), Ok([text(" a &<>\"'ä😀 "), text("  <b> ")]));
    }

    #[test]
    fn what_is_empty_is_absent_and_white_space_alone_is_empty() {
        assert_eq!(read("<x/>"), Ok([Argument::Absent, Argument::Absent]));
        assert_eq!(read("<x>only text</x>"), Ok([Argument::Absent, Argument::Absent]));
        assert_eq!(read("<x><username/><newPassword> \n </newPassword></x>"), Ok([Argument::Absent, text("")]));
        assert_eq!(read("<x><username><![CDATA[ ]]></username></x>"), Ok([text(" "), Argument::Absent]));
    }

    #[test]
    fn children_attributes_and_repetitions_make_a_structure() {
        for body in [
            "<x><username><a>b</a></username></x>",
            "<x><username a='b'>c</username></x>",
            "<x><username>a</username><username>b</username></x>",
        ] {
            assert_eq!(read(body), Ok([Argument::Structure, Argument::Absent]), "{body}");
        }
        assert_eq!(read("<x><username xmlns='urn:y'>a</username></x>"), Ok([text("a"), Argument::Absent]));
    }

    #[test]
    fn what_is_not_well_formed_cannot_be_decoded() {
        for body in [
            "",
            " ",
            "x",
            "{}",
            "<x>",
            "</x>",
            "<x></y>",
            "<x/><y/>",
            "<x/>text",
            "text<x/>",
            "&amp;<x/>",
            "<x/><![CDATA[a]]>",
            "<1x/>",
            "<x y='1' y='2'/>",
            "<x y='<'/>",
            "<x y='&z;'/>",
            "<x><username>&nbsp;</username></x>",
            "<x><username>&#0;</username></x>",
            "<x><username>&#xFFFE;</username></x>",
            "<x><username>\u{1}</username></x>",
            "<x><username>a & b</username></x>",
            "<x><username>]]></username></x>",
            "<x><!-- a -- b --></x>",
            "<x/><?xml version='1.0'?>",
            "<?xml version='1.0' encoding='ISO-8859-1'?><x/>",
        ] {
            assert_eq!(read(body), Err(RestError::Undecodable), "{body}");
        }
        assert_eq!(arguments(["username"], b"<x>\xff</x>"), Err(RestError::Undecodable));
    }

    #[test]
    fn a_document_type_is_refused_whatever_it_declares() {
        let laughs = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><x><username>&b;</username></x>";
        let file = "<!DOCTYPE x [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><x><username>&f;</username></x>";
        for body in [laughs, file, "<!DOCTYPE x><x/>", "<!DOCTYPE x SYSTEM \"http://192.0.2.1/x.dtd\"><x/>"] {
            assert_eq!(read(body), Err(RestError::Undecodable), "{body}");
        }
    }

    #[test]
    fn what_is_too_deep_is_refused() {
        let nested = |levels: usize| format!("{}{}", "<x>".repeat(levels), "</x>".repeat(levels));
        assert!(read(&nested(DEEPEST)).is_ok());
        assert_eq!(read(&nested(DEEPEST + 1)), Err(RestError::Undecodable));
        assert_eq!(read(&"<x>".repeat(100_000)), Err(RestError::Undecodable));
    }

    proptest! {
        #[test]
        fn any_text_arrives_as_it_was_sent(value in "[^\\x00-\\x1f\\x7f\u{fffe}\u{ffff}]*[!-~]") {
            let body = format!("<x><username>{}</username></x>", quick_xml::escape::escape(value.as_str()));
            prop_assert_eq!(read(&body), Ok([text(&value), Argument::Absent]));
        }

        #[test]
        fn any_text_is_answered(body in "(<|>|/|x|!|\\[|CDATA|\\]|&|;|#|-|\\?|xml|'|=| |DOCTYPE|\u{e4})*") {
            let _answered = read(&body);
        }
    }
}
