//! Is a row fit to be sent, and has its name come before?
//!
//! Pure: fields in, a group or all of its faults out. Knows nothing of files or of the network.

mod address;
mod dedupe;
mod doubt;
mod glance;
mod hints;
mod index;
mod likeness;
mod lists;
mod parse;
mod remarks;
mod repair;
mod thousands;
mod validate;

pub use dedupe::Names;
pub use index::{Earlier, NameIndex, NameKey, NameKeys};
pub use likeness::{Likeness, likeness};
pub use repair::{Clean, Repair, repairs};
pub use validate::{Draft, NAME_MAX, Rules};

use crate::model::{Code, Fault, Field, Fields, Group, OnDuplicate, Verdict};

/// Checks row after row.
pub struct Examiner<K> {
    rules: Rules,
    on_duplicate: OnDuplicate,
    names: Names<K>,
}

impl<K: Copy> Examiner<K> {
    /// No rows seen yet.
    #[must_use]
    pub fn new(rules: Rules, on_duplicate: OnDuplicate, names: Names<K>) -> Self {
        Self { rules, on_duplicate, names }
    }

    /// Checks one row. Only good rows have a say in whose name is whose.
    pub fn examine(&mut self, fields: &Result<Fields<'_>, Fault>, row: K) -> Verdict<K> {
        let checked = match fields {
            Ok(fields) => self.rules.group(fields),
            Err(fault) => Err(vec![fault.clone()]),
        };
        match checked {
            Ok(group) => self.compare(group, row),
            Err(faults) => Verdict::Bad(faults),
        }
    }

    fn compare(&mut self, group: Group, row: K) -> Verdict<K> {
        match self.names.note(&group.name, row) {
            None => Verdict::Good(group),
            Some(_) if self.on_duplicate == OnDuplicate::Fail => {
                let message = "the name repeats that of an earlier row";
                Verdict::Bad(vec![Fault::of(Field::Name, Code::NameRepeated, message)])
            }
            Some(first) => Verdict::Twin(first, group),
        }
    }

    /// The names of the good rows.
    #[must_use]
    pub fn into_names(self) -> Names<K> {
        self.names
    }
}
