//! Cells become lists: what separates the entries of a list, and what an entry is. Pure.

use std::borrow::Cow;

use crate::model::{Cell, Item};

/// Gives the entries of a list field, or says what stands there instead of a list.
pub(super) fn entries(cell: &Cell<'_>, each: &mut dyn FnMut(&Item<'_>)) -> Result<(), String> {
    match cell {
        Cell::Absent => {}
        Cell::Text(text) if text.trim_start().starts_with('[') => array(text)?.iter().for_each(each),
        Cell::Text(text) => split(text, |entry| each(&Item::Text(Cow::Borrowed(entry)))),
        Cell::List(items) => items.iter().for_each(each),
        Cell::Other(kind) => return Err(format!("a list is expected here, not {kind}")),
    }
    Ok(())
}

/// Entries are separated by `;`, `|`, `,`, spaces or line breaks.
fn split(text: &str, mut each: impl FnMut(&str)) {
    if !text.is_ascii() {
        let is_separator = |letter: char| matches!(letter, ';' | '|' | ',') || letter.is_whitespace();
        return text.split(is_separator).filter(|entry| !entry.is_empty()).for_each(each);
    }
    let is_separator = |byte: u8| matches!(byte, b';' | b'|' | b',' | b' ' | b'\t'..=b'\r');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if is_separator(byte) {
            if start < at {
                each(&text[start..at]);
            }
            start = at + 1;
        }
    }
    if start < text.len() {
        each(&text[start..]);
    }
}

fn array(text: &str) -> Result<Vec<Item<'static>>, String> {
    let values: Vec<serde_json::Value> =
        serde_json::from_str(text).map_err(|_| "the list begins like a JSON array and is none".to_owned())?;
    Ok(values.into_iter().map(item).collect())
}

fn item(value: serde_json::Value) -> Item<'static> {
    match value {
        serde_json::Value::String(text) => Item::Text(Cow::Owned(text)),
        serde_json::Value::Number(number) => Item::Number(Cow::Owned(number.to_string())),
        serde_json::Value::Null => Item::Other("null"),
        serde_json::Value::Bool(_) => Item::Other("true or false"),
        serde_json::Value::Array(_) => Item::Other("an array"),
        serde_json::Value::Object(_) => Item::Other("an object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<String>, String> {
        let mut seen = Vec::new();
        let told = |item: &Item<'_>| match item {
            Item::Text(text) => format!("text {text}"),
            Item::Number(number) => format!("number {number}"),
            Item::Other(kind) => (*kind).to_owned(),
        };
        entries(&Cell::Text(text.into()), &mut |item| seen.push(told(item))).map(|()| seen)
    }

    #[test]
    fn every_separator_of_the_contract_splits_a_cell() {
        for text in ["1;2;3", "1|2|3", "1,2,3", " 1 2  3 ", "1\r\n2\n3", ";1; 2;,3;", "1\u{a0}2\u{2003};3"] {
            assert_eq!(all(text).unwrap(), ["text 1", "text 2", "text 3"], "{text}");
        }
    }

    #[test]
    fn a_cell_may_hold_a_json_array() {
        assert_eq!(all(" [1, \"2\", null]").unwrap(), ["number 1", "text 2", "null"]);
        assert!(all("[1, 2").is_err());
    }

    #[test]
    fn nothing_is_an_empty_list() {
        for text in ["", " \n", "[]"] {
            assert_eq!(all(text), Ok(Vec::new()));
        }
        assert_eq!(entries(&Cell::Absent, &mut |_| panic!("an entry")), Ok(()));
    }
}
