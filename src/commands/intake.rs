//! All files, row after row: read, checked, compared. Used by every command that takes files.

use crate::check::{Examiner, Names};
use crate::model::{Event, InputFile, Listener, Place, Record, Verdict};
use crate::read::{Records, Table};
use crate::settings::Input;

use super::Failure;
use super::outputs::refuse_results;

/// How often progress is told, in rows.
const TELL_EVERY: u64 = 1000;

/// What was read.
pub(super) struct Intake<K> {
    /// The files.
    pub(super) files: Vec<InputFile>,
    /// How many rows.
    pub(super) rows: u64,
    /// How many of them are invalid.
    pub(super) invalid: u64,
    /// Who has which name.
    pub(super) names: Names<K>,
}

/// One row, with what is said of it.
pub(super) struct Seen<'a, K> {
    /// How the later steps call the row.
    pub(super) key: K,
    /// The row.
    pub(super) record: &'a Record,
    /// What the check says.
    pub(super) verdict: Verdict<K>,
}

/// Opens the files one after the other and examines every row. `key` names the n-th row, from 0.
pub(super) fn take_in<K: Copy>(
    input: &Input,
    listener: &Listener,
    key: impl Fn(u64, Place) -> K,
    mut each: impl FnMut(Seen<'_, K>) -> Result<(), Failure>,
) -> Result<Intake<K>, Failure> {
    let mut examiner = Examiner::new(input.rules.clone(), input.on_duplicate, Names::new(input.matching));
    let (mut files, mut rows, mut invalid, mut undescribed) = (Vec::new(), 0, 0, 0);
    let limit = input.limit.unwrap_or(u64::MAX);
    for (number, path) in input.files.iter().enumerate() {
        let table = Table::open(path, &input.options)?;
        let file = InputFile { path: path.display().to_string(), layout: table.layout().clone() };
        refuse_results(&file)?;
        files.push(file);
        let mut records = table.into_records(number);
        while rows < limit
            && let Some(record) = records.next()
        {
            let record = record?;
            let key = key(rows, record.place);
            let verdict = examiner.examine(&record.fields, key);
            rows += 1;
            invalid += u64::from(matches!(verdict, Verdict::Bad(_)));
            undescribed += u64::from(record.fields.as_ref().is_ok_and(|fields| fields.description.is_blank()));
            each(Seen { key, record: &record, verdict })?;
            if rows.is_multiple_of(TELL_EVERY) {
                listener(Event::Read(rows));
            }
        }
        warn_of_unknown(&files[number], &records);
    }
    if undescribed > 0 && input.rules.default_description.is_none() {
        tracing::warn!(
            "{undescribed} of {rows} rows without a description; a newer API refuses them (--default-description gives one to all)"
        );
    }
    Ok(Intake { files, rows, invalid, names: examiner.into_names() })
}

fn warn_of_unknown(file: &InputFile, records: &Records) {
    let unknown: Vec<String> = records.unknown_columns().iter().map(|column| crate::model::shortened(column)).collect();
    if !unknown.is_empty() {
        tracing::warn!(
            "{}: ignored columns that are no field of a group: {}",
            crate::model::shown(&file.path),
            unknown.join(", ")
        );
    }
}
