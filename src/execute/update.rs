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
use crate::model::{ExistingGroup, Group, GroupRef, Outcome, RequestError};
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
            Ok(_) => self.sent_again(task, lack(group), number, Change::Incomplete(group.clone())).await,
            Err(Unread::Stopped) => Step::Stop(Change::Incomplete(group.clone())),
            Err(unread) => Step::End(Some(Change::Incomplete(group.clone())), Outcome::Unknown(unread.on(lack(group)))),
        }
    }

    /// Changes a group: reads it, and sends it as it is to be.
    pub(super) async fn update(
        &self,
        task: &mut GroupOperation,
        guest_permit: Option<GuestPermit>,
        number: u32,
    ) -> Step {
        let Some(group) = task.operation.target.clone() else { return Step::Again(Change::Missing) };
        let has_edit = task.operation.edit.is_some();
        let seen = match self.api.group(&group.id).await {
            Ok(Some(seen)) => seen,
            Ok(None) => return gone(has_edit),
            Err(Unread::Stopped) => return Step::Stop(Change::Withdraw),
            Err(Unread::Failed(error)) if has_edit && !task.operation.may_be_applied() => {
                return Step::End(Some(Change::Withdraw), Outcome::Failed(error));
            }
            Err(unread) => {
                let error = if has_edit { RequestError::interrupted() } else { lack(&group) };
                return Step::End(Some(Change::Withdraw), Outcome::Unknown(unread.on(error)));
            }
        };
        let (whole, before) = match self.wanted(task, &seen) {
            Wanted::Whole(whole, before) => (whole, before),
            Wanted::Held(why) => return held(&why),
            Wanted::Done(group) => {
                if number > 1 {
                    // An attempt of this run did it, although its response did not say so.
                    self.api.limiter.had_effect();
                }
                return Step::End(Some(Change::Withdraw), Outcome::made(has_edit, group, 201));
            }
        };
        if let Some(before) = before {
            // What is there now must be on disk before it is changed.
            match self.begin_again(task.clone(), Change::Read(before)).await {
                Some(begun) => *task = begun,
                None => return Step::Stop(Change::Withdraw),
            }
        }
        let Some(permit) = self.api.permit(true).await else { return Step::Stop(Change::Withdraw) };
        let class = self.api.update_group(permit, &group.id, &whole).await;
        self.quota.row_answered(guest_permit, task.invited(), class.of_guests());
        self.after_update(task, &group, class, &whole, number).await
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
        let unapplied = |error: RequestError| if has_edit { error } else { error.and(&lack(group).message) };
        match class {
            Class::Applied(created) => Step::End(None, created.outcome(whole, has_edit)),
            Class::GuestQuota(error, _) | Class::NotApplied(error) if has_edit => {
                self.sent_again(task, error, number, Change::NotApplied).await
            }
            Class::GuestQuota(error, _) | Class::NotApplied(error) | Class::Ambiguous(error) => {
                self.sent_again(task, unapplied(error), number, Change::Absent).await
            }
            Class::Refused(error) | Class::NameTaken(error) | Class::MaybeTaken(error) => {
                let outcome = match has_edit {
                    _ if task.operation.is_undo => Outcome::Held { message: error.message },
                    true => Outcome::Failed(error),
                    false => Outcome::Unknown(unapplied(error)),
                };
                Step::End(Some(Change::NotApplied), outcome)
            }
            Class::NotThere => gone(has_edit),
            Class::Stop(_) => Step::Stop(Change::NotApplied),
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
        let whole = edit.apply(&now);
        if whole == now { done() } else { Wanted::Whole(whole, Some(Box::new(now))) }
    }
}

fn held(why: &str) -> Step {
    Step::End(Some(Change::Withdraw), Outcome::Held { message: why.to_owned() })
}

/// What follows if the group does not exist.
fn gone(has_edit: bool) -> Step {
    if has_edit { held("the group was deleted meanwhile") } else { Step::Again(Change::Missing) }
}

fn lack(group: &GroupRef) -> RequestError {
    let message = format!("the group is there ({}), but not known to have all of its guests", group.id);
    RequestError { message, ..RequestError::guests_missing() }
}
