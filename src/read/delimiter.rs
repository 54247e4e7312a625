//! What delimits the cells of a CSV file, found from its header. Pure.

use super::ReadOptions;
use super::batch::{Batch, Grammar};
use super::columns::{Columns, Meaning, TITLES_MAX, header_of};
use super::lines::{ends_line, past_line_end};
use crate::model::{Code, Field, Problem, is_delimiter};

/// The delimiters that are tried, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A longer first row of one cell is not a header, in bytes.
const ONE_CELL_MAX: usize = 4096;

/// The delimiter that was asked for, or that Excel's own first line names (`sep=;`), or the one under which the header has
/// most fields, then most cells. With it, how many bytes that line takes.
pub(super) fn delimiter_of(head: &[u8], options: &ReadOptions) -> (u8, usize) {
    let is_announced = head.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"sep="));
    let announced = match head.get(4..) {
        Some([mark, end, ..]) if is_announced && ends_line(*end) && is_delimiter(*mark) => Some(*mark),
        _ => None,
    };
    let length = announced.map_or(0, |_| past_line_end(head, 5));
    let found = || likeliest(&head[length..], options);
    (options.delimiter.or(announced).unwrap_or_else(found), length)
}

fn likeliest(head: &[u8], options: &ReadOptions) -> u8 {
    let score = |delimiter: &u8| {
        let batch = Batch::of_text(head.to_vec(), Grammar::Csv(*delimiter));
        let text = batch.text();
        let rows = batch.rows.iter().map(|row| batch.cells(text, row).map(str::to_owned).collect());
        let is_filled = |row: &Vec<String>| row.iter().any(|cell| !cell.trim().is_empty());
        let rows: Vec<Vec<String>> = rows.filter(is_filled).take(TITLES_MAX + 1).collect();
        let Some(header) = rows.get(header_of(&rows, options)) else { return (0, 0) };
        (Columns::read(header, options).0.fields.len(), header.len())
    };
    DELIMITERS.into_iter().rev().max_by_key(score).unwrap_or(DELIMITERS[0])
}

/// What may be wrong with a header row of one cell that is not the name: it is in quotes, or has another delimiter.
pub(super) fn one_cell(header: &[String], delimiter: u8, options: &ReadOptions) -> Option<Problem> {
    let [only] = header else { return None };
    let holds_name = |cell: &str| Meaning::of(cell, options).field().is_some_and(|field| field.slot() == Field::Name);
    let is_mark = |mark: &u8| is_delimiter(*mark) && mark.is_ascii_punctuation() && !b"_-'".contains(mark);
    let divides = |mark: &u8| only.as_bytes().contains(mark) && only.split(char::from(*mark)).any(holds_name);
    let mut marks = (b'!'..=b'~').filter(is_mark);
    let other = marks.find(|mark| only.len() <= ONE_CELL_MAX && divides(mark))?;
    let message = if other == delimiter {
        "the whole header row is in quotes; remove the outer ones".to_owned()
    } else {
        let other = char::from(other);
        format!("the header seems to be delimited by `{other}`; use --delimiter '{other}'")
    };
    Some(Problem::fatal(Code::HeaderMissing, message))
}
