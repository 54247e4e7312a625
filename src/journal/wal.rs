//! Checks the write-ahead log before SQLite reads it: SQLite skips what it cannot read, and everything after it.
//!
//! The format: sqlite.org/fileformat2.html, section 4.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use super::{JournalError, beside};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// What a log begins with; the last bit says in which byte order its sums are made.
const MAGIC: [u32; 2] = [0x377f_0682, 0x377f_0683];

/// Whether a journal has a log with something in it.
///
/// # Errors
/// If the log is damaged.
pub(super) fn look(journal: &Path) -> Result<bool, JournalError> {
    match File::open(beside(journal, "-wal")).and_then(read) {
        Ok(LogState::Nothing) => Ok(false),
        Ok(LogState::Whole) => Ok(true),
        Ok(LogState::Damaged) => {
            let what = "its write-ahead log cannot be read to the end".to_owned();
            Err(JournalError::Damaged { path: journal.to_owned(), what })
        }
        Err(reason) if reason.kind() == ErrorKind::NotFound => Ok(false),
        Err(reason) => Err(JournalError::Io { path: journal.to_owned(), reason }),
    }
}

enum LogState {
    Nothing,
    Whole,
    Damaged,
}

/// A power cut leaves at most the last commit torn: each is synced before the next one is written, and the header
/// before the first. Damage is what cannot be read with a commit after it, and more after that.
fn read(file: File) -> io::Result<LogState> {
    let size = file.metadata()?.len();
    let mut file = BufReader::new(file);
    let mut header = [0; HEADER];
    if size <= HEADER as u64 {
        return Ok(if size == 0 { LogState::Nothing } else { LogState::Whole });
    }
    file.read_exact(&mut header)?;
    let Some(mut sums) = Sums::of(&header) else { return Ok(LogState::Damaged) };
    let mut frame = vec![0; FRAME_HEADER + number(&header[8..12]) as usize];
    let (mut is_torn, mut is_committed) = (false, false);
    while let Some((head, page)) = next(&mut file, &mut frame)? {
        let is_of_now = head[8..16] == header[16..24];
        is_torn |= !is_of_now || !sums.go_on(head, page);
        if is_torn && is_of_now {
            if is_committed {
                return Ok(LogState::Damaged);
            }
            is_committed = number(&head[4..8]) > 0;
        }
    }
    Ok(LogState::Whole)
}

/// The next frame's header and page; none where the last one ends.
fn next<'a>(file: &mut impl Read, frame: &'a mut [u8]) -> io::Result<Option<(&'a [u8], &'a [u8])>> {
    match file.read_exact(frame) {
        Ok(()) => Ok(Some(frame.split_at(FRAME_HEADER))),
        Err(end) if end.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(reason) => Err(reason),
    }
}

/// The running checksum: of the header, then of every frame.
struct Sums {
    one: u32,
    two: u32,
    is_big_endian: bool,
}

impl Sums {
    /// None if the header is damaged.
    fn of(header: &[u8]) -> Option<Self> {
        let magic = number(&header[..4]);
        let mut sums = Self { one: 0, two: 0, is_big_endian: magic & 1 == 1 };
        sums.add(&header[..24]);
        let size = number(&header[8..12]);
        let is_size = size.is_power_of_two() && (512..=65_536).contains(&size);
        (MAGIC.contains(&magic) && is_size && sums.are(&header[24..32])).then_some(sums)
    }

    /// Whether the next frame is as it was written.
    fn go_on(&mut self, head: &[u8], page: &[u8]) -> bool {
        self.add(&head[..8]);
        self.add(page);
        self.are(&head[16..24])
    }

    fn add(&mut self, bytes: &[u8]) {
        let word = |word: &[u8]| if self.is_big_endian { number(word) } else { number(word).swap_bytes() };
        let (mut one, mut two) = (self.one, self.two);
        for pair in bytes.chunks_exact(8) {
            one = one.wrapping_add(word(&pair[..4])).wrapping_add(two);
            two = two.wrapping_add(word(&pair[4..])).wrapping_add(one);
        }
        (self.one, self.two) = (one, two);
    }

    fn are(&self, sums: &[u8]) -> bool {
        (self.one, self.two) == (number(&sums[..4]), number(&sums[4..8]))
    }
}

/// Four bytes, the largest first.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}
