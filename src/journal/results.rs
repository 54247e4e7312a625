//! Reads the outcomes of a run's rows, in input order.

use rusqlite::{Params, Row, params};

use super::JournalError;
use super::state::{Operation, OperationKind, State};
use super::store::{Journal, RunId, parse};
use crate::model::{
    Action, ActionKind, Edit, Format, Group, InputFile, Outcome, Place, Raw, RequestError, ResultRow, RowId, Status,
};

impl Journal {
    /// Hands every row of a run to `each`, in input order, until it returns an error; or the outcome of undoing every group.
    ///
    /// # Errors
    /// If the journal cannot be read; and the errors of `each`.
    pub fn results<E: From<JournalError>>(
        &self,
        run: RunId,
        is_undo: bool,
        each: impl FnMut(&ResultRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let files = self.files(run)?;
        let view = if is_undo { "undone" } else { "results" };
        let sql = format!(
            "SELECT file, row, line, first_file, first_row, first_line, name, status, group_id, attempts, http_status, code, error,
                    input, kind IS 'update' AND edit IS NULL, warnings, edit
             FROM {view} WHERE run = ?1 ORDER BY id"
        );
        self.each_row(&sql, [run.0], |row| result_row(row, &files), each)
    }

    /// Hands what would be done about the rows of a run to `each`, in input order: the actions of one kind.
    ///
    /// # Errors
    /// If the journal cannot be read; and the errors of `each`.
    pub fn planned_actions<E: From<JournalError>>(
        &self,
        run: RunId,
        kind: ActionKind,
        each: impl FnMut(&Action) -> Result<(), E>,
    ) -> Result<(), E> {
        let view = if kind == ActionKind::Invalid { "invalid_rows" } else { "planned_groups" };
        let sql = format!(
            "SELECT file, row, line, id, definition, error, operation FROM {view} WHERE run = ?1 AND kind = ?2 ORDER BY id"
        );
        let action = |row: &Row<'_>| {
            let group: Group = parse(row, 4)?;
            let operation = parse::<Option<Operation>>(row, 6)?;
            let target = operation.as_ref().and_then(Operation::group).cloned();
            let Operation { state, edit, before, .. } =
                operation.unwrap_or_else(|| Operation::planned(RowId::default(), false, OperationKind::Create));
            let reason = match state {
                State::Ended(Outcome::Exists { group, .. }) => group.differences,
                State::Ended(Outcome::Failed(error)) => Some(error.message),
                _ => row.get(5)?,
            };
            let action = Action::of(kind, RowId(row.get(3)?), group);
            let (before, edit) = (before.map(|before| *before), edit.map_or_else(Edit::default, |edit| *edit));
            Ok(Action { place: Some(place(row, 0)?), target, before, edit, reason, ..action })
        };
        self.each_row(&sql, params![run.0, kind.as_ref()], action, each)
    }

    /// How many rows of a run are merged into others, repeat others, and are left out.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn unsent_rows(&self, run: RunId) -> Result<[u64; 3], JournalError> {
        let sql = "SELECT count(*) FILTER (WHERE status = 'merged' OR status = 'pending' AND first_row IS NOT NULL),
                          count(*) FILTER (WHERE status = 'duplicate'), count(*) FILTER (WHERE status = 'excluded')
                   FROM results WHERE run = ?1";
        self.run(|db| db.query_row(sql, [run.0], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])))
    }

    fn each_row<T, E: From<JournalError>>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
        mut each: impl FnMut(&T) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |reason| E::from(Self::failed(&self.path, reason));
        let mut query = self.db.prepare(sql).map_err(failed)?;
        let mut rows = query.query(values).map_err(failed)?;
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
    let (place, duplicate_of) = (known_place(row, 0)?, known_place(row, 3)?);
    let status = row.get::<_, String>(7)?.parse().unwrap_or(Status::Unknown);
    let (mut error_code, mut error): (Option<String>, Option<String>) = (row.get(11)?, row.get(12)?);
    if status == Status::Unknown && error_code.is_none() {
        let is_incomplete: bool = row.get(14)?;
        let cut_off = if is_incomplete { RequestError::guests_missing() } else { RequestError::interrupted() };
        (error_code, error) = (Some(cut_off.code), Some(cut_off.message));
    }
    let raw = match place.and_then(|place| Some(files.get(place.file)?.dialect.format)) {
        Some(Format::Jsonl) => Raw::Line(row.get(13)?),
        _ => parse(row, 13)?,
    };
    let edit = parse::<Option<Edit>>(row, 16)?.filter(|_| status == Status::Updated);
    Ok(ResultRow {
        place,
        name: row.get(6)?,
        status,
        group_id: row.get(8)?,
        duplicate_of,
        attempts: row.get(9)?,
        http_status: row.get(10)?,
        error_code,
        error,
        changes: edit.map(|edit| edit.words()),
        warnings: row.get(15)?,
        raw,
    })
}

/// The place in the columns of its file, row and line, if it has one.
fn known_place(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Place>> {
    row.get::<_, Option<usize>>(column)?.map(|_| place(row, column)).transpose()
}

/// The place in the columns of its file, row and line.
pub(super) fn place(row: &Row<'_>, column: usize) -> rusqlite::Result<Place> {
    Ok(Place { file: row.get(column)?, row: row.get(column + 1)?, line: row.get(column + 2)? })
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
        journal.results(id, false, note).unwrap();
        assert_eq!(warnings, [Some("looks like a total".to_owned()), None]);
    }
}
