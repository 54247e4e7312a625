//! The operations in the database: every change of state is written here, by one statement, and every operation is read here.

use std::time::Duration;

use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, params};
use sha2::{Digest, Sha256};

use super::state::{Change, GroupOperation, Illegal, Operation, OperationKind, State};
use super::store::{Journal, RunId, json, now_ms, parse};
use super::{Intent, JournalError};
use crate::model::{Group, GroupRef, Outcome, RequestError, RowId, Status};

/// The columns of an operation.
const COLUMNS: [&str; 10] =
    ["kind", "state", "sent_ms", "attempts", "group_id", "stamp", "http_status", "code", "error", "note"];

/// The rows with their operations.
const ROWS: &str = "rows LEFT JOIN operations AS operation ON operation.row = rows.id AND operation.undo = 0";

/// Operations that may have created their group.
const IN_DOUBT: &str = "operation.kind = 'create' AND operation.state = 'sending'";

/// The code of the outcome of a group that was changed since.
const CHANGED: &str = "changed";

impl Journal {
    /// A row, if it is still to be sent and its group is not known to exist.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn open_row(&self, row: RowId) -> Result<Option<GroupOperation>, JournalError> {
        let sql = format!(
            "SELECT {} FROM {ROWS} WHERE rows.id = ?1 AND body IS NOT NULL
               AND (rows.code IS NULL OR lead IS NOT NULL OR operation.attempts > 0)
               AND (operation.row IS NULL OR kind = 'create' AND (state = 'planned' OR state = 'sending'))",
            task_columns("operation")
        );
        self.run(|db| db.prepare_cached(&sql)?.query_row([row.0], |found| task(found, false)).optional())
    }

    /// The rows of a run whose last attempt may have created their group, in input order.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn in_doubt(&self, run: RunId) -> Result<Vec<GroupOperation>, JournalError> {
        self.run(|db| tasks(db, IN_DOUBT, run))
    }

    /// Records that nothing showed the groups of the rows in doubt for long enough: they may be sent again.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn presume_absent(&self, run: RunId) -> Result<(), JournalError> {
        self.change_all(IN_DOUBT, run, &Change::Absent)
    }

    /// Takes up the rows of a run that were in doubt when it ended.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn take_up_unknown(&self, run: RunId) -> Result<(), JournalError> {
        self.change_all("operation.state = 'unknown'", run, &Change::Resume)
    }

    /// The same change for all operations of a run for which a condition holds, in one commit.
    pub(super) fn change_all(&self, which: &str, run: RunId, change: &Change) -> Result<(), JournalError> {
        let tasks = self.run(|db| tasks(db, which, run))?;
        self.apply(tasks.into_iter().map(|task| (task.operation, [change.clone()])))
    }

    /// How many open rows of a run have a name that was sent for another run and may have been created less than `age` ago: lists
    /// may not show their groups yet. An answered row counts from its answer: its attempt may have waited for a permit.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn sent_lately(&self, run: RunId, age: Duration) -> Result<u64, JournalError> {
        let since = now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        // Mostly nothing was sent lately: then no row is read.
        let sql = "
            WITH lately AS MATERIALIZED (
                SELECT sent.identity FROM operations JOIN rows AS sent ON sent.id = operations.row
                WHERE NOT undo AND (state = 'created' OR state = 'unknown' OR state = 'sending' OR may_be_applied)
                  AND (state = 'planned' OR state = 'sending' OR at_ms >= ?2)
                  AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.row = sent.id))
            SELECT count(*) FROM open_rows
            WHERE EXISTS (SELECT 1 FROM lately) AND run = ?1 AND identity IN (SELECT identity FROM lately)
              AND NOT EXISTS (SELECT 1 FROM operations WHERE operations.row = open_rows.id AND NOT undo AND attempts > 0)";
        self.run(|db| db.query_row(sql, params![run.0, since], |row| row.get(0)))
    }

    /// The groups that runs over this journal created and that were not deleted since, as they were sent, in the order of
    /// their rows.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn created_groups(&self) -> Result<Vec<(GroupRef, Group)>, JournalError> {
        let sql = "SELECT group_id, body, stamp, note FROM operations JOIN rows ON rows.id = operations.row
                   WHERE NOT undo AND state = 'created' AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.row = rows.id)
                   ORDER BY rows.id";
        let sent = |row: &Row<'_>| {
            let group_ref = GroupRef { id: row.get(0)?, stamp: row.get(2)?, differences: row.get(3)? };
            Ok((group_ref, parse(1, row.get_ref(1)?.as_str()?)?))
        };
        self.run(|db| db.prepare(sql)?.query_map([], sent)?.collect())
    }

    /// Changes operations in one commit, while nothing is being sent.
    ///
    /// # Errors
    /// If the journal cannot be written, or a change is impossible.
    pub fn apply<C: IntoIterator<Item = Change>>(
        &self,
        changes: impl IntoIterator<Item = (Operation, C)>,
    ) -> Result<(), JournalError> {
        let operations = self.changed(changes)?;
        self.together(|batch| operations.iter().try_for_each(|operation| write(batch, operation)))
    }

    /// The operations after their changes.
    pub(super) fn changed<C: IntoIterator<Item = Change>>(
        &self,
        changes: impl IntoIterator<Item = (Operation, C)>,
    ) -> Result<Vec<Operation>, JournalError> {
        let operations = changes.into_iter().map(|(operation, changes)| operation.after(changes));
        let impossible =
            |illegal: Illegal| JournalError::Damaged { path: self.path.clone(), what: illegal.to_string() };
        operations.collect::<Result<_, _>>().map_err(impossible)
    }

    /// Does something in one commit.
    pub(super) fn together<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        self.run(|db| {
            let batch = db.unchecked_transaction()?;
            let done = work(&batch)?;
            batch.commit().map(|()| done)
        })
    }
}

