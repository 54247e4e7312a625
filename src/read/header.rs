//! What is wrong with a header, told for the person who mends it. Pure.

use super::columns::LISTED_MAX;
use crate::model::{Code, Field, listed};

/// A header that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There is no column for the name.
    #[error(
        "no column is `name` (there are: {found}); rename one{}, or put a header above this row if it is a group",
        or_map(likely)
    )]
    NameMissing {
        /// The columns there are.
        found: String,
        /// Columns that hold what such fields do.
        likely: Vec<(Field, String)>,
    },
    /// A column looks like a misspelt field.
    #[error("column `{column}` looks like a misspelt `{}`; rename it{}", field.as_str(), or_take(*field, column))]
    Misspelt {
        /// The column as it stands.
        column: String,
        /// The field it is likely to mean.
        field: Field,
    },
    /// Several columns hold the same field.
    #[error("several columns are `{field}`: {}; {cure}", all(columns), field = field.as_str(), cure = cure(*field))]
    Repeated {
        /// The field.
        field: Field,
        /// The columns.
        columns: Vec<String>,
    },
    /// The first row is none.
    #[error("the first row looks like data ({found}); put a header above it, such as name,description,members,guests")]
    Absent {
        /// The cells there are.
        found: String,
    },
    /// The header stands further down.
    #[error("the header stands on line {line}; delete the lines above it (a title?)")]
    Title {
        /// The line, from 1.
        line: u64,
    },
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
    #[error("--map {field}={column}: no column is called that (there are: {found})", field = field.as_str())]
    MapMissing {
        /// The field.
        field: Field,
        /// The column that was asked for.
        column: String,
        /// The columns there are.
        found: String,
    },
    /// `--map` gives one column to two fields.
    #[error("--map gives column `{column}` to `{}` and to `{}`; a column holds one field", fields[0].as_str(), fields[1].as_str())]
    MapShared {
        /// The fields.
        fields: [Field; 2],
        /// The column.
        column: String,
    },
}

impl HeaderError {
    /// Its stable word.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NameMissing { .. }
            | Self::Absent { .. }
            | Self::Title { .. }
            | Self::Quoted
            | Self::OtherDelimiter { .. } => Code::HeaderMissing,
            Self::Misspelt { .. } => Code::ColumnMisspelt,
            Self::Repeated { .. } => Code::ColumnRepeated,
            Self::MapMissing { .. } | Self::MapShared { .. } => Code::ColumnUnmapped,
            Self::OpenQuote { .. } | Self::Stray | Self::TooLong => Code::HeaderMalformed,
        }
    }
}

/// The flags that take these columns for these fields, ready to be copied into a shell.
#[must_use]
pub fn map_flags(columns: &[(Field, String)]) -> String {
    let flag = |(field, column): &(Field, String)| Some(format!("--map {}={}", field.as_str(), in_shell(column)?));
    columns.iter().filter_map(flag).collect::<Vec<_>>().join(" ")
}

/// Longer names are not shown to be copied, in bytes.
const SHELL_MAX: usize = 100;

/// A word as shells take it; none if it needs more than quotes.
fn in_shell(word: &str) -> Option<String> {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let is_safe = |letter: char| letter == ' ' || letter.is_alphanumeric() || letter.is_ascii_punctuation();
    if word.len() > SHELL_MAX || !word.chars().all(is_safe) {
        return None;
    }
    match word {
        _ if word.chars().all(is_plain) => Some(word.to_owned()),
        _ if !word.contains('\'') => Some(format!("'{word}'")),
        _ if !word.contains(['"', '$', '`', '\\', '!']) => Some(format!("\"{word}\"")),
        _ => None,
    }
}

fn or_map(likely: &[(Field, String)]) -> String {
    let has_name = likely.iter().any(|(field, _)| *field == Field::Name);
    match map_flags(likely).as_str() {
        "" => " or say --map name=COLUMN".to_owned(),
        flags if has_name => format!(", or, if they hold that, say {flags}"),
        flags => format!(", or, if they hold that, say --map name=COLUMN {flags}"),
    }
}

fn or_take(field: Field, column: &str) -> String {
    in_shell(column).map_or_else(String::new, |column| format!(", or say --map {}={column}", field.as_str()))
}

fn all(columns: &[String]) -> String {
    listed(columns.iter().map(|column| format!("`{column}`")), LISTED_MAX)
}

fn cure(field: Field) -> &'static str {
    if field.is_list() {
        "join them into one column, with `;` between the entries"
    } else {
        "remove or rename all but one"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_can_be_copied_into_a_shell() {
        let columns =
            ["Gruppe", "Team Leads", "a$(b)", "it's", "x\u{1b}"].map(|column| (Field::Name, column.to_owned()));
        assert_eq!(
            map_flags(&columns),
            "--map name=Gruppe --map name='Team Leads' --map name='a$(b)' --map name=\"it's\""
        );
    }
}
