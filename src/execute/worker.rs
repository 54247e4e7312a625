//! Works on one row from its first attempt to its outcome; and creates groups.

use std::collections::HashSet;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::api::{Api, Unread};
use super::classify::Class;
use super::follow::{Absent, Lookup, Next, Step, When, after_create, after_lookup};
use crate::journal::{Change, GroupOperation, Handle, Intent, OperationKind, WriterFailed};
use crate::limit::{GuestLimiter, GuestPermit, Permit};
use crate::model::{Event, ExistingGroup, MatchNames, OnExisting, Outcome, RequestError, Status, StopReason, hash};
use crate::tallyfy::Transport;

/// What the user chose about sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// When two names are the same.
    pub matching: MatchNames,
    /// What becomes of a name that somebody else's group has.
    pub on_existing: OnExisting,
    /// Whether groups are deleted that were changed since.
    pub is_forced: bool,
    /// Whether a group may lose its last member and guest.
    pub allows_empty: bool,
}

/// What every row is sent with.
pub struct Worker<E> {
    /// The API.
    pub api: Arc<Api<E>>,
    /// The journal's writer.
    pub journal: Handle,
    /// The guest quota, for rows with new guests.
    pub quota: Arc<GuestLimiter>,
    /// The user's choices.
    pub policy: Policy,
    /// Hashes of the ids of the groups that it created.
    pub created: Mutex<HashSet<u64>>,
}

/// An attempt that is on disk, and the permit for its request.
pub(super) struct Sending<'a> {
    pub(super) begun: Intent,
    pub(super) permit: Permit<'a>,
}

