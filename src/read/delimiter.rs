//! What parts the cells of a CSV file, found from its header. Pure.

use super::Options;
use super::columns::{Columns, HeaderError, Meaning, meaning};
use super::lines::{ends_line, past_line_end};
use super::machine::Machine;
use crate::model::{Field, is_delimiter};

/// The delimiters that are looked for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The delimiter that was asked for, or that Excel's own first line names (`sep=;`), or the one under which the header has
/// most fields, then most cells. With it, how many bytes that line takes.
pub(super) fn delimiter_of(head: &[u8], options: &Options) -> (u8, usize) {
    let announced = match head {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter, end, ..]
            if ends_line(*end) && is_delimiter(*delimiter) =>
        {
            Some(*delimiter)
        }
        _ => None,
    };
    let length = announced.map_or(0, |_| past_line_end(head, 5));
    let found = || likeliest(&head[length..], options);
    (options.delimiter.or(announced).unwrap_or_else(found), length)
}

fn likeliest(head: &[u8], options: &Options) -> u8 {
    let score = |delimiter: &u8| {
        let header = first_row(head, *delimiter);
        let is_field = |cell: &&String| matches!(meaning(cell, &options.map), Meaning::Holds(_));
        (header.iter().filter(is_field).count(), header.len())
    };
    DELIMITERS.into_iter().rev().max_by_key(score).unwrap_or(DELIMITERS[0])
}

/// The cells of the first row.
fn first_row(bytes: &[u8], delimiter: u8) -> Vec<String> {
    let start = bytes.iter().position(|byte| !ends_line(*byte)).unwrap_or(bytes.len());
    let mut machine = Machine::new(delimiter);
    machine.read(&bytes[start..]);
    machine.cells().iter().map(str::to_owned).collect()
}

/// What would make a header of the first row that cannot be used: another delimiter, or the row below it.
pub(super) fn better(
    errors: Vec<HeaderError>,
    header: &[String],
    rest: &[u8],
    delimiter: u8,
    options: &Options,
) -> Vec<HeaderError> {
    let is_nameless =
        |error: &HeaderError| matches!(error, HeaderError::NameMissing { .. } | HeaderError::Absent { .. });
    if !errors.iter().any(is_nameless) {
        return errors;
    }
    if Columns::of(&first_row(rest, delimiter), &options.map).is_ok() {
        return vec![HeaderError::Title];
    }
    let holds_name = |cell: &str| meaning(cell, &options.map) == Meaning::Holds(Field::Name);
    let other = header.first().filter(|_| header.len() == 1).and_then(|only| {
        let marks = only.bytes().filter(u8::is_ascii_punctuation);
        marks.into_iter().find(|mark| !b"_-".contains(mark) && only.split(char::from(*mark)).any(holds_name))
    });
    match other {
        None => errors,
        Some(other) if other == delimiter => vec![HeaderError::Quoted],
        Some(other) => vec![HeaderError::OtherDelimiter { delimiter: char::from(other) }],
    }
}
