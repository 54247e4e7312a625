//! Finds damage in a write-ahead log: SQLite ignores a commit that it cannot read, and everything after it.
//!
//! The format: sqlite.org/fileformat2.html, section 4.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Whether a log holds more commits than the `frames` that SQLite has read.
///
/// A power cut leaves at most the last commit torn: each is synced before the next one is written, and the header before the
/// first. So a log is damaged if its header is, or if there are two commits of the same log beyond what SQLite has read.
pub(super) fn is_damaged(log: File, frames: u64) -> io::Result<bool> {
    let mut log = BufReader::new(log);
    let mut header = [0; HEADER];
    if log.read_exact(&mut header).is_err() {
        return Ok(false);
    }
    if !is_header(&header) {
        return Ok(true);
    }
    let page = number(&header[8..12]);
    log.seek(SeekFrom::Start(HEADER as u64 + frames * (FRAME_HEADER as u64 + u64::from(page))))?;
    let mut frame = [0; FRAME_HEADER];
    let mut is_committed = false;
    while log.read_exact(&mut frame).is_ok() {
        // Frames of an earlier log may follow.
        if frame[8..16] == header[16..24] {
            if is_committed {
                return Ok(true);
            }
            is_committed = number(&frame[4..8]) > 0;
        }
        log.seek_relative(page.into())?;
    }
    Ok(false)
}

/// Whether the header has its checksum. The last bit of the magic number is the byte order of checksums.
fn is_header(header: &[u8]) -> bool {
    let is_big_endian = number(header) & 1 == 1;
    let (mut one, mut two) = (0_u32, 0_u32);
    for pair in header[..24].chunks_exact(8) {
        let word = |bytes| if is_big_endian { number(bytes) } else { number(bytes).swap_bytes() };
        one = one.wrapping_add(word(&pair[..4])).wrapping_add(two);
        two = two.wrapping_add(word(&pair[4..])).wrapping_add(one);
    }
    (one, two) == (number(&header[24..]), number(&header[28..]))
}

/// Four bytes, the largest first.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}
