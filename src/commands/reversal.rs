//! Decides from what exists now how an operation is taken back, and how that is shown. Pure.

use std::slice;

use crate::journal::{Change, Operation, OperationKind, PastOperation, State};
use crate::model::{Action, ActionKind, Edit, ExistingGroup, Group, GroupRef, Outcome, RequestError, RowId, Status};
use crate::plan::{changes, claim};

/// What takes an operation back.
pub(super) struct Reversal {
    kind: OperationKind,
    target: Option<GroupRef>,
    edit: Option<Box<Edit>>,
    /// Why it is not carried out, or what is special about it.
    detail: String,
    /// What became of it, if it is not carried out.
    outcome: Option<Outcome>,
}

impl Reversal {
    /// Decides by the group of the operation, if it exists, and by those that have the name of a deleted one.
    pub(super) fn of(
        PastOperation { undoing, done }: &PastOperation,
        found: Option<&ExistingGroup>,
        named: impl FnOnce() -> Vec<ExistingGroup>,
        is_forced: bool,
    ) -> Self {
        let (operation, group) = (&undoing.operation, &undoing.group);
        let whole = found.and_then(ExistingGroup::whole);
        let is_in_doubt = !matches!(done.state, State::Ended(_));
        match (&done.state, found) {
            (State::Ended(Outcome::Deleted { .. }), _) => create_again(operation, group, &named()),
            // A request of a run that was killed may have arrived only now.
            _ if is_in_doubt && done.kind == OperationKind::Delete && found.is_none() => {
                create_again(operation, group, &named())
            }
            (State::Ended(Outcome::Updated { group: left, .. } | Outcome::Unchanged { group: left }), _) => {
                restore(operation, done, left, found, is_forced)
            }
            (_, Some(found)) if is_in_doubt && whole.is_some() && whole == done.left() => {
                restore(operation, done, &found.group_ref, Some(found), is_forced)
            }
            _ if done.kind == OperationKind::Create || done.kind == OperationKind::Update && done.edit.is_none() => {
                delete(operation, group, done, found, is_forced)
            }
            // It was not applied: a group is read before it is changed.
            _ if done.kind == OperationKind::Delete
                || done.before.is_none()
                || done.before.as_deref() == whole.as_ref() =>
            {
                Self::unchanged("was not changed", done.group())
            }
            _ => {
                let why = "it is not known whether the group was changed";
                let outcome = Some(Outcome::Unknown(RequestError::interrupted().and(why)));
                Self { detail: why.to_owned(), outcome, ..Self::of_update(done) }
            }
        }
    }

    fn new(kind: OperationKind, target: Option<GroupRef>) -> Self {
        Self { kind, target, edit: None, detail: String::new(), outcome: None }
    }

    /// The opposite change.
    pub(super) fn of_update(done: &Operation) -> Self {
        let edit = done.edit.clone().unwrap_or_default();
        let edit = done.before.as_ref().map_or_else(|| edit.clone(), |before| Box::new(edit.reversed(before)));
        Self { edit: Some(edit), ..Self::new(OperationKind::Update, done.group().cloned()) }
    }

    /// Only the journal notes it.
    fn unchanged(detail: &str, group: Option<&GroupRef>) -> Self {
        let reversal = Self { edit: Some(Box::default()), ..Self::new(OperationKind::Update, group.cloned()) };
        let outcome = group.cloned().map(|group| Outcome::Unchanged { group });
        let held = reversal.held(detail);
        Self { outcome: outcome.or(held.outcome), ..held }
    }

    fn held(self, message: &str) -> Self {
        Self { detail: message.to_owned(), outcome: Some(Outcome::Held { message: message.to_owned() }), ..self }
    }

    /// Leaves a group alone that is not as it was left, unless that is forced.
    fn unless_changed(self, left: &Group, made: &GroupRef, found: &ExistingGroup, is_forced: bool) -> Self {
        match changes(left, made, found) {
            Some(detail) if is_forced => Self { detail, ..self },
            Some(message) => self.held(&message),
            None => self,
        }
    }

    /// Whether the group becomes as it was before the operation, or is so already; none if the operation did not change it.
    pub(super) fn restores(&self) -> Option<bool> {
        match self.outcome.as_ref().map(Outcome::status) {
            Some(Status::Unchanged) => None,
            status => Some(status.is_none_or(|status| status == Status::Updated)),
        }
    }

