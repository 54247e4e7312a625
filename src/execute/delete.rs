//! Deletes groups, unless they were changed since.
//!
//! Deleting by id is safe to repeat: after a lost answer the group is read again.

use super::api::Unread;
use super::classify::Class;
use super::follow::Step;
use super::worker::Worker;
use crate::journal::{Change, GroupOperation};
use crate::model::{GroupRef, Outcome, RequestError};
use crate::plan::changes;
use crate::tallyfy::Transport;

/// An attempt without success.
struct Unapplied {
    error: RequestError,
    is_ambiguous: bool,
}

impl<E: Transport> Worker<E> {
    /// Deletes a group, which is read before the first attempt and after each one that has no success.
    pub(super) async fn delete(&self, task: &GroupOperation, number: u32) -> Step {
        let Some(group) = &task.operation.target else { return Step::End(Some(Change::Withdraw), Outcome::Gone) };
        if number == 1
            && let Some(step) = self.kept(task, group, number, None).await
        {
            return step;
        }
        let Some(permit) = self.api.permit(true).await else { return Step::Stop(Change::Withdraw) };
        let attempt = match self.api.delete_group(permit, &group.id).await {
            Class::Applied(()) => return Step::End(None, Outcome::Deleted { http_status: 204 }),
            Class::NotThere if task.operation.may_be_applied() => return Step::End(None, Outcome::not_there(true)),
            Class::NotThere => return Step::End(Some(Change::NotApplied), Outcome::Gone),
            Class::Refused(error) | Class::NameTaken(error) | Class::MaybeTaken(error) => {
                return Step::End(Some(Change::NotApplied), Outcome::Failed(error));
            }
            Class::NotApplied(error) => Unapplied { error, is_ambiguous: false },
            Class::Ambiguous(error) | Class::GuestQuota(error, _) => Unapplied { error, is_ambiguous: true },
            Class::Stop(_) => return Step::Stop(Change::NotApplied),
            Class::Held => return Step::Stop(Change::Withdraw),
        };
        let (row, said) = (task.operation.row.0, &attempt.error.message);
        tracing::info!(row, attempt = number, "deleting: {said}; looking whether it is there");
        // A stop is noticed by the read that follows.
        self.api.back_off(number).await;
        let known = attempt.known();
        self.kept(task, group, number, Some(attempt)).await.unwrap_or(Step::Again(known))
    }

    /// What follows if a group is not deleted now, after the last attempt.
    async fn kept(
        &self,
        task: &GroupOperation,
        group: &GroupRef,
        number: u32,
        last: Option<Unapplied>,
    ) -> Option<Step> {
        let is_ambiguous = last.as_ref().is_some_and(|last| last.is_ambiguous);
        let may_be_deleted = task.operation.may_be_applied() || is_ambiguous;
        let known = last.as_ref().map_or(Change::Withdraw, Unapplied::known);
        let error = last.map(|last| last.error);
        let seen = match self.api.group(&group.id).await {
            Ok(Some(seen)) => seen,
            Ok(None) => {
                if is_ambiguous {
                    self.api.limiter.had_effect();
                }
                return Some(Step::End(Some(known), Outcome::not_there(may_be_deleted)));
            }
            Err(Unread::Stopped) => {
                return Some(match error {
                    Some(error) if is_ambiguous => Step::End(None, Outcome::Unknown(error)),
                    _ => Step::Stop(known),
                });
            }
            Err(Unread::Failed(why)) => {
                let error = error.map_or(why.clone(), |error| Unread::Failed(why).on(error));
                let known = Some(known).filter(|_| !is_ambiguous);
                return Some(Step::End(
                    known,
                    if may_be_deleted { Outcome::Unknown(error) } else { Outcome::Failed(error) },
                ));
            }
        };
        let changes = changes(&task.group, group, &seen).filter(|_| !self.policy.is_forced);
        if let Some(changes) = changes {
            return Some(Step::End(Some(known), Outcome::Held { message: changes }));
        }
        let error = error.filter(|_| number >= self.api.attempts_max)?;
        Some(Step::GiveUp(known, error))
    }
}

impl Unapplied {
    /// What is known of it, if the group still exists.
    fn known(&self) -> Change {
        if self.is_ambiguous { Change::Absent } else { Change::NotApplied }
    }
}
