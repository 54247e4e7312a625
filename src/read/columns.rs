//! Which column, or which JSON key, holds which field. Pure.

use super::contents::{is_addresses, is_ids};
use super::header::HeaderError;
use crate::model::{ERROR_COLUMN, Field, is_invisible, listed, shortened};

/// Longer names have no column, in characters.
const COLUMN_NAME_MAX: usize = 100;

/// How many columns or keys that are no field are remembered to be named.
pub const UNKNOWN_MAX: usize = 50;

/// How many columns are named in a message.
pub(super) const LISTED_MAX: usize = 20;

/// How a column's name is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It holds this field.
    Holds(Field),
    /// It looks like this field, misspelt.
    Misspelt(Field),
    /// It is one of several that hold one entry of this field each: `member 2`.
    Part(Field),
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
    if let Some(field) = open.clone().find(|field| is_part(&plain, *field)) {
        return Meaning::Part(field);
    }
    open.find(|field| is_misspelt(&plain, field.as_str())).map_or(Meaning::Unknown, Meaning::Misspelt)
}

/// A list's name, or its singular, with a number behind it.
fn is_part(column: &str, field: Field) -> bool {
    let word =
        column.trim_end_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '(' | ')' | '#' | '.'));
    let has_number = column[word.len()..].bytes().any(|byte| byte.is_ascii_digit());
    has_number && field.is_list() && (word == field.as_str() || field.as_str().strip_suffix('s') == Some(word))
}

/// Lower case, without spaces, `_`, `-` and what nobody sees.
fn normal(column: &str) -> String {
    let is_kept = |letter: &char| !letter.is_whitespace() && !matches!(letter, '_' | '-') && !is_invisible(*letter);
    column.chars().filter(is_kept).flat_map(char::to_lowercase).collect()
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
        let (columns, errors) = Self::likely(header, map);
        if errors.is_empty() { Ok(columns) } else { Err(errors) }
    }

    /// Reads a header as it is likely to be meant, and says all that is wrong with it.
    pub(super) fn likely(header: &[String], map: &[(Field, String)]) -> (Self, Vec<HeaderError>) {
        let meanings: Vec<Meaning> = header.iter().map(|column| meaning(column, map)).collect();
        let all = |wanted: Meaning| (0..header.len()).filter(|index| meanings[*index] == wanted).collect::<Vec<_>>();
        let (mut fields, mut errors, mut ignored) = (Vec::new(), Vec::new(), all(Meaning::Unknown));
        for field in Field::ALL {
            let (whole, misspelt) = (all(Meaning::Holds(field)), all(Meaning::Misspelt(field)));
            let held = [whole.clone(), all(Meaning::Part(field))].concat();
            let (held, others) = if held.is_empty() { (misspelt, Vec::new()) } else { (held, misspelt) };
            ignored.extend(others);
            let Some(first) = held.first() else { continue };
            fields.push((field, *first));
            let shown = |index: &usize| shortened(header[*index].trim());
            if held.len() > 1 {
                errors.push(HeaderError::Repeated { field, columns: held.iter().map(shown).collect() });
            } else if whole.is_empty() {
                errors.push(HeaderError::Misspelt { column: shown(first), field });
            }
        }
        fields.sort_by_key(|(_, index)| *index);
        ignored.sort_unstable();
        let mut columns = Self { fields, unknown: Vec::new() };
        for index in ignored {
            columns.add_unknown(&header[index]);
        }
        errors.extend(columns.unmapped(header, map));
        if !columns.holds(Field::Name) && !map.iter().any(|(field, _)| *field == Field::Name) {
            errors.push(nameless(header));
        }
        (columns, errors)
    }

    /// What `--map` names and the header has not.
    fn unmapped(&self, header: &[String], map: &[(Field, String)]) -> Vec<HeaderError> {
        let missing = map.iter().filter(|(field, _)| !self.holds(*field));
        let told = missing.map(|(field, column)| {
            let same = map.iter().find(|(other, named)| other != field && normal(named) == normal(column));
            let (field, column) = (*field, shortened(column));
            match same {
                Some((other, _)) => HeaderError::MapShared { fields: [*other, field], column },
                None => HeaderError::MapMissing { field, column, found: list(header) },
            }
        });
        told.collect()
    }

    pub(super) fn holds(&self, field: Field) -> bool {
        self.index(field).is_some()
    }

    /// The index of the column that holds a field.
    pub(super) fn index(&self, field: Field) -> Option<usize> {
        self.fields.iter().find(|(held, _)| *held == field).map(|(_, index)| *index)
    }

    fn add_unknown(&mut self, column: &str) {
        let column = column.trim();
        if !column.is_empty() && self.unknown.len() < UNKNOWN_MAX && !self.unknown.iter().any(|known| known == column) {
            self.unknown.push(column.to_owned());
        }
    }
}

/// The field that a column of this name holds, whatever `--map` says.
#[must_use]
pub fn field_of(column: &str) -> Option<Field> {
    if let Meaning::Holds(field) = meaning(column, &[]) { Some(field) } else { None }
}

/// A header without a column for the name: a row of data, if it holds what only data does.
fn nameless(header: &[String]) -> HeaderError {
    let is_data = |cell: &String| {
        let cell = cell.trim();
        is_ids(cell) || is_addresses(cell) || cell.chars().count() > COLUMN_NAME_MAX
    };
    let found = list(header);
    if header.iter().any(is_data) {
        HeaderError::Absent { found }
    } else {
        HeaderError::NameMissing { found, likely: Vec::new() }
    }
}

fn list(header: &[String]) -> String {
    let columns = header.iter().map(|column| column.trim()).filter(|column| !column.is_empty());
    listed(columns.map(shortened), LISTED_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

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
        assert_eq!(missing, [HeaderError::NameMissing { found: "description, id".to_owned(), likely: Vec::new() }]);
        let twice = Columns::of(&header(&["name", "Name"]), &[]).unwrap_err();
        assert!(matches!(twice[..], [HeaderError::Repeated { field: Field::Name, .. }]));
    }

    #[test]
    fn all_that_is_wrong_with_a_header_is_named_at_once() {
        let errors = Columns::of(&header(&["nmae", "guests", "Guests", "descripton"]), &[]).unwrap_err();
        let codes: Vec<Code> = errors.iter().map(HeaderError::code).collect();
        assert_eq!(codes, [Code::ColumnMisspelt, Code::ColumnMisspelt, Code::ColumnRepeated]);
    }

    #[test]
    fn columns_that_share_a_field_are_told_once_with_all_of_them() {
        for (columns, expected) in [
            (&["name", "member 1", "Member_2", "member 3"][..], "`member 1`, `Member_2`, `member 3`"),
            (&["name", "members", "members2"], "`members`, `members2`"),
            (&["name", "guest", "guest"], "`guest`, `guest`"),
            (&["name", "Name", "NAME"], "`name`, `Name`, `NAME`"),
        ] {
            let errors = Columns::of(&header(columns), &[]).unwrap_err();
            assert!(errors.len() == 1 && errors[0].to_string().contains(expected), "{errors:?}");
        }
        let one = Columns::of(&header(&["name", "member 1"]), &[]).unwrap_err();
        assert!(matches!(one[..], [HeaderError::Misspelt { field: Field::Members, .. }]));
    }

    #[test]
    fn a_column_is_mapped_to_one_field() {
        let map = [(Field::Name, "x".to_owned()), (Field::Members, "X ".to_owned())];
        let errors = Columns::of(&header(&["x", "y"]), &map).unwrap_err();
        assert!(matches!(errors[..], [HeaderError::MapShared { .. }]), "{errors:?}");
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
