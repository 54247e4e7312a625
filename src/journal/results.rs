//! Reads the outcomes of a run's rows, in input order.

use rusqlite::Row;

use super::JournalError;
use super::store::{Journal, RunId, parse};
use crate::model::{Edit, Format, InputFile, Place, Raw, RequestError, ResultRow, Status};

impl Journal {
    /// Hands every row of a run to `each`, in input order, until it returns an error.
    ///
    /// # Errors
    /// If the journal cannot be read; and the errors of `each`.
    pub fn results<E: From<JournalError>>(
        &self,
        run: RunId,
        each: impl FnMut(&ResultRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let files = self.files(run)?;
        let sql = "SELECT file, row, line, name, status, group_id, attempts, http_status, code, error,
                          first_file, first_row, first_line, input, kind IS 'update', warnings, edit
                   FROM results WHERE run = ?1 ORDER BY id";
        self.read_results(sql, run, |row| result_row(row, &files), each)
    }

    /// Hands the outcome of undoing every group of a run to `each`, in input order, until it returns an error.
    ///
    /// # Errors
    /// If the journal cannot be read; and the errors of `each`.
    pub fn undo_results<E: From<JournalError>>(
        &self,
        run: RunId,
        each: impl FnMut(&ResultRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT file, row, line, name, status, group_id, attempts, http_status, code, error
                   FROM undone WHERE run = ?1 ORDER BY id";
        let read = |row: &Row<'_>| said_of_all(row, RequestError::interrupted());
        self.read_results(sql, run, read, each)
    }

    fn read_results<E: From<JournalError>>(
        &self,
        sql: &str,
        run: RunId,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<ResultRow>,
        mut each: impl FnMut(&ResultRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |reason| E::from(Self::failed(&self.path, reason));
        let mut query = self.db.prepare(sql).map_err(failed)?;
        let mut rows = query.query([run.0]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(&read(row).map_err(failed)?)?;
        }
        Ok(())
    }

    /// How many rows of a run that were to be sent are settled, or are not sent because of their people.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn settled_rows(&self, run: RunId) -> Result<u64, JournalError> {
        let sql = "SELECT (SELECT count(*) FROM ended WHERE row BETWEEN first_row AND last_row AND NOT undo)
                        + (SELECT count(*) FROM rows WHERE id BETWEEN first_row AND last_row
                            AND code IS NOT NULL AND body IS NOT NULL AND lead IS NULL
                            AND NOT EXISTS (SELECT 1 FROM operations WHERE row = rows.id AND NOT undo AND state <> 'planned'))
                   FROM runs WHERE id = ?1";
        self.run(|db| db.query_row(sql, [run.0], |row| row.get(0)))
    }

    /// How many groups of a run exist and differ from its rows.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn differing_groups(&self, run: RunId) -> Result<u64, JournalError> {
        let sql = "SELECT count(*) FROM runs JOIN operations ON row BETWEEN first_row AND last_row
                   WHERE runs.id = ?1 AND NOT undo AND operations.state = 'exists' AND note IS NOT NULL";
        self.run(|db| db.query_row(sql, [run.0], |row| row.get(0)))
    }

    /// The files of a run.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn files(&self, run: RunId) -> Result<Vec<InputFile>, JournalError> {
        let file = |row: &Row<'_>| Ok(InputFile { path: row.get(0)?, dialect: parse(row, 1)? });
        self.run(|db| {
            let sql = "SELECT path, dialect FROM files WHERE run = ?1 ORDER BY number";
            db.prepare(sql)?.query_map([run.0], file)?.collect()
        })
    }
}

fn result_row(row: &Row<'_>, files: &[InputFile]) -> rusqlite::Result<ResultRow> {
    let is_incomplete: bool = row.get(14)?;
    let cut_off = if is_incomplete { RequestError::guests_missing() } else { RequestError::interrupted() };
    let result = said_of_all(row, cut_off)?;
    let duplicate_of = match row.get(10)? {
        Some(file) => Some(Place { file, row: row.get(11)?, line: row.get(12)? }),
        None => None,
    };
    let format = result.place.and_then(|place| Some(files.get(place.file)?.dialect.format));
    let raw = match format {
        Some(Format::Jsonl) => Raw::Line(row.get(13)?),
        _ => parse(row, 13)?,
    };
    let edit: Option<Edit> = parse(row, 16)?;
    let is_done = result.status == Status::Updated;
    let changes = edit.filter(|_| is_done).map(|edit| edit.words());
    Ok(ResultRow { duplicate_of, raw, warnings: row.get(15)?, changes, ..result })
}

/// The columns that both views have: the first ten. An unknown outcome without a reason was `cut_off`.
fn said_of_all(row: &Row<'_>, cut_off: RequestError) -> rusqlite::Result<ResultRow> {
    let (mut error_code, mut error): (Option<String>, Option<String>) = (row.get(8)?, row.get(9)?);
    let status = row.get::<_, String>(4)?.parse().unwrap_or(Status::Unknown);
    if status == Status::Unknown && error_code.is_none() {
        (error_code, error) = (Some(cut_off.code), Some(cut_off.message));
    }
    Ok(ResultRow {
        place: match row.get(0)? {
            Some(file) => Some(Place { file, row: row.get(1)?, line: row.get(2)? }),
            None => None,
        },
        name: row.get(3)?,
        status,
        group_id: row.get(5)?,
        duplicate_of: None,
        attempts: row.get(6)?,
        http_status: row.get(7)?,
        error_code,
        error,
        changes: None,
        warnings: None,
        raw: Raw::Cells(Vec::new()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::{folder, owner, run};

    #[test]
    fn the_warnings_of_a_row_are_read_back() {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (id, first) = run(&mut journal, &["A", "B"], false);
        let update = "UPDATE rows SET warnings = 'looks like a total' WHERE id = ?1";
        journal.run(|db| db.execute(update, [first.0])).unwrap();
        let mut warnings = Vec::new();
        let note = |outcome: &ResultRow| -> Result<(), JournalError> {
            warnings.push(outcome.warnings.clone());
            Ok(())
        };
        journal.results(id, note).unwrap();
        assert_eq!(warnings, [Some("looks like a total".to_owned()), None]);
    }
}
