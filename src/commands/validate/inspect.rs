//! One block, checked: all that can be said of its rows without knowing the others.

use std::collections::BTreeSet;

use crate::check::{Draft, NameKey, NameKeys, Rules};
use crate::model::Fault;
use crate::read::{Block, Parser, ReadError};

use super::mend::{Mended, mend};

/// What was found in one block.
pub(super) struct Findings {
    pub(super) block: Block,
    /// Where each of its rows begins: in bytes, and in lines from the block's first.
    pub(super) spots: Box<[(u32, u32)]>,
    /// What stands for the name of each row; none if the row is invalid.
    pub(super) keys: Vec<Option<NameKey>>,
    /// The valid rows without a description.
    pub(super) undescribed: Vec<usize>,
    /// All that is wrong or odd, each with the index of its row; in order.
    pub(super) faults: Vec<(usize, Fault)>,
    /// Keys of JSON that are no field.
    pub(super) unknown: BTreeSet<String>,
    /// The rows as they stand in the cleaned copy, where one is asked for.
    pub(super) mended: Vec<Mended>,
    /// Blank lines, which are no rows.
    pub(super) blanks: u64,
    /// Whether one of the rows ends with a CR, where that counts.
    pub(super) has_cr: bool,
}

/// Checks one block.
pub(super) fn inspect(
    block: Block,
    parser: &Parser,
    rules: &Rules,
    keys: &mut NameKeys,
    mends: bool,
) -> Result<Findings, ReadError> {
    let (mut spots, mut names, mut undescribed) = (Vec::new(), Vec::new(), Vec::new());
    let (mut faults, mut mended, mut unknown) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut draft = Draft::default();
    let mut blanks = if mends { block.lines() } else { 0 };
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
        let index = names.len();
        let is_valid = found.iter().all(|fault| !fault.is_error());
        names.push(is_valid.then(|| keys.of(&draft.group.name)));
        if is_valid && draft.group.description.is_none() {
            undescribed.push(index);
        }
        faults.extend(found.into_iter().map(|fault| (index, fault)));
        // A block has some hundred thousand bytes.
        let part = |from: u64, at: u64| u32::try_from(at.saturating_sub(from)).unwrap_or(u32::MAX);
        spots.push((part(block.offset(), row.offset), part(block.first_line(), row.line)));
    })?;
    let has_cr = mends && block.has_cr(&spots);
    Ok(Findings { has_cr, block, spots: spots.into(), keys: names, undescribed, faults, unknown, mended, blanks })
}