impl<E: Transport> Worker<E> {
    /// Works on one operation until its outcome is known or the run stops. A row with new guests needs a permit of the guest
    /// limiter for each attempt.
    pub(super) async fn work<'a>(&'a self, mut sending: Sending<'a>, mut guest_permit: Option<GuestPermit>) {
        let has_new_guests = guest_permit.is_some();
        for number in 1.. {
            let Sending { begun, permit } = sending;
            let mut task = begun.spend();
            let step = match task.operation.kind {
                OperationKind::Create => self.create(&task, permit, guest_permit, number).await,
                // What exists is read first, which needs a permit of its own.
                OperationKind::Update => {
                    drop(permit);
                    Box::pin(self.update(&mut task, guest_permit, number)).await
                }
                OperationKind::Delete => {
                    drop(permit);
                    Box::pin(self.delete(&task, number)).await
                }
            };
            match step {
                // The operation fails, unless the server refuses all writes.
                Step::GiveUp(change, error) if self.api.gives_up(&error) => {
                    self.end(task, Some(change), Outcome::Failed(error), has_new_guests);
                    return;
                }
                Step::Again(change) => {
                    // It may wait for long: what is known of it must be on disk.
                    let Some(task) = self.record(task, [change]) else { return };
                    let Some(next) = self.next_attempt(task).await else { return };
                    (sending, guest_permit) = next;
                }
                Step::End(change, outcome) => {
                    self.end(task, change, outcome, has_new_guests);
                    return;
                }
                Step::Stop(change) | Step::GiveUp(change, _) => {
                    self.record(task, [change]);
                    return;
                }
            }
        }
    }

    /// The next attempt of a row, with the permits that it needs; `None` if the run stops.
    async fn next_attempt(&self, task: GroupOperation) -> Option<(Sending<'_>, Option<GuestPermit>)> {
        let guests = task.invited();
        let guest_permit = if self.quota.knows(guests) { None } else { Some(self.quota.permit_again(guests).await?) };
        let permit = self.api.permit(true).await?;
        let begun = self.recorded(self.journal.begin(task).await)?;
        Some((Sending { begun, permit }, guest_permit))
    }

    /// Records what changes; returns the changed operation.
    pub(super) fn record(
        &self,
        task: GroupOperation,
        changes: impl IntoIterator<Item = Change>,
    ) -> Option<GroupOperation> {
        let task = self.changed(task, changes)?;
        self.recorded(self.journal.record(task.operation.clone()))?;
        Some(task)
    }

    fn changed(&self, task: GroupOperation, changes: impl IntoIterator<Item = Change>) -> Option<GroupOperation> {
        let next = task.operation.after(changes).map_err(|illegal| {
            tracing::error!("{illegal}");
            WriterFailed
        });
        Some(GroupOperation { operation: self.recorded(next)?, group: task.group })
    }

    /// Another attempt on disk in the place of this one, after a change.
    pub(super) async fn begin_again(&self, task: GroupOperation, change: Change) -> Option<GroupOperation> {
        let task = self.changed(task, [change])?;
        Some(self.recorded(self.journal.begin(task).await)?.spend())
    }

    /// Records an outcome.
    fn end(&self, task: GroupOperation, change: Option<Change>, outcome: Outcome, has_new_guests: bool) {
        let status = outcome.status();
        if has_new_guests && matches!(status, Status::Created | Status::Updated) {
            self.quota.learn(task.invited());
        }
        match &outcome {
            Outcome::Created { .. } | Outcome::Updated { .. } | Outcome::Deleted { .. } => self.api.refusals.reset(),
            Outcome::Failed(error) | Outcome::Unknown(error) => self.api.write_failed(error),
            Outcome::Exists { .. } | Outcome::Unchanged { .. } | Outcome::Gone | Outcome::Held { .. } => {}
        }
        if self.record(task, change.into_iter().chain([Change::End(outcome)])).is_some() {
            (self.api.listener)(Event::Settled(status));
        }
        if has_new_guests {
            self.quota.done();
        }
    }

    /// Without a journal nothing more is sent.
    fn recorded<T>(&self, result: Result<T, WriterFailed>) -> Option<T> {
        result.inspect_err(|_| self.api.stop.raise(StopReason::Journal)).ok()
    }

    async fn create(
        &self,
        task: &GroupOperation,
        permit: Permit<'_>,
        guest_permit: Option<GuestPermit>,
        number: u32,
    ) -> Step {
        let left = Instant::now();
        let class = match self.api.create_group(permit, &task.group).await {
            // Another row was answered with it: it may have been created under an id that the answer does not have.
            Class::Applied(created) if !self.created.lock().insert(hash(&created.group.id)) => {
                let message = format!("the server gave the id of another row's group ({})", created.group.id);
                let http_status = Some(created.http_status);
                Class::Ambiguous(RequestError { code: "id-repeated".to_owned(), message, http_status })
            }
            class => class,
        };
        self.quota.row_answered(guest_permit, &task.group.guests, class.of_guests());
        match after_create(class, &task.group, &task.operation) {
            Next::Step(step) => step,
            Next::Pause(error) => self.sent_again(task, error, number, Change::NotApplied).await,
            // Most rows need none: their futures stay small.
            Next::Lookup(lookup) => Box::pin(self.look_up(task, lookup, left.elapsed(), number)).await,
        }
    }

    /// Another attempt, unless there were enough.
    pub(super) async fn sent_again(
        &self,
        task: &GroupOperation,
        error: RequestError,
        number: u32,
        known: Change,
    ) -> Step {
        if number >= self.api.attempts_max {
            return match known {
                Change::NotApplied => Step::GiveUp(known, error),
                known => Step::End(Some(known), Outcome::Unknown(error)),
            };
        }
        tracing::info!(row = task.operation.row.0, attempt = number, "{}; sending again", error.message);
        self.pause(number, known).await
    }

    /// Another attempt after a pause, unless the run stops.
    pub(super) async fn pause(&self, number: u32, known: Change) -> Step {
        if self.api.back_off(number).await { Step::Again(known) } else { Step::Stop(known) }
    }

    /// Looks the group of a row up, whose answer was waited for so long.
    async fn look_up(&self, task: &GroupOperation, lookup: Lookup, waited: Duration, number: u32) -> Step {
        let (row, said) = (task.operation.row.0, &lookup.error.message);
        if lookup.absent == Absent::Again {
            tracing::info!(row, attempt = number, "{said}; looking whether the group is there");
        }
        let now = iter::once(Duration::ZERO);
        let until_settled = |waited| self.api.lookup_delays(waited).into_iter();
        let found = match lookup.when {
            When::Now => self.search(task, now).await,
            When::Twice => self.search(task, now.chain(until_settled(Duration::ZERO).take(1))).await,
            When::UntilSettled => self.search(task, until_settled(waited)).await,
            When::NowUntilSettled => self.search(task, now.chain(until_settled(Duration::ZERO))).await,
            When::Settled => self.search(task, iter::once(until_settled(Duration::ZERO).sum())).await,
        };
        let was_ambiguous = lookup.absent == Absent::Again;
        let is_last = number >= self.api.attempts_max;
        let found = found.as_deref().map_err(Clone::clone);
        match after_lookup(lookup, found, &task.group, &task.operation, self.policy.on_existing, is_last) {
            Step::End(None, Outcome::Created { group, .. }) => {
                if was_ambiguous {
                    self.api.limiter.had_effect();
                }
                // It may lack guests.
                if task.group.guests.is_empty() {
                    return Step::End(None, Outcome::found(group));
                }
                self.see_to_guests(task, &group, number).await
            }
            step => step,
        }
    }

    /// Looks after each wait, until a list shows groups of the name.
    async fn search(
        &self,
        task: &GroupOperation,
        waits: impl Iterator<Item = Duration>,
    ) -> Result<Vec<ExistingGroup>, Unread> {
        for wait in waits {
            if !self.api.stop.sleep(wait).await {
                return Err(Unread::Stopped);
            }
            let groups = self.api.named(&task.group.name, self.policy.matching).await?;
            if !groups.is_empty() {
                return Ok(groups);
            }
        }
        Ok(Vec::new())
    }
}
