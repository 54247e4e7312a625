//! Which column, or which JSON key, holds which field. Pure.

use std::collections::BTreeSet;

use crate::model::{ERROR_COLUMN, Field, shortened};

/// How many columns are named in a message.
const LISTED_MAX: usize = 20;

/// A header that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There is no column for the name.
    #[error("the header has no column `name` (it has: {found}); rename one, or say --map name=COLUMN")]
    NameMissing {
        /// The columns there are.
        found: String,
    },
    /// A column looks like a misspelt field.
    #[error("column `{column}` looks like a misspelt `{field}`; rename it, or say --map {field}=COLUMN if another column holds it", field = field.as_str())]
    Misspelt {
        /// The column as it stands.
        column: String,
        /// The field it is likely to mean.
        field: Field,
    },
    /// Two columns hold the same field.
    #[error("the header has two columns for `{field}`: `{first}` and `{second}`; remove or rename one", field = field.as_str())]
    Repeated {
        /// The field.
        field: Field,
        /// The first column.
        first: String,
        /// The second column.
        second: String,
    },
    /// A quote in the header never closes.
    #[error("a quote opened in the header never closes: the rest of the file is swallowed")]
    OpenQuote,
    /// A column named with `--map` is not there.
    #[error("--map {field}={column}: the header has no such column (it has: {found})", field = field.as_str())]
    MapMissing {
        /// The field.
        field: Field,
        /// The column that was asked for.
        column: String,
        /// The columns there are.
        found: String,
    },
}

/// How a column's name is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It holds this field.
    Holds(Field),
    /// It looks like this field, misspelt.
    Misspelt(Field),
    /// It is one of ours, to be skipped.
    Ours,
    /// Something else.
    Unknown,
}

/// The meaning of one column's name, given what `--map` says.
#[must_use]
pub(super) fn meaning(column: &str, map: &[(Field, String)]) -> Meaning {
    let plain = normal(column);
    if let Some((field, _)) = map.iter().find(|(_, mapped)| normal(mapped) == plain) {
        return Meaning::Holds(*field);
    }
    if column.trim() == ERROR_COLUMN {
        return Meaning::Ours;
    }
    let mut open = Field::ALL.into_iter().filter(|field| !map.iter().any(|(mapped, _)| mapped == field));
    if let Some(field) = open.clone().find(|field| field.as_str() == plain) {
        return Meaning::Holds(field);
    }
    open.find(|field| is_misspelt(&plain, field.as_str())).map_or(Meaning::Unknown, Meaning::Misspelt)
}

/// Lower case, without spaces, `_` and `-`.
fn normal(column: &str) -> String {
    column.chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// One slip of the finger in a short word, two in a long one; the first letter is mostly right.
fn is_misspelt(column: &str, field: &str) -> bool {
    let slips = strsim::damerau_levenshtein(column, field);
    let allowed = if field.len() > 7 { 2 } else { 1 };
    slips > 0 && slips <= allowed && column.chars().next() == field.chars().next()
}

/// Where each field stands in a row of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Field and index of its column, in header order.
    pub fields: Vec<(Field, usize)>,
    /// The names of columns that are no field.
    pub unknown: BTreeSet<String>,
}

impl Columns {
    /// Reads a header.
    ///
    /// # Errors
    /// If there is no name, a field twice, a mapped column missing, or a column that looks misspelt.
    pub fn of(header: &[String], map: &[(Field, String)]) -> Result<Self, HeaderError> {
        let mut columns = Self { fields: Vec::new(), unknown: BTreeSet::new() };
        let mut misspelt = Vec::new();
        for (index, column) in header.iter().enumerate() {
            match meaning(column, map) {
                Meaning::Holds(field) => columns.add(field, index, header)?,
                Meaning::Misspelt(field) => misspelt.push((field, index)),
                Meaning::Unknown if !column.trim().is_empty() => {
                    columns.unknown.insert(column.trim().to_owned());
                }
                Meaning::Unknown | Meaning::Ours => {}
            }
        }
        for (field, index) in misspelt {
            if columns.holds(field) {
                columns.unknown.insert(header[index].trim().to_owned());
            } else {
                return Err(HeaderError::Misspelt { column: shortened(header[index].trim()), field });
            }
        }
        for (field, column) in map {
            if !columns.holds(*field) {
                let column = shortened(column);
                return Err(HeaderError::MapMissing { field: *field, column, found: list(header) });
            }
        }
        if columns.holds(Field::Name) { Ok(columns) } else { Err(HeaderError::NameMissing { found: list(header) }) }
    }

