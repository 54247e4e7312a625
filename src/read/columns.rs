//! Which column, or which JSON key, holds which field. Pure.

use crate::model::{Code, ERROR_COLUMN, Field, shortened};

/// Longer names have no column, in characters.
const COLUMN_NAME_MAX: usize = 100;

/// How many columns or keys that are no field are remembered to be named.
pub const UNKNOWN_MAX: usize = 50;

/// How many columns are named in a message.
const LISTED_MAX: usize = 20;

/// A header that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There is no column for the name.
    #[error(
        "the header has no column `name` (it has: {found}); rename one, or say --map name=COLUMN; if that is a group already, put a header row above it"
    )]
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
    /// The first row is none.
    #[error(
        "the first row looks like data, not like a header ({found}); put a row with the columns' names above it, such as name,description,members,guests"
    )]
    Absent {
        /// The cells there are.
        found: String,
    },
    /// The header stands in the second row.
    #[error("the first row is a title, and the header is row 2; delete the first row")]
    Title,
    /// It is one cell, with all of the header in it.
    #[error("the whole header row stands in quotes; remove the outer ones")]
    Quoted,
    /// The cells are parted by something else.
    #[error("the header seems to be parted by `{delimiter}`: say --delimiter '{delimiter}'")]
    OtherDelimiter {
        /// What parts them.
        delimiter: char,
    },
    /// A quote in the header never closes.
    #[error("a quote opened in the header never closes: the rest of the file is swallowed ({lines} lines)")]
    OpenQuote {
        /// How many lines.
        lines: u64,
    },
    /// Text stands between a closing quote and the end of its cell.
    #[error(
        "text stands between a closing quote and the end of its cell; a quote inside of quotes is written twice (\"\")"
    )]
    Stray,
    /// It is longer than a row may be.
    #[error("the header has more than 1 MiB, and that is the most that a row may have")]
    TooLong,
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

impl HeaderError {
    /// Its stable word.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NameMissing { .. }
            | Self::Absent { .. }
            | Self::Title
            | Self::Quoted
            | Self::OtherDelimiter { .. } => Code::HeaderMissing,
            Self::Misspelt { .. } => Code::ColumnMisspelt,
            Self::Repeated { .. } => Code::ColumnRepeated,
            Self::MapMissing { .. } => Code::ColumnUnmapped,
            Self::OpenQuote { .. } | Self::Stray | Self::TooLong => Code::HeaderMalformed,
        }
    }
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
    let allowed = if field.len() > 7 { 2 } else { 1 };
    if column.len().abs_diff(field.len()) > 4 * allowed {
        return false;
    }
    let slips = strsim::damerau_levenshtein(column, field);
    slips > 0 && slips <= allowed && column.chars().next() == field.chars().next()
}

/// Where each field stands in a row of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Field and index of its column, in header order.
    pub fields: Vec<(Field, usize)>,
    /// The names of columns that are no field, in header order.
    pub unknown: Vec<String>,
}

impl Columns {
    /// Reads a header.
    ///
    /// # Errors
    /// All that is wrong with it: no name, a field twice, a mapped column missing, a column that looks misspelt.
    pub fn of(header: &[String], map: &[(Field, String)]) -> Result<Self, Vec<HeaderError>> {
        let mut columns = Self { fields: Vec::new(), unknown: Vec::new() };
        let (mut errors, mut misspelt) = (Vec::new(), Vec::new());
        for (index, column) in header.iter().enumerate() {
            match meaning(column, map) {
                Meaning::Holds(field) => errors.extend(columns.add(field, index, header)),
                Meaning::Misspelt(field) => misspelt.push((field, index)),
                Meaning::Unknown => columns.add_unknown(column),
                Meaning::Ours => {}
            }
        }
        let mut is_misspelt = false;
        for (field, index) in misspelt {
            if columns.holds(field) {
                columns.add_unknown(&header[index]);
            } else {
                is_misspelt |= field == Field::Name;
                errors.push(HeaderError::Misspelt { column: shortened(header[index].trim()), field });
            }
        }
        let unmapped = map.iter().filter(|(field, _)| !columns.holds(*field));
        errors.extend(unmapped.clone().map(|(field, column)| HeaderError::MapMissing {
            field: *field,
            column: shortened(column),
            found: list(header),
        }));
        let is_unmapped = unmapped.into_iter().any(|(field, _)| *field == Field::Name);
        if !columns.holds(Field::Name) && !is_misspelt && !is_unmapped {
            errors.push(nameless(header));
        }
        if errors.is_empty() { Ok(columns) } else { Err(errors) }
    }

