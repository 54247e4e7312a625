//! The rows of the input on their way into the journal, before anything is sent.

use std::path::Path;
use std::time::Duration;

use rusqlite::{OptionalExtension, Statement, Transaction, params};
use serde::Serialize;

use super::JournalError;
use super::files::canonical_and_place;
use super::store::{Journal, RunId, json};
use crate::model::{Code, InputFile, NameKey, Place, Problem, ProblemCount, Raw, RowId, Validity, WantedGroup};

/// For how long a reader may keep the rows from being committed.
const READERS_MAX: Duration = Duration::from_mins(1);

/// A row as the journal keeps it. Made where the row is checked, on any thread.
#[derive(Debug)]
pub struct StagedRow {
    name: String,
    /// The row as it was written: its cells as JSON, or its line.
    input: String,
    /// The group that it defines, as JSON.
    group: Option<String>,
    guests: usize,
}

/// A run that has read the same files already.
#[derive(Debug, Clone, Copy)]
pub struct ReadBefore {
    /// The run.
    pub run: RunId,
    /// Its first row and its last.
    pub range: (RowId, RowId),
}

impl StagedRow {
    /// A row of this name, as it was written; `group` is what it defines, if it is valid.
    pub fn new<S: AsRef<str> + Serialize>(name: &str, raw: &Raw<S>, group: Option<&WantedGroup>) -> Self {
        Self {
            name: name.to_owned(),
            input: if let Raw::Line(line) = raw { line.as_ref().to_owned() } else { json(raw) },
            group: group.map(json),
            guests: group.map_or(0, |group| group.guests.len()),
        }
    }
}

/// The rows of a run on their way into the journal, in one transaction that is taken back unless it is finished.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The first row.
    pub first: RowId,
    journal: &'a Journal,
    insert: Statement<'a>,
    batch: Transaction<'a>,
}

impl Stage<'_> {
    /// Puts the row with this number in.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn add(
        &mut self,
        number: u32,
        place: Place,
        row: &StagedRow,
        validity: &Validity,
        problems: &[Problem],
    ) -> Result<(), JournalError> {
        let (is_merged, is_excluded) = (matches!(validity, Validity::Merged(_)), *validity == Validity::Excluded);
        let (key, twin, why) = match validity {
            Validity::Valid(key) => (Some(key.0), None, None),
            Validity::Merged(first) | Validity::Repeat(first) => (None, Some(self.first.after(*first).0), None),
            Validity::Excluded => (None, None, Problem::of(problems, |problem| problem.code == Code::RowExcluded)),
            Validity::Invalid => (None, None, Problem::of(problems, Problem::is_error)),
        };
        let inserted = self.insert.execute(params![
            self.first.after(number).0,
            place.file,
            place.row,
            place.line,
            row.name,
            key,
            row.input,
            row.group.as_ref().filter(|_| key.is_some()),
            row.group.as_ref().filter(|_| is_merged || is_excluded),
            key.map_or(0, |_| row.guests),
            twin,
            is_merged,
            why.as_ref().map(|(code, _)| code.as_ref()),
            why.as_ref().map(|(_, error)| error),
            Problem::of(problems, Problem::is_warning).map(|(_, warnings)| warnings),
        ]);
        inserted.map(drop).map_err(|reason| Journal::failed(&self.journal.path, reason))
    }

    /// Commits the rows of a run, which does not count yet; `last` is the last row.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn finish(self, run: RunId, last: RowId) -> Result<(), JournalError> {
        let rows = "UPDATE runs SET first_row = ?2, last_row = ?3 WHERE id = ?1";
        // Somebody may be reading.
        self.journal.run(|db| {
            db.busy_timeout(READERS_MAX)?;
            self.batch.execute(rows, [run.0, self.first.0, last.0])?;
            self.batch.commit()
        })?;
        self.journal.make_durable()
    }
}

