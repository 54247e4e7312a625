//! The groups of one person in one cell, and lists with a delimiter of their own. Pure.

use std::borrow::Cow;

use super::{Parser, Row};
use crate::model::{Cell, Code, Field, Item, Problem, Raw, shortened};

/// What separates names.
const SEPARATORS: [char; 3] = [';', '|', '\n'];

/// The names in a cell, separated by `;`, `|` and line breaks, or by `--list-delimiter`. A comma may belong to a name.
fn names_of(cell: &str, delimiter: Option<char>) -> Result<Vec<Cow<'_, str>>, Problem> {
    if cell.trim_start().starts_with('[')
        && let Ok(names) = serde_json::from_str::<Vec<String>>(cell)
    {
        return Ok(names.into_iter().map(Cow::Owned).collect());
    }
    let is_separator = |letter: char| delimiter.map_or(SEPARATORS.contains(&letter), |delimiter| letter == delimiter);
    let list = cell.trim_matches(|letter: char| is_separator(letter) || letter.is_whitespace());
    let names: Vec<_> = list.split(is_separator).filter(|_| !list.is_empty()).map(str::trim).collect();
    if delimiter.is_none() && names.len() == 1 && cell.contains(',') {
        let message = format!(
            "names: `{}` may be one name or several; use --list-delimiter ',' if it is several, or write `;` between names",
            shortened(cell)
        );
        return Err(Problem::error(Field::Names, Code::NameInvalid, message));
    }
    Ok(names.into_iter().map(Cow::Borrowed).collect())
}

/// The names that a cell of groups holds.
fn all_names<'a>(cell: &'a Cell<'_>, delimiter: Option<char>) -> Result<Vec<Cow<'a, str>>, Problem> {
    let invalid = |what: &str| Problem::error(Field::Names, Code::NameInvalid, format!("names: {what}"));
    match cell {
        Cell::Text(text) => names_of(text, delimiter),
        Cell::List(items) => {
            let name = |item: &'a Item<'_>| match item {
                Item::Text(text) => Ok(Cow::Borrowed(text.trim())),
                Item::Number(_) | Item::Other(_) => Err(invalid("an entry is not text")),
            };
            items.iter().map(name).collect()
        }
        Cell::Absent => Ok(Vec::new()),
        Cell::Other(kind) => Err(invalid(&format!("expected a list, found {kind}"))),
    }
}

impl Parser {
    /// Gives a row, or one for each of the groups of a person that these cells name; `text` is the row as it is written for a group.
    pub(super) fn each_group<'a>(
        &self,
        row: &Row<'a>,
        names: &[Cell<'_>],
        text: impl Fn(Option<&str>) -> Raw<Cow<'a, str>>,
        each: &mut dyn FnMut(&Row<'a>),
    ) {
        if names.is_empty() || row.fields.is_err() {
            return each(row);
        }
        let names = names.iter().map(|cell| all_names(cell, self.options.list_delimiter));
        let names = names.collect::<Result<Vec<_>, _>>().map(|names| names.concat());
        let is_blank = |name: &Cow<'_, str>| name.trim().is_empty();
        let (blank, names): (Vec<_>, Vec<_>) = match names {
            Ok(names) if names.iter().any(|name| !is_blank(name)) => names.into_iter().partition(is_blank),
            other => {
                let fields = other.err().map_or_else(|| row.fields.clone(), Err);
                let nowhere = fields.is_ok().then(|| Problem::excluded("the person is in no group"));
                let left_out = row.left_out.clone().or(nowhere);
                return each(&Row { fields, left_out, text: text(None), ..row.clone() });
            }
        };
        for (number, name) in names.iter().enumerate() {
            let cell = Cell::Text(Cow::Owned(name.clone().into_owned()));
            let fields = row.fields.clone().map(|fields| fields.with(Field::Name, cell));
            let mut group = Row { fields, text: text(Some(name)), is_continued: number > 0, ..row.clone() };
            if number == 0 && !blank.is_empty() {
                group.warnings.push(Problem::blank_entries(Field::Names, blank.len()));
            }
            each(&group);
        }
    }
}

/// A list that is separated by this character alone.
pub(super) fn list_of(cell: &str, delimiter: char) -> Cell<'_> {
    let list = cell.trim().trim_matches(delimiter);
    let entries = list.split(delimiter).filter(|_| !list.is_empty());
    Cell::List(entries.map(|entry| Item::Text(Cow::Borrowed(entry))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_separates_names_only_if_that_is_said() {
        let names = |cell, delimiter| names_of(cell, delimiter).map_err(|problem| problem.message);
        for cell in ["Sales;Ops", " Sales | Ops ", "Sales\r\nOps", r#"["Sales", "Ops"]"#] {
            assert_eq!(names(cell, None).unwrap(), ["Sales", "Ops"], "{cell}");
        }
        assert_eq!(names("Sales, EMEA; Ops", None).unwrap(), ["Sales, EMEA", "Ops"]);
        assert!(names("Sales, EMEA", None).unwrap_err().contains("--list-delimiter ','"));
        assert_eq!(names("Sales, EMEA", Some(',')).unwrap(), ["Sales", "EMEA"]);
        assert_eq!(names("Sales, EMEA", Some('/')).unwrap(), ["Sales, EMEA"]);
        assert!(names(" ; ", None).unwrap().is_empty());
    }
}
