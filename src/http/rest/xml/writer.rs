//! An answer as XML: `<response>` around it, an element for each member, `<item>` for each entry of a list.
//!
//! The form is Magento's to the byte: two spaces a level, characters beyond ASCII as references, so that the text is the
//! same in every charset.

use std::fmt::Write;

use serde_json::Value;

const ROOT: &str = "response";
const ITEM: &str = "item";

/// The document that says `value`. Names of members are written as they are, so they have to be names of XML.
pub(in crate::http::rest) fn document(value: &Value) -> String {
    let mut text = "<?xml version=\"1.0\"?>\n".to_owned();
    element(&mut text, ROOT, value, 0);
    text
}

fn element(text: &mut String, name: &str, value: &Value, level: usize) {
    indent(text, level);
    match value {
        Value::Array(entries) => {
            children(text, name, entries.iter().map(|entry| (ITEM, entry)), level);
        }
        Value::Object(members) => {
            children(text, name, members.iter().map(|(name, member)| (name.as_str(), member)), level);
        }
        scalar => {
            open(text, name);
            escape(text, &cast(scalar));
            close(text, name);
        }
    }
}

fn children<'a>(text: &mut String, name: &str, children: impl Iterator<Item = (&'a str, &'a Value)>, level: usize) {
    let mut children = children.peekable();
    if children.peek().is_none() {
        text.extend(["<", name, "/>\n"]);
        return;
    }
    open(text, name);
    text.push('\n');
    for (name, value) in children {
        element(text, name, value, level + 1);
    }
    indent(text, level);
    close(text, name);
}

fn indent(text: &mut String, level: usize) {
    text.extend(std::iter::repeat_n("  ", level));
}

fn open(text: &mut String, name: &str) {
    text.extend(["<", name, ">"]);
}

fn close(text: &mut String, name: &str) {
    text.extend(["</", name, ">\n"]);
}

/// A scalar as text; null is empty.
fn cast(scalar: &Value) -> String {
    match scalar {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn escape(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\t' | '\n' | ' '..='~' => text.push(character),
            '\r' | '\u{80}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => reference(text, character),
            // XML has no way to say the others.
            _ => reference(text, char::REPLACEMENT_CHARACTER),
        }
    }
}

fn reference(text: &mut String, character: char) {
    // Writing to a string does not fail.
    let _ = write!(text, "&#x{:X};", u32::from(character));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(value: &Value) -> String {
        document(value).strip_prefix("<?xml version=\"1.0\"?>\n").unwrap().to_owned()
    }

    #[test]
    fn a_scalar_is_the_text_of_the_response() {
        for (value, text) in [
            (json!("token"), "<response>token</response>\n"),
            (json!(true), "<response>true</response>\n"),
            (json!(false), "<response>false</response>\n"),
            (json!(7), "<response>7</response>\n"),
            (json!(null), "<response></response>\n"),
            (json!([]), "<response/>\n"),
        ] {
            assert_eq!(body(&value), text);
        }
    }

    #[test]
    fn members_and_entries_are_elements() {
        insta::assert_snapshot!(document(&json!({ "id": 1, "name": "", "list": [{ "a": [] }, [1, 2], "x"] })), @r#"
        <?xml version="1.0"?>
        <response>
          <id>1</id>
          <name></name>
          <list>
            <item>
              <a/>
            </item>
            <item>
              <item>1</item>
              <item>2</item>
            </item>
            <item>x</item>
          </list>
        </response>
        "#);
    }

    #[test]
    fn what_xml_reads_otherwise_is_escaped() {
        let text = body(&json!("<a href=\"x\">&amp;'</a>]]>\r\n\u{1}ä😀"));
        let escaped = "&lt;a href=\"x\"&gt;&amp;amp;'&lt;/a&gt;]]&gt;&#xD;\n&#xFFFD;&#xE4;&#x1F600;";
        assert_eq!(text, format!("<response>{escaped}</response>\n"));
    }
}
