//! Watches bytes on their way to a parser: refuses what is not UTF-8, and knows on which line every byte stands.
//!
//! The csv crate counts lines by its own terminators and is off by one after CRLF, so lines are counted here, from the bytes.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;

use super::ReadError;

/// A byte that is not UTF-8, and its place.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, column {column}: byte 0x{byte:02X} is not UTF-8")]
struct BadByte {
    line: u64,
    column: u64,
    byte: u8,
}

/// A place that does not decode: the decoder put a replacement character there.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, column {column}: not in the encoding expected")]
struct Undecodable {
    line: u64,
    column: u64,
}

/// Turns an error of the stream back into one that names file and place.
pub(super) fn explain(path: &Path, reason: io::Error) -> ReadError {
    let path = path.to_owned();
    let inner = reason.get_ref();
    if let Some(&BadByte { line, column, byte }) = inner.and_then(|inner| inner.downcast_ref()) {
        return ReadError::NotUtf8 { path, line, column, byte };
    }
    if let Some(&Undecodable { line, column }) = inner.and_then(|inner| inner.downcast_ref()) {
        return ReadError::Undecodable { path, line, column };
    }
    ReadError::Io { path, reason }
}

/// The beginning of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineStart {
    /// Offset of its first byte.
    pub(super) offset: u64,
    /// Its number, from 1.
    pub(super) number: u64,
    /// Whether nothing stands on it.
    pub(super) is_blank: bool,
}

/// A reader that checks and counts what passes, and adds `end` after the last byte.
pub(super) struct Tape<R> {
    inner: R,
    /// Whether a decoder stands before this, which replaces what it cannot decode.
    is_decoded: bool,
    end: &'static [u8],
    /// How many bytes there were, once they have all passed.
    length: Option<u64>,
    offset: u64,
    line: u64,
    column: u64,
    after_cr: bool,
    at_line_start: bool,
    /// The bytes of a character that the last chunk cut in two.
    torn: Vec<u8>,
    starts: VecDeque<LineStart>,
}

impl<R: Read> Tape<R> {
    /// Watches `inner`.
    pub(super) fn new(inner: R, is_decoded: bool, end: &'static [u8]) -> Self {
        Self {
            inner,
            is_decoded,
            end,
            length: None,
            offset: 0,
            line: 1,
            column: 1,
            after_cr: false,
            at_line_start: true,
            torn: Vec::new(),
            starts: VecDeque::new(),
        }
    }

    /// Forgets the lines that begin before `offset`, and gives the next one without taking it.
    pub(super) fn line_from(&mut self, offset: u64) -> Option<LineStart> {
        while self.starts.front().is_some_and(|start| start.offset < offset) {
            self.starts.pop_front();
        }
        self.starts.front().copied()
    }

    /// Takes the next line, whatever stands on it.
    pub(super) fn take_line(&mut self) -> Option<LineStart> {
        self.starts.pop_front()
    }

