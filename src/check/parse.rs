//! Cells become lists: what separates the entries of a list, and what an entry is. Pure.

use crate::model::{Cell, Item};

/// The entries of a list field, or what stands there instead of a list.
pub(super) fn entries(cell: &Cell) -> Result<Vec<Item>, String> {
    match cell {
        Cell::Absent => Ok(Vec::new()),
        Cell::Text(text) if text.trim_start().starts_with('[') => array(text),
        Cell::Text(text) => Ok(split(text).map(|entry| Item::Text(entry.to_owned())).collect()),
        Cell::List(items) => Ok(items.clone()),
        Cell::Other(kind) => Err(format!("a list is expected here, not {kind}")),
    }
}

/// Entries are separated by `;`, `|`, `,`, spaces or line breaks.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| matches!(letter, ';' | '|' | ',') || letter.is_whitespace())
        .filter(|entry| !entry.is_empty())
}

fn array(text: &str) -> Result<Vec<Item>, String> {
    let values: Vec<serde_json::Value> =
        serde_json::from_str(text).map_err(|_| "the list begins like a JSON array and is none".to_owned())?;
    Ok(values.into_iter().map(item).collect())
}

fn item(value: serde_json::Value) -> Item {
    match value {
        serde_json::Value::String(text) => Item::Text(text),
        serde_json::Value::Number(number) => Item::Number(number.to_string()),
        serde_json::Value::Null => Item::Other("null"),
        serde_json::Value::Bool(_) => Item::Other("true or false"),
        serde_json::Value::Array(_) => Item::Other("an array"),
        serde_json::Value::Object(_) => Item::Other("an object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_separator_of_the_contract_splits_a_cell() {
        let expected: Vec<Item> = ["1", "2", "3"].map(|entry| Item::Text(entry.to_owned())).to_vec();
        for text in ["1;2;3", "1|2|3", "1,2,3", " 1 2  3 ", "1\r\n2\n3", ";1; 2;,3;"] {
            assert_eq!(entries(&Cell::Text(text.to_owned())), Ok(expected.clone()), "{text}");
        }
    }

    #[test]
    fn a_cell_may_hold_a_json_array() {
        let expected = vec![Item::Number("1".to_owned()), Item::Text("2".to_owned()), Item::Other("null")];
        assert_eq!(entries(&Cell::Text(" [1, \"2\", null]".to_owned())), Ok(expected));
        assert!(entries(&Cell::Text("[1, 2".to_owned())).is_err());
    }

    #[test]
    fn nothing_is_an_empty_list() {
        for cell in [Cell::Absent, Cell::Text(" \n".to_owned()), Cell::Text("[]".to_owned())] {
            assert_eq!(entries(&cell), Ok(Vec::new()));
        }
    }
}
