//! One job from its intent to its fate.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::gate::Gate;
use super::judge::{Verdict, When, judge_create};
use super::reads::{Api, Ready, Unread};
use crate::journal::{Down, Handle, Intent};
use crate::model::{Effect, Event, Fate, Found, Halt, Job, Listener, MatchNames, OnExisting, RowId, Trouble};
use crate::plan;
use crate::tallyfy::Exchange;

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

/// What every lane works with.
pub struct Lane<E> {
    /// The API.
    pub api: Arc<Api<E>>,
    /// The journal's writer.
    pub journal: Handle,
    /// The gate that rows with guests pass.
    pub gate: Arc<Gate>,
    /// The user's choices.
    pub policy: Policy,
    /// Hears of every row settled.
    pub listener: Listener,
}

/// A row that leaves now: its intent is on disk, and the pace lets it.
pub(super) struct Sending<E: Exchange> {
    begun: Intent<Job>,
    ready: Ready<E>,
}

/// One send of a row.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    /// From 1, in this run.
    number: u32,
    /// When it left.
    left: Instant,
    /// How long its answer was waited for.
    waited: Duration,
}

/// What follows on an answer.
pub(super) enum Step {
    Settle(Fate),
    /// The group is not there, and that is known of the last send; it is not sent again.
    GiveUp(Trouble, Effect),
    /// That is known of the last send; it is sent again.
    SendAgain(Effect),
    /// The run stops; that is known of the last send.
    GiveBack(Effect),
    /// The run stops before the request left.
    Release,
}

impl<E: Exchange> Sending<E> {
    pub(super) fn new(begun: Intent<Job>, ready: Ready<E>) -> Self {
        Self { begun, ready }
    }

    pub(super) fn job(&self) -> &Job {
        self.begun.get()
    }

    /// It does not leave now.
    pub(super) fn stay(self) -> Intent<Job> {
        self.begun
    }

    /// Uses the right up.
    pub(super) fn spend(self) -> (Job, Ready<E>) {
        (self.begun.spend(), self.ready)
    }
}

impl<E: Exchange> Lane<E> {
    /// Works on one row until its fate is known or the run stops.
    pub(super) async fn take(&self, sending: Sending<E>) {
        self.heed(self.deliver(sending).await);
    }

    /// A row that was begun does not leave now: it is not in doubt.
    pub(super) fn give_back(&self, begun: Intent<Job>) -> Option<Job> {
        self.heed(self.journal.give_back(begun))
    }

    /// Without a journal nothing goes on.
    pub(super) fn heed<T>(&self, noted: Result<T, Down>) -> Option<T> {
        if noted.is_err() {
            self.api.stop.raise(Halt::Journal);
        }
        noted.ok()
    }

    async fn deliver(&self, mut sending: Sending<E>) -> Result<(), Down> {
        for sends in 1.. {
            let (job, ready) = sending.spend();
            let step = self.create(&job, ready, sends).await;
            let Some(job) = self.note(job, step)? else { break };
            let Some(next) = self.begin(job).await? else { break };
            sending = next;
        }
        Ok(())
    }

