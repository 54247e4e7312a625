//! Which column of a header, or which key of a JSON object, holds which field. Pure.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::header::{LISTED_MAX, people, personless, repeated, unused};
use super::options::ReadOptions;
use crate::model::{Code, ERROR_COLUMN, Field, Problem, has_address, is_invisible, listed, shortened};

/// How many columns or keys that are not fields are remembered, to be named.
pub const UNKNOWN_MAX: usize = 50;

/// How many rows of titles may be above the header.
pub(super) const TITLES_MAX: usize = 10;

/// A longer cell, or one that holds ids or addresses, is data and not a column's name.
const COLUMN_NAME_MAX: usize = 100;

/// Other names of the fields, as [`plain`] writes them, in English, German, French and Spanish.
const SYNONYMS: [(Field, &str); 6] = [
    (
        Field::Name,
        "groupname groupnames group team teamname title displayname gruppe gruppenname groupe nomdugroupe nom equipe \
         grupo nombre nombredelgrupo equipo",
    ),
    (Field::Names, "groups teams gruppen groupes equipes grupos equipos"),
    (Field::Description, "groupdescription beschreibung gruppenbeschreibung descripcion"),
    (
        Field::Members,
        "memberids memberemails memberemailaddresses users userids useremails usermembers groupmembers mitglieder \
         membres miembros",
    ),
    (Field::Member, "memberemail memberemailaddress memberid user mitglied membre miembro"),
    (
        Field::Guests,
        "guestemails guestemail guestmail guestemailaddresses guestids externalemails externalemailaddresses \
         externalusers gaste gaeste invites invitados",
    ),
];

/// A column whose name begins with one of these looks like people,
const PEOPLE: [(Field, &[&str]); 2] = [
    (Field::Members, &["member", "mitglied", "membre", "miembro"]),
    (Field::Guests, &["guest", "gaste", "gaeste", "invite", "invitado"]),
];

/// unless it ends with one of these.
const ABOUT_PEOPLE: [&str; 12] =
    ["nextlink", "count", "type", "role", "status", "state", "source", "since", "date", "by", "total", "url"];

/// Columns of addresses that may be a person's or the group's.
const ADDRESSES: &str = "email emails mail emailaddress mailaddress workemail workemailaddress primaryemail useremail \
     userprincipalname upn login loginname correo correoelectronico courriel adressemail";

/// How a column's name is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is named with `--map`.
    Mapped(Field),
    /// It is the field's own name.
    Own(Field),
    /// It is another name of the field.
    Synonym(Field),
    /// It looks like the field and is not one of its names: `membrs`, `Mitglieder Neu`.
    Similar(Field),
    /// It is one of several columns that hold one entry each: `member 2`.
    Numbered(Field),
    /// It is the rejects' own column, or named with `--ignore`, or one that a layout does not use.
    Ignored,
    /// Something else.
    Unknown,
}

impl Meaning {
    /// The meaning of one column's name, given what the user says. `--map` settles its field.
    pub(super) fn of(column: &str, options: &ReadOptions) -> Self {
        let plain = plain(column);
        let is_same = |other: &str| self::plain(other) == plain;
        let typed = options.map.iter().find(|(_, mapped)| mapped == column);
        if let Some((field, _)) = typed.or_else(|| options.map.iter().find(|(_, mapped)| is_same(mapped))) {
            return Self::Mapped(*field);
        }
        let is_ignored = options.of_layout.is_some() || options.ignore.iter().any(|ignored| is_same(ignored));
        if is_ignored || column.trim() == ERROR_COLUMN {
            return Self::Ignored;
        }
        let meaning = Self::by_name(&plain);
        if meaning.likely_field().is_some_and(|field| options.settles(field)) { Self::Unknown } else { meaning }
    }

    /// The field that the column holds, if that is beyond doubt.
    pub(super) fn field(self) -> Option<Field> {
        match self {
            Self::Mapped(field) | Self::Own(field) | Self::Synonym(field) => Some(field),
            _ => None,
        }
    }

    /// The field that the column is likely to hold.
    fn likely_field(self) -> Option<Field> {
        match self {
            Self::Similar(field) | Self::Numbered(field) => Some(field),
            _ => self.field(),
        }
    }

