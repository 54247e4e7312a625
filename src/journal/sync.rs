//! A sync in the journal: its rows, the plan that was agreed, and what may be carried out next.

use rusqlite::{OptionalExtension, Row, params};

use super::JournalError;
use super::operations::{tasks, write};
use super::results::place;
use super::state::{Change, GroupOperation, Operation, OperationKind};
use super::store::{Journal, RunId, json, parse};
use crate::model::{Action, ActionKind, DesiredRow, Group, Outcome, Plan, RequestError, RowId, WantedGroup};

/// A run that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// The run.
    pub run: RunId,
    /// The id of its plan; none if it is an import.
    pub plan: Option<String>,
    /// Whether a command over the same rows resumes it: not if all operations of a sync were carried out.
    pub has_more: bool,
}

impl Journal {
    /// The latest run that is not over.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn open_run(&self) -> Result<Option<OpenRun>, JournalError> {
        let sql = "SELECT id, plan, plan IS NULL OR ended_at IS NULL OR EXISTS (
                       SELECT 1 FROM operations WHERE row BETWEEN first_row AND last_row AND NOT undo AND state IN ('planned', 'sending'))
                   FROM runs WHERE state = 'open' ORDER BY id DESC LIMIT 1";
        let run = |row: &Row<'_>| Ok(OpenRun { run: RunId(row.get(0)?), plan: row.get(1)?, has_more: row.get(2)? });
        self.run(|db| db.query_row(sql, [], run).optional())
    }

    /// Takes no operation of a run up any more.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn abandon(&self, run: RunId) -> Result<(), JournalError> {
        self.run(|db| db.execute("UPDATE runs SET state = 'abandoned' WHERE id = ?1", [run.0]).map(drop))
    }

    /// Whether a run with the plan of this id was carried out.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn has_applied(&self, plan: &str) -> Result<bool, JournalError> {
        self.run(|db| db.query_row("SELECT EXISTS (SELECT 1 FROM runs WHERE plan = ?1)", [plan], |row| row.get(0)))
    }

    /// How many rows the last sync had that was carried out to its end.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn rows_of_last_sync(&self) -> Result<Option<u64>, JournalError> {
        let sql = "SELECT (SELECT count(*) FROM rows WHERE id BETWEEN first_row AND last_row AND file IS NOT NULL)
                   FROM whole_syncs WHERE ended_at IS NOT NULL AND NOT EXISTS (
                       SELECT 1 FROM operations
                       WHERE row BETWEEN first_row AND last_row AND NOT undo AND operations.state = 'planned' AND attempts = 0)
                   ORDER BY id DESC LIMIT 1";
        self.run(|db| db.query_row(sql, [], |row| row.get(0)).optional())
    }

    /// The rows of a run that define a group.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn desired_rows(&self, run: RunId) -> Result<Vec<DesiredRow>, JournalError> {
        let sql =
            "SELECT id, file, row, line, body, is_valid, known_id, may_remove FROM desired WHERE run = ?1 ORDER BY id";
        let desired = |row: &Row<'_>| {
            let group = parse::<Group>(row, 4)?;
            Ok(DesiredRow {
                row: RowId(row.get(0)?),
                place: place(row, 1)?,
                is_valid: row.get(5)?,
                may_remove: row.get::<_, bool>(7)? && !group.is_partial,
                group_id: row.get(6)?,
                group,
            })
        };
        self.run(|db| db.prepare(sql)?.query_map([run.0], desired)?.collect())
    }

    /// The names of the rows of a run that are invalid, also only in their people, or left out and unreadable, each empty if it is not known
    /// which group the row means; and the groups that the others name which are left out.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn other_rows(&self, run: RunId) -> Result<(Vec<String>, Vec<WantedGroup>), JournalError> {
        let range =
            "FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row WHERE runs.id = ?1 AND code IS NOT NULL";
        let invalid = format!(
            "SELECT iif(code = 'key-repeated', '', name) {range} AND iif(code = 'row-excluded', wanted IS NULL, merged OR twin IS NULL)"
        );
        let excluded = format!("SELECT wanted {range} AND code = 'row-excluded' AND wanted IS NOT NULL");
        self.run(|db| {
            let names = db.prepare(&invalid)?.query_map([run.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
            let excluded = db.prepare(&excluded)?.query_map([run.0], |row| parse(row, 0))?.collect::<Result<_, _>>()?;
            Ok((names, excluded))
        })
    }

    /// Records the plan of a sync before anything is sent: from here on it counts. An operation of a row behind `last` gets one
    /// without a file.
    ///
    /// # Errors
    /// If the journal cannot be written, or a change is impossible.
    pub fn commence_sync(&self, run: RunId, last: RowId, plan: Plan) -> Result<(), JournalError> {
        let (groups, changes): (Vec<_>, Vec<_>) = plan.actions.into_iter().map(operation).unzip();
        let operations = self.changed(changes)?;
        self.together(|batch| {
            let mut insert = batch.prepare(
                "INSERT INTO rows (id, row, line, name, input, body, guests, merged) VALUES (?1, 0, 0, ?2, '[]', ?3, ?4, FALSE)",
            )?;
            let mut end = last;
            for (operation, group) in operations.iter().zip(&groups) {
                if operation.row > last {
                    insert.execute(params![operation.row.0, group.name, json(group), group.guests.len()])?;
                    end = end.max(operation.row);
                }
                write(batch, operation)?;
            }
            let mut found = batch.prepare("UPDATE rows SET known_id = ?2 WHERE id = ?1")?;
            plan.group_ids.iter().try_for_each(|(row, id)| found.execute(params![row.0, id]).map(drop))?;
            let open = "UPDATE runs SET state = 'open', last_row = ?2, plan = ?3 WHERE id = ?1";
            batch.execute(open, params![run.0, end.0, plan.id]).map(drop)
        })
    }

    /// The operations of a run that change or delete a group, and may have done so.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn changes_in_doubt(&self, run: RunId) -> Result<Vec<GroupOperation>, JournalError> {
        let which = "operation.kind <> 'create' AND operation.state = 'planned' AND operation.may_be_applied";
        self.run(|db| tasks(db, which, run))
    }

    /// How many groups a run is about to change.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn planned_updates(&self, run: RunId) -> Result<u64, JournalError> {
        let which = "operation.kind = 'update' AND operation.state = 'planned'";
        self.run(|db| tasks(db, which, run)).map(|tasks| tasks.len() as u64)
    }

    /// The levels of the operations of a run that are planned, or of those that undo them, in order.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn levels(&self, run: RunId, is_undo: bool) -> Result<Vec<(u32, u64)>, JournalError> {
        let sql = "SELECT level, count(*) FROM runs JOIN operations ON row BETWEEN first_row AND last_row
                   WHERE runs.id = ?1 AND undo = ?2 AND operations.state = 'planned' GROUP BY level ORDER BY level";
        let level = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.run(|db| db.prepare(sql)?.query_map(params![run.0, is_undo], level)?.collect())
    }

    /// Leaves alone what must not be carried out at this level: what needs a name that was not freed, and deletions if anything
    /// failed.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn hold_back(&self, run: RunId, level: u32) -> Result<(), JournalError> {
        let is_open = format!("operation.level = {level} AND operation.state = 'planned'");
        let waits = format!(
            "{is_open} AND operation.waits_for IS NOT NULL
             AND operation.waits_for NOT IN (SELECT row FROM ended WHERE NOT undo AND state = 'updated')"
        );
        let failed = format!(
            "{is_open} AND operation.kind = 'delete' AND EXISTS (
                 SELECT 1 FROM operations AS other
                 WHERE other.row BETWEEN (SELECT first_row FROM runs WHERE id = {0}) AND (SELECT last_row FROM runs WHERE id = {0})
                   AND NOT other.undo AND other.state IN ('failed', 'unknown', 'sending'))",
            run.0
        );
        for (which, why) in [
            (waits, "the group that has this name could not be renamed"),
            (failed, "nothing is deleted, because something failed in this run"),
        ] {
            self.change_all(&which, run, &Change::End(Outcome::Held { message: why.to_owned() }))?;
        }
        Ok(())
    }
}

/// The group and the operation of an action, and its outcome if nothing is sent for it.
fn operation(action: Action) -> (Group, (Operation, Option<Change>)) {
    let Action { kind, row, target, group, edit, reason, level, waits_for, .. } = action;
    let message = reason.unwrap_or_default();
    let outcome = match kind {
        ActionKind::Adopt | ActionKind::Note => target.clone().map(|group| Outcome::Unchanged { group }),
        ActionKind::Held => Some(Outcome::Held { message }),
        ActionKind::Fail => Some(Outcome::Failed(RequestError::new("group-unknown", message))),
        _ => None,
    };
    let takes_over = kind == ActionKind::Adopt;
    let kind = match kind {
        ActionKind::Create => OperationKind::Create,
        ActionKind::Delete => OperationKind::Delete,
        _ => OperationKind::Update,
    };
    let edit = (kind == OperationKind::Update).then(|| Box::new(edit));
    let operation = Operation { target, edit, level, waits_for, takes_over, ..Operation::planned(row, false, kind) };
    (group, (operation, outcome.map(Change::End)))
}
