//! The rows of the input on their way into the journal, before anything is sent.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::params;
use serde::Serialize;

use super::JournalError;
use super::files::FileId;
use super::outcomes::parse;
use super::store::{Journal, RunId};
use crate::model::{Cell, Fault, Group, Layout, MatchNames, Raw, Record, RowId, Verdict};

/// After so many rows what is staged is committed, so that the write-ahead log stays small.
const COMMIT_EVERY: u64 = 20_000;

/// The key under which the cells of a row with an open quote are kept.
pub(super) const OPEN_QUOTE: &str = "open_quote";

/// The key under which a row stands whose cells nobody knows.
pub(super) const STRAY: &str = "stray";

impl Journal {
    /// Notes a file of a run.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn stage_file(&self, run: RunId, number: usize, path: &Path, layout: &Layout) -> Result<(), JournalError> {
        let FileId { canonical, place } = FileId::of(path);
        self.run(|db| {
            db.execute(
                "INSERT INTO files (run, number, path, canonical, place, format, delimiter, header)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    run.0,
                    number,
                    path.display().to_string(),
                    canonical,
                    place,
                    layout.format.extension(),
                    char::from(layout.delimiter).to_string(),
                    json(&layout.header)?
                ],
            )
            .map(drop)
        })
    }

    /// The id that the next row staged will get, if rows are staged in order: none that a run had before, also where its
    /// rows are forgotten.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn next_row(&self) -> Result<RowId, JournalError> {
        let next =
            "SELECT 1 + max(coalesce((SELECT max(id) FROM rows), 0), coalesce((SELECT max(last_row) FROM runs), 0))";
        self.run(|db| db.query_row(next, [], |row| row.get(0)).map(RowId))
    }

    /// Puts a row in, under the id after the last one's.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn stage_row(
        &self,
        id: RowId,
        record: &Record,
        verdict: &Verdict<RowId>,
        matching: MatchNames,
    ) -> Result<(), JournalError> {
        let (name, group, twin, faults) = match verdict {
            Verdict::Good(group) => (group.name.as_str(), Some(group), None, &[][..]),
            Verdict::Twin(first, group) => (group.name.as_str(), None, Some(first.0), &[][..]),
            Verdict::Bad(faults) => (given_name(record), None, None, faults.as_slice()),
        };
        let identity = group.map(|group| matching.identity(&group.name).0);
        let error = faults.first().map(|_| Fault::join(faults));
        let place = record.place;
        self.run(|db| {
            db.prepare_cached(
                "INSERT INTO rows (id, file, row, line, name, identity, input, body, guests, twin, code, error)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                id.0,
                place.file,
                place.row,
                place.line,
                name,
                identity,
                input(&record.raw)?,
                group.map(json).transpose()?,
                group.map_or(0, |group| group.guests.len()),
                twin,
                faults.first().map(|fault| fault.code.as_str()),
                error
            ])
            .map(drop)
        })
    }

    /// The group of a row that was staged to be sent.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn staged_group(&self, row: RowId) -> Result<Group, JournalError> {
        self.run(|db| {
            let mut select = db.prepare_cached("SELECT body FROM rows WHERE id = ?1")?;
            let body: String = select.query_row([row.0], |row| row.get(0))?;
            parse(0, &body)
        })
    }

    /// Has another group sent for a row that was staged.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn restage(&self, row: RowId, group: &Group) -> Result<(), JournalError> {
        self.run(|db| {
            let mut update = db.prepare_cached("UPDATE rows SET body = ?2, guests = ?3 WHERE id = ?1")?;
            update.execute(params![row.0, json(group)?, group.guests.len()]).map(drop)
        })
    }

    /// Opens the transaction in which rows are staged.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn begin_stage(&self) -> Result<(), JournalError> {
        self.run(|db| db.execute_batch("BEGIN"))
    }

    /// Commits from time to time: call after each row, with the number of rows so far.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn checkpoint_stage(&self, rows: u64) -> Result<(), JournalError> {
        if rows.is_multiple_of(COMMIT_EVERY) { self.run(|db| db.execute_batch("COMMIT; BEGIN")) } else { Ok(()) }
    }

    /// Commits what is staged.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn end_stage(&self) -> Result<(), JournalError> {
        self.run(|db| db.execute_batch("COMMIT"))
    }
}

fn input(raw: &Raw) -> rusqlite::Result<Cow<'_, str>> {
    Ok(match raw {
        Raw::Cells(cells) => json(cells)?.into(),
        Raw::OpenQuote(cells) => json(&BTreeMap::from([(OPEN_QUOTE, cells)]))?.into(),
        Raw::Stray(text) => json(&BTreeMap::from([(STRAY, [text])]))?.into(),
        Raw::Line(line) => line.into(),
    })
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The name of a faulty row, as far as it has one.
fn given_name(record: &Record) -> &str {
    match &record.fields {
        Ok(fields) => match &fields.name {
            Cell::Text(name) => name.trim(),
            _ => "",
        },
        Err(_) => "",
    }
}
