//! Rows that are too long: passed over without being kept, to where they end.

use std::io;

use memchr::{memchr, memchr3};

use super::super::lines::{ends_line, line_ends, past_line_end, without_line_ends};
use super::{Block, Cutter, End};

impl Cutter {
    /// Passes over a row that is too long, and keeps its beginning.
    pub(super) fn skip(&mut self) -> io::Result<Block> {
        let mut block = Block {
            bytes: whole_characters(&self.buffer[..self.sizes.kept]).to_vec(),
            offset: self.offset,
            line: self.line,
            blanks: std::mem::take(&mut self.blanks),
            strays: Vec::new(),
            end: End::Whole,
        };
        let bound = self.opened(None);
        let mut quote = bound;
        let end = loop {
            if let Some(end) = self.first_end(&mut quote) {
                quote = None;
                break end;
            }
            quote = self.opened(quote);
            if self.is_ended {
                break self.buffer.len();
            }
            self.forget_seen();
            self.fill(self.buffer.len() + self.sizes.block)?;
        };
        let text = without_line_ends(&self.buffer[..end]).len();
        let last_line = self.line + line_ends(&self.buffer[..text]);
        let length = self.offset + text as u64 - block.offset;
        self.pass(end);
        self.look_anew();
        block.end = match quote {
            Some(line) => End::OpenQuote { line, lines: last_line - line + 1, is_cut: true },
            None => End::TooLong { length, quote: bound },
        };
        Ok(block)
    }

    /// The line of the quote that is open, if it is not known already.
    fn opened(&self, known: Option<u64>) -> Option<u64> {
        let at = self.quote?;
        Some(known.unwrap_or_else(|| self.line + line_ends(&self.buffer[..at])))
    }

    /// Forgets what was looked at, but for its last byte: a quote may follow. CR and LF stay together.
    fn forget_seen(&mut self) {
        let seen = self.scanned.saturating_sub(1);
        let is_torn = seen > 0 && self.buffer[seen - 1..].starts_with(b"\r\n");
        let seen = seen - usize::from(is_torn);
        self.pass(seen);
        self.scanned -= seen;
        self.strays.clear();
    }

    /// The end of the row that is being passed over, if it is in the buffer; `quote` is the line of the quote that is open,
    /// once it is known.
    fn first_end(&mut self, quote: &mut Option<u64>) -> Option<usize> {
        let limit = self.limit();
        while self.scanned < limit {
            let rest = &self.buffer[self.scanned..limit];
            let is_open = self.quote.is_some();
            let next = if is_open { memchr(b'"', rest) } else { memchr3(b'"', b'\n', b'\r', rest) };
            let Some(at) = next.map(|next| self.scanned + next) else {
                self.scanned = limit;
                break;
            };
            if is_open {
                self.closes(at);
            } else if ends_line(self.buffer[at]) {
                return Some(past_line_end(&self.buffer, at));
            } else {
                if self.opens(at) {
                    (self.quote, *quote) = (Some(at), None);
                }
                self.scanned = at + 1;
            }
        }
        if self.quote.is_none() {
            *quote = None;
        }
        None
    }
}

/// The bytes without a character that was cut in two.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}