impl Journal {
    /// Records a file of a run.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn stage_file(&self, run: RunId, number: usize, path: &Path, file: &InputFile) -> Result<(), JournalError> {
        let InputFile { path: name, dialect } = file;
        let (canonical, place) = canonical_and_place(path);
        self.run(|db| {
            db.execute(
                "INSERT INTO files (run, number, path, canonical, place, dialect) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![run.0, number, name, canonical, place, json(dialect)],
            )
            .map(drop)
        })
    }

    /// The id of the next staged row: one that no run had before.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn next_row(&self) -> Result<RowId, JournalError> {
        let next =
            "SELECT 1 + max(coalesce((SELECT max(id) FROM rows), 0), coalesce((SELECT max(last_row) FROM runs), 0))";
        self.run(|db| db.query_row(next, [], |row| row.get(0)).map(RowId))
    }

    /// Begins to put rows in. Those of files, which are there within seconds, are written without a write-ahead log, so that each
    /// page is written once; meanwhile nobody can read the journal.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn stage(&self, are_files: bool) -> Result<Stage<'_>, JournalError> {
        if self.is_held() && are_files {
            // Where somebody is reading the journal, the log stays.
            let _ = self.run(|db| db.pragma_update(None, "journal_mode", "TRUNCATE"));
        }
        let first = self.next_row()?;
        let failed = |reason| Self::failed(&self.path, reason);
        let batch = self.db.unchecked_transaction().map_err(failed)?;
        let insert = self.db.prepare(
            "INSERT INTO rows (id, file, row, line, name, identity, input, body, wanted, guests, twin, merged, code, error, warnings)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        );
        Ok(Stage { first, journal: self, insert: insert.map_err(failed)?, batch })
    }

    /// The latest run over the same files with the same options.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn run_over(&self, fingerprint: &[u8]) -> Result<Option<ReadBefore>, JournalError> {
        // The rows of a run that another one continued are not complete.
        let sql = "SELECT id, first_row,
                          coalesce((SELECT rows.id FROM rows WHERE rows.id BETWEEN first_row AND last_row AND file IS NOT NULL
                                    ORDER BY rows.id DESC LIMIT 1), first_row - 1)
                   FROM runs
                   WHERE input = ?1 AND first_row IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM runs AS next WHERE next.continues = runs.id)
                   ORDER BY id DESC LIMIT 1";
        self.run(|db| {
            let found = |row: &rusqlite::Row<'_>| {
                Ok(ReadBefore { run: RunId(row.get(0)?), range: (RowId(row.get(1)?), RowId(row.get(2)?)) })
            };
            db.query_row(sql, [fingerprint], found).optional()
        })
    }

    /// Copies the rows and files of an earlier run for a new one, without what became of them.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn copy_rows(&mut self, from: &ReadBefore, to: RunId) -> Result<(RowId, RowId), JournalError> {
        let ReadBefore { run, range: (first, last), .. } = *from;
        let new = self.next_row()?;
        let shift = new.0 - first.0;
        self.together(|batch| {
            batch.execute(
                "INSERT INTO rows (id, file, row, line, name, identity, input, body, wanted, guests, twin, merged, code, error, warnings, known_id)
                 SELECT id + ?3, file, row, line, name, identity, input,
                        iif(is_own, coalesce(wanted, body), NULL), iif(is_own, NULL, wanted),
                        iif(is_own AND wanted IS NOT NULL, coalesce(json_array_length(wanted, '$.guests'), 0), guests),
                        twin + ?3, merged,
                        iif(is_read, NULL, code), iif(is_read, NULL, error), warnings, known_id
                 FROM (SELECT *, code IS NOT 'row-excluded' AND coalesce(wanted, body) IS NOT NULL AS is_read,
                              NOT merged AND code IS NOT 'row-excluded' AS is_own
                       FROM rows WHERE id BETWEEN ?1 AND ?2) ORDER BY id",
                params![first.0, last.0, shift],
            )?;
            batch.execute(
                "UPDATE runs SET input = (SELECT input FROM runs WHERE id = ?1), first_row = ?3, last_row = ?4 WHERE id = ?2",
                [run.0, to.0, new.0, last.0 + shift],
            )?;
            for (table, columns) in [
                ("files", "number, path, canonical, place, dialect"),
                ("problems", "severity, code, count, first"),
            ] {
                let copy = format!("INSERT INTO {table} (run, {columns}) SELECT ?2, {columns} FROM {table} WHERE run = ?1");
                batch.execute(&copy, [run.0, to.0])?;
            }
            Ok(())
        })?;
        Ok((new, RowId(last.0 + shift)))
    }

    /// Notes what a run has read: the fingerprint of its rows, where it is known, and the problems of its files, by kind.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn note_read<'a>(
        &self,
        run: RunId,
        fingerprint: Option<&[u8]>,
        kinds: impl Iterator<Item = &'a ProblemCount>,
    ) -> Result<(), JournalError> {
        self.run(|db| {
            db.execute("UPDATE runs SET input = ?2 WHERE id = ?1", params![run.0, fingerprint])?;
            let mut insert =
                db.prepare("INSERT INTO problems (run, severity, code, count, first) VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for ProblemCount { severity, code, count, first } in kinds {
                insert.execute(params![run.0, severity.as_ref(), code.as_ref(), count, first])?;
            }
            Ok(())
        })
    }

    /// The problems of a run's files, by kind.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn problems(&self, run: RunId) -> Result<Vec<ProblemCount>, JournalError> {
        self.run(|db| {
            let mut query = db.prepare("SELECT severity, code, count, first FROM problems WHERE run = ?1")?;
            let mut rows = query.query([run.0])?;
            let mut problems = Vec::new();
            while let Some(row) = rows.next()? {
                let (severity, code): (String, String) = (row.get(0)?, row.get(1)?);
                if let (Ok(severity), Ok(code)) = (severity.parse(), code.parse()) {
                    problems.push(ProblemCount { severity, code, count: row.get(2)?, first: row.get(3)? });
                }
            }
            Ok(problems)
        })
    }

    /// Gives every row that is to be sent, with the key of its name, and returns how many rows are invalid.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn row_keys(&self, range: (RowId, RowId), mut each: impl FnMut(RowId, NameKey)) -> Result<u64, JournalError> {
        self.run(|db| {
            let mut query = db.prepare(
                "SELECT id, identity, coalesce(code <> 'row-excluded' AND body IS NULL AND NOT merged, FALSE)
                 FROM rows WHERE id BETWEEN ?1 AND ?2",
            )?;
            let mut rows = query.query([range.0.0, range.1.0])?;
            let mut invalid = 0;
            while let Some(row) = rows.next()? {
                invalid += row.get::<_, u64>(2)?;
                if let Some(key) = row.get(1)? {
                    each(RowId(row.get(0)?), NameKey(key));
                }
            }
            Ok(invalid)
        })
    }
}
