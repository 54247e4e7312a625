//! The state machine of an operation: one write to the API, persisted. Pure.
//!
//! `planned` → `sending` → an outcome, or back to `planned`. An operation that is found in `sending` after a restart is in doubt.

use std::collections::HashMap;
use std::ops::Not;

use serde::{Deserialize, Serialize};

use crate::model::{Edit, Group, GroupRef, Outcome, OwnedGroup, RowId, Status};

/// What an operation does with its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// Creates it.
    Create,
    /// Replaces it.
    Update,
    /// Deletes it.
    Delete,
}

/// How far an operation is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No attempt is under way.
    Planned,
    /// An attempt is on disk: its request may have left, and may have been applied.
    Sending,
    /// It has an outcome.
    #[serde(untagged)]
    Ended(Outcome),
}

/// What is known of one operation: the journal has a row for it, and keeps it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Operation {
    /// The row that it belongs to.
    #[serde(skip)]
    pub row: RowId,
    /// Whether it undoes the operation of its row.
    #[serde(skip)]
    pub is_undo: bool,
    /// What it does.
    pub kind: OperationKind,
    /// How far it is.
    pub state: State,
    /// When each attempt began that is under way or may have been applied: by the server's clock, in Unix milliseconds, if known.
    pub sent_ms: Vec<Option<i64>>,
    /// The number of attempts so far.
    pub attempts: u32,
    /// The group that it replaces or deletes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<GroupRef>,
    /// What it changes in a group that exists; none if it completes one that it created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<Box<Edit>>,
    /// The group as it was right before the first attempt that may have changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<Group>>,
    /// When it is carried out: operations of a lower level end before it begins.
    #[serde(default)]
    pub level: u32,
    /// The row whose operation frees its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<RowId>,
    /// Whether it takes over a group that stays as it is.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub takes_over: bool,
}

/// An operation with the group that it is about: the group as it is to be, or for a deletion as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupOperation {
    /// The operation.
    pub operation: Operation,
    /// The group.
    pub group: Group,
}

/// What happens to an operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// An attempt begins, at this moment by the server's clock, in Unix milliseconds, if that is known.
    Begin(Option<i64>),
    /// The attempt did not leave.
    Withdraw,
    /// The attempt was not applied.
    NotApplied,
    /// The attempt was looked up, and nothing showed its effect for long enough.
    Absent,
    /// The group was found, and may lack guests: it is updated.
    Incomplete(GroupRef),
    /// The group that was to be updated does not exist any more: it is created.
    Missing,
    /// The group is there, as it is here, and gets the people of a mended row.
    Add(GroupRef, Box<Group>, Box<Edit>),
    /// The group was read, right before it is changed.
    Read(Box<Group>),
    /// The outcome is known.
    End(Outcome),
    /// A new run takes up what has no good outcome.
    Resume,
}

impl GroupOperation {
    /// The guests whom it invites, if the organization does not know them.
    pub fn invited(&self) -> &[String] {
        match &self.operation.edit {
            _ if self.operation.kind == OperationKind::Delete => &[],
            Some(edit) => &edit.guests.add,
            None => &self.group.guests,
        }
    }
}

impl Operation {
    /// An operation before anything was sent.
    pub fn planned(row: RowId, is_undo: bool, kind: OperationKind) -> Self {
        let (state, sent_ms) = (State::Planned, Vec::new());
        let (target, edit, before, waits_for, takes_over) = (None, None, None, None, false);
        Self { row, is_undo, kind, state, sent_ms, attempts: 0, target, edit, before, level: 0, waits_for, takes_over }
    }

    /// The group that it is about, if it is known.
    pub fn group(&self) -> Option<&GroupRef> {
        match &self.state {
            State::Ended(
                Outcome::Created { group, .. }
                | Outcome::Exists { group, .. }
                | Outcome::Updated { group, .. }
                | Outcome::Unchanged { group },
            ) => Some(group),
            _ => self.target.as_ref(),
        }
    }

