//! The rows of all files, examined, into the journal.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::check::Names;
use crate::journal::{Journal, Owner, Realm, RunId};
use crate::model::{Format, InputFile, Listener, OnDuplicate, RowId, United, Verdict};
use crate::settings::{Connection, Input, Target};

use super::Failure;
use super::intake::take_in;

/// The rows of a run, as the journal has them.
pub struct Staged {
    /// The files.
    pub files: Vec<InputFile>,
    /// How many rows.
    pub rows: u64,
    /// How many of them are invalid.
    pub invalid: u64,
    /// Who has which name.
    pub names: Names<RowId>,
    /// The first row and the last.
    pub range: (RowId, RowId),
}

impl Staged {
    /// The first file's format.
    pub(super) fn first_format(&self) -> Format {
        self.files.first().map_or(Format::Csv, |file| file.layout.format)
    }
}

/// Whose groups the journal keeps.
pub(super) fn owner(connection: &Connection) -> Owner {
    let realm = match &connection.target {
        Target::Simulated => Realm::Simulated,
        Target::Server(base, _) if base.is_loopback() => Realm::Loopback,
        Target::Server(..) => Realm::Remote,
    };
    Owner { organization: connection.organization.clone(), realm }
}

/// Reads all files into the journal.
///
/// # Errors
/// If a file cannot be read as a table, or the journal cannot be written.
pub fn stage(journal: &Journal, run: RunId, input: &Input, listener: &Listener) -> Result<Staged, Failure> {
    let first = journal.next_row()?;
    let key = |number: u64| RowId(first.0 + i64::try_from(number).unwrap_or(i64::MAX - first.0));
    journal.begin_stage()?;
    let mut united: HashMap<RowId, United> = HashMap::new();
    let mut rows = 0;
    let taken = take_in(
        input,
        listener,
        |number, _| key(number),
        |seen| {
            rows += 1;
            journal.stage_row(seen.key, seen.record, &seen.verdict, input.matching)?;
            if let (OnDuplicate::Merge, Verdict::Twin(first, twin)) = (input.on_duplicate, seen.verdict) {
                match united.entry(first) {
                    Entry::Occupied(mut known) => known.get_mut().add(twin),
                    Entry::Vacant(free) => free.insert(United::new(journal.staged_group(first)?)).add(twin),
                }
            }
            Ok(journal.checkpoint_stage(rows)?)
        },
    )?;
    for (row, united) in &united {
        journal.restage(*row, united.group())?;
    }
    for (number, (path, file)) in input.files.iter().zip(&taken.files).enumerate() {
        journal.stage_file(run, number, path, &file.layout)?;
    }
    journal.end_stage()?;
    let range = (first, RowId(key(taken.rows).0 - 1));
    Ok(Staged { files: taken.files, rows: taken.rows, invalid: taken.invalid, names: taken.names, range })
}
