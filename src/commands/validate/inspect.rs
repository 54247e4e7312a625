//! One block, checked: all that can be said of its rows without knowing the others.

use std::collections::BTreeSet;

use crate::check::{Draft, NameKey, NameKeys, Rules};
use crate::model::Fault;
use crate::read::{Block, Parser, ReadError};

use super::mend::{Mended, mend};

/// What was found in one block.
pub(super) struct Findings {
    pub(super) block: Block,
    /// Its rows, in order.
    pub(super) rows: Vec<RowFound>,
    /// All that is wrong or odd, each with the index of its row; in order.
    pub(super) faults: Vec<(usize, Fault)>,
    /// Keys of JSON that are no field.
    pub(super) unknown: BTreeSet<String>,
    /// The rows as they stand in the cleaned copy, where one is asked for.
    pub(super) mended: Vec<Mended>,
    /// Blank lines, which are no rows.
    pub(super) blanks: u64,
}

/// One row, as far as the others need to know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowFound {
    /// Where it begins in its block, in bytes.
    pub(super) offset: u32,
    /// On which line it begins, counted from the block's first.
    pub(super) line: u32,
    /// What stands for its name; none if it is invalid.
    pub(super) key: Option<NameKey>,
    /// Whether it could be read and has no description.
    pub(super) is_undescribed: bool,
}

/// Checks one block.
pub(super) fn inspect(
    block: Block,
    parser: &Parser,
    rules: &Rules,
    keys: &mut NameKeys,
    mends: bool,
) -> Result<Findings, ReadError> {
    let (mut rows, mut faults, mut mended, mut unknown) = (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
    let mut draft = Draft::default();
    let mut blanks = block.lines();
    parser.rows(&block, &mut unknown, &mut |row| {
        let mut found = match &row.fields {
            Ok(fields) => rules.check(fields, &mut draft),
            Err(fault) => vec![fault.clone()],
        };
        found.extend_from_slice(&row.remarks);
        blanks = blanks.saturating_sub(row.lines);
        if mends {
            mended.push(mend(&row, parser, &draft.group, &found));
        }
        let key = found.iter().all(|fault| !fault.is_error()).then(|| keys.of(&draft.group.name));
        faults.extend(found.into_iter().map(|fault| (rows.len(), fault)));
        // A block has some hundred thousand bytes.
        let part = |from: u64, at: u64| u32::try_from(at.saturating_sub(from)).unwrap_or(u32::MAX);
        rows.push(RowFound {
            offset: part(block.offset(), row.offset),
            line: part(block.first_line(), row.line),
            key,
            is_undescribed: row.fields.is_ok_and(|fields| fields.description.is_blank()),
        });
    })?;
    Ok(Findings { block, rows, faults, unknown, mended, blanks })
}
