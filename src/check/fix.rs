//! Safe fixes of a row: outer spaces, line breaks, the writing of lists, repeated entries. Pure.

use std::fmt::Display;

use serde::Serialize;
use serde_json::json;

use super::lists::entries;
use super::trimmed;
use crate::model::{Cell, Code, Field, Fields, Format, Item, Problem, WantedGroup};

/// A fix of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The field.
    pub field: Field,
    /// What it should hold: a cell of CSV, or a JSON value.
    pub text: String,
    /// What was done, in words.
    pub what: String,
}

/// The fixes of a row that was checked. A cell with an error stays as it is.
pub fn fixes(fields: &Fields<'_>, group: &WantedGroup, problems: &[Problem], format: Format) -> Vec<Fix> {
    let is_sound = |field: &Field| !problems.iter().any(|problem| problem.is_error() && problem.field == Some(*field));
    let has = |code: Code| problems.iter().any(|problem| problem.code == code);
    let mut found = Vec::new();
    for field in Field::SLOTS.into_iter().filter(is_sound) {
        let cell = fields.get(field);
        let fix = match field {
            Field::Members => list(cell, &group.members, has(Code::MemberRepeated), format),
            Field::Guests => list(cell, &group.guests, has(Code::GuestRepeated), format),
            _ => text(cell, format),
        };
        let Some((text, done)) = fix else { continue };
        let what: Vec<&str> = done.into_iter().flatten().collect();
        found.extend((!what.is_empty()).then(|| Fix { field, text, what: what.join(", ") }));
    }
    found
}

/// What a cell should be, and what is done to it: nothing if it is so already.
type Fixed = (String, [Option<&'static str>; 2]);

fn text(cell: &Cell<'_>, format: Format) -> Option<Fixed> {
    let Cell::Text(text) = cell else { return None };
    let trimmed = trimmed(text);
    let fixed = trimmed.replace("\r\n", "\n").replace('\r', "\n");
    let spaces = (trimmed.len() < text.len()).then_some("outer spaces removed");
    let breaks = (fixed != trimmed).then_some("line breaks made equal");
    let fixed = if format == Format::Jsonl { json!(fixed).to_string() } else { fixed };
    Some((fixed, [spaces, breaks]))
}

/// `wanted` are the entries that the list should have.
fn list<T: Display + Serialize>(cell: &Cell<'_>, wanted: &[T], has_repeats: bool, format: Format) -> Option<Fixed> {
    let is_plain = |item: &Item<'_>| match item {
        Item::Number(_) => true,
        Item::Text(text) => text.contains('@') && trimmed(text) == text,
        Item::Other(_) => false,
    };
    let writing = match cell {
        Cell::Text(_) if format == Format::Jsonl => Some("text made an array"),
        Cell::Text(text) => {
            let mut all = Vec::new();
            entries(cell, |item| all.push(item.shown().to_owned())).ok()?;
            (all.join(";") != **text).then_some("entries separated by `;`")
        }
        Cell::List(items) if !items.iter().all(is_plain) => Some("entries written plainly"),
        Cell::List(_) | Cell::Absent | Cell::Other(_) => None,
    };
    let fixed = match format {
        Format::Csv => wanted.iter().map(T::to_string).collect::<Vec<_>>().join(";"),
        Format::Jsonl => json!(wanted).to_string(),
    };
    Some((fixed, [has_repeats.then_some("repeats removed"), writing]))
}

#[cfg(test)]
mod tests {
    use super::super::Rules;
    use super::*;

    fn found(fields: &Fields<'_>, format: Format) -> Vec<(Field, String, String)> {
        let (group, problems) = Rules::default().check(fields);
        let found = fixes(fields, &group, &problems, format);
        found.into_iter().map(|fix| (fix.field, fix.text, fix.what)).collect()
    }

    fn row<'a>(name: &'a str, description: &'a str, members: &'a str, guests: &'a str) -> Fields<'a> {
        let cells = [name, description, members, guests];
        Field::SLOTS
            .into_iter()
            .zip(cells)
            .fold(Fields::default(), |fields, (field, text)| fields.with(field, Cell::Text(text.into())))
    }

    #[test]
    fn a_clean_row_needs_no_fix() {
        assert!(found(&row("A", "one\ntwo", "1;2", "a@b.example;c@d.example"), Format::Csv).is_empty());
        assert!(found(&row("A", "", "", ""), Format::Csv).is_empty());
    }

    #[test]
    fn what_is_safe_is_fixed_and_reported() {
        let row = row(" A\t", "one\r\ntwo ", "1, 2,1", "[\"a@b.example\", \"A@B.example\"]");
        let expected = [
            (Field::Name, "A", "outer spaces removed"),
            (Field::Description, "one\ntwo", "outer spaces removed, line breaks made equal"),
            (Field::Members, "1;2", "repeats removed, entries separated by `;`"),
            (Field::Guests, "a@b.example", "repeats removed, entries separated by `;`"),
        ];
        assert_eq!(
            found(&row, Format::Csv),
            expected.map(|(field, cell, what)| (field, cell.to_owned(), what.to_owned()))
        );
    }

    #[test]
    fn what_would_be_a_guess_stays_as_it_is() {
        assert!(found(&row("A  B", "", "1, x", "nobody, a@b.example"), Format::Csv).is_empty());
        assert!(found(&row("A", "", "1,001", ""), Format::Csv).is_empty());
        assert!(found(&row(" A\rB", " \u{1}\r\n", "", ""), Format::Csv).is_empty(), "found by fuzzing");
        assert!(found(&Fields::default().with(Field::Name, Cell::Other("a number")), Format::Csv).is_empty());
    }

    #[test]
    fn arrays_of_json_hold_numbers_and_texts_each_once() {
        let list = |items: Vec<Item<'static>>| {
            Fields::default().with(Field::Name, Cell::Text("A".into())).with(Field::Members, Cell::List(items))
        };
        assert!(found(&list(vec![Item::Number("1".into()), Item::Number("2".into())]), Format::Jsonl).is_empty());
        let strings = found(&list(vec![Item::Text("1".into()), Item::Number("1".into())]), Format::Jsonl);
        assert_eq!((strings[0].1.as_str(), strings[0].2.as_str()), ("[1]", "repeats removed, entries written plainly"));
        let text = found(&row("A", "", "1;2", ""), Format::Jsonl);
        assert_eq!((text[0].0, text[0].2.as_str()), (Field::Members, "text made an array"));
    }
}
