//! Which column of a header, or which key of a JSON object, holds which field. Pure.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::header::{HeaderError, LISTED_MAX};
use crate::model::{ERROR_COLUMN, Field, is_invisible, listed, shortened};

/// How many columns or keys that are not fields are remembered, to be named.
pub const UNKNOWN_MAX: usize = 50;

/// How many rows of titles may be above the header.
pub(super) const TITLES_MAX: usize = 10;

/// A longer cell, or one that holds ids or addresses, is data and not a column's name.
const COLUMN_NAME_MAX: usize = 100;

/// Other names of the fields, as [`plain`] writes them, in English, German, French and Spanish.
const SYNONYMS: [(Field, &str); 4] = [
    (
        Field::Name,
        "groupname groupnames group team teamname title displayname gruppe gruppenname groupe nomdugroupe nom equipe \
         grupo nombre nombredelgrupo equipo",
    ),
    (Field::Description, "groupdescription beschreibung gruppenbeschreibung descripcion"),
    (
        Field::Members,
        "memberids memberemails memberemailaddresses users userids useremails usermembers groupmembers mitglieder \
         membres miembros",
    ),
    (
        Field::Guests,
        "guestemails guestemail guestmail guestemailaddresses guestids externalemails externalemailaddresses \
         externalusers gaste gaeste invites invitados",
    ),
];

/// A column whose name begins with one of these looks like people.
const PEOPLE: [(Field, &[&str]); 2] = [
    (Field::Members, &["member", "mitglied", "membre", "miembro"]),
    (Field::Guests, &["guest", "gaste", "gaeste", "invite", "invitado"]),
];

/// How a column's name is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is the field's own name, or named with `--map`.
    Own(Field),
    /// It is another name of the field.
    Synonym(Field),
    /// It looks like the field and is not one of its names: `membrs`, `Mitglieder Neu`.
    Similar(Field),
    /// It is one of several columns that hold one entry each: `member 2`.
    Numbered(Field),
    /// It is the rejects' own column.
    Error,
    /// Something else.
    Unknown,
}

impl Meaning {
    /// The meaning of one column's name, given what `--map` says. `--map` settles its field.
    pub(super) fn of(column: &str, map: &[(Field, String)]) -> Self {
        let plain = plain(column);
        if let Some((field, _)) = map.iter().find(|(_, mapped)| self::plain(mapped) == plain) {
            return Self::Own(*field);
        }
        if column.trim() == ERROR_COLUMN {
            return Self::Error;
        }
        let is_open = |field: Field| !map.iter().any(|(mapped, _)| *mapped == field);
        match Self::by_name(&plain) {
            Self::Own(field) | Self::Synonym(field) | Self::Similar(field) | Self::Numbered(field)
                if !is_open(field) =>
            {
                Self::Unknown
            }
            meaning => meaning,
        }
    }

    fn by_name(plain: &str) -> Self {
        let names = |field: Field| {
            let synonyms = SYNONYMS.iter().filter(move |(known, _)| *known == field);
            synonyms.flat_map(|(_, words)| words.split_whitespace())
        };
        let is_of = |field: Field, word: &str| word == field.as_str() || names(field).any(|name| name == word);
        let word = plain.trim_end_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '#' | '.'));
        for field in Field::ALL {
            if plain == field.as_str() {
                return Self::Own(*field);
            }
            if names(*field).any(|name| name == plain) {
                return Self::Synonym(*field);
            }
            let is_singular = field.as_str().strip_suffix('s') == Some(word);
            if word.len() < plain.len() && field.is_list() && (is_singular || is_of(*field, word)) {
                return Self::Numbered(*field);
            }
        }
        let similar = Field::ALL.iter().find(|field| is_misspelt(plain, field.as_str())).copied();
        let people = PEOPLE.iter().find(|(_, words)| words.iter().any(|word| plain.starts_with(word)));
        similar.or(people.map(|(field, _)| *field)).map_or(Self::Unknown, Self::Similar)
    }
}

