//! Cells become lists: what separates the entries of a list, and what an entry is. Pure.

use std::borrow::Cow;

use memchr::{memchr, memchr3_iter};

use super::glance::{Glance, trimmed};
use crate::model::{Cell, Item};

/// Gives the entries of a list field, or says what stands there instead of a list.
pub(super) fn entries(cell: &Cell<'_>, each: &mut dyn FnMut(&Item<'_>)) -> Result<(), String> {
    match cell {
        Cell::Absent => {}
        Cell::Text(text) if trimmed(text).starts_with('[') => array(text)?.iter().for_each(each),
        Cell::Text(text) => split(text, |entry| each(&Item::Text(Cow::Borrowed(entry)))),
        Cell::List(items) => items.iter().for_each(each),
        Cell::Other(kind) => return Err(format!("a list is expected here, not {kind}")),
    }
    Ok(())
}

/// Entries are separated by `;`, `|`, `,`, spaces or line breaks.
fn split(text: &str, mut each: impl FnMut(&str)) {
    let is_separator = |letter: char| matches!(letter, ';' | '|' | ',') || letter.is_whitespace();
    let glance = Glance::of(text);
    if !glance.is_ascii || glance.may_be_odd || memchr(b'|', text.as_bytes()).is_some() {
        return text.split(is_separator).filter(|entry| !entry.is_empty()).for_each(each);
    }
    let mut start = 0;
    for end in memchr3_iter(b';', b',', b' ', text.as_bytes()).chain([text.len()]) {
        if start < end {
            each(&text[start..end]);
        }
        start = end + 1;
    }
}

/// Reads a list of a few ids with nothing unusual about it, as most are; anything else is left to the long way.
pub(super) fn plain_ids(text: &str, ids: &mut Vec<u64>) -> bool {
    ids.clear();
    let mut id = 0;
    for byte in text.bytes().chain([b';']) {
        match byte {
            b'0'..=b'9' if id < ID_PLAIN => id = id * 10 + u64::from(byte - b'0'),
            b';' | b'|' if id > 0 && ids.len() < IDS_PLAIN && !ids.contains(&id) => {
                ids.push(id);
                id = 0;
            }
            b';' if text.is_empty() => {}
            _ => return false,
        }
    }
    true
}

/// Ids that may have a further digit, and how many of them are searched through at once.
const ID_PLAIN: u64 = 100_000_000_000_000_000;
const IDS_PLAIN: usize = 16;

fn array(text: &str) -> Result<Vec<Item<'static>>, String> {
    let values: Vec<serde_json::Value> = serde_json::from_str(text)
        .map_err(|_| "the list begins like a JSON array and is none; remove its brackets".to_owned())?;
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
    fn plain_ids_are_read_and_nothing_else_is() {
        let mut ids = Vec::new();
        assert!(plain_ids("1001;7|8;10", &mut ids) && ids == [1001, 7, 8, 10]);
        assert!(plain_ids("999999999999999999", &mut ids) && ids == [999_999_999_999_999_999]);
        assert!(plain_ids("", &mut ids) && ids.is_empty());
        let many = (1..=17).map(|id| id.to_string()).collect::<Vec<_>>().join(";");
        for text in
            ["0", "1;;2", "1; 2", "1;", "1;1", "x", "-1", "1.5", "[1]", "9223372036854775808", "1\n2", "é", " ", &many]
        {
            assert!(!plain_ids(text, &mut ids), "{text}");
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
