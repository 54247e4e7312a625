//! Updates groups that were found, rather than answered, and may lack guests.
//!
//! The guest quota may refuse a row whose group is created already. A group that lacks guests is given all that it is to have at once,
//! which is safe to repeat.

use super::api::Unread;
use super::classify::Class;
use super::follow::Step;
use super::worker::Worker;
use crate::journal::{Change, GroupOperation};
use crate::limit::GuestPermit;
use crate::model::{GroupRef, Outcome, RequestError};
use crate::plan::completed;
use crate::tallyfy::Transport;

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

    /// Gives a group the guests that it lacks.
    pub(super) async fn update(&self, task: &GroupOperation, guest_permit: Option<GuestPermit>, number: u32) -> Step {
        let Some(group) = &task.operation.target else { return Step::Again(Change::Missing) };
        let withdrawn = Some(Change::Withdraw);
        let seen = match self.api.group(&group.id).await {
            Ok(Some(seen)) => seen,
            // It was deleted since.
            Ok(None) => return Step::Again(Change::Missing),
            Err(Unread::Stopped) => return Step::Stop(Change::Withdraw),
            Err(unread) => return Step::End(withdrawn, Outcome::Unknown(unread.on(lack(group)))),
        };
        let Some(whole) = completed(task.group.clone(), &seen) else {
            if number > 1 {
                // An attempt of this run did it, although its response did not say so.
                self.api.limiter.had_effect();
            }
            return Step::End(withdrawn, Outcome::found(seen.group_ref));
        };
        let Some(permit) = self.api.permit(true).await else { return Step::Stop(Change::Withdraw) };
        let class = self.api.update_group(permit, &group.id, &whole).await;
        self.quota.row_answered(guest_permit, &task.group.guests, class.of_guests());
        let lacking = |error: RequestError| error.and(&lack(group).message);
        match class {
            Class::Applied(created) => Step::End(None, created.outcome(&whole)),
            Class::GuestQuota(error, _) | Class::Ambiguous(error) | Class::NotApplied(error) => {
                self.lacking(group, lacking(error), number).await
            }
            Class::Refused(error) | Class::NameTaken(error) | Class::MaybeTaken(error) => {
                Step::End(None, Outcome::Unknown(lacking(error)))
            }
            Class::Stop(_) => Step::Stop(Change::NotApplied),
            Class::NotThere => Step::Again(Change::Missing),
            Class::Held => Step::Stop(Change::Withdraw),
        }
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

fn lack(group: &GroupRef) -> RequestError {
    let message = format!("the group is there ({}), but not known to have all of its guests", group.id);
    RequestError { message, ..RequestError::guests_missing() }
}
