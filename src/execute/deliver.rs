//! One row from its intent to its outcome.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::iter;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::api::{Api, Created, Unread};
use super::classify::Class;
use crate::journal::{Down, Handle, Intent};
use crate::limit::{GuestLimiter, GuestPermit, Permit};
use crate::model::{
    Effect, Event, ExistingGroup, Fate, Job, Listener, MatchNames, OnExisting, RowId, Status, StopReason, Tag, Trouble,
    best,
};
use crate::plan;
use crate::tallyfy::Transport;

/// What the user chose about sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How often one row is sent at most.
    pub attempts_max: u32,
    /// When two names are the same.
    pub matching: MatchNames,
    /// What becomes of a name that somebody else's group has.
    pub on_existing: OnExisting,
}

/// What every task that sends works with.
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
    /// Receives an event for every row that is settled.
    pub listener: Listener,
}

/// A row that leaves now: its intent is on disk, and it has a permit.
pub(super) struct Sending<'a> {
    pub(super) begun: Intent<Job>,
    pub(super) permit: Permit<'a>,
}

/// One attempt of a row.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    /// From 1, in this run.
    number: u32,
    /// How long its response was waited for.
    waited: Duration,
}

/// What is next for a row.
pub(super) enum Next<'a> {
    /// Its group is created.
    Create(Sending<'a>),
    /// Its group was found, and gets the guests that it lacks.
    Complete(Job),
}

/// What follows on a response.
pub(super) enum Step {
    Settle(Fate),
    /// The group is not there, and that is known of the last attempt; it is not sent again.
    GiveUp(Trouble, Effect),
    /// That is known of the last attempt; it is sent again.
    SendAgain(Effect),
    /// The run stops; that is known of the last attempt.
    GiveBack(Effect),
    /// The run stops before the request left.
    Release,
}

