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

impl<E: Transport> Worker<E> {
    /// Deletes a group, which is read before the first attempt and after each one that has no success.
    pub(super) async fn delete(&self, task: &GroupOperation, number: u32) -> Step {
        let Some(group) = &task.operation.target else { return Step::End(Some(Change::Withdraw), Outcome::Gone) };
        if number == 1
            && let Some(step) = self.kept(task, group, None, Change::Withdraw).await
        {
            return step;
        }
        let Some(permit) = self.api.permit(true).await else { return Step::Stop(Change::Withdraw) };
        let (error, known) = match self.api.delete_group(permit, &group.id).await {
            Class::Applied(()) => return Step::End(None, Outcome::Deleted { http_status: 204 }),
            Class::NotThere if task.operation.may_be_applied() => return Step::End(None, Outcome::not_there(true)),
            Class::NotThere => return Step::End(Some(Change::NotApplied), Outcome::Gone),
            Class::Refused(error) | Class::NameTaken(error) | Class::MaybeTaken(error) => {
                return Step::End(Some(Change::NotApplied), Outcome::Failed(error));
            }
            Class::NotApplied(error) => (error, Change::NotApplied),
            Class::Ambiguous(error) | Class::GuestQuota(error, _) => (error, Change::Absent),
            Class::Stop(_) => return Step::Stop(Change::NotApplied),
            Class::Held => return Step::Stop(Change::Withdraw),
        };
        let (row, said) = (task.operation.row.0, &error.message);
        tracing::info!(row, attempt = number, "deleting: {said}; looking whether it is there");
        // A stop is noticed by the read that follows.
        self.api.back_off(number).await;
        match self.kept(task, group, Some(&error), known.clone()).await {
            Some(step) => step,
            None if number >= self.api.attempts_max => Step::GiveUp(known, error),
            None => Step::Again(known),
        }
    }

    /// What follows if a group is not deleted now, after an attempt with this error, if there was one.
    async fn kept(
        &self,
        task: &GroupOperation,
        group: &GroupRef,
        error: Option<&RequestError>,
        known: Change,
    ) -> Option<Step> {
        let is_ambiguous = known == Change::Absent;
        let may_be_deleted = task.operation.may_be_applied() || is_ambiguous;
        let outcome = match self.api.group(&group.id).await {
            Ok(Some(seen)) => {
                let message = changes(&task.group, group, &seen).filter(|_| !self.policy.is_forced)?;
                Outcome::Held { message }
            }
            Ok(None) => {
                if is_ambiguous {
                    self.api.limiter.had_effect();
                }
                Outcome::not_there(may_be_deleted)
            }
            Err(Unread::Stopped) if !is_ambiguous => return Some(Step::Stop(known)),
            Err(unread) => {
                let error = match (error, unread) {
                    (None, Unread::Failed(why)) => why,
                    (error, unread) => unread.on(error.cloned().unwrap_or_else(RequestError::interrupted)),
                };
                if may_be_deleted { Outcome::Unknown(error) } else { Outcome::Failed(error) }
            }
        };
        Some(Step::End(Some(known), outcome))
    }
}
