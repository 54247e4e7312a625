//! The operations in the database: every change of state is written here, by one statement, and every operation is read here.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, params};
use sha2::{Digest, Sha256};

use super::state::{Change, GroupOperation, Operation, OperationKind, State};
use super::store::{Journal, RunId, json, now_ms, parse};
use super::{Intent, JournalError};
use crate::model::RowId;

/// The columns of a task: a row and its operation, which is null if it has none.
pub(super) const TASK: &str = "rows.id, rows.body, operation.operation";

/// The rows with their operations.
const ROWS: &str = "rows LEFT JOIN operations AS operation ON operation.row = rows.id AND operation.undo = 0";

/// Operations that may have created their group.
const IN_DOUBT: &str = "operation.kind = 'create' AND operation.state = 'sending'";

impl Journal {
    /// A row, if it is still to be sent and its group is not known to exist.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn open_row(&self, row: RowId) -> Result<Option<GroupOperation>, JournalError> {
        let sql = format!(
            "SELECT {TASK} FROM {ROWS} WHERE rows.id = ?1 AND body IS NOT NULL
               AND (rows.code IS NULL OR lead IS NOT NULL OR operation.attempts > 0)
               AND (operation.row IS NULL OR kind = 'create' AND (state = 'planned' OR state = 'sending'))"
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

    /// Takes up what was in doubt in a run when it ended. A group is read before an update or a deletion is sent again.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn take_up_unknown(&self, run: RunId) -> Result<(), JournalError> {
        self.change_all("operation.kind <> 'create' AND operation.state = 'sending'", run, &Change::Absent)?;
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
              AND NOT EXISTS (SELECT 1 FROM operations WHERE operations.row = open_rows.id AND NOT undo AND (attempts > 0 OR kind = 'update'))";
        self.run(|db| db.query_row(sql, params![run.0, since], |row| row.get(0)))
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
        let impossible = |what| JournalError::Damaged { path: self.path.clone(), what };
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
pub(super) fn tasks(db: &Connection, which: &str, run: RunId) -> rusqlite::Result<Vec<GroupOperation>> {
    // By the operations: they may be far fewer than the rows.
    let sql = format!(
        "SELECT {TASK} FROM runs CROSS JOIN operations AS operation ON operation.row BETWEEN first_row AND last_row
         JOIN rows ON rows.id = operation.row
         WHERE runs.id = ?1 AND NOT undo AND body IS NOT NULL AND ({which}) ORDER BY operation.row"
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

/// The operation, with its group, in the columns of a task.
pub(super) fn task(found: &Row<'_>, is_undo: bool) -> rusqlite::Result<GroupOperation> {
    let (row, kind) = (RowId(found.get(0)?), if is_undo { OperationKind::Delete } else { OperationKind::Create });
    let known: Option<Operation> = parse(found, 2)?;
    let operation =
        known.map_or_else(|| Operation::planned(row, is_undo, kind), |known| Operation { row, is_undo, ..known });
    Ok(GroupOperation { operation, group: parse(found, 1)? })
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
    let state = match &operation.state {
        State::Planned => "planned",
        State::Sending => "sending",
        State::Ended(outcome) => outcome.status().into(),
    };
    let text = json(operation);
    let values = params![operation.row.0, operation.is_undo, state, text, seal(state, &text), now_ms()];
    db.prepare_cached("INSERT OR REPLACE INTO stored_operations VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(values)
        .map(drop)
}

/// A checksum of an operation: its state, and its JSON.
pub(super) fn seal(state: &str, operation: &str) -> i64 {
    let digest = Sha256::new().chain_update(state).chain_update(operation).finalize();
    digest.first_chunk().map_or(0, |first| i64::from_le_bytes(*first))
}