    /// How it is shown.
    pub(super) fn action(&self, row: RowId, group: Group) -> Action {
        let kind = match (self.outcome.as_ref().map(Outcome::status), self.kind) {
            (Some(Status::Held | Status::Unknown), _) => ActionKind::Held,
            (Some(Status::Created | Status::Updated), _) => ActionKind::Exists,
            (Some(Status::Unchanged), _) => ActionKind::Note,
            (Some(_), _) => ActionKind::Gone,
            (None, OperationKind::Create) => ActionKind::Create,
            (None, OperationKind::Update) => ActionKind::Update,
            (None, OperationKind::Delete) => ActionKind::Delete,
        };
        let edit = self.edit.as_deref().filter(|_| kind == ActionKind::Update).cloned().unwrap_or_default();
        let reason = Some(self.detail.clone()).filter(|detail| !detail.is_empty());
        Action { edit, reason, ..Action::of(kind, row, group) }
    }

    /// The operation that carries it out, and what is known of it: its outcome too, if it is not carried out.
    pub(super) fn operation(self, operation: Operation) -> (Operation, Vec<Change>) {
        let mut known = match (&operation.state, operation.kind) {
            (State::Ended(Outcome::Unknown(_)), OperationKind::Create) => vec![Change::Resume, Change::Absent],
            (State::Ended(_), _) => vec![Change::Resume],
            (State::Sending, _) => vec![Change::Absent],
            (State::Planned, _) => Vec::new(),
        };
        let Self { kind, target, edit, outcome, .. } = self;
        known.extend(outcome.map(Change::End));
        (Operation { kind, target, edit, ..operation }, known)
    }
}

/// A group that was created is deleted.
fn delete(
    operation: &Operation,
    group: &Group,
    done: &Operation,
    found: Option<&ExistingGroup>,
    is_forced: bool,
) -> Reversal {
    let reversal = Reversal::new(OperationKind::Delete, done.group().cloned());
    let may_be_deleted = operation.was_sent() || matches!(operation.state, State::Ended(Outcome::Unknown(_)));
    match (&done.state, found) {
        (State::Ended(Outcome::Unknown(error)), None) if done.group().is_none() => {
            let (detail, outcome) = (error.message.clone(), Some(Outcome::Unknown(error.clone())));
            Reversal { detail, outcome, ..reversal }
        }
        (_, None) => Reversal { outcome: Some(Outcome::not_there(may_be_deleted)), ..reversal },
        (State::Ended(Outcome::Created { group: made, .. }), Some(found)) => {
            reversal.unless_changed(group, made, found, is_forced)
        }
        (_, Some(found)) => match claim(group, &done.sent_ms, slice::from_ref(found)) {
            Err(detail) => {
                let outcome = Some(Outcome::Unknown(RequestError::guests_missing().and(&detail)));
                Reversal { detail, outcome, ..reversal }
            }
            Ok(_) => reversal,
        },
    }
}

/// A group that was changed becomes as it was before; an attempt that was cut off may have done it.
fn restore(
    operation: &Operation,
    done: &Operation,
    left: &GroupRef,
    found: Option<&ExistingGroup>,
    is_forced: bool,
) -> Reversal {
    let Some((edit, before)) = done.edit.as_ref().zip(done.before.as_ref()) else {
        return Reversal::unchanged("stays as it is", Some(left));
    };
    let reversal = Reversal { target: Some(left.clone()), ..Reversal::of_update(done) };
    let is_back = |now: &Group| edit.reversed(before).apply(now) == *now;
    match found {
        Some(found) if operation.was_sent() && found.whole().as_ref().is_some_and(is_back) => {
            let outcome = Outcome::Updated { group: found.group_ref.clone(), http_status: 201 };
            Reversal { outcome: Some(outcome), ..reversal }
        }
        None => reversal.held("the group does not exist any more"),
        Some(_) if edit.description.is_some() && before.description.is_none() => {
            reversal.held("it had no description, and the API cannot take one away")
        }
        Some(found) => reversal.unless_changed(&edit.apply(before), left, found, is_forced),
    }
}

/// A group that was deleted is created again, unless another one has its name; one of an attempt that was cut off is found.
fn create_again(operation: &Operation, group: &Group, named: &[ExistingGroup]) -> Reversal {
    let reversal = Reversal::new(OperationKind::Create, operation.target.clone());
    let found = if operation.was_sent() { claim(group, &operation.sent_ms, named) } else { Ok(None) };
    match found {
        Ok(Some(found)) => Reversal { outcome: Some(Outcome::found(found)), ..reversal },
        _ if named.is_empty() => Reversal { detail: "under a new id".to_owned(), ..reversal },
        _ => reversal.held("another group has this name"),
    }
}