    fn by_name(plain: &str) -> Self {
        let is_name = |field: Field, word: &str| {
            let mut synonyms = SYNONYMS.iter().filter(|(known, _)| *known == field);
            word == own_word(field) || synonyms.any(|(_, words)| words.split_whitespace().any(|name| name == word))
        };
        if let Some(field) = Field::ALL.iter().copied().find(|field| is_name(*field, plain)) {
            return if plain == own_word(field) { Self::Own(field) } else { Self::Synonym(field) };
        }
        let word = plain.trim_end_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '#' | '.'));
        let is_numbered = |field: &&Field| word.len() < plain.len() && field.is_list() && is_name(**field, word);
        if let Some(field) = Field::ALL.iter().find(is_numbered) {
            return Self::Numbered(field.slot());
        }
        let is_similar = |field: &Field| *field != Field::Key && is_misspelt(plain, own_word(*field));
        let similar = Field::ALL.iter().copied().find(is_similar);
        let is_about = ABOUT_PEOPLE.iter().any(|word| plain.ends_with(word));
        let people = PEOPLE.iter().find(|(_, words)| !is_about && words.iter().any(|word| plain.starts_with(word)));
        similar.or(people.map(|(field, _)| *field)).map_or(Self::Unknown, Self::Similar)
    }
}

/// The field's name, as [`plain`] writes it.
fn own_word(field: Field) -> &'static str {
    if field == Field::TallyfyId { "tallyfyid" } else { field.into() }
}