/// The name in lower case, without spaces, `_`, `-`, accents, invisible characters, and marks such as `*`, `(required)`
/// or `[memberIds]`.
fn plain(column: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0_usize;
    let has_number = |inner: &str| inner.trim_end_matches([')', ']']).bytes().all(|byte| byte.is_ascii_digit());
    for (at, letter) in column.char_indices() {
        match letter {
            // `members (2)` is one of several columns.
            '(' | '[' if !has_number(&column[at + 1..]) => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            '(' | '[' | ')' | ']' | '_' | '-' | '*' => {}
            letter if depth > 0 || letter.is_whitespace() || is_invisible(letter) => {}
            letter => {
                let letters = std::iter::once(letter).nfd().filter(|letter| !is_combining_mark(*letter));
                plain.extend(letters.flat_map(char::to_lowercase));
            }
        }
    }
    for mark in ["required", "optional"] {
        if let Some(rest) = plain.strip_suffix(mark).filter(|rest| !rest.is_empty()) {
            return rest.to_owned();
        }
    }
    plain
}

/// The name in lower case, without spaces, `_`, `-` and invisible characters.
fn bare(column: &str) -> String {
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

/// Where each field is in a row of cells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// Field and index of its column, in header order.
    pub fields: Vec<(Field, usize)>,
    /// The names of columns that are not fields, in header order.
    pub unknown: Vec<String>,
    /// Columns of another name that are used for a field.
    pub used: Vec<(Field, String)>,
}

impl Columns {
    /// Reads a header as it is likely to be meant, and gives all that is wrong with it: no name, a field twice, a mapped
    /// column missing, a column that looks like a field and is not used.
    #[must_use]
    pub fn read(header: &[String], map: &[(Field, String)]) -> (Self, Vec<HeaderError>) {
        let meanings: Vec<Meaning> = header.iter().map(|column| Meaning::of(column, map)).collect();
        let all = |wanted: Meaning| {
            let meanings = &meanings;
            (0..header.len()).filter(move |index| meanings[*index] == wanted)
        };
        let shown = |index: usize| shortened(header[index].trim());
        let (mut columns, mut errors) = (Self::default(), Vec::new());
        let mut ignored: Vec<usize> = all(Meaning::Unknown).collect();
        for field in Field::ALL.iter().copied() {
            let whole: Vec<usize> = all(Meaning::Own(field)).chain(all(Meaning::Synonym(field))).collect();
            let mut held: Vec<usize> = whole.iter().copied().chain(all(Meaning::Numbered(field))).collect();
            let similar: Vec<usize> = all(Meaning::Similar(field)).collect();
            if held.is_empty() {
                held.extend(similar.first());
                ignored.extend(similar.iter().skip(1));
            } else {
                ignored.extend(similar);
            }
            held.sort_unstable();
            let Some(first) = whole.first().or(held.first()).copied() else { continue };
            columns.fields.push((field, first));
            if held.len() > 1 {
                errors.push(HeaderError::Repeated { field, columns: held.into_iter().map(shown).collect() });
            } else if whole.is_empty() {
                errors.push(HeaderError::Unused { column: shown(first), field });
            } else if bare(&header[first]) != field.as_str() && !map.iter().any(|(mapped, _)| *mapped == field) {
                columns.used.push((field, shown(first)));
            }
        }
        columns.fields.sort_by_key(|(_, index)| *index);
        ignored.sort_unstable();
        let ignored = ignored.into_iter().map(|index| header[index].trim()).filter(|column| !column.is_empty());
        columns.unknown.extend(ignored.map(str::to_owned));
        errors.extend(columns.unmapped(header, map));
        if columns.index(Field::Name).is_none() && !map.iter().any(|(field, _)| *field == Field::Name) {
            errors.push(nameless(header));
        }
        (columns, errors)
    }

    /// The columns that `--map` names and the header does not have.
    fn unmapped(&self, header: &[String], map: &[(Field, String)]) -> Vec<HeaderError> {
        let missing = map.iter().filter(|(field, _)| self.index(*field).is_none());
        let error = |(field, column): &(Field, String)| {
            let same = map.iter().find(|(other, named)| other != field && plain(named) == plain(column));
            let (field, column) = (*field, shortened(column));
            match same {
                Some((other, _)) => HeaderError::MapShared { fields: [*other, field], column },
                None => HeaderError::MapMissing { field, column, found: names(header) },
            }
        };
        missing.map(error).collect()
    }