    /// The line that the last byte read stands on, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// How many bytes there were before `end`, once they have all passed.
    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    fn check(&mut self, chunk: &[u8]) -> io::Result<()> {
        let mut joined = Vec::new();
        let bytes = if self.torn.is_empty() {
            chunk
        } else {
            joined.append(&mut self.torn);
            joined.extend_from_slice(chunk);
            &joined
        };
        let good = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let (good, bad) = bytes.split_at(error.valid_up_to());
                let good = std::str::from_utf8(good).unwrap_or_default();
                if error.error_len().is_some() {
                    self.advance_column(good);
                    return Err(self.bad_byte(bad[0], good));
                }
                self.torn = bad.to_vec();
                good
            }
        };
        if self.is_decoded
            && let Some(at) = good.find(char::REPLACEMENT_CHARACTER)
        {
            self.advance_column(&good[..at]);
            return Err(self.bad_byte(0, &good[..at]));
        }
        self.advance_column(good);
        Ok(())
    }

    fn advance_column(&mut self, text: &str) {
        let (tail, before) = match text.rfind(['\n', '\r']) {
            Some(at) => (&text[at + 1..], 1),
            None => (text, self.column),
        };
        self.column = before + tail.chars().count() as u64;
    }

    fn bad_byte(&self, byte: u8, before: &str) -> io::Error {
        let (line, column) = (self.line_after(before), self.column);
        if self.is_decoded {
            io::Error::new(io::ErrorKind::InvalidData, Undecodable { line, column })
        } else {
            io::Error::new(io::ErrorKind::InvalidData, BadByte { line, column, byte })
        }
    }

    /// The line that follows on this part of a chunk; `self.line` still counts the lines before the chunk.
    fn line_after(&self, before: &str) -> u64 {
        let crlf = before.matches("\r\n").count();
        let ends = before.matches(['\n', '\r']).count() - crlf;
        let joined = u64::from(self.after_cr && before.starts_with('\n'));
        self.line + ends as u64 - joined
    }

    fn count(&mut self, chunk: &[u8]) {
        for &byte in chunk {
            let is_end = matches!(byte, b'\n' | b'\r');
            let closes_crlf = byte == b'\n' && self.after_cr;
            if self.at_line_start && !closes_crlf {
                self.starts.push_back(LineStart { offset: self.offset, number: self.line, is_blank: is_end });
            }
            if is_end && !closes_crlf {
                self.line += 1;
            }
            self.at_line_start = is_end;
            self.after_cr = byte == b'\r';
            self.offset += 1;
        }
    }
}

impl<R: Read> Read for Tape<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read == 0 {
            if let Some(&byte) = self.torn.first() {
                return Err(self.bad_byte(byte, ""));
            }
            self.length.get_or_insert(self.offset);
            let added = self.end.len().min(buffer.len());
            buffer[..added].copy_from_slice(&self.end[..added]);
            self.end = &self.end[added..];
            return Ok(added);
        }
        self.check(&buffer[..read])?;
        self.count(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte a call: the worst case for anything that spans two.
    struct Dribble<'a>(&'a [u8]);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((&first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn lines(text: &[u8]) -> Vec<(u64, u64, bool)> {
        let mut tape = Tape::new(Dribble(text), false, b"");
        io::copy(&mut tape, &mut io::sink()).unwrap();
        std::iter::from_fn(|| tape.take_line()).map(|line| (line.offset, line.number, line.is_blank)).collect()
    }

    #[test]
    fn every_kind_of_line_end_counts_once() {
        let expected = vec![(0, 1, false), (2, 2, false), (5, 3, false), (7, 4, true), (8, 5, true), (10, 6, false)];
        assert_eq!(lines(b"a\nb\r\nc\r\n\r\n\nd")[..3], [(0, 1, false), (2, 2, false), (5, 3, false)]);
        assert_eq!(lines(b"a\nb\r\nc\r\r\r\nd"), expected);
    }

    #[test]
    fn the_first_bad_byte_is_named_by_line_and_column() {
        for text in [&b"n\r\n\xc3\xa9a\xe9b\n"[..], b"n\n\xc3\xa9a\xe9", b"n\r\xc3\xa9a\xe9\xe9\xe9"] {
            for whole in [true, false] {
                let mut sink = io::sink();
                let error = if whole {
                    io::copy(&mut Tape::new(text, false, b""), &mut sink)
                } else {
                    io::copy(&mut Tape::new(Dribble(text), false, b""), &mut sink)
                };
                let shown = error.unwrap_err().to_string();
                assert_eq!(shown, "line 2, column 3: byte 0xE9 is not UTF-8", "{text:?} {whole}");
            }
        }
    }

    #[test]
    fn what_passes_is_not_changed_and_the_end_is_added_once() {
        let text = "näme\n東京\n".as_bytes();
        let mut copy = Vec::new();
        Tape::new(Dribble(text), false, b"END").read_to_end(&mut copy).unwrap();
        assert_eq!(copy, [text, b"END"].concat());
    }
}