    /// Notes what followed on a send; gives the job if it is sent again.
    pub(super) fn note(&self, mut job: Job, step: Step) -> Result<Option<Job>, Down> {
        match step {
            Step::Settle(fate) => self.settle(job.row, fate)?,
            Step::GiveUp(trouble, effect) => {
                self.journal.conclude(job.row, effect)?;
                self.settle(job.row, Fate::Failed(trouble))?;
            }
            Step::GiveBack(effect) => self.journal.conclude(job.row, effect)?,
            Step::Release => self.journal.release(job.row)?,
            Step::SendAgain(effect) => {
                // It may wait for long: what is known of it must be on disk.
                self.journal.conclude(job.row, effect)?;
                job.may_be_ours |= effect != Effect::None;
                job.is_made = effect == Effect::Made;
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    /// Waits until a job may leave, and begins it; none if the run stops.
    pub(super) async fn begin(&self, job: Job) -> Result<Option<Sending<E>>, Down> {
        let Some(ready) = self.api.admit(|| true).await else { return Ok(None) };
        Ok(Some(Sending::new(self.journal.begin(job).await?, ready)))
    }

    /// Sends a row.
    async fn create(&self, job: &Job, ready: Ready<E>, number: u32) -> Step {
        let (verdict, attempt) = self.send(job, &ready, number).await;
        self.step(job, verdict, attempt).await
    }

    pub(super) async fn send(&self, job: &Job, ready: &Ready<E>, number: u32) -> (Verdict, Attempt) {
        let left = Instant::now();
        let answer = ready.create_group(job.body.clone()).await;
        (judge_create(answer), Attempt { number, left, waited: left.elapsed() })
    }

    pub(super) async fn step(&self, job: &Job, verdict: Verdict, attempt: Attempt) -> Step {
        match verdict {
            Verdict::Created { group, http_status } => Step::Settle(Fate::Created { group, http_status }),
            Verdict::Refused(trouble) => self.refused(job, trouble).await,
            Verdict::NameTaken(trouble) => self.taken(job, trouble).await,
            Verdict::Again(trouble, when) => self.again(job, trouble, when, attempt).await,
            Verdict::InDoubt(trouble) => self.doubt(job, trouble, attempt, self.api.looks(attempt.waited)).await,
            // Nothing of it is on its way any more, and it is not sent again soon: one look is as good as several.
            Verdict::GuestCap(trouble, _) => {
                let settled = self.api.looks(Duration::ZERO).iter().sum();
                self.doubt(job, trouble, attempt, [settled]).await
            }
            Verdict::Halt(halt) => {
                self.api.stop.raise(halt);
                Step::GiveBack(Effect::None)
            }
            Verdict::Held => Step::Release,
        }
    }

    async fn again(&self, job: &Job, trouble: Trouble, when: When, attempt: Attempt) -> Step {
        if attempt.number >= self.policy.attempts_max {
            return self.give_up(trouble, Effect::None);
        }
        tracing::info!(row = job.row.0, attempt = attempt.number, "{}; sending again", trouble.message);
        if self.api.back_off(attempt.number, when).await {
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
                    self.api.paced.pace().had_effect(attempt.left);
                }
                Step::Settle(fate)
            }
            None if attempt.number >= self.policy.attempts_max => self.give_up(trouble, Effect::Absent),
            None => Step::SendAgain(Effect::Absent),
        }
    }

    /// All sends are used up: by what is wrong with the row, unless the server takes none at all.
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

    /// The name is refused as taken: by a send of ours before this one, or by somebody else's group.
    async fn taken(&self, job: &Job, trouble: Trouble) -> Step {
        // Lists may not show the group yet.
        let waits = iter::once(Duration::ZERO).chain(self.api.looks(Duration::ZERO));
        if job.may_be_ours {
            let unseen =
                || Fate::Unknown(trouble.clone().and("a send before may have made the group; no list shows it"));
            return Step::Settle(self.ours(job, waits, &trouble).await.unwrap_or_else(unseen));
        }
        match self.seek(job, waits.take(2)).await {
            Ok(Found::One(group) | Found::Many { first: group, .. }) => {
                match plan::already_exists(group.id, self.policy.on_existing, trouble.http_status, None) {
                    Fate::Failed(trouble) => Step::GiveUp(trouble, Effect::None),
                    fate => Step::Settle(fate),
                }
            }
            Ok(Found::None) => Step::GiveUp(trouble, Effect::None),
            Err(Unread::Stopped) => Step::GiveBack(Effect::None),
            Err(unread) => Step::GiveUp(unread.on(trouble), Effect::None),
        }
    }

    /// The fate of a row that may have been applied; none if no list shows its group.
    async fn ours(&self, job: &Job, waits: impl IntoIterator<Item = Duration>, trouble: &Trouble) -> Option<Fate> {
        match self.seek(job, waits).await {
            Ok(found) => plan::ours(found, trouble.clone()),
            Err(unread) => Some(Fate::Unknown(unread.on(trouble.clone()))),
        }
    }

    /// Looks after each wait, until a list shows a group of the name.
    pub(super) async fn seek(&self, job: &Job, waits: impl IntoIterator<Item = Duration>) -> Result<Found, Unread> {
        for wait in waits {
            if !self.api.stop.sleep(wait).await {
                return Err(Unread::Stopped);
            }
            match self.api.find(&job.name, self.policy.matching).await? {
                Found::None => {}
                found => return Ok(found),
            }
        }
        Ok(Found::None)
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