    /// The index of the column that holds a field.
    #[must_use]
    pub fn index(&self, field: Field) -> Option<usize> {
        self.fields.iter().find(|(held, _)| *held == field).map(|(_, index)| *index)
    }
}

/// The field that a column of this name holds, without `--map`.
#[must_use]
pub fn field_of(column: &str) -> Option<Field> {
    match Meaning::of(column, &[]) {
        Meaning::Own(field) | Meaning::Synonym(field) => Some(field),
        _ => None,
    }
}

/// A header without a column for the name: a row of data, if it holds what only data does.
fn nameless(header: &[String]) -> HeaderError {
    let is_data = |cell: &String| is_ids(cell) || is_addresses(cell) || cell.chars().count() > COLUMN_NAME_MAX;
    let found = names(header);
    if header.iter().any(is_data) { HeaderError::Absent { found } } else { HeaderError::NameMissing { found } }
}

/// Whether only numbers are listed here.
pub(super) fn is_ids(cell: &str) -> bool {
    cell.bytes().any(|byte| byte.is_ascii_digit())
        && cell.bytes().all(|byte| byte.is_ascii_digit() || b";|, ".contains(&byte))
}

/// Whether this holds something like an e-mail address.
pub(super) fn is_addresses(cell: &str) -> bool {
    cell.split_once('@').is_some_and(|(_, domain)| domain.contains('.'))
}

fn names(header: &[String]) -> String {
    let columns = header.iter().map(|column| column.trim()).filter(|column| !column.is_empty());
    listed(columns.map(shortened), LISTED_MAX)
}

