//! What is odd about the shape of a row that can be read. Pure.

use memchr::{memchr_iter, memchr3};

use super::super::contents::{is_addresses, is_ids};
use super::super::row::Cells;
use super::{Shape, named};
use crate::model::{Code, Fault, Field, shortened};

impl Shape {
    /// What is odd about a row that can be read.
    pub(in super::super) fn remarks(&self, raw: &str, lines: u64, line: u64, cells: &Cells<'_>) -> Vec<Fault> {
        let mut remarks = Vec::new();
        if lines > 1 && self.is_like_rows(raw) {
            remarks.push(Fault::remark(
                Code::QuoteLate,
                format!(
                    "a quoted cell runs on to line {} over what looks like rows of this file; does its quote close too late?",
                    line + lines - 1
                ),
            ));
        }
        remarks.extend(self.spaced_quote(cells));
        remarks.extend(self.other_delimiter(raw, cells));
        let held = |index: &&usize| !cells.get(**index).unwrap_or_default().trim().is_empty();
        let mut unnamed = self.unnamed.iter().filter(held);
        if let Some(index) = unnamed.next() {
            let text = shortened(cells.get(*index).unwrap_or_default().trim());
            let more = match unnamed.count() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            remarks.push(Fault::remark(
                Code::ColumnUnnamed,
                format!(
                    "column {}{more} has no name in the header, so `{text}` is ignored; name it (or does a {} before it need quotes?)",
                    index + 1,
                    named(self.delimiter)
                ),
            ));
        }
        remarks
    }

    /// A quote is one only as the first character of its cell.
    fn spaced_quote(&self, cells: &Cells<'_>) -> Option<Fault> {
        let bytes = cells.text.as_bytes();
        let is_spaced = |(start, end): &(usize, usize)| {
            let cell = &bytes[*start..*end];
            let inner = if cell.first() == Some(&b' ') { cell.trim_ascii() } else { b"" };
            inner.len() > 1 && inner.starts_with(b"\"") && inner.ends_with(b"\"")
        };
        let index = cells.bounds.iter().position(is_spaced)?;
        let column = self.column(index);
        Some(Fault::remark(
            Code::QuoteSpaced,
            format!("{column}: a space stands before the quote, so the quotes are taken as text; remove the space"),
        ))
    }

    /// A first cell that holds another delimiter, of which the row has as many as a row needs.
    fn other_delimiter(&self, raw: &str, cells: &Cells<'_>) -> Option<Fault> {
        let (start, end) = *cells.bounds.first()?;
        let first = &cells.text.as_bytes()[start..end];
        memchr3(b';', b'\t', b'|', first)?;
        let needed = self.header.len() - 1;
        let other = [b';', b'\t', b'|'].into_iter().find(|other| *other != self.delimiter && first.contains(other))?;
        // One alone may stand in any name.
        if needed < 2 || memchr_iter(other, raw.as_bytes()).count() != needed {
            return None;
        }
        let message = format!(
            "the first cell, `{}`, holds {}s, and the row has {needed} of them; is it parted by them?",
            shortened(cells.get(0)?),
            named(other)
        );
        Some(Fault::remark(Code::RowParted, message))
    }

    /// Whether the first line of a row, and a further one, would be rows of their own.
    fn is_like_rows(&self, raw: &str) -> bool {
        let mut lines = raw.split(['\n', '\r']).filter(|line| !line.is_empty());
        let is_first = lines.next().is_some_and(|first| self.is_like_row(first));
        // A line of text has one comma easily: of two columns, one must be a list's.
        let may_tell = self.header.len() > 2 || !self.lists.is_empty();
        may_tell && is_first && lines.any(|line| self.is_like_row(line))
    }

    /// Whether a line has the cells of a row, each as plain as cells are: in text a space follows a comma.
    fn is_like_row(&self, line: &str) -> bool {
        let cells: Vec<&str> = line.split(char::from(self.delimiter)).collect();
        let is_like_cell = |(index, cell): (usize, &&str)| {
            let text = cell.trim_matches('"');
            match self.lists.iter().find(|(list, _)| *list == index) {
                Some((_, Field::Members)) => text.is_empty() || is_ids(text),
                Some((_, Field::Guests)) => text.is_empty() || is_addresses(text),
                _ => index == 0 || !text.starts_with(' '),
            }
        };
        cells.len() > 1 && cells.len() == self.header.len() && cells.iter().enumerate().all(is_like_cell)
    }
}
