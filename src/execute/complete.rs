//! Groups of rows with guests that were found, rather than answered: each is checked to have all of them.
//!
//! The guest quota may refuse a row whose group is created already. A group that lacks guests is given all that it is to
//! have at once, which is safe to repeat.

use std::iter;
use std::time::Duration;

use super::api::Unread;
use super::classify::Class;
use super::deliver::{Sending, Step, Worker};
use crate::limit::GuestPermit;
use crate::model::{Effect, Fate, Group, Job, Tag, Trouble, best};
use crate::plan::completed;
use crate::tallyfy::Transport;

impl<E: Transport> Worker<E> {
    /// Settles a row whose group was found, unless it lacks guests: then they are sent next.
    pub(super) async fn see_to_guests(&self, job: &Job, group: &Tag, number: u32) -> Step {
        match self.look_at(job, group).await {
            Ok((group, None)) => Step::Settle(Fate::found(group)),
            Ok(_) => self.lacking_again(lack(group), number).await,
            Err(unread) => unseen(unread, group),
        }
    }

    /// Gives a group that was created the guests that it lacks.
    pub(super) async fn complete(&self, job: Job, permit: Option<GuestPermit>, number: u32) -> (Job, Step) {
        let waits = iter::once(Duration::ZERO).chain(self.api.looks(Duration::ZERO));
        let step = match self.lookup(&job, waits).await {
            Ok(groups) => match best(&job.group.name, &groups).as_slice() {
                // It was deleted since.
                [] => Step::SendAgain(Effect::Absent),
                [group] => match self.look_at(&job, &group.tag).await {
                    Ok((group, None)) => {
                        if number > 1 {
                            // An attempt of this run did it, although its response did not say so.
                            self.api.limiter.had_effect();
                        }
                        Step::Settle(Fate::found(group))
                    }
                    Ok((group, Some(whole))) => return self.send_guests(job, &group, &whole, (permit, number)).await,
                    Err(unread) => unseen(unread, &group.tag),
                },
                [first, ..] => Step::Settle(Fate::Unknown(lack(&first.tag).and("several groups have its name"))),
            },
            Err(Unread::Stopped) => Step::GiveBack(Effect::Made),
            Err(unread) => Step::Settle(Fate::Unknown(unread.on(Trouble::interrupted()))),
        };
        (job, step)
    }

    async fn send_guests(
        &self,
        job: Job,
        group: &Tag,
        whole: &Group,
        (permit, number): (Option<GuestPermit>, u32),
    ) -> (Job, Step) {
        let Some(Sending { begun, permit: leave }) = self.begin(job.clone()).await else {
            return (job, Step::GiveBack(Effect::Made));
        };
        let job = begun.spend();
        let class = self.api.update_group(leave, &group.id, whole).await;
        self.quota.row_answered(permit, &job.group.guests, class.of_guests());
        let with_lack = |trouble: Trouble| trouble.and(&lack(group).message);
        let step = match class {
            Class::Applied(created) => Step::Settle(created.fate(whole)),
            Class::GuestQuota(trouble, _) | Class::Ambiguous(trouble) | Class::NotApplied(trouble) => {
                self.lacking_again(with_lack(trouble), number).await
            }
            Class::Refused(trouble) | Class::NameTaken(trouble) | Class::MaybeTaken(trouble) => {
                Step::Settle(Fate::Unknown(with_lack(trouble)))
            }
            Class::Stop(halt) => {
                self.api.stop.raise(halt);
                Step::GiveBack(Effect::Made)
            }
            // It was deleted meanwhile.
            Class::NotThere => Step::SendAgain(Effect::Made),
            Class::Held => Step::Release,
        };
        (job, step)
    }

    /// The group lacks guests, which are sent again as often as a row is.
    async fn lacking_again(&self, trouble: Trouble, number: u32) -> Step {
        if number >= self.policy.attempts_max {
            return Step::Settle(Fate::Unknown(trouble));
        }
        tracing::info!(attempt = number, "{}; sending them", trouble.message);
        if self.api.back_off(number).await { Step::SendAgain(Effect::Made) } else { Step::GiveBack(Effect::Made) }
    }

    /// The group, and what it is to become if it lacks guests.
    async fn look_at(&self, job: &Job, group: &Tag) -> Result<(Tag, Option<Group>), Unread> {
        let sent = job.group.clone();
        Ok(match self.api.group(&group.id).await? {
            Some(seen) => (seen.tag.clone(), completed(sent, &seen)),
            None => (group.clone(), Some(sent)),
        })
    }
}

fn unseen(unread: Unread, group: &Tag) -> Step {
    match unread {
        Unread::Stopped => Step::GiveBack(Effect::Made),
        unread @ Unread::Failed(_) => Step::Settle(Fate::Unknown(unread.on(lack(group)))),
    }
}

fn lack(group: &Tag) -> Trouble {
    let message = format!("the group is there ({}), but not known to have all of its guests", group.id);
    Trouble { message, ..Trouble::guests_missing() }
}
