//! Deletes groups, unless they were changed since.
//!
//! Deleting by id is safe to repeat: after a lost answer the group is read again.

use super::api::Unread;
use super::classify::Class;
use super::follow::Step;
use super::worker::Worker;
use crate::journal::{Change, Job};
use crate::model::{Fate, Tag, Trouble};
use crate::plan::changes;
use crate::tallyfy::Transport;

/// An attempt without success.
struct Unapplied {
    trouble: Trouble,
    is_ambiguous: bool,
}

impl<E: Transport> Worker<E> {
    /// Deletes a group, which is read before the first attempt and after each one that has no success.
    pub(super) async fn delete(&self, job: &Job, number: u32) -> Step {
        let Some(group) = &job.operation.target else { return Step::End(Some(Change::Withdraw), Fate::Gone) };
        if number == 1
            && let Some(step) = self.kept(job, group, number, None).await
        {
            return step;
        }
        let Some(permit) = self.api.permit(true).await else { return Step::Stop(Change::Withdraw) };
        let attempt = match self.api.delete_group(permit, &group.id).await {
            Class::Applied(()) => return Step::End(None, Fate::Deleted(204)),
            Class::NotThere if job.operation.may_be_applied => return Step::End(None, Fate::Deleted(404)),
            Class::NotThere => return Step::End(Some(Change::NotApplied), Fate::Gone),
            Class::Refused(trouble) | Class::NameTaken(trouble) | Class::MaybeTaken(trouble) => {
                return Step::End(Some(Change::NotApplied), Fate::Failed(trouble));
            }
            Class::NotApplied(trouble) => Unapplied { trouble, is_ambiguous: false },
            Class::Ambiguous(trouble) | Class::GuestQuota(trouble, _) => Unapplied { trouble, is_ambiguous: true },
            Class::Stop(_) => return Step::Stop(Change::NotApplied),
            Class::Held => return Step::Stop(Change::Withdraw),
        };
        let (row, said) = (job.operation.row.0, &attempt.trouble.message);
        tracing::info!(row, attempt = number, "deleting: {said}; looking whether it is there");
        // A stop is noticed by the read that follows.
        self.api.back_off(number).await;
        let known = attempt.known();
        self.kept(job, group, number, Some(attempt)).await.unwrap_or(Step::Again(known))
    }

    /// What follows if a group is not deleted now, after the last attempt.
    async fn kept(&self, job: &Job, group: &Tag, number: u32, last: Option<Unapplied>) -> Option<Step> {
        let is_ambiguous = last.as_ref().is_some_and(|last| last.is_ambiguous);
        let may_be_deleted = job.operation.may_be_applied || is_ambiguous;
        let known = last.as_ref().map_or(Change::Withdraw, Unapplied::known);
        let trouble = last.map(|last| last.trouble);
        let seen = match self.api.group(&group.id).await {
            Ok(Some(seen)) => seen,
            Ok(None) => {
                if is_ambiguous {
                    self.api.limiter.had_effect();
                }
                // 404 is the status of a group that does not exist.
                return Some(Step::End(Some(known), if may_be_deleted { Fate::Deleted(404) } else { Fate::Gone }));
            }
            Err(Unread::Stopped) => {
                return Some(match trouble {
                    Some(trouble) if is_ambiguous => Step::End(None, Fate::Unknown(trouble)),
                    _ => Step::Stop(known),
                });
            }
            Err(Unread::Failed(why)) => {
                let trouble = trouble.map_or(why.clone(), |trouble| Unread::Failed(why).on(trouble));
                let known = Some(known).filter(|_| !is_ambiguous);
                return Some(Step::End(
                    known,
                    if may_be_deleted { Fate::Unknown(trouble) } else { Fate::Failed(trouble) },
                ));
            }
        };
        let changes = changes(&job.group, group.stamp.as_deref(), &seen).filter(|_| !self.policy.is_forced);
        if let Some(changes) = changes {
            return Some(Step::End(Some(known), Fate::Changed(changes)));
        }
        let trouble = trouble.filter(|_| number >= self.policy.attempts_max)?;
        Some(Step::GiveUp(known, trouble))
    }
}

impl Unapplied {
    /// What is known of it, if the group still exists.
    fn known(&self) -> Change {
        if self.is_ambiguous { Change::Absent } else { Change::NotApplied }
    }
}
