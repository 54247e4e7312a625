//! Updates groups that were found, rather than answered, and may lack guests.
//!
//! The guest quota may refuse a row whose group is created already. A group that lacks guests is given all that it is to have at once,
//! which is safe to repeat.

use super::api::Unread;
use super::classify::Class;
use super::follow::Step;
use super::worker::Worker;
use crate::journal::{Change, Job};
use crate::limit::GuestPermit;
use crate::model::{Fate, Tag, Trouble};
use crate::plan::completed;
use crate::tallyfy::Transport;

impl<E: Transport> Worker<E> {
    /// What follows on a lookup that found the group of a row with guests.
    pub(super) async fn see_to_guests(&self, job: &Job, group: &Tag, number: u32) -> Step {
        match self.api.group(&group.id).await {
            Ok(Some(seen)) if completed(job.group.clone(), &seen).is_none() => Step::End(None, Fate::found(seen.tag)),
            Ok(_) => self.lacking(group, lack(group), number).await,
            Err(Unread::Stopped) => Step::Stop(Change::Incomplete(group.clone())),
            Err(unread) => Step::End(Some(Change::Incomplete(group.clone())), Fate::Unknown(unread.on(lack(group)))),
        }
    }

    /// Gives a group the guests that it lacks.
    pub(super) async fn update(&self, job: &Job, guest_permit: Option<GuestPermit>, number: u32) -> Step {
        let Some(group) = &job.operation.target else { return Step::Again(Change::Missing) };
        let withdrawn = Some(Change::Withdraw);
        let seen = match self.api.group(&group.id).await {
            Ok(Some(seen)) => seen,
            // It was deleted since.
            Ok(None) => return Step::Again(Change::Missing),
            Err(Unread::Stopped) => return Step::Stop(Change::Withdraw),
            Err(unread) => return Step::End(withdrawn, Fate::Unknown(unread.on(lack(group)))),
        };
        let Some(whole) = completed(job.group.clone(), &seen) else {
            if number > 1 {
                // An attempt of this run did it, although its response did not say so.
                self.api.limiter.had_effect();
            }
            return Step::End(withdrawn, Fate::found(seen.tag));
        };
        let Some(permit) = self.api.permit(true).await else { return Step::Stop(Change::Withdraw) };
        let class = self.api.update_group(permit, &group.id, &whole).await;
        self.quota.row_answered(guest_permit, &job.group.guests, class.of_guests());
        let lacking = |trouble: Trouble| trouble.and(&lack(group).message);
        match class {
            Class::Applied(created) => Step::End(None, created.fate(&whole)),
            Class::GuestQuota(trouble, _) | Class::Ambiguous(trouble) | Class::NotApplied(trouble) => {
                self.lacking(group, lacking(trouble), number).await
            }
            Class::Refused(trouble) | Class::NameTaken(trouble) | Class::MaybeTaken(trouble) => {
                Step::End(None, Fate::Unknown(lacking(trouble)))
            }
            Class::Stop(_) => Step::Stop(Change::NotApplied),
            Class::NotThere => Step::Again(Change::Missing),
            Class::Held => Step::Stop(Change::Withdraw),
        }
    }

    /// The group lacks guests, which are sent again as often as a row is.
    async fn lacking(&self, group: &Tag, trouble: Trouble, number: u32) -> Step {
        let known = Change::Incomplete(group.clone());
        if number >= self.policy.attempts_max {
            return Step::End(Some(known), Fate::Unknown(trouble));
        }
        tracing::info!(attempt = number, "{}; sending them", trouble.message);
        self.pause(number, known).await
    }
}

fn lack(group: &Tag) -> Trouble {
    let message = format!("the group is there ({}), but not known to have all of its guests", group.id);
    Trouble { message, ..Trouble::guests_missing() }
}
