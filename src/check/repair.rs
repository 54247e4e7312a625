//! What can be repaired in a row without guessing: outer spaces, line breaks, the writing of lists, repeats. Pure.

use super::parse::entries;
use crate::model::{Cell, Code, Fault, Field, Fields, Format, Group, Item, with_line_feeds};

/// What a cell should hold instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clean {
    /// Text.
    Text(String),
    /// User ids.
    Ids(Vec<u64>),
    /// Addresses.
    Addresses(Vec<String>),
}

/// A repair of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The field.
    pub field: Field,
    /// What it should hold.
    pub clean: Clean,
    /// What was done, for a person.
    pub what: String,
}

/// The repairs of a row that was checked; a cell with an error is left alone.
#[must_use]
pub fn repairs(fields: &Fields<'_>, group: &Group, faults: &[Fault], format: Format) -> Vec<Repair> {
    let is_sound = |field: Field| !faults.iter().any(|fault| fault.is_error() && fault.field == Some(field));
    let has = |code: Code| faults.iter().any(|fault| fault.code == code);
    let mut found = Vec::new();
    for (field, cell) in [(Field::Name, &fields.name), (Field::Description, &fields.description)] {
        found.extend(is_sound(field).then(|| text(field, cell)).flatten());
    }
    if is_sound(Field::Members) && !has(Code::MembersUnclear) {
        let plain: Vec<String> = group.members.iter().map(u64::to_string).collect();
        let is_id = |number: &str| number.parse::<u64>().is_ok_and(|id| id.to_string() == number);
        let is_plain = |item: &Item<'_>| matches!(item, Item::Number(number) if is_id(number));
        let what = list(&fields.members, &plain, has(Code::MemberRepeated), format, is_plain);
        found.extend(what.map(|what| Repair { field: Field::Members, clean: Clean::Ids(group.members.clone()), what }));
    }
    if is_sound(Field::Guests) {
        let is_plain = |item: &Item<'_>| matches!(item, Item::Text(text) if text.trim() == text);
        let what = list(&fields.guests, &group.guests, has(Code::GuestRepeated), format, is_plain);
        let clean = Clean::Addresses(group.guests.clone());
        found.extend(what.map(|what| Repair { field: Field::Guests, clean, what }));
    }
    found
}

fn text(field: Field, cell: &Cell<'_>) -> Option<Repair> {
    let Cell::Text(text) = cell else { return None };
    let trimmed = text.trim();
    let clean = with_line_feeds(trimmed);
    let mut what = Vec::new();
    if trimmed.len() < text.len() {
        what.push("outer spaces removed");
    }
    if clean != trimmed {
        what.push("line breaks made the same");
    }
    (!what.is_empty()).then(|| Repair { field, clean: Clean::Text(clean), what: what.join(", ") })
}

/// What is to be done about a list; nothing if it is written as it should be.
fn list(
    cell: &Cell<'_>,
    plain: &[String],
    has_repeats: bool,
    format: Format,
    is_plain: impl Fn(&Item<'_>) -> bool,
) -> Option<String> {
    let mut what = Vec::new();
    if has_repeats {
        what.push("repeats removed");
    }
    match cell {
        Cell::Text(_) if format == Format::Jsonl => what.push("text made an array"),
        Cell::Text(text) => {
            let mut all = Vec::new();
            let entry = |item: &Item<'_>| match item {
                Item::Text(text) | Item::Number(text) => text.to_string(),
                Item::Other(kind) => (*kind).to_owned(),
            };
            entries(cell, &mut |item| all.push(entry(item))).ok()?;
            if all.join(";") != **text {
                what.push("entries parted by `;`");
            }
            if what.is_empty() && plain.join(";") != **text {
                what.push("numbers written plainly");
            }
        }
        Cell::List(items) if !items.iter().all(is_plain) => what.push("entries written plainly"),
        Cell::List(_) | Cell::Absent | Cell::Other(_) => {}
    }
    (!what.is_empty()).then(|| what.join(", "))
}

impl Clean {
    /// As a CSV cell.
    #[must_use]
    pub fn cell(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Ids(ids) => ids.iter().map(u64::to_string).collect::<Vec<_>>().join(";"),
            Self::Addresses(addresses) => addresses.join(";"),
        }
    }

    /// As a JSON value.
    #[must_use]
    pub fn json(&self) -> String {
        match self {
            Self::Text(text) => serde_json::Value::from(text.as_str()),
            Self::Ids(ids) => serde_json::Value::from(ids.clone()),
            Self::Addresses(addresses) => serde_json::Value::from(addresses.clone()),
        }
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Draft, Rules};
    use super::*;

    fn told(fields: &Fields<'_>) -> Vec<(Field, String, String)> {
        told_in(fields, Format::Csv)
    }

    fn told_in(fields: &Fields<'_>, format: Format) -> Vec<(Field, String, String)> {
        let mut draft = Draft::default();
        let faults = Rules::default().check(fields, &mut draft);
        let found = repairs(fields, &draft.group, &faults, format);
        found.into_iter().map(|repair| (repair.field, repair.clean.cell(), repair.what)).collect()
    }

    fn row<'a>(name: &'a str, description: &'a str, members: &'a str, guests: &'a str) -> Fields<'a> {
        let text = |text: &'a str| Cell::Text(text.into());
        Fields { name: text(name), description: text(description), members: text(members), guests: text(guests) }
    }

    #[test]
    fn a_clean_row_needs_no_repair() {
        assert!(told(&row("A", "one\ntwo", "1;2", "a@b.example;c@d.example")).is_empty());
        assert!(told(&row("A", "", "", "")).is_empty());
    }

    #[test]
    fn what_is_safe_is_repaired_and_told() {
        let repaired = told(&row(" A\t", "one\r\ntwo ", "1, 2,1", "[\"a@b.example\", \"A@B.example\"]"));
        let expected = [
            (Field::Name, "A", "outer spaces removed"),
            (Field::Description, "one\ntwo", "outer spaces removed, line breaks made the same"),
            (Field::Members, "1;2", "repeats removed, entries parted by `;`"),
            (Field::Guests, "a@b.example", "repeats removed, entries parted by `;`"),
        ];
        assert_eq!(repaired, expected.map(|(field, cell, what)| (field, cell.to_owned(), what.to_owned())));
        assert_eq!(told(&row("A", "", "007", ""))[0].1, "7");
    }

    #[test]
    fn what_would_be_a_guess_is_left_alone() {
        assert!(told(&row("A  B", "", "1, x", "nobody, a@b.example")).is_empty());
        assert!(told(&row(" A\rB", " \u{1}\r\n", "", "")).is_empty(), "found by fuzzing: a name is not to be changed");
        let number = Fields { name: Cell::Other("a number"), ..Fields::default() };
        assert!(told(&number).is_empty());
    }

    #[test]
    fn arrays_of_json_hold_numbers_and_texts_each_once() {
        let list = |items: Vec<Item<'static>>| Fields {
            name: Cell::Text("A".into()),
            members: Cell::List(items),
            ..Fields::default()
        };
        assert!(told(&list(vec![Item::Number("1".into()), Item::Number("2".into())])).is_empty());
        let strings = told(&list(vec![Item::Text("1".into()), Item::Number("1".into())]));
        assert_eq!(strings[0].1, "1");
        assert_eq!(strings[0].2, "repeats removed, entries written plainly");
        let text = told_in(&row("A", "", "1;2", ""), Format::Jsonl);
        assert_eq!((text[0].0, text[0].2.as_str()), (Field::Members, "text made an array"));
    }
}