    fn holds(&self, field: Field) -> bool {
        self.fields.iter().any(|(held, _)| *held == field)
    }

    fn add(&mut self, field: Field, index: usize, header: &[String]) -> Result<(), HeaderError> {
        if let Some((_, first)) = self.fields.iter().find(|(held, _)| *held == field) {
            let (first, second) = (shortened(&header[*first]), shortened(&header[index]));
            return Err(HeaderError::Repeated { field, first, second });
        }
        self.fields.push((field, index));
        Ok(())
    }
}

fn list(header: &[String]) -> String {
    let mut columns = header.iter().map(|column| column.trim()).filter(|column| !column.is_empty());
    let names: Vec<String> = columns.by_ref().take(LISTED_MAX).map(shortened).collect();
    match columns.count() {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn headers_match_without_regard_to_case_spaces_underscores_and_hyphens() {
        let columns = Columns::of(&header(&["Members", " NAME ", "gu-ests", "Desc_Ription", "e mail"]), &[]).unwrap();
        let fields = [(Field::Members, 0), (Field::Name, 1), (Field::Guests, 2), (Field::Description, 3)];
        assert_eq!(columns.fields, fields);
        assert_eq!(columns.unknown, BTreeSet::from(["e mail".to_owned()]));
    }

    #[test]
    fn a_misspelt_field_is_an_error_that_names_it() {
        for (column, field) in [
            ("descripton", Field::Description),
            ("Describtion", Field::Description),
            ("member", Field::Members),
            ("guset s", Field::Guests),
        ] {
            let error = Columns::of(&header(&["name", column]), &[]).unwrap_err();
            assert_eq!(error, HeaderError::Misspelt { column: column.to_owned(), field });
        }
        assert!(Columns::of(&header(&["nmae", "description"]), &[]).is_err_and(|e| e.to_string().contains("`name`")));
    }

    #[test]
    fn columns_that_only_resemble_a_field_are_left_alone() {
        for column in ["game", "email", "id", "quests", "number"] {
            let columns = Columns::of(&header(&["name", column]), &[]).unwrap();
            assert_eq!(columns.unknown, BTreeSet::from([column.to_owned()]));
        }
    }

    #[test]
    fn a_field_that_is_there_excuses_a_column_that_resembles_it() {
        let columns = Columns::of(&header(&["name", "members", "member"]), &[]).unwrap();
        assert_eq!(columns.unknown, BTreeSet::from(["member".to_owned()]));
    }

    #[test]
    fn a_map_gives_a_column_to_a_field_and_frees_the_fields_own_name() {
        let map = [(Field::Name, "Display Name".to_owned())];
        let columns = Columns::of(&header(&["display name", "name"]), &map).unwrap();
        assert_eq!(columns.fields, [(Field::Name, 0)]);
        assert_eq!(columns.unknown, BTreeSet::from(["name".to_owned()]));
        let error = Columns::of(&header(&["name"]), &map).unwrap_err();
        assert!(matches!(error, HeaderError::MapMissing { field: Field::Name, .. }));
    }

    #[test]
    fn a_header_without_a_name_or_with_two_is_refused() {
        let missing = Columns::of(&header(&["description", "id"]), &[]).unwrap_err();
        assert_eq!(missing, HeaderError::NameMissing { found: "description, id".to_owned() });
        let twice = Columns::of(&header(&["name", "Name"]), &[]).unwrap_err();
        assert!(matches!(twice, HeaderError::Repeated { field: Field::Name, .. }));
    }

    #[test]
    fn the_column_of_the_rejects_is_skipped_in_silence() {
        let columns = Columns::of(&header(&["name", "_error"]), &[]).unwrap();
        assert!(columns.unknown.is_empty());
    }
}
