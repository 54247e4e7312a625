//! What is wrong with a header, in words for the person who fixes it. Pure.

use crate::model::{Code, Field, listed};

/// How many columns are named in a message.
pub(super) const LISTED_MAX: usize = 20;

/// A header that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There is no column for the name.
    #[error(
        "no column is called `name` (found: {found}); rename one, use --map name=COLUMN, or add a header row above"
    )]
    NameMissing {
        /// The columns.
        found: String,
    },
    /// A column looks like a field and is not used.
    #[error("column `{column}` looks like `{}` and is not used; rename it{}", field.as_str(), or_flags(*field, column))]
    Unused {
        /// The column as it is written.
        column: String,
        /// The field it is likely to mean.
        field: Field,
    },
    /// The rows are people, not groups.
    #[error(
        "a column of addresses (`{column}`), and none of members: this looks like a list of people. If the rows are people, use {} with --map name=COLUMN for the column of their group, or with --name NAME; if the addresses are those of the groups, use {}",
        flag("--map member=", column),
        flag("--ignore ", column)
    )]
    People {
        /// The column of addresses.
        column: String,
    },
    /// Groups of a person, without the person.
    #[error("column `{column}` holds the groups of a person, and no column holds the person; use --map member=COLUMN")]
    Personless {
        /// The column of groups.
        column: String,
    },
    /// A column named with `--where` is not in the file.
    #[error("no column is called `{column}`, which --where or the layout needs (found: {found})")]
    FilterMissing {
        /// The column that was asked for.
        column: String,
        /// The columns.
        found: String,
    },
    /// Several columns hold the same field.
    #[error("several columns hold `{field}`: {}; {}", all(columns), choose(*field, columns), field = field.as_str())]
    Repeated {
        /// The field.
        field: Field,
        /// The columns.
        columns: Vec<String>,
    },
    /// The first row is not a header.
    #[error(
        "the first row looks like data ({found}); add a header row above it, such as name,description,members,guests"
    )]
    Absent {
        /// The cells.
        found: String,
    },
    /// The header is further down.
    #[error("the header is on line {line}; use --skip-lines {} if the lines above it are a title, or delete them", line - 1)]
    Title {
        /// The line, from 1.
        line: u64,
    },
    /// The header is one cell, with all of its columns in it.
    #[error("the whole header row is in quotes; remove the outer ones")]
    Quoted,
    /// The cells have another delimiter.
    #[error("the header seems to be delimited by `{delimiter}`; use --delimiter '{delimiter}'")]
    OtherDelimiter {
        /// What delimits them.
        delimiter: char,
    },
    /// A quote in the header never closes.
    #[error("a quote that opens in the header never closes, so the rest of the file ({lines} lines) is inside it")]
    OpenQuote {
        /// How many lines.
        lines: u64,
    },
    /// There is text between a closing quote and the end of its cell.
    #[error("there is text after a closing quote; write a quote inside quotes twice (\"\")")]
    Stray,
    /// The header is longer than a row may be.
    #[error("the header is longer than 1 MiB, the most that a row may have")]
    LongRow,
    /// The file is a results file of this program.
    #[error("this is a results file, not a file of groups; import the rejects, or the original file again")]
    Results,
    /// The file is an export that does not have the group's name.
    #[error("this looks like {what}, which does not hold the group's name; use --name NAME, or --name-from file")]
    Nameless {
        /// What the file is.
        what: String,
    },
    /// The file is an export that cannot be imported.
    #[error("this looks like {what}: {why}")]
    Refused {
        /// What the file is.
        what: String,
        /// Why, and what to do.
        why: String,
    },
    /// A column named with `--map` is not in the file.
    #[error("--map {field}={column}: there is no such column (found: {found})", field = field.as_str())]
    MapMissing {
        /// The field.
        field: Field,
        /// The column that was asked for.
        column: String,
        /// The columns.
        found: String,
    },
    /// `--map` gives one column to two fields.
    #[error("--map uses column `{column}` for `{}` and for `{}`; a column holds one field", fields[0].as_str(), fields[1].as_str())]
    MapShared {
        /// The fields.
        fields: [Field; 2],
        /// The column.
        column: String,
    },
}

impl HeaderError {
    /// The code of the problem.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NameMissing { .. }
            | Self::Absent { .. }
            | Self::Title { .. }
            | Self::Quoted
            | Self::Nameless { .. }
            | Self::OtherDelimiter { .. } => Code::HeaderMissing,
            Self::Unused { .. } => Code::ColumnMisspelt,
            Self::People { .. } | Self::Personless { .. } => Code::ListOfPeople,
            Self::Repeated { .. } => Code::ColumnRepeated,
            Self::MapMissing { .. } | Self::MapShared { .. } | Self::FilterMissing { .. } => Code::ColumnUnmapped,
            Self::OpenQuote { .. } | Self::Stray | Self::LongRow => Code::HeaderMalformed,
            Self::Results | Self::Refused { .. } => Code::FileForeign,
        }
    }
}

/// The flags that use this column for this field, or say that it is not meant, ready to be copied into a shell.
fn or_flags(field: Field, column: &str) -> String {
    let flags = |column| format!(", or use --map {}={column}, or --ignore {column}", field.as_str());
    in_shell(column).map_or_else(String::new, flags)
}

/// A flag with this column, ready to be copied into a shell.
fn flag(start: &str, column: &str) -> String {
    format!("{start}{}", in_shell(column).as_deref().unwrap_or("COLUMN"))
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

fn all(columns: &[String]) -> String {
    listed(columns.iter().map(|column| format!("`{column}`")), LISTED_MAX)
}

fn choose(field: Field, columns: &[String]) -> String {
    let map = format!("--map {}=COLUMN", field.as_str());
    if (1..columns.len()).any(|index| columns[index..].contains(&columns[index - 1])) {
        "rename one in the file".to_owned()
    } else if field.is_list() {
        format!("choose with {map}, once for each that is meant")
    } else {
        format!("choose one with {map}")
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
