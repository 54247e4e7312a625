//! What parts the cells of a CSV file, found from its header. Pure.

use super::Options;
use super::columns::{Columns, Meaning, meaning};
use super::header::HeaderError;
use super::lines::{ends_line, past_line_end};
use super::machine::Machine;
use crate::model::{Field, is_delimiter};

/// The delimiters that are looked for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Longer first rows of one cell are no header, in bytes.
const ONE_CELL_MAX: usize = 4096;

/// So many rows of a title may stand above the header.
const TITLES_MAX: usize = 10;

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
    let is_field = |cell: &&String| matches!(meaning(cell, &options.map), Meaning::Holds(_));
    let score = |header: &[String]| (header.iter().filter(is_field).count(), header.len());
    let first = |delimiter: &u8| score(&Rows::of(head, *delimiter).next().map_or_else(Vec::new, |row| row.cells));
    let best = DELIMITERS.into_iter().rev().max_by_key(first).unwrap_or(DELIMITERS[0]);
    if first(&best).0 > 0 {
        return best;
    }
    // The first row may be a title.
    let below = |delimiter: &u8| header_below(head, *delimiter, options, 0).map_or((0, 0), |row| score(&row.cells));
    let other = DELIMITERS.into_iter().rev().max_by_key(below).filter(|other| below(other).0 > 0);
    other.unwrap_or(best)
}

/// The rows of a text, and where each begins; blank lines are none.
struct Rows<'a> {
    bytes: &'a [u8],
    at: usize,
    machine: Machine,
}

/// One of them.
pub(super) struct Found {
    pub(super) start: usize,
    cells: Vec<String>,
    /// Whether it can be used as a header as it stands.
    pub(super) is_sound: bool,
}

impl<'a> Rows<'a> {
    fn of(bytes: &'a [u8], delimiter: u8) -> Self {
        Self { bytes, at: 0, machine: Machine::new(delimiter) }
    }
}

impl Iterator for Rows<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let start = self.at + self.bytes[self.at..].iter().position(|byte| !ends_line(*byte))?;
        self.at = start + self.machine.read(&self.bytes[start..]);
        Some(Found { start, cells: self.machine.cells().owned(), is_sound: false })
    }
}

/// The first of the rows that is a header, below one that has so many fields: it has more of them, and the name or several.
pub(super) fn header_below(rows: &[u8], delimiter: u8, options: &Options, fields: usize) -> Option<Found> {
    let mut rows = Rows::of(rows, delimiter).take(TITLES_MAX + 1);
    rows.find_map(|row| {
        let (columns, errors) = Columns::likely(&row.cells, &options.map);
        let is_sound = errors.is_empty();
        let is_header = columns.fields.len() > fields && (is_sound || columns.fields.len() > 1);
        is_header.then_some(Found { is_sound, ..row })
    })
}

/// What may be wrong with a header row that has no column for the name: it stands in quotes, or is parted by something else.
pub(super) fn one_cell(header: &[String], delimiter: u8, options: &Options) -> Option<HeaderError> {
    let [only] = header else { return None };
    let holds_name = |cell: &str| meaning(cell, &options.map) == Meaning::Holds(Field::Name);
    // Each of them once, and not in a text that is longer than any header: that would take all day.
    let mut marks =
        (b'!'..=b'~').filter(|mark| is_delimiter(*mark) && mark.is_ascii_punctuation() && !b"_-'".contains(mark));
    let is_parted = |mark: &u8| only.as_bytes().contains(mark) && only.split(char::from(*mark)).any(holds_name);
    let other = marks.find(|mark| only.len() <= ONE_CELL_MAX && is_parted(mark))?;
    Some(if other == delimiter {
        HeaderError::Quoted
    } else {
        HeaderError::OtherDelimiter { delimiter: char::from(other) }
    })
}