impl<E: Transport> Worker<E> {
    /// Works on one row until its outcome is known or the run stops. A row with new guests needs a permit of the guest
    /// limiter for each attempt.
    pub(super) async fn deliver<'a>(&'a self, mut next: Next<'a>, mut permit: Option<GuestPermit>) {
        let has_new_guests = permit.is_some();
        for number in 1.. {
            let (job, step) = match next {
                Next::Create(sending) => self.create(sending, permit, number).await,
                Next::Complete(job) => self.complete(job, permit, number).await,
            };
            if has_new_guests && matches!(&step, Step::Settle(fate) if fate.status() == Status::Created) {
                self.quota.learn(&job.group.guests);
            }
            let is_settled = matches!(step, Step::Settle(_) | Step::GiveUp(..));
            let Some(job) = self.record(job, step) else {
                if has_new_guests && is_settled {
                    self.quota.done();
                }
                return;
            };
            let Some(again) = self.next_attempt(job).await else { return };
            (next, permit) = again;
        }
    }

    /// The next attempt of a row, with the permit that it needs; `None` if the run stops.
    async fn next_attempt(&self, job: Job) -> Option<(Next<'_>, Option<GuestPermit>)> {
        let is_known = self.quota.knows(&job.group.guests);
        let permit = if is_known { None } else { Some(self.quota.permit(&job.group.guests).await?) };
        Some((self.next(job).await?, permit))
    }

    /// What is next for a row that has the permit it needs; `None` if the run stops.
    pub(super) async fn next(&self, job: Job) -> Option<Next<'_>> {
        if job.is_made { Some(Next::Complete(job)) } else { self.begin(job).await.map(Next::Create) }
    }

    async fn create(&self, sending: Sending<'_>, permit: Option<GuestPermit>, number: u32) -> (Job, Step) {
        let (job, class, attempt) = self.send(sending, number).await;
        let is_answered = matches!(class, Class::Applied(_));
        self.quota.row_answered(permit, &job.group.guests, class.of_guests());
        let step = match self.step(&job, class, attempt).await {
            Step::Settle(Fate::Created { group, .. }) if !is_answered && !job.group.guests.is_empty() => {
                self.see_to_guests(&job, &group, number).await
            }
            step => step,
        };
        (job, step)
    }

    /// Whether no other row was answered with this group.
    fn is_new(&self, group: &Tag) -> bool {
        let mut created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = created.hasher().hash_one(&group.id);
        created.insert(hash)
    }

    /// A row that was begun does not leave now: it is not in doubt.
    pub(super) fn give_back(&self, begun: Intent<Job>) -> Option<Job> {
        self.recorded(self.journal.give_back(begun))
    }

    /// Records what follows on an attempt; returns the job if it is sent again.
    fn record(&self, mut job: Job, step: Step) -> Option<Job> {
        let is_recorded = match step {
            Step::Settle(fate) => self.settle(job.row, fate),
            Step::GiveUp(trouble, effect) => {
                self.journal.conclude(job.row, effect).and_then(|()| self.settle(job.row, Fate::Failed(trouble)))
            }
            Step::GiveBack(effect) => self.journal.conclude(job.row, effect),
            Step::Release => self.journal.release(job.row),
            Step::SendAgain(effect) => {
                // It may wait for long: what is known of it must be on disk.
                self.recorded(self.journal.conclude(job.row, effect))?;
                job.may_be_ours |= effect != Effect::None;
                job.is_made = effect == Effect::Made;
                return Some(job);
            }
        };
        self.recorded(is_recorded);
        None
    }

    /// Waits until a job may leave, and begins it; `None` if the run stops.
    pub(super) async fn begin(&self, job: Job) -> Option<Sending<'_>> {
        let permit = self.api.permit(true, || true).await?;
        let begun = self.recorded(self.journal.begin(job).await)?;
        Some(Sending { begun, permit })
    }

    /// Without a journal nothing goes on.
    fn recorded<T>(&self, result: Result<T, Down>) -> Option<T> {
        result.inspect_err(|_| self.api.stop.raise(StopReason::Journal)).ok()
    }

    /// Sends a row.
    async fn send(&self, Sending { begun, permit }: Sending<'_>, number: u32) -> (Job, Class<Created>, Attempt) {
        let (job, left) = (begun.spend(), Instant::now());
        let class = match self.api.create_group(permit, &job.group).await {
            // It may have been created under an id that the answer does not have.
            Class::Applied(created) if !self.is_new(&created.group) => {
                let message = format!("the server gave the id of another row's group ({})", created.group.id);
                let http_status = Some(created.http_status);
                Class::Ambiguous(Trouble { code: "id-repeated".to_owned(), message, http_status })
            }
            class => class,
        };
        (job, class, Attempt { number, waited: left.elapsed() })
    }

    async fn step(&self, job: &Job, class: Class<Created>, attempt: Attempt) -> Step {
        match class {
            Class::Applied(created) => Step::Settle(created.fate(&job.group)),
            Class::Refused(trouble) => self.refused(job, trouble).await,
            Class::NameTaken(trouble) => self.taken(job, trouble).await,
            Class::MaybeTaken(trouble) if job.may_be_ours => self.refused(job, trouble).await,
            Class::MaybeTaken(trouble) => self.of_others(job, trouble, [Duration::ZERO]).await,
            Class::NotApplied(trouble) => self.again(job, trouble, attempt).await,
            // Only a request for a group that exists is answered so.
            Class::NotThere => Step::SendAgain(Effect::None),
            Class::Ambiguous(trouble) => self.doubt(job, trouble, attempt, self.api.looks(attempt.waited)).await,
            // Nothing of it is on its way any more, and it is not sent again soon: one look is as good as several.
            Class::GuestQuota(trouble, _) => {
                let settled = self.api.looks(Duration::ZERO).iter().sum();
                self.doubt(job, trouble, attempt, [settled]).await
            }
            Class::Stop(halt) => {
                self.api.stop.raise(halt);
                Step::GiveBack(Effect::None)
            }
            Class::Held => Step::Release,
        }
    }

    async fn again(&self, job: &Job, trouble: Trouble, attempt: Attempt) -> Step {
        if attempt.number >= self.policy.attempts_max {
            return self.give_up(trouble, Effect::None);
        }
        tracing::info!(row = job.row.0, attempt = attempt.number, "{}; sending again", trouble.message);
        if self.api.back_off(attempt.number).await {
            Step::SendAgain(Effect::None)
        } else {
            Step::GiveBack(Effect::None)
        }
    }

    /// Looks until the group is found or has been absent for long enough; only then is it sent again.
    async fn doubt(
        &self,
        job: &Job,
        trouble: Trouble,
        attempt: Attempt,
        waits: impl IntoIterator<Item = Duration>,
    ) -> Step {
        tracing::info!(
            row = job.row.0,
            attempt = attempt.number,
            "{}; looking whether the group is there",
            trouble.message
        );
        match self.ours(job, waits, &trouble).await {
            Some(fate) => {
                if matches!(fate, Fate::Created { .. }) {
                    self.api.limiter.had_effect();
                }
                Step::Settle(fate)
            }
            None if attempt.number >= self.policy.attempts_max => self.give_up(trouble, Effect::Absent),
            None => Step::SendAgain(Effect::Absent),
        }
    }

    /// All attempts are used up: the row fails, unless the server refuses all writes.
    fn give_up(&self, trouble: Trouble, effect: Effect) -> Step {
        if self.api.gives_up(&trouble) { Step::GiveUp(trouble, effect) } else { Step::GiveBack(effect) }
    }

    /// The server will not have this send; one before it may have made the group.
    async fn refused(&self, job: &Job, trouble: Trouble) -> Step {
        if job.may_be_ours
            && let Some(fate) = self.ours(job, [Duration::ZERO], &trouble).await
        {
            return Step::Settle(fate);
        }
        Step::GiveUp(trouble, Effect::None)
    }

    /// The name is refused as taken: by an earlier attempt of the row, or by somebody else's group.
    async fn taken(&self, job: &Job, trouble: Trouble) -> Step {
        // Lists may not show the group yet.
        let waits = iter::once(Duration::ZERO).chain(self.api.looks(Duration::ZERO));
        if job.may_be_ours {
            let unseen =
                || Fate::Unknown(trouble.clone().and("a send before may have made the group; no list shows it"));
            return Step::Settle(self.ours(job, waits, &trouble).await.unwrap_or_else(unseen));
        }
        self.of_others(job, trouble, waits.take(2)).await
    }

    /// Settles a row that is refused because somebody else's group has its name, if there is one.
    async fn of_others(&self, job: &Job, trouble: Trouble, waits: impl IntoIterator<Item = Duration>) -> Step {
        match self.lookup(job, waits).await {
            Ok(groups) => {
                let Some(group) = best(&job.group.name, &groups).first().copied() else {
                    return Step::GiveUp(trouble, Effect::None);
                };
                let id = group.tag.id.clone();
                match plan::already_exists(id, self.policy.on_existing, trouble.http_status, None) {
                    Fate::Failed(trouble) => Step::GiveUp(trouble, Effect::None),
                    fate => Step::Settle(fate),
                }
            }
            Err(Unread::Stopped) => Step::GiveBack(Effect::None),
            Err(unread) => Step::GiveUp(unread.on(trouble), Effect::None),
        }
    }

    /// The fate of a row that may have been applied; none if no list shows its group.
    async fn ours(&self, job: &Job, waits: impl IntoIterator<Item = Duration>, trouble: &Trouble) -> Option<Fate> {
        match self.lookup(job, waits).await {
            Ok(groups) => plan::ours(&job.group, &groups, trouble.clone()),
            Err(unread) => Some(Fate::Unknown(unread.on(trouble.clone()))),
        }
    }

    /// Looks after each wait, until a list shows groups of the name.
    pub(super) async fn lookup(
        &self,
        job: &Job,
        waits: impl IntoIterator<Item = Duration>,
    ) -> Result<Vec<ExistingGroup>, Unread> {
        for wait in waits {
            if !self.api.stop.sleep(wait).await {
                return Err(Unread::Stopped);
            }
            let groups = self.api.named(&job.group.name, self.policy.matching).await?;
            if !groups.is_empty() {
                return Ok(groups);
            }
        }
        Ok(Vec::new())
    }

    fn settle(&self, row: RowId, fate: Fate) -> Result<(), Down> {
        let status = fate.status();
        match &fate {
            Fate::Created { .. } => self.api.refusals.reset(),
            Fate::Failed(trouble) | Fate::Unknown(trouble) => self.api.write_failed(trouble),
            Fate::Exists { .. } => {}
        }
        self.journal.settle(row, fate)?;
        (self.listener)(Event::Settled(status));
        Ok(())
    }
}
