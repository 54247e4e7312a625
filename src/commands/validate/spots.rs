//! Where each row stands, in eight bytes a row, so that it can be looked at again.

use crate::model::Place;
use crate::read::Block;

/// The places of all rows so far.
#[derive(Debug, Default)]
pub(super) struct Spots {
    blocks: Vec<BlockSpots>,
    rows: u64,
}

/// The places of the rows of one block.
#[derive(Debug)]
struct BlockSpots {
    /// Where it stands in its file's text, in bytes.
    start: u64,
    length: usize,
    /// Its first row, and its first line.
    first: Place,
    /// The number of its first row among all rows, from 0.
    number: u64,
    /// Offset and line of each row, counted from the block's.
    rows: Box<[(u32, u32)]>,
}

/// Where one row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) place: Place,
    /// In its file's text, in bytes; blank lines may follow it.
    pub(super) start: u64,
    pub(super) length: usize,
}

impl Spots {
    /// Notes the rows of the next block; gives the number of its first row.
    pub(super) fn add(&mut self, block: &Block, first: Place, rows: Box<[(u32, u32)]>) -> u64 {
        let (number, start, length) = (self.rows, block.offset(), block.length());
        self.rows += rows.len() as u64;
        if !rows.is_empty() {
            self.blocks.push(BlockSpots { start, length, first, number, rows });
        }
        number
    }

    /// Where the row of this number stands.
    pub(super) fn of(&self, number: u64) -> Option<Spot> {
        let after = self.blocks.partition_point(|block| block.number <= number);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        let index = usize::try_from(number - block.number).ok()?;
        let (offset, line) = *block.rows.get(index)?;
        let end = block.rows.get(index + 1).map_or(block.length, |(next, _)| *next as usize);
        Some(Spot {
            place: Place {
                row: block.first.row + index as u64,
                line: block.first.line + u64::from(line),
                ..block.first
            },
            start: block.start + u64::from(offset),
            length: end - offset as usize,
        })
    }
}
