//! What is wrong with a header, in words for the person who fixes it. Pure.

use crate::model::{Code, Field, Problem, listed};

/// How many columns are named in a message.
pub(super) const LISTED_MAX: usize = 20;

/// A column looks like a field and is not used.
pub(super) fn unused(field: Field, column: &str) -> Problem {
    let (name, flags) = (field.as_ref(), or_flags(field, column));
    let message = format!("column `{column}` looks like `{name}` and is not used; rename it{flags}");
    Problem::fatal(Code::ColumnMisspelt, message)
}

/// The rows are people, not groups.
pub(super) fn people(column: &str) -> Problem {
    let word = in_shell(column).unwrap_or_else(|| "COLUMN".to_owned());
    let message = format!(
        "a column of addresses (`{column}`), and none of members: this looks like a list of people. If the rows are people, use --map member={word} with --map name=COLUMN for the column of their group, or with --name NAME; if the addresses are those of the groups, use --ignore {word}"
    );
    Problem::fatal(Code::ListOfPeople, message)
}

/// Groups of a person, without the person.
pub(super) fn personless(column: &str) -> Problem {
    let message = format!(
        "column `{column}` holds the groups of a person, and no column holds the person; use --map member=COLUMN"
    );
    Problem::fatal(Code::ListOfPeople, message)
}

/// Several columns hold the same field.
pub(super) fn repeated(field: Field, columns: &[String]) -> Problem {
    let has_twins = (1..columns.len()).any(|index| columns[index..].contains(&columns[index - 1]));
    let columns = listed(columns.iter().map(|column| format!("`{column}`")), LISTED_MAX);
    let name = field.as_ref();
    let cure = if has_twins {
        "rename one in the file".to_owned()
    } else if field.is_list() {
        format!("choose with --map {name}=COLUMN, once for each that is meant")
    } else {
        format!("choose one with --map {name}=COLUMN")
    };
    Problem::fatal(Code::ColumnRepeated, format!("several columns hold `{name}`: {columns}; {cure}"))
}

/// The header is on this line.
pub(super) fn titled(line: u64) -> Problem {
    let skipped = line - 1;
    let message = format!(
        "the header is on line {line}; use --skip-lines {skipped} if the lines above it are a title, or delete them"
    );
    Problem::fatal(Code::HeaderMissing, message)
}

/// The file is an export that does not have the group's name.
pub(super) fn nameless(what: &str) -> Problem {
    let message =
        format!("this looks like {what}, which does not hold the group's name; use --name NAME, or --name-from file");
    Problem::fatal(Code::HeaderMissing, message)
}

/// The flags that use this column for this field, or say that it is not meant, ready to be copied into a shell.
fn or_flags(field: Field, column: &str) -> String {
    let flags = |column| format!(", or use --map {}={column}, or --ignore {column}", field.as_ref());
    in_shell(column).map_or_else(String::new, flags)
}

/// A word as shells read it; nothing if it needs more than quotes.
fn in_shell(word: &str) -> Option<String> {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let is_safe = |letter: char| letter == ' ' || letter.is_alphanumeric() || letter.is_ascii_punctuation();
    match word {
        _ if word.contains(['\'', '…']) || !word.chars().all(is_safe) => None,
        _ if word.chars().all(is_plain) => Some(word.to_owned()),
        _ => Some(format!("'{word}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_can_be_copied_into_a_shell() {
        let flags = ["Gruppe", "Team Leads", "a$(b)", "it's", "x\u{1b}"].map(|column| or_flags(Field::Name, column));
        let expected = ["Gruppe", "'Team Leads'", "'a$(b)'"]
            .map(|column| format!(", or use --map name={column}, or --ignore {column}"));
        assert_eq!(flags, [&expected[..], &[String::new(), String::new()]].concat()[..]);
    }
}
