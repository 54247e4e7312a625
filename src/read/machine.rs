//! The csv project's parser, one row at a time. Pure.

use csv_core::{ReadRecordResult, Reader};

use super::row::Cells;

/// The csv project's parser, and the row that it read last.
pub(super) struct Machine {
    core: Reader,
    text: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    bounds: Vec<(usize, usize)>,
}

impl Machine {
    pub(super) fn new(delimiter: u8) -> Self {
        let mut core = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        // The parser takes a byte-order mark off what it reads first, and in mid-file it is none.
        core.read_record(b"\n", &mut [0; 8], &mut [0; 8]);
        Self { core, text: vec![0; 1024], written: 0, ends: vec![0; 16], bounds: Vec::new() }
    }

    /// Reads one row, which begins with the first byte; gives its length with its line end.
    pub(super) fn read(&mut self, bytes: &[u8]) -> usize {
        let (mut taken, mut count) = (0, 0);
        self.written = 0;
        loop {
            let (text, ends) = (&mut self.text[self.written..], &mut self.ends[count..]);
            // Once all is taken, a call with nothing ends the row.
            let (result, read, written, counted) = self.core.read_record(&bytes[taken..], text, ends);
            taken += read;
            self.written += written;
            count += counted;
            match result {
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        self.bounds.clear();
        self.bounds.extend(starts.zip(self.ends.iter().copied()).take(count));
        // The parser leaves the LF of a CRLF to the next row.
        let is_cr = taken > 0 && bytes[taken - 1] == b'\r';
        taken + usize::from(is_cr && bytes.get(taken) == Some(&b'\n'))
    }

    /// The cells; the bytes were UTF-8, so they are.
    pub(super) fn cells(&self) -> Cells<'_> {
        let text = std::str::from_utf8(&self.text[..self.written]).unwrap_or_default();
        Cells { text, bounds: &self.bounds }
    }
}