/// The name in lower case, without spaces, `_`, `-`, accents, invisible characters, and marks such as `*`, `(required)`
/// or `[memberIds]`.
fn plain(column: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0_usize;
    let is_number =
        |inner: &str| inner.trim_start_matches(|digit: char| digit.is_ascii_digit()).starts_with([')', ']']);
    for (at, letter) in column.char_indices() {
        match letter {
            // `members (2)` is one of several columns.
            '(' | '[' if !is_number(&column[at + 1..]) => depth += 1,
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
pub(super) fn bare(column: &str) -> String {
    let is_kept = |letter: &char| !letter.is_whitespace() && !matches!(letter, '_' | '-') && !is_invisible(*letter);
    column.chars().filter(is_kept).flat_map(char::to_lowercase).collect()
}

/// One slip of the finger in a short word, two in a long one; the first letter is mostly right.
fn is_misspelt(column: &str, field: &str) -> bool {
    let allowed = if field.len() > 7 { 2 } else { 1 };
    if column.len().abs_diff(field.len()) > 4 * allowed {
        return false;
    }
    let slips = rapidfuzz::distance::damerau_levenshtein::distance(column.chars(), field.chars());
    slips > 0 && slips <= allowed && column.chars().next() == field.chars().next()
}

/// Where each field is in a row of cells, or among the entries of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// Field and index of its column, in header order. A list may be in several columns.
    pub fields: Vec<(Field, usize)>,
    /// The indexes of columns that are not fields.
    pub unknown: Vec<usize>,
    /// Which columns of another name are used for a field, and which ones `--map` names and this file does not have.
    pub notes: Vec<Problem>,
    /// The indexes of the columns that filters need, in their order.
    pub filters: Vec<usize>,
    /// The index of the column that tells groups in a group.
    pub nested: Option<usize>,
}

impl Columns {
    /// Reads a header as it is likely to be meant, and gives all that is wrong with it: no name, a field twice, a mapped
    /// column missing, a column that looks like a field and is not used.
    pub fn read(header: &[String], options: &ReadOptions) -> (Self, Vec<Problem>) {
        let (mut columns, mut errors) = Self::of(header, &meanings(header, options));
        // The run that wrote the rejects has warned of these columns.
        if header.iter().any(|column| column == ERROR_COLUMN) {
            columns.unknown.clear();
        }
        for filter in &options.filters {
            match position(header, &filter.column) {
                Some(index) => columns.filters.push(index),
                None => errors.push(missing(&format!("--where {}", shortened(&filter.column)), header)),
            }
        }
        columns.unknown.retain(|index| !columns.filters.contains(index));
        columns.find_unmapped(header, options, &mut errors);
        let nested = options.of_layout.as_ref().and_then(|layout| layout.nested.as_ref());
        columns.nested = nested.and_then(|nested| position(header, &nested.column));
        let people = columns.people(header, |index| is_of_addresses(&header[index]));
        let is_nameless = columns.index(Field::Name).is_none() && !options.settles(Field::Name);
        errors.extend(people.or_else(|| is_nameless.then(|| nameless(header))));
        (columns, errors)
    }

    /// The same for the keys of an object; other objects may have others.
    pub(super) fn of_keys(keys: &[String], options: &ReadOptions) -> (Self, Vec<Problem>) {
        let mut meanings = meanings(keys, options);
        // A key of another name is used only where the field's own name is missing.
        let own: Vec<Field> =
            meanings.iter().filter(|own| matches!(own, Meaning::Own(_))).filter_map(|own| own.field()).collect();
        for meaning in &mut meanings {
            if matches!(meaning, Meaning::Synonym(field) if own.iter().any(|own| own.slot() == field.slot())) {
                *meaning = Meaning::Unknown;
            }
        }
        Self::of(keys, &meanings)
    }

    fn of(header: &[String], meanings: &[Meaning]) -> (Self, Vec<Problem>) {
        let (mut columns, mut errors) = (Self::default(), Vec::new());
        for slot in Field::SLOTS {
            columns.find(slot, header, meanings, &mut errors);
        }
        columns.fields.sort_by_key(|(_, index)| *index);
        let is_unknown = |index: &usize| meanings[*index] == Meaning::Unknown && !header[*index].trim().is_empty();
        columns.unknown = (0..header.len()).filter(is_unknown).collect();
        (columns, errors)
    }

    /// An error if no column has people and one that is not used seems to, or if a person's groups have no person.
    pub(super) fn people(&self, header: &[String], is_of_people: impl Fn(usize) -> bool) -> Option<Problem> {
        if self.fields.iter().any(|(field, _)| field.is_list() && *field != Field::Names) {
            return None;
        }
        let shown = |index: usize| shortened(header[index].trim());
        let unused = self.unknown.iter().find(|index| is_of_people(**index)).map(|index| people(&shown(*index)));
        let groups = || self.fields.iter().find(|(field, _)| *field == Field::Names);
        unused.or_else(|| groups().map(|(_, index)| personless(&shown(*index))))
    }

    /// Finds the columns of one field of a group.
    fn find(&mut self, slot: Field, header: &[String], meanings: &[Meaning], errors: &mut Vec<Problem>) {
        let shown = |index: usize| shortened(header[index].trim());
        let all = (0..header.len()).filter_map(|index| Some((meanings[index].likely_field()?, index)));
        let all = all.filter(|(field, _)| field.slot() == slot);
        let (similar, mut held): (Vec<_>, Vec<_>) =
            all.partition(|(_, index)| matches!(meanings[*index], Meaning::Similar(_)));
        let is_mapped = held.iter().any(|(_, index)| matches!(meanings[*index], Meaning::Mapped(_)));
        if is_mapped && held.iter().all(|(field, _)| field.is_list()) {
            self.fields.extend(held);
            return;
        }
        held.sort_by_key(|(_, index)| matches!(meanings[*index], Meaning::Numbered(_)));
        let Some((field, first)) = held.first().or(similar.first()).copied() else { return };
        self.fields.push((field, first));
        if held.len() > 1 {
            held.sort_by_key(|(_, index)| *index);
            let columns: Vec<String> = held.iter().map(|(_, index)| shown(*index)).collect();
            errors.push(repeated(field, &columns));
        } else if meanings[first].field().is_none() {
            errors.push(unused(field, &shown(first)));
        } else if !is_mapped && bare(&header[first]) != own_word(field) {
            let message = format!("column `{}` is used as `{}`", shown(first), field.as_ref());
            self.notes.push(Problem::note(Code::ColumnUsed, message));
        }
        let others = similar.into_iter().filter(|(_, index)| *index != first);
        errors.extend(others.map(|(field, index)| unused(field, &shown(index))));
    }

    /// What is wrong with the columns that `--map` names and the header does not have: nothing, if another one has the field, or
    /// another file may have it.
    fn find_unmapped(&mut self, header: &[String], options: &ReadOptions, errors: &mut Vec<Problem>) {
        for (at, (field, column)) in options.map.iter().enumerate() {
            let is_shared = |(other, named): &&(Field, String)| other != field && is_same_column(named, column);
            let is_missing = options.of_layout.is_none() && position(header, column).is_none();
            let (shown, field_name) = (shortened(column), field.as_ref());
            if let Some((other, _)) = options.map[..at].iter().find(is_shared) {
                let message = format!(
                    "--map uses column `{shown}` for `{}` and for `{field_name}`; a column holds one field",
                    other.as_ref()
                );
                errors.push(Problem::fatal(Code::ColumnUnmapped, message));
            } else if is_missing && (options.are_several || self.index(*field).is_some()) {
                let message = format!("--map {field_name}={shown}: this file has no such column");
                self.notes.push(Problem::note(Code::ColumnUnmapped, message));
            } else if is_missing {
                errors.push(missing(&format!("--map {field_name}={shown}"), header));
            }
        }
    }

    /// The index of the first column that holds a field.
    pub fn index(&self, field: Field) -> Option<usize> {
        self.fields.iter().find(|(held, _)| held.slot() == field.slot()).map(|(_, index)| *index)
    }

    /// The header under which the same rows are read without any option: fields under their own names, and the names of all
    /// other columns such that they mean nothing.
    pub fn canonical(&self, header: &[String]) -> Vec<String> {
        let column = |(index, column): (usize, &String)| {
            let mut fields = self.fields.iter().map(|(field, _)| *field);
            match fields.find(|field| self.index(*field) == Some(index)) {
                Some(Field::Names) => Field::Name.as_ref().to_owned(),
                Some(field) if bare(column) == own_word(field) => column.clone(),
                Some(field) => field.as_ref().to_owned(),
                None if means_nothing(column) => column.clone(),
                None => format!("x-{}", column.trim()),
            }
        };
        header.iter().enumerate().map(column).collect()
    }
}

/// The meanings of all columns of a header.
fn meanings(header: &[String], options: &ReadOptions) -> Vec<Meaning> {
    // Where a mapped column is there as it was typed, one that differs in case is another.
    let is_another = |field: Field, column: &String| {
        let is_like = |mapped: &String| is_same_column(mapped, column) && mapped != column && header.contains(mapped);
        options.map.iter().any(|(of, mapped)| *of == field && is_like(mapped))
    };
    let meaning = |column: &String| match Meaning::of(column, options) {
        Meaning::Mapped(field) if is_another(field, column) => Meaning::Unknown,
        meaning => meaning,
    };
    header.iter().map(meaning).collect()
}

/// Where a column is.
pub(super) fn position(header: &[String], column: &str) -> Option<usize> {
    header.iter().position(|other| is_same_column(other, column))
}

/// Whether two columns have the same name, as far as their names count.
pub(super) fn is_same_column(one: &str, other: &str) -> bool {
    one == other || plain(one) == plain(other)
}

/// Whether a column of this name is neither a field, nor looks like one, nor like people.
pub(super) fn means_nothing(column: &str) -> bool {
    let meaning = Meaning::of(column, &ReadOptions::default());
    matches!(meaning, Meaning::Unknown | Meaning::Ignored) && !is_of_addresses(column)
}

/// Whether a column of this name may hold the addresses of people or groups.
pub(super) fn is_of_addresses(column: &str) -> bool {
    let plain = plain(column);
    ADDRESSES.split_whitespace().any(|word| word == plain)
}

/// Whether a path of keys, `profile.name`, begins with this key.
pub(super) fn begins_with(path: &str, key: &str) -> bool {
    path.split('.').next().is_some_and(|first| is_same_column(first, key))
}

/// The field that a column of this name holds, without `--map`.
pub fn field_of(column: &str) -> Option<Field> {
    Meaning::of(column, &ReadOptions::default()).field()
}

/// A column named with a flag is not in the file.
fn missing(flag: &str, header: &[String]) -> Problem {
    Problem::fatal(Code::ColumnUnmapped, format!("{flag}: there is no such column (found: {})", names(header)))
}

/// A header without a column for the name: a row of data, if it holds what only data does.
fn nameless(header: &[String]) -> Problem {
    let is_data = |cell: &String| is_ids(cell) || has_address(cell) || cell.chars().count() > COLUMN_NAME_MAX;
    let found = names(header);
    Problem::fatal(
        Code::HeaderMissing,
        if header.iter().any(is_data) {
            format!(
                "the first row looks like data ({found}); add a header row above it, such as name,description,members,guests"
            )
        } else {
            format!(
                "no column is called `name` (found: {found}); rename one, use --map name=COLUMN, or add a header row above"
            )
        },
    )
}

/// Whether only numbers are listed here.
pub(super) fn is_ids(cell: &str) -> bool {
    cell.bytes().any(|byte| byte.is_ascii_digit())
        && cell.bytes().all(|byte| byte.is_ascii_digit() || b";|, ".contains(&byte))
}

fn names(header: &[String]) -> String {
    let columns = header.iter().map(|column| column.trim()).filter(|column| !column.is_empty());
    listed(columns.map(shortened), LISTED_MAX)
}

/// Which of the first rows is the header: the first, unless a title is above it.
pub(super) fn header_of(rows: &[Vec<String>], options: &ReadOptions) -> usize {
    let read = |row: &Vec<String>| {
        let (columns, errors) = Columns::read(row, options);
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
        count > fields && (is_sound || (count > 1 && !has_name)) && !row.iter().any(|cell| has_address(cell))
    };
    others.iter().position(is_header).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    fn read(cells: &[&str]) -> (Columns, Vec<Problem>) {
        Columns::read(&header(cells), &ReadOptions::default())
    }

    fn unknown(columns: &Columns, cells: &[&str]) -> Vec<String> {
        columns.unknown.iter().map(|index| cells[*index].to_owned()).collect()
    }

    fn codes(errors: &[Problem]) -> Vec<Code> {
        errors.iter().map(|error| error.code).collect()
    }

    #[test]
    fn headers_match_without_case_spaces_underscores_and_hyphens() {
        let cells = ["Members", " NAME ", "gu-ests", "Desc_Ription", "e mail"];
        let (columns, errors) = read(&cells);
        let fields = [(Field::Members, 0), (Field::Name, 1), (Field::Guests, 2), (Field::Description, 3)];
        assert_eq!((columns.fields.as_slice(), errors.as_slice()), (&fields[..], &[][..]));
        assert_eq!(unknown(&columns, &cells), ["e mail"]);
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
            assert_eq!((columns.notes.len(), columns.fields.len(), errors.len()), (used, cells.len(), 0), "{cells:?}");
        }
    }

    #[test]
    fn a_column_that_looks_like_a_field_and_is_not_used_is_an_error_that_names_both() {
        for (column, field) in [
            ("descripton", Field::Description),
            ("Describtion", Field::Description),
            ("guset s", Field::Guests),
            ("Mitglieder Neu", Field::Members),
            ("Mitglieder 2", Field::Members),
            ("members (2)", Field::Members),
            ("Guest contacts", Field::Guests),
        ] {
            let error = read(&["name", column]).1.remove(0);
            assert_eq!(error, unused(field, column));
        }
        assert!(read(&["nmae", "description"]).1[0].to_string().contains("`name`"));
    }

    #[test]
    fn columns_that_only_resemble_a_field_are_ignored() {
        for column in ["game", "id", "quests", "number", "directMembersCount", "Member Type"] {
            let (columns, errors) = read(&["name", column]);
            assert_eq!((unknown(&columns, &["name", column]), errors), (vec![column.to_owned()], Vec::new()));
        }
        let (columns, errors) = read(&["name", "members", "directMembersCount", "membersCount"]);
        assert_eq!((columns.unknown.len(), errors.len()), (2, 0));
    }

    #[test]
    fn a_second_candidate_for_a_field_is_an_error() {
        for second in ["membrs", "Mitglieder Neu", "members of the board"] {
            let errors = read(&["name", "members", second]).1;
            assert_eq!(codes(&errors), [Code::ColumnMisspelt]);
            assert!(errors[0].message.starts_with(&format!("column `{second}`")), "{errors:?}");
        }
    }

    #[test]
    fn names_and_addresses_without_members_are_a_list_of_people() {
        for columns in [&["Name", "Email", "Department"][..], &["name", "UPN"], &["Title", "description", "Work Email"]]
        {
            let errors = read(columns).1;
            assert_eq!(codes(&errors), [Code::ListOfPeople]);
            let ignore = vec![columns[columns.len() - 1].to_owned(), columns[1].to_owned()];
            let options = ReadOptions { ignore, ..ReadOptions::default() };
            assert!(Columns::read(&header(columns), &options).1.is_empty());
        }
        assert!(read(&["name", "email", "members"]).1.is_empty());
        assert!(read(&["group", "member email"]).1.is_empty());
    }

    #[test]
    fn a_header_of_the_fields_own_names_reads_the_same_columns() {
        let map = vec![(Field::Name, "Display".to_owned()), (Field::Member, "E-Mail".to_owned())];
        let options = ReadOptions { map, ignore: vec!["Members".to_owned()], ..ReadOptions::default() };
        let own = header(&["E-Mail", "name", "Display", "Members", "Cost", "Login"]);
        let (columns, errors) = Columns::read(&own, &options);
        let canonical = columns.canonical(&own);
        assert_eq!((errors.len(), canonical.join(",").as_str()), (0, "member,x-name,name,x-Members,Cost,x-Login"));
        let (again, errors) = Columns::read(&canonical, &ReadOptions::default());
        assert_eq!((again.fields, errors.len()), (columns.fields, 0));
    }

    #[test]
    fn a_map_gives_a_column_to_a_field_and_settles_the_field() {
        let mapped = |map: &[(Field, &str)]| ReadOptions {
            map: map.iter().map(|(field, column)| (*field, (*column).to_owned())).collect(),
            ..ReadOptions::default()
        };
        let map = mapped(&[(Field::Name, "Display Name")]);
        let cells = ["display name", "name", "team"];
        let (columns, errors) = Columns::read(&header(&cells), &map);
        assert_eq!((columns.fields.as_slice(), errors.len()), (&[(Field::Name, 0)][..], 0));
        assert_eq!(unknown(&columns, &cells), ["name", "team"]);
        let (_, errors) = Columns::read(&header(&["name"]), &map);
        assert_eq!(errors, [missing("--map name=Display Name", &header(&["name"]))]);
        let lists = mapped(&[(Field::Members, "cohort1"), (Field::Members, "cohort2")]);
        let (columns, errors) = Columns::read(&header(&["name", "cohort1", "cohort2", "members"]), &lists);
        assert_eq!((columns.fields.len(), errors.len(), columns.unknown.len()), (3, 0, 1));
    }

    #[test]
    fn a_header_without_a_name_or_with_two_is_refused() {
        let errors = read(&["description", "id"]).1;
        assert!(errors[0].message.starts_with("no column is called `name` (found: description, id);"), "{errors:?}");
        for twice in [["name", "Name"], ["name", "Team"], ["Group", "Title"]] {
            assert_eq!(read(&twice).1, [repeated(Field::Name, &header(&twice))]);
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_header_is_named_at_once() {
        let errors = read(&["nmae", "guests", "Guests", "descripton"]).1;
        assert_eq!(codes(&errors), [Code::ColumnMisspelt, Code::ColumnMisspelt, Code::ColumnRepeated]);
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
        let map = vec![(Field::Name, "x".to_owned()), (Field::Members, "X ".to_owned())];
        let errors = Columns::read(&header(&["x", "y"]), &ReadOptions { map, ..ReadOptions::default() }).1;
        assert!(errors[0].message.starts_with("--map uses column `X ` for `name` and for `members`;"), "{errors:?}");
    }

    #[test]
    fn a_first_row_that_looks_like_data_is_not_a_header() {
        for row in [["Sales", "1001;1002"], ["Sales", "ada@partner.example"], ["Sales", &"x".repeat(101)]] {
            let errors = read(&row).1;
            assert!(errors[0].message.starts_with("the first row looks like data ("), "{errors:?}");
        }
    }

    #[test]
    fn the_column_of_the_rejects_is_skipped_silently() {
        assert!(read(&["name", "_error"]).0.unknown.is_empty());
    }
}