/// The operations of the rows of a run for which a condition holds, in input order.
fn tasks(db: &Connection, which: &str, run: RunId) -> rusqlite::Result<Vec<GroupOperation>> {
    // By the operations: they may be far fewer than the rows.
    let sql = format!(
        "SELECT {} FROM runs CROSS JOIN operations AS operation ON operation.row BETWEEN first_row AND last_row
         JOIN rows ON rows.id = operation.row
         WHERE runs.id = ?1 AND NOT undo AND body IS NOT NULL AND ({which}) ORDER BY operation.row",
        task_columns("operation")
    );
    query(db, &sql, [run.0], false)
}

/// The operations that a query finds.
pub(super) fn query(
    db: &Connection,
    sql: &str,
    values: impl Params,
    is_undo: bool,
) -> rusqlite::Result<Vec<GroupOperation>> {
    db.prepare_cached(sql)?.query_map(values, |row| task(row, is_undo))?.collect()
}

/// The columns of a row and of its operation, which are null if it has none.
pub(super) fn task_columns(operation: &str) -> String {
    format!("rows.id, rows.body, {}", columns(operation))
}

/// The columns of an operation, which is a table or an alias.
pub(super) fn columns(operation: &str) -> String {
    COLUMNS.map(|column| format!("{operation}.{column}")).join(", ")
}

/// The operation, with its group, in the first columns of a row.
pub(super) fn task(found: &Row<'_>, is_undo: bool) -> rusqlite::Result<GroupOperation> {
    let kind = if is_undo { OperationKind::Delete } else { OperationKind::Create };
    let planned = Operation::planned(RowId(found.get(0)?), kind);
    Ok(GroupOperation { group: parse(1, found.get_ref(1)?.as_str()?)?, operation: operation(found, 2, planned)? })
}

/// The operation in the columns from `first` on; `planned` if they are null.
pub(super) fn operation(found: &Row<'_>, first: usize, planned: Operation) -> rusqlite::Result<Operation> {
    let Some(kind) = found.get_ref(first)?.as_str_or_null()? else { return Ok(planned) };
    let target = match found.get(first + 4)? {
        Some(id) => Some(GroupRef { id, stamp: found.get(first + 5)?, differences: found.get(first + 9)? }),
        None => None,
    };
    let state = match found.get_ref(first + 1)?.as_str()? {
        "planned" => State::Planned,
        "sending" => State::Sending,
        status => State::Ended(outcome(status, target.as_ref(), found, first)?),
    };
    Ok(Operation {
        kind: kind.parse().map_err(|_| FromSqlError::InvalidType)?,
        state,
        sent_ms: parse(first + 2, found.get_ref(first + 2)?.as_str()?)?,
        attempts: found.get(first + 3)?,
        target,
        ..planned
    })
}

