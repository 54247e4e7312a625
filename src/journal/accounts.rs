//! What is reported of a run's rows, read back in input order.

use std::collections::HashMap;

use rusqlite::Row;

use super::JournalError;
use super::outcomes::parse;
use super::stage::OPEN_QUOTE;
use super::store::{Journal, RunId};
use crate::model::{Account, Format, InputFile, Layout, Place, Raw, Standing, Status, Trouble, Undone};

impl Journal {
    /// Hands every row of a run to `each`, in input order, until it gives an error.
    ///
    /// # Errors
    /// If the journal cannot be read; and whatever `each` gives.
    pub fn accounts<E: From<JournalError>>(
        &self,
        run: RunId,
        mut each: impl FnMut(&Account) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |reason| E::from(Self::failed(&self.path, reason));
        let formats = self.formats(run)?;
        let mut query = self
            .db
            .prepare(
                "SELECT file, row, line, name, status, group_id, first_file, first_row, first_line,
                        attempts, http_status, code, error, input FROM results WHERE run = ?1 ORDER BY id",
            )
            .map_err(failed)?;
        let mut rows = query.query([run.0]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(&account(row, &formats).map_err(failed)?)?;
        }
        Ok(())
    }

    /// Hands what became of every group that a run created to `each`, in input order, until it gives an error.
    ///
    /// # Errors
    /// If the journal cannot be read; and whatever `each` gives.
    pub fn undo_accounts<E: From<JournalError>>(
        &self,
        run: RunId,
        mut each: impl FnMut(&Account<Undone>) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |reason| E::from(Self::failed(&self.path, reason));
        let mut query = self
            .db
            .prepare(
                "SELECT file, row, line, name, status, group_id, attempts, http_status, code, error
                 FROM undone WHERE run = ?1 ORDER BY id",
            )
            .map_err(failed)?;
        let mut rows = query.query([run.0]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(&undo_account(row).map_err(failed)?)?;
        }
        Ok(())
    }

    /// The files of a run.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn files(&self, run: RunId) -> Result<Vec<InputFile>, JournalError> {
        let formats = self.formats(run)?;
        self.run(|db| {
            let mut query = db.prepare("SELECT path, delimiter, header FROM files WHERE run = ?1 ORDER BY number")?;
            let mut rows = query.query([run.0])?;
            let mut files = Vec::new();
            while let Some(row) = rows.next()? {
                let delimiter = row.get::<_, String>(1)?.bytes().next().unwrap_or(b',');
                let header = parse(2, &row.get::<_, String>(2)?)?;
                let layout = Layout { format: formats[files.len()], delimiter, header };
                files.push(InputFile { path: row.get(0)?, layout });
            }
            Ok(files)
        })
    }

    fn formats(&self, run: RunId) -> Result<Vec<Format>, JournalError> {
        self.run(|db| {
            let mut query = db.prepare("SELECT format FROM files WHERE run = ?1 ORDER BY number")?;
            query
                .query_map([run.0], |row| {
                    Ok(if row.get::<_, String>(0)? == Format::Jsonl.extension() { Format::Jsonl } else { Format::Csv })
                })?
                .collect()
        })
    }
}

fn account(row: &Row<'_>, formats: &[Format]) -> rusqlite::Result<Account> {
    let place = Place { file: row.get(0)?, row: row.get(1)?, line: row.get(2)? };
    let first: Option<usize> = row.get(6)?;
    let input: String = row.get(13)?;
    let raw = match formats.get(place.file) {
        Some(Format::Jsonl) => Raw::Line(input),
        _ => cells(&input)?,
    };
    let duplicate_of = match first {
        Some(file) => Some(Place { file, row: row.get(7)?, line: row.get(8)? }),
        None => None,
    };
    let status = Status::from_word(&row.get::<_, String>(4)?).unwrap_or(Status::Unknown);
    let (mut error_code, mut error): (Option<String>, Option<String>) = (row.get(11)?, row.get(12)?);
    if status == Status::Unknown && error_code.is_none() {
        let Trouble { code, message, .. } = Trouble::interrupted();
        (error_code, error) = (Some(code), Some(message));
    }
    Ok(Account {
        place,
        name: row.get(3)?,
        status,
        group_id: row.get(5)?,
        duplicate_of,
        attempts: row.get(9)?,
        http_status: row.get(10)?,
        error_code,
        error,
        raw,
    })
}

fn undo_account(row: &Row<'_>) -> rusqlite::Result<Account<Undone>> {
    let status = Undone::from_word(&row.get::<_, String>(4)?).unwrap_or(Undone::Unknown);
    let (mut error_code, mut error): (Option<String>, Option<String>) = (row.get(8)?, row.get(9)?);
    if status == Undone::Unknown && error_code.is_none() {
        let Trouble { code, message, .. } = Trouble::interrupted();
        (error_code, error) = (Some(code), Some(message));
    }
    Ok(Account {
        place: Place { file: row.get(0)?, row: row.get(1)?, line: row.get(2)? },
        name: row.get(3)?,
        status,
        group_id: row.get(5)?,
        duplicate_of: None,
        attempts: row.get(6)?,
        http_status: row.get(7)?,
        error_code,
        error,
        raw: Raw::Cells(Vec::new()),
    })
}

fn cells(input: &str) -> rusqlite::Result<Raw> {
    if input.starts_with('{') {
        let mut row: HashMap<String, Vec<String>> = parse(13, input)?;
        return Ok(Raw::OpenQuote(row.remove(OPEN_QUOTE).unwrap_or_default()));
    }
    Ok(Raw::Cells(parse(13, input)?))
}