/// Which of the first rows is the header: the first, unless a title is above it.
pub(super) fn header_of(rows: &[Vec<String>], map: &[(Field, String)]) -> usize {
    let read = |row: &Vec<String>| {
        let (columns, errors) = Columns::read(row, map);
        (columns.fields.len(), errors.is_empty(), columns.index(Field::Name).is_some())
    };
    let Some((first, others)) = rows.split_first() else { return 0 };
    let (fields, _, has_name) = read(first);
    // A title may be the one word that is a field's name; then the header is beyond doubt.
    let filled = first.iter().filter(|cell| !cell.trim().is_empty()).count();
    if has_name && !(fields == 1 && filled < 3) {
        return 0;
    }
    let is_header = |row: &Vec<String>| {
        let (count, is_sound, _) = read(row);
        count > fields && (is_sound || (count > 1 && !has_name))
    };
    others.iter().position(is_header).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

    fn header(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    fn read(cells: &[&str]) -> (Columns, Vec<HeaderError>) {
        Columns::read(&header(cells), &[])
    }

    #[test]
    fn headers_match_without_case_spaces_underscores_and_hyphens() {
        let (columns, errors) = read(&["Members", " NAME ", "gu-ests", "Desc_Ription", "e mail"]);
        let fields = [(Field::Members, 0), (Field::Name, 1), (Field::Guests, 2), (Field::Description, 3)];
        assert_eq!((columns.fields.as_slice(), errors.as_slice()), (&fields[..], &[][..]));
        assert_eq!(columns.unknown, ["e mail".to_owned()]);
    }

    #[test]
    fn other_names_of_a_field_and_marks_are_recognized_with_a_note() {
        for (cells, used) in [
            (&["Name*", "Members (IDs)", "Guests (e-mail)"][..], 3),
            (&["Group Name (required)", "Description (optional)", "Members", "Guest Emails"], 3),
            (&["Group name [displayName] Required", "Member IDs [memberIds]", "Guest e-mail [guestMail]"], 3),
            (&["Name", "User IDs", "External e-mail addresses"], 2),
            (&["Name", "Beschreibung", "Mitglieder", "Gäste"], 3),
            (&["Nom", "Membres", "Invités"], 3),
            (&["Equipo", "Descripción", "Miembros"], 3),
        ] {
            let (columns, errors) = read(cells);
            assert_eq!((columns.used.len(), columns.fields.len(), errors.len()), (used, cells.len(), 0), "{cells:?}");
        }
    }

    #[test]
    fn a_column_that_looks_like_a_field_and_is_not_used_is_an_error_that_names_both() {
        for (column, field) in [
            ("descripton", Field::Description),
            ("Describtion", Field::Description),
            ("member", Field::Members),
            ("guset s", Field::Guests),
            ("Mitglieder Neu", Field::Members),
            ("Mitglieder 2", Field::Members),
            ("members (2)", Field::Members),
            ("Guest contacts", Field::Guests),
        ] {
            let error = read(&["name", column]).1.remove(0);
            assert_eq!(error, HeaderError::Unused { column: column.to_owned(), field });
        }
        assert!(read(&["nmae", "description"]).1[0].to_string().contains("`name`"));
    }

    #[test]
    fn columns_that_only_resemble_a_field_are_ignored() {
        for column in ["game", "email", "id", "quests", "number"] {
            let (columns, errors) = read(&["name", column]);
            assert_eq!((columns.unknown, errors), (vec![column.to_owned()], Vec::new()));
        }
        let (columns, errors) = read(&["name", "members", "membrs", "directMembersCount", "membersCount"]);
        assert_eq!((columns.unknown.len(), errors.len()), (3, 0));
    }

    #[test]
    fn a_map_gives_a_column_to_a_field_and_settles_the_field() {
        let map = [(Field::Name, "Display Name".to_owned())];
        let (columns, errors) = Columns::read(&header(&["display name", "name", "team"]), &map);
        assert_eq!((columns.fields, errors.len()), (vec![(Field::Name, 0)], 0));
        assert_eq!(columns.unknown, ["name".to_owned(), "team".to_owned()]);
        let (_, errors) = Columns::read(&header(&["name"]), &map);
        assert!(matches!(errors[..], [HeaderError::MapMissing { field: Field::Name, .. }]));
    }

    #[test]
    fn a_header_without_a_name_or_with_two_is_refused() {
        assert_eq!(read(&["description", "id"]).1, [HeaderError::NameMissing { found: "description, id".to_owned() }]);
        for twice in [["name", "Name"], ["name", "Team"], ["Group", "Title"]] {
            assert!(matches!(read(&twice).1[..], [HeaderError::Repeated { field: Field::Name, .. }]));
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_header_is_named_at_once() {
        let errors = read(&["nmae", "guests", "Guests", "descripton"]).1;
        let codes: Vec<Code> = errors.iter().map(HeaderError::code).collect();
        assert_eq!(codes, [Code::ColumnMisspelt, Code::ColumnMisspelt, Code::ColumnRepeated]);
    }

    #[test]
    fn columns_that_share_a_field_are_named_together() {
        for (columns, expected) in [
            (&["name", "member 1", "Member_2", "member 3"][..], "`member 1`, `Member_2`, `member 3`"),
            (&["name", "members", "members2"], "`members`, `members2`"),
            (&["name", "members", "Member IDs"], "`members`, `Member IDs`"),
            (&["name", "Name", "NAME"], "`name`, `Name`, `NAME`"),
        ] {
            let errors = read(columns).1;
            assert!(errors.len() == 1 && errors[0].to_string().contains(expected), "{errors:?}");
        }
    }

    #[test]
    fn a_column_is_mapped_to_one_field() {
        let map = [(Field::Name, "x".to_owned()), (Field::Members, "X ".to_owned())];
        let errors = Columns::read(&header(&["x", "y"]), &map).1;
        assert!(matches!(errors[..], [HeaderError::MapShared { .. }]), "{errors:?}");
    }

    #[test]
    fn a_first_row_that_looks_like_data_is_not_a_header() {
        for row in [["Sales", "1001;1002"], ["Sales", "ada@partner.example"], ["Sales", &"x".repeat(101)]] {
            let errors = read(&row).1;
            assert!(matches!(errors[..], [HeaderError::Absent { .. }]), "{errors:?}");
        }
    }

    #[test]
    fn the_column_of_the_rejects_is_skipped_silently() {
        assert!(read(&["name", "_error"]).0.unknown.is_empty());
    }
}
