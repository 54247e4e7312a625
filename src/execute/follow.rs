//! Decides what follows on the response to a create, and on the lookup of a group that may have been created. Pure.
//!
//! An answer that never came is looked up. A row is sent again only when no list showed its group for long enough.

use super::api::{Created, Unread};
use super::classify::Class;
use crate::journal::{Change, Operation};
use crate::model::{ExistingGroup, Group, OnExisting, Outcome, RequestError, best};
use crate::plan;

/// What follows on an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// That is known of it; another one follows.
    Again(Change),
    /// The outcome; and what is known of the attempt, where the outcome does not say it.
    End(Option<Change>, Outcome),
    /// That is known of it; all attempts are used up.
    GiveUp(Change, RequestError),
    /// That is known of it; the run stops.
    Stop(Change),
}

/// What follows on the response to a create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Its effect is known.
    Step(Step),
    /// Another attempt, after a pause.
    Pause(RequestError),
    /// The group is looked up.
    Lookup(Lookup),
}

/// A lookup by the row's name: each time after a wait, until lists show a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lookup {
    /// When to look.
    pub when: When,
    /// What it means if no list shows a group.
    pub absent: Absent,
    /// The error of the attempt.
    pub error: RequestError,
}

/// When to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// Once, now: the group was there before.
    Now,
    /// Now, and once more.
    Twice,
    /// Several times, until a group that was created must show.
    UntilSettled,
    /// Now, and then until a group that was created must show.
    NowUntilSettled,
    /// Once, when a group that was created must show.
    Settled,
}

/// What it means for a row if no list shows a group of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Absent {
    /// The attempt had no effect: it may be sent again.
    Again,
    /// The server refused it, and no earlier attempt had an effect.
    Refused,
    /// The name is taken, and an earlier attempt may have done it.
    Unknown,
    /// The name is taken by somebody else's group.
    Others,
}

/// What follows on the response to a create.
pub fn after_create(class: Class<Created>, sent: &Group, operation: &Operation) -> Next {
    let may_be_ours = operation.may_be_applied();
    let lookup = |when, absent, error| Next::Lookup(Lookup { when, absent, error });
    match class {
        Class::Applied(created) => Next::Step(Step::End(None, created.outcome(sent, false))),
        Class::Refused(error) | Class::MaybeTaken(error) if may_be_ours => lookup(When::Now, Absent::Refused, error),
        Class::Refused(error) => Next::Step(Step::End(Some(Change::NotApplied), Outcome::Failed(error))),
        Class::MaybeTaken(error) => lookup(When::Now, Absent::Others, error),
        // Lists may not show the group yet.
        Class::NameTaken(error) if may_be_ours => lookup(When::NowUntilSettled, Absent::Unknown, error),
        Class::NameTaken(error) => lookup(When::Twice, Absent::Others, error),
        Class::NotApplied(error) => Next::Pause(error),
        // Only a request for a group that exists is answered so.
        Class::NotThere => Next::Step(Step::Again(Change::NotApplied)),
        Class::Ambiguous(error) => lookup(When::UntilSettled, Absent::Again, error),
        // Nothing of it is on its way any more, and it is not sent again soon: one look is as good as several.
        Class::GuestQuota(error, _) => lookup(When::Settled, Absent::Again, error),
        Class::Stop(_) => Next::Step(Step::Stop(Change::NotApplied)),
        Class::Held => Next::Step(Step::Stop(Change::Withdraw)),
    }
}

/// What follows on a lookup that found these groups.
pub fn after_lookup(
    Lookup { absent, error, .. }: Lookup,
    found: Result<&[ExistingGroup], Unread>,
    sent: &Group,
    operation: &Operation,
    on_existing: OnExisting,
    is_last: bool,
) -> Step {
    let not_applied = Some(Change::NotApplied);
    let groups = match (found, absent) {
        (Ok(groups), _) => groups,
        (Err(Unread::Stopped), Absent::Others) => return Step::Stop(Change::NotApplied),
        (Err(unread), Absent::Others) => return Step::End(not_applied, Outcome::Failed(unread.on(error))),
        (Err(unread), _) => return Step::End(None, Outcome::Unknown(unread.on(error))),
    };
    if absent == Absent::Others {
        let taken = best(&sent.name, groups).first().map(|group| group.group_ref.clone());
        let http_status = error.http_status;
        let outcome =
            taken.map_or(Outcome::Failed(error), |group| plan::already_exists(group, on_existing, http_status));
        return Step::End(not_applied, outcome);
    }
    if let Some(outcome) = plan::ours(sent, &operation.sent_ms, groups, error.clone()) {
        return Step::End(None, outcome);
    }
    match absent {
        Absent::Again if is_last => Step::GiveUp(Change::Absent, error),
        Absent::Again => Step::Again(Change::Absent),
        Absent::Unknown => {
            Step::End(None, Outcome::Unknown(error.and("a send before may have made the group; no list shows it")))
        }
        Absent::Refused | Absent::Others => Step::End(not_applied, Outcome::Failed(error)),
    }
}
