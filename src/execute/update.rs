//! Changes groups that exist: as a plan says, or so that a group which was found has all guests of its row.
//!
//! The group is read first, so that nobody's change is overwritten, and is sent as it is to be as a whole. That is safe to repeat. The
//! guest quota may refuse a row whose group is created already: such a group is given all guests at once.

use super::api::{Created, Unread};
use super::classify::Class;
use super::follow::Step;
use super::worker::Worker;
use crate::journal::{Change, GroupOperation};
use crate::limit::GuestPermit;
use crate::model::{Edit, ExistingGroup, Field, Group, GroupRef, Outcome, RequestError};
use crate::plan::{completed, may_apply};
use crate::tallyfy::Transport;

/// What an update makes of a group as it is now.
enum Wanted {
    /// It is as it is to be.
    Done(GroupRef),
    /// This, from that.
    Whole(Group, Option<Box<Group>>),
    /// It is left alone.
    Held(String),
}

impl<E: Transport> Worker<E> {
    /// What follows on a lookup that found the group of a row with guests.
    pub(super) async fn see_to_guests(&self, task: &GroupOperation, group: &GroupRef, number: u32) -> Step {
        match self.api.group(&group.id).await {
            Ok(Some(seen)) if completed(task.group.clone(), &seen).is_none() => {
                Step::End(None, Outcome::found(seen.group_ref))
            }
            Ok(_) => self.lacking(group, lack(group), number).await,
            Err(Unread::Stopped) => Step::Stop(Change::Incomplete(group.clone())),
            Err(unread) => Step::End(Some(Change::Incomplete(group.clone())), Outcome::Unknown(unread.on(lack(group)))),
        }
    }

    /// Changes a group; gives the operation as it is then, and nothing if the run stops meanwhile.
    pub(super) async fn update(
        &self,
        task: GroupOperation,
        guest_permit: Option<GuestPermit>,
        number: u32,
    ) -> Option<(GroupOperation, Step)> {
        let Some(group) = task.operation.target.clone() else { return Some((task, Step::Again(Change::Missing))) };
        let has_edit = task.operation.edit.is_some();
        let seen = match self.api.group(&group.id).await {
            Ok(Some(seen)) => seen,
            Ok(None) if has_edit => return Some((task, held("the group was deleted meanwhile"))),
            // It was deleted since.
            Ok(None) => return Some((task, Step::Again(Change::Missing))),
            Err(Unread::Stopped) => return Some((task, Step::Stop(Change::Withdraw))),
            Err(unread) => {
                let outcome = match unread {
                    Unread::Failed(error) if has_edit && !task.operation.may_be_applied() => Outcome::Failed(error),
                    unread => Outcome::Unknown(unread.on(in_doubt(&task, &group))),
                };
                return Some((task, Step::End(Some(Change::Withdraw), outcome)));
            }
        };
        let (whole, before) = match self.wanted(&task, &seen) {
            Wanted::Whole(whole, before) => (whole, before),
            Wanted::Held(why) => return Some((task, held(&why))),
            Wanted::Done(group) => {
                if number > 1 {
                    // An attempt of this run did it, although its response did not say so.
                    self.api.limiter.had_effect();
                }
                let outcome = if has_edit { updated(group, 201) } else { Outcome::found(group) };
                return Some((task, Step::End(Some(Change::Withdraw), outcome)));
            }
        };
        // What is there now must be on disk before it is changed.
        let task = match before {
            Some(before) => self.begin_again(task, Change::Read(before)).await?,
            None => task,
        };
        let Some(permit) = self.api.permit(true).await else { return Some((task, Step::Stop(Change::Withdraw))) };
        let class = self.api.update_group(permit, &group.id, &whole).await;
        self.quota.row_answered(guest_permit, task.invited(), class.of_guests());
        let step = self.after_update(&task, &group, class, &whole, number).await;
        Some((task, step))
    }