fn outcome(status: &str, group: Option<&GroupRef>, found: &Row<'_>, first: usize) -> rusqlite::Result<Outcome> {
    let http_status: Option<u16> = found.get(first + 6)?;
    let text = |column| Ok::<_, rusqlite::Error>(found.get::<_, Option<String>>(first + column)?.unwrap_or_default());
    let error = || Ok::<_, rusqlite::Error>(RequestError { code: text(7)?, message: text(8)?, http_status });
    let group = || group.cloned().ok_or(FromSqlError::InvalidType);
    Ok(match status.parse() {
        Ok(Status::Created) => Outcome::Created { group: group()?, http_status: http_status.unwrap_or_default() },
        Ok(Status::Exists) => Outcome::Exists { group: group()?, http_status },
        Ok(Status::Deleted) => Outcome::Deleted(http_status.unwrap_or_default()),
        Ok(Status::Gone) => Outcome::Gone,
        Ok(Status::Changed) => Outcome::Changed(text(8)?),
        Ok(Status::Failed) => Outcome::Failed(error()?),
        Ok(Status::Unknown) => Outcome::Unknown(error()?),
        _ => return Err(FromSqlError::InvalidType.into()),
    })
}

/// Begins an attempt at this moment by the server's clock: when it is committed, the request may leave.
pub(super) fn begin(db: &Connection, task: GroupOperation, now_ms: Option<i64>) -> rusqlite::Result<Option<Intent>> {
    let GroupOperation { operation, group } = task;
    let Ok(operation) = operation.next(Change::Begin(now_ms)) else { return Ok(None) };
    write(db, &operation)?;
    Ok(Some(Intent(GroupOperation { operation, group })))
}

/// Writes an operation as it is now.
pub(super) fn write(db: &Connection, operation: &Operation) -> rusqlite::Result<()> {
    let Operation { row, is_undo, kind, ref state, ref sent_ms, attempts, ref target } = *operation;
    let (word, outcome) = match state {
        State::Planned => ("planned", None),
        State::Sending => ("sending", None),
        State::Ended(outcome) => (outcome.status().as_str(), Some(outcome)),
    };
    let (http_status, code, error) = outcome.map(response).unwrap_or_default();
    let group = match outcome {
        Some(Outcome::Created { group, .. } | Outcome::Exists { group, .. }) => Some(group),
        _ => target.as_ref(),
    };
    let (group_id, stamp) = (group.map(|group| group.id.as_str()), group.and_then(|group| group.stamp.as_deref()));
    let note = group.and_then(|group| group.differences.as_deref());
    let seal = outcome.map(|_| seal([Some(word), group_id, stamp, code, error], http_status));
    db.prepare_cached(
        "INSERT OR REPLACE INTO operations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        row.0,
        is_undo,
        kind.as_ref(),
        word,
        json(sent_ms),
        attempts,
        group_id,
        stamp,
        http_status,
        code,
        error,
        note,
        seal,
        now_ms(),
    ])
    .map(drop)
}

/// The status of the response that led to an outcome, and its error code and error.
fn response(outcome: &Outcome) -> (Option<u16>, Option<&str>, Option<&str>) {
    match outcome {
        Outcome::Created { http_status, .. } | Outcome::Deleted(http_status) => (Some(*http_status), None, None),
        Outcome::Exists { http_status, .. } => (*http_status, None, None),
        Outcome::Changed(what) => (None, Some(CHANGED), Some(what)),
        Outcome::Failed(error) | Outcome::Unknown(error) => {
            (error.http_status, Some(&error.code), Some(&error.message))
        }
        Outcome::Gone => (None, None, None),
    }
}

/// Whether an outcome is as it was written: the columns `state`, `group_id`, `stamp`, `http_status`, `code`, `error` and `seal`.
///
/// # Errors
/// If a column cannot be read: SQLite takes any bytes for text.
pub(super) fn is_as_written(row: &Row<'_>) -> rusqlite::Result<bool> {
    let text = |column| row.get_ref(column).and_then(|value| Ok(value.as_str_or_null()?));
    let texts = [text(0)?, text(1)?, text(2)?, text(4)?, text(5)?];
    Ok(Some(seal(texts, row.get(3)?)) == row.get::<_, Option<i64>>(6)?)
}

/// A checksum of an outcome.
fn seal(texts: [Option<&str>; 5], http_status: Option<u16>) -> i64 {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update([u8::from(text.is_some())]);
        hasher.update(text.unwrap_or_default());
        hasher.update([0]);
    }
    hasher.update(http_status.unwrap_or_default().to_le_bytes());
    let digest = hasher.finalize();
    digest.first_chunk().map_or(0, |first| i64::from_le_bytes(*first))
}