    /// The group that it created or changed is known as it is now: later operations of this journal changed it again, or created it
    /// again under another id.
    pub fn follow(&mut self, owned: &HashMap<String, OwnedGroup>, created: &HashMap<RowId, &GroupRef>) {
        let now = match &self.state {
            State::Ended(Outcome::Created { .. }) => created.get(&self.row).copied(),
            State::Ended(Outcome::Updated { group, .. }) => owned.get(&group.id).map(|owned| &owned.group_ref),
            _ => None,
        };
        let known = (now, &mut self.state);
        if let (Some(now), State::Ended(Outcome::Created { group, .. } | Outcome::Updated { group, .. })) = known {
            (group.id, group.stamp) = (now.id.clone(), now.stamp.clone());
        }
    }

    /// The whole group as an update leaves it; none before the group was read.
    pub fn left(&self) -> Option<Group> {
        Some(self.edit.as_ref()?.apply(self.before.as_ref()?))
    }

    /// Whether an attempt may have been applied.
    pub fn was_sent(&self) -> bool {
        !self.sent_ms.is_empty()
    }

    /// Whether an attempt before the one under way may have been applied, although nothing showed it for long enough.
    pub fn may_be_applied(&self) -> bool {
        self.sent_ms.len() > usize::from(self.state == State::Sending)
    }

    /// The operation after several changes.
    ///
    /// # Errors
    /// If one is impossible.
    pub fn after(self, changes: impl IntoIterator<Item = Change>) -> Result<Self, String> {
        changes.into_iter().try_fold(self, Self::next)
    }

    /// The operation after a change.
    ///
    /// # Errors
    /// If the change is impossible.
    pub fn next(mut self, change: Change) -> Result<Self, String> {
        match (&self.state, change) {
            (State::Planned, Change::Begin(now_ms)) => {
                self.sent_ms.push(now_ms);
                self.attempts += 1;
                self.state = State::Sending;
            }
            (State::Sending, change @ (Change::Withdraw | Change::NotApplied)) => {
                self.sent_ms.pop();
                self.attempts -= u32::from(change == Change::Withdraw);
                self.state = State::Planned;
            }
            (State::Sending, Change::Absent) => self.state = State::Planned,
            (State::Sending, Change::Read(group)) if self.edit.is_some() => {
                // What an earlier attempt may have changed is not what was there before.
                if !self.may_be_applied() || self.before.is_none() {
                    self.before = Some(group);
                }
                return self.next(Change::Withdraw);
            }
            (State::Planned | State::Sending, Change::Incomplete(group)) if self.may_be_completed() => {
                self.kind = OperationKind::Update;
                self.note_sent();
                self.target = Some(group);
                self.state = State::Planned;
            }
            (State::Sending, Change::Missing) if self.kind == OperationKind::Update && self.edit.is_none() => {
                (self.kind, self.target) = (OperationKind::Create, None);
                return self.next(Change::NotApplied);
            }
            (State::Planned, Change::Add(group, before, edit)) if self.may_be_completed() && !self.was_sent() => {
                (self.kind, self.target) = (OperationKind::Update, Some(group));
                (self.before, self.edit) = (Some(before), Some(edit));
            }
            (State::Planned | State::Sending, Change::End(outcome)) if self.ends_with(outcome.status()) => {
                self.state = State::Ended(outcome);
            }
            (State::Ended(Outcome::Unknown(_)), Change::Resume) if self.kind == OperationKind::Create => {
                self.note_sent();
                self.state = State::Sending;
            }
            (State::Ended(outcome), Change::Resume) if outcome.status().is_open() => {
                if outcome.status() == Status::Unknown {
                    self.note_sent();
                }
                self.state = State::Planned;
            }
            (_, change) => return Err(format!("{change:?} is impossible for {self:?}")),
        }
        Ok(self)
    }

    /// An attempt may have been applied, if none is known at some time.
    fn note_sent(&mut self) {
        if self.sent_ms.is_empty() {
            self.sent_ms.push(None);
        }
    }

    /// Whether it creates a group, or completes one that it created.
    fn may_be_completed(&self) -> bool {
        self.kind != OperationKind::Delete && self.edit.is_none()
    }