    /// What follows on the response to an update.
    async fn after_update(
        &self,
        task: &GroupOperation,
        group: &GroupRef,
        class: Class<Created>,
        whole: &Group,
        number: u32,
    ) -> Step {
        let has_edit = task.operation.edit.is_some();
        let unapplied = |error: RequestError| error.and(&in_doubt(task, group).message);
        match class {
            Class::Applied(created) => match created.outcome(whole) {
                Outcome::Created { group, http_status } if has_edit => Step::End(None, updated(group, http_status)),
                outcome => Step::End(None, outcome),
            },
            Class::Ambiguous(error) if has_edit => self.sent_again(error, number, Change::Absent).await,
            Class::GuestQuota(error, _) | Class::NotApplied(error) if has_edit => {
                self.sent_again(error, number, Change::NotApplied).await
            }
            Class::Refused(error) | Class::NameTaken(error) | Class::MaybeTaken(error) if task.operation.is_undo => {
                Step::End(Some(Change::NotApplied), Outcome::Held { message: error.message })
            }
            Class::Refused(error) | Class::NameTaken(error) | Class::MaybeTaken(error) if has_edit => {
                Step::End(Some(Change::NotApplied), Outcome::Failed(error))
            }
            Class::NotThere if has_edit => held("the group was deleted meanwhile"),
            Class::GuestQuota(error, _) | Class::Ambiguous(error) | Class::NotApplied(error) => {
                self.lacking(group, unapplied(error), number).await
            }
            Class::Refused(error) | Class::NameTaken(error) | Class::MaybeTaken(error) => {
                Step::End(None, Outcome::Unknown(unapplied(error)))
            }
            Class::Stop(_) => Step::Stop(Change::NotApplied),
            Class::NotThere => Step::Again(Change::Missing),
            Class::Held => Step::Stop(Change::Withdraw),
        }
    }

    /// What becomes of a group that is as it was just read.
    fn wanted(&self, task: &GroupOperation, seen: &ExistingGroup) -> Wanted {
        let done = || Wanted::Done(seen.group_ref.clone());
        let Some(edit) = &task.operation.edit else {
            return completed(task.group.clone(), seen).map_or_else(done, |whole| Wanted::Whole(whole, None));
        };
        let Some(now) = seen.whole() else {
            return Wanted::Held("the organization does not show its people".to_owned());
        };
        if !may_apply(edit, &now, self.policy.allows_empty) {
            return Wanted::Held("would become empty".to_owned());
        }
        if self.policy.mirrors && has_others(edit, &task.group, &now) {
            return Wanted::Held("somebody was added to the group since the plan".to_owned());
        }
        let whole = edit.apply(&now);
        if whole == now { done() } else { Wanted::Whole(whole, Some(Box::new(now))) }
    }

    /// Another attempt, unless there were enough.
    async fn sent_again(&self, error: RequestError, number: u32, known: Change) -> Step {
        if number >= self.api.attempts_max {
            return match known {
                Change::Absent => Step::End(None, Outcome::Unknown(error)),
                known => Step::GiveUp(known, error),
            };
        }
        tracing::info!(attempt = number, "{}; sending again", error.message);
        self.pause(number, known).await
    }

    /// The group lacks guests, which are sent again as often as a row is.
    async fn lacking(&self, group: &GroupRef, error: RequestError, number: u32) -> Step {
        let known = Change::Incomplete(group.clone());
        if number >= self.api.attempts_max {
            return Step::End(Some(known), Outcome::Unknown(error));
        }
        tracing::info!(attempt = number, "{}; sending them", error.message);
        self.pause(number, known).await
    }
}

/// Whether a group has somebody in a managed list whom its row does not list, and of whom the plan did not know.
fn has_others(edit: &Edit, desired: &Group, now: &Group) -> bool {
    let is_managed = |field: Field| !desired.unmanaged.contains(&field);
    is_managed(Field::Members) && !edit.members.knows_all(&desired.members, &now.members)
        || is_managed(Field::Guests) && !edit.guests.knows_all(&desired.guests, &now.guests)
}

fn held(why: &str) -> Step {
    Step::End(Some(Change::Withdraw), Outcome::Held { message: why.to_owned() })
}

fn updated(group: GroupRef, http_status: u16) -> Outcome {
    Outcome::Updated { group, http_status }
}

/// The error of an update without another one.
fn in_doubt(task: &GroupOperation, group: &GroupRef) -> RequestError {
    if task.operation.edit.is_some() { RequestError::interrupted() } else { lack(group) }
}

fn lack(group: &GroupRef) -> RequestError {
    let message = format!("the group is there ({}), but not known to have all of its guests", group.id);
    RequestError { message, ..RequestError::guests_missing() }
}
