//! One job from its intent to its fate.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::judge::{Verdict, backoff, judge_create};
use super::reads::{Api, Found, Unread};
use crate::journal::{Begun, Down, Handle, Work};
use crate::model::{Event, Fate, Halt, Job, Listener, MatchNames, OnExisting, RowId, Trouble};
use crate::plan;
use crate::tallyfy::Exchange;

/// A commit may still be on its way when its answer is lost: how long to wait before each look.
const SETTLE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// How long a row that was begun has to be absent from lists before it may be sent again.
pub const SETTLED_AFTER: Duration = SETTLE[0].saturating_add(SETTLE[1]);

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
    /// The user's choices.
    pub policy: Policy,
    /// Hears of every row settled.
    pub listener: Listener,
}

/// What follows on an answer.
enum Step {
    Settle(Fate),
    SendAgain,
    /// The run stops, and the row is as if it had not been sent.
    GiveBack,
    /// The run stops before the request left.
    Release,
}

impl<E: Exchange> Lane<E> {
    /// Works on one row until its fate is known or the run stops.
    pub async fn take(&self, work: Work) {
        let done = match work {
            Work::Send(begun) => self.deliver(begun, false).await,
            Work::LookUp(job) => self.go_on(job).await,
        };
        if done == Err(Down) {
            self.api.stop.raise(Halt::Journal);
        }
    }

    /// A row that an earlier run began: it has been absent from one list already.
    async fn go_on(&self, job: Job) -> Result<(), Down> {
        let trouble = Trouble::interrupted();
        match self.look_once(&job, trouble).await {
            Some(fate) => self.settle(job.row, fate),
            None if self.api.stop.is_raised() => Ok(()),
            None => self.deliver(self.journal.begin_again(job).await?, true).await,
        }
    }

    async fn deliver(&self, mut begun: Begun, mut may_be_ours: bool) -> Result<(), Down> {
        let mut sends = 0;
        loop {
            sends += 1;
            let job = begun.spend();
            let answer = self.api.client.create_group(job.body.clone()).await;
            let verdict = judge_create(answer, SystemTime::now());
            may_be_ours |= matches!(verdict, Verdict::InDoubt(..));
            match self.step(&job, verdict, sends, may_be_ours).await {
                Step::Settle(fate) => return self.settle(job.row, fate),
                Step::GiveBack => return self.journal.unapplied(job.row),
                Step::Release => return self.journal.release(job.row),
                Step::SendAgain => begun = self.journal.begin_again(job).await?,
            }
        }
    }

    async fn step(&self, job: &Job, verdict: Verdict, sends: u32, may_be_ours: bool) -> Step {
        match verdict {
            Verdict::Created { group_id, http_status } => {
                Step::Settle(Fate::Created { group_id, http_status: Some(http_status) })
            }
            Verdict::Refused(trouble) => Step::Settle(Fate::Failed(trouble)),
            Verdict::NameTaken(trouble) => self.taken(job, trouble, may_be_ours).await,
            Verdict::Again(trouble, pause) => self.again(job, trouble, pause, sends).await,
            Verdict::InDoubt(trouble, pause) => self.doubt(job, trouble, pause, sends).await,
            Verdict::Halt(halt) => {
                self.api.stop.raise(halt);
                Step::GiveBack
            }
            Verdict::Held => Step::Release,
        }
    }

    async fn again(&self, job: &Job, trouble: Trouble, pause: Option<Duration>, sends: u32) -> Step {
        if sends >= self.policy.attempts_max {
            return Step::Settle(Fate::Failed(trouble));
        }
        tracing::info!(row = job.row.0, attempt = sends, "{}; sending again", trouble.message);
        match pause {
            Some(pause) => self.api.pace.pause(pause),
            None => {
                self.api.stop.sleep(backoff(sends, rand::random())).await;
            }
        }
        if self.api.stop.is_raised() { Step::GiveBack } else { Step::SendAgain }
    }

    /// Looks until the group is found or has been absent for long enough; only then is it sent again.
    async fn doubt(&self, job: &Job, trouble: Trouble, pause: Option<Duration>, sends: u32) -> Step {
        tracing::info!(row = job.row.0, attempt = sends, "{}; looking whether the group is there", trouble.message);
        if let Some(pause) = pause {
            self.api.pace.pause(pause);
        }
        for settle in SETTLE {
            if !self.api.stop.sleep(settle).await {
                return Step::Settle(Fate::Unknown(trouble));
            }
            if let Some(fate) = self.look_once(job, trouble.clone()).await {
                return Step::Settle(fate);
            }
        }
        if sends >= self.policy.attempts_max { Step::Settle(Fate::Failed(trouble)) } else { Step::SendAgain }
    }

    /// The fate of a row that may have been applied, by one look; none if the group is absent.
    async fn look_once(&self, job: &Job, trouble: Trouble) -> Option<Fate> {
        match self.api.find(&job.name, self.policy.matching).await {
            Ok(Found::None) => None,
            Ok(Found::One(group_id)) => Some(Fate::Created { group_id, http_status: trouble.http_status }),
            Ok(Found::Many(count)) => {
                let message = format!(
                    "{}; {count} groups have this name, and which one is this row's is not known",
                    trouble.message
                );
                Some(Fate::Unknown(Trouble { message, ..trouble }))
            }
            Err(Unread::Stopped) => Some(Fate::Unknown(trouble)),
            Err(Unread::Failed(why)) => {
                let message = format!("{}; looking it up failed: {}", trouble.message, why.message);
                Some(Fate::Unknown(Trouble { message, ..trouble }))
            }
        }
    }

    /// The name is refused as taken: by our own send, if one was in doubt, or by somebody else's group.
    async fn taken(&self, job: &Job, trouble: Trouble, may_be_ours: bool) -> Step {
        Step::Settle(match self.api.find(&job.name, self.policy.matching).await {
            Ok(Found::One(group_id)) if may_be_ours => Fate::Created { group_id, http_status: trouble.http_status },
            Ok(Found::One(group_id)) => plan::already_there(&group_id, self.policy.on_existing, trouble.http_status),
            // Groups that lists do not show, or too many to tell: the server will not have this row's.
            Ok(Found::None | Found::Many(_)) if !may_be_ours => Fate::Failed(trouble),
            Err(Unread::Stopped) if !may_be_ours => return Step::GiveBack,
            Ok(_) | Err(_) => Fate::Unknown(trouble),
        })
    }

    fn settle(&self, row: RowId, fate: Fate) -> Result<(), Down> {
        let status = fate.status();
        self.journal.settle(row, fate)?;
        (self.listener)(Event::Settled(status));
        Ok(())
    }
}