    /// Whether it can have this outcome now: only what was sent can have been applied.
    fn ends_with(&self, status: Status) -> bool {
        let is_delete = self.kind == OperationKind::Delete;
        match status {
            Status::Created => self.may_be_completed() && self.was_sent(),
            Status::Exists => self.may_be_completed(),
            Status::Updated | Status::Unchanged => self.edit.is_some(),
            Status::Deleted => is_delete && self.was_sent(),
            Status::Gone => is_delete,
            Status::Held | Status::Failed | Status::Unknown => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RequestError;

    fn group() -> GroupRef {
        GroupRef::new("g1")
    }

    fn error() -> RequestError {
        RequestError::interrupted()
    }

    fn after(kind: OperationKind, changes: &[Change]) -> Result<(State, bool, u32), String> {
        let operation = Operation::planned(RowId(1), false, kind).after(changes.to_vec())?;
        Ok((operation.state.clone(), operation.may_be_applied(), operation.attempts))
    }

    #[test]
    fn an_attempt_that_may_have_been_applied_is_remembered_through_all_later_ones() {
        use Change::{Absent, Begin, End, NotApplied, Resume, Withdraw};
        let failed = || End(Outcome::Failed(error()));
        for (changes, may_be_applied, attempts) in [
            (vec![Begin(None), NotApplied], false, 1),
            (vec![Begin(None), Withdraw], false, 0),
            (vec![Begin(None), Absent], true, 1),
            (vec![Begin(None), Absent, Begin(None), NotApplied], true, 2),
            (vec![Begin(None), Absent, failed(), Resume], true, 1),
            (vec![Begin(None), NotApplied, failed(), Resume], false, 1),
        ] {
            let planned = (State::Planned, may_be_applied, attempts);
            assert_eq!(after(OperationKind::Create, &changes).unwrap(), planned, "{changes:?}");
        }
        let unknown = [Begin(None), End(Outcome::Unknown(error())), Resume];
        assert_eq!(after(OperationKind::Create, &unknown).unwrap().0, State::Sending, "it is in doubt again");
        assert_eq!(after(OperationKind::Delete, &unknown).unwrap(), (State::Planned, true, 1));
    }

    #[test]
    fn a_group_that_lacks_guests_is_updated_and_one_that_is_deleted_meanwhile_is_created_again() {
        use Change::{Begin, End, Incomplete, Missing};
        let found = Operation::planned(RowId(1), false, OperationKind::Create)
            .after([Begin(None), Incomplete(group())])
            .unwrap();
        assert_eq!(
            (found.kind, &found.target, found.state == State::Planned),
            (OperationKind::Update, &Some(group()), true)
        );
        assert!(found.clone().after([Begin(None), End(Outcome::found(group()))]).is_ok());
        let missing = found.after([Begin(None), Missing]).unwrap();
        assert_eq!((missing.kind, missing.target, missing.attempts), (OperationKind::Create, None, 2));
    }

    #[test]
    fn nothing_is_applied_that_was_not_sent_and_an_outcome_is_final_for_its_run() {
        use Change::{Absent, Begin, End, Incomplete, Missing, NotApplied, Resume, Withdraw};
        use OperationKind::{Create, Delete};
        let (created, exists) =
            (End(Outcome::found(group())), End(Outcome::Exists { group: group(), http_status: None }));
        for (kind, changes) in [
            (Create, vec![created.clone()]),
            (Create, vec![Begin(None), NotApplied, created.clone()]),
            (Create, vec![End(Outcome::Gone)]),
            (Create, vec![Begin(None), Missing]),
            (Delete, vec![End(Outcome::Deleted { http_status: 404 })]),
            (Delete, vec![Begin(None), created.clone()]),
            (Delete, vec![Begin(None), Incomplete(group())]),
            (Create, vec![Begin(None), Begin(None)]),
            (Create, vec![NotApplied]),
            (Create, vec![Withdraw]),
            (Create, vec![Absent]),
            (Create, vec![Resume]),
            (Create, vec![Begin(None), created.clone(), Begin(None)]),
            (Create, vec![Begin(None), created, Resume]),
            (Create, vec![exists.clone(), Resume]),
            (Create, vec![exists, End(Outcome::Failed(error()))]),
        ] {
            assert!(after(kind, &changes).is_err(), "{kind:?} {changes:?}");
        }
    }
}