    fn holds(&self, field: Field) -> bool {
        self.fields.iter().any(|(held, _)| *held == field)
    }

    fn add(&mut self, field: Field, index: usize, header: &[String]) -> Option<HeaderError> {
        if let Some((_, first)) = self.fields.iter().find(|(held, _)| *held == field) {
            let (first, second) = (shortened(&header[*first]), shortened(&header[index]));
            return Some(HeaderError::Repeated { field, first, second });
        }
        self.fields.push((field, index));
        None
    }

    fn add_unknown(&mut self, column: &str) {
        let column = column.trim();
        if !column.is_empty() && self.unknown.len() < UNKNOWN_MAX && !self.unknown.iter().any(|known| known == column) {
            self.unknown.push(column.to_owned());
        }
    }
}

/// A header without a column for the name: a row of data, if it holds what only data does.
fn nameless(header: &[String]) -> HeaderError {
    let is_data = |cell: &String| {
        let cell = cell.trim();
        let is_number = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit() || b";|, ".contains(&byte));
        let is_address = cell.split_once('@').is_some_and(|(_, domain)| domain.contains('.'));
        is_number || is_address || cell.chars().count() > COLUMN_NAME_MAX
    };
    let found = list(header);
    if header.iter().any(is_data) { HeaderError::Absent { found } } else { HeaderError::NameMissing { found } }
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
        assert_eq!(columns.unknown, ["e mail".to_owned()]);
    }

    #[test]
    fn a_misspelt_field_is_an_error_that_names_it() {
        for (column, field) in [
            ("descripton", Field::Description),
            ("Describtion", Field::Description),
            ("member", Field::Members),
            ("guset s", Field::Guests),
        ] {
            let error = Columns::of(&header(&["name", column]), &[]).unwrap_err().remove(0);
            assert_eq!(error, HeaderError::Misspelt { column: column.to_owned(), field });
        }
        assert!(
            Columns::of(&header(&["nmae", "description"]), &[]).is_err_and(|e| e[0].to_string().contains("`name`"))
        );
    }

    #[test]
    fn columns_that_only_resemble_a_field_are_left_alone() {
        for column in ["game", "email", "id", "quests", "number"] {
            let columns = Columns::of(&header(&["name", column]), &[]).unwrap();
            assert_eq!(columns.unknown, [column.to_owned()]);
        }
    }

    #[test]
    fn a_field_that_is_there_excuses_a_column_that_resembles_it() {
        let columns = Columns::of(&header(&["name", "members", "member"]), &[]).unwrap();
        assert_eq!(columns.unknown, ["member".to_owned()]);
    }

    #[test]
    fn a_map_gives_a_column_to_a_field_and_frees_the_fields_own_name() {
        let map = [(Field::Name, "Display Name".to_owned())];
        let columns = Columns::of(&header(&["display name", "name"]), &map).unwrap();
        assert_eq!(columns.fields, [(Field::Name, 0)]);
        assert_eq!(columns.unknown, ["name".to_owned()]);
        let error = Columns::of(&header(&["name"]), &map).unwrap_err();
        assert!(matches!(error[..], [HeaderError::MapMissing { field: Field::Name, .. }]));
    }

    #[test]
    fn a_header_without_a_name_or_with_two_is_refused() {
        let missing = Columns::of(&header(&["description", "id"]), &[]).unwrap_err();
        assert_eq!(missing, [HeaderError::NameMissing { found: "description, id".to_owned() }]);
        let twice = Columns::of(&header(&["name", "Name"]), &[]).unwrap_err();
        assert!(matches!(twice[..], [HeaderError::Repeated { field: Field::Name, .. }]));
    }

    #[test]
    fn all_that_is_wrong_with_a_header_is_named_at_once() {
        let errors = Columns::of(&header(&["nmae", "guests", "Guests", "descripton"]), &[]).unwrap_err();
        let codes: Vec<Code> = errors.iter().map(HeaderError::code).collect();
        assert_eq!(codes, [Code::ColumnRepeated, Code::ColumnMisspelt, Code::ColumnMisspelt]);
    }

    #[test]
    fn a_first_row_that_looks_like_data_is_no_header() {
        for row in [["Sales", "1001;1002"], ["Sales", "ada@partner.example"], ["Sales", &"x".repeat(101)]] {
            let errors = Columns::of(&header(&row), &[]).unwrap_err();
            assert!(matches!(errors[..], [HeaderError::Absent { .. }]), "{errors:?}");
        }
    }

    #[test]
    fn the_column_of_the_rejects_is_skipped_in_silence() {
        let columns = Columns::of(&header(&["name", "_error"]), &[]).unwrap();
        assert!(columns.unknown.is_empty());
    }
}
