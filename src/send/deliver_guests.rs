//! One job with guests from its pass to its fate: it passes the gate before each send.

use super::deliver::{Lane, Sending, Step};
use super::gate::Pass;
use super::judge::Verdict;
use crate::journal::Down;
use crate::model::{Fate, Job, Status};
use crate::tallyfy::Exchange;

/// What is next for a row with guests.
pub(super) enum Next<E: Exchange> {
    /// It leaves now.
    Sending(Sending<E>),
    /// Its group was found: it is seen to that it has all of its guests.
    Made(Job),
}

impl<E: Exchange> Lane<E> {
    /// Works on one row with guests, by the pass that it has, until its fate is known or the run stops.
    pub(super) async fn take_with_guests(&self, next: Next<E>, pass: Pass) {
        if self.heed(self.deliver_with_guests(next, pass).await).is_some_and(|is_settled| is_settled) {
            self.gate.done();
        }
    }

    /// Says whether its fate is known.
    async fn deliver_with_guests(&self, mut next: Next<E>, mut pass: Pass) -> Result<bool, Down> {
        for sends in 1.. {
            let (job, step) = match next {
                Next::Sending(sending) => self.create_with_guests(sending, pass, sends).await,
                Next::Made(job) => self.complete(job, pass, sends).await?,
            };
            if matches!(&step, Step::Settle(fate) if fate.status() == Status::Created) {
                self.gate.greet(&job.body);
            }
            let is_settled = matches!(step, Step::Settle(_) | Step::GiveUp(..));
            let Some(job) = self.note(job, step)? else { return Ok(is_settled) };
            let Ok(passed) = self.gate.pass(&job.body, sends).await else { break };
            pass = passed;
            let Some(again) = self.next(job).await? else { break };
            next = again;
        }
        Ok(false)
    }

    /// What is next for a row with guests that has its pass; none if the run stops.
    pub(super) async fn next(&self, job: Job) -> Result<Option<Next<E>>, Down> {
        if job.is_made { Ok(Some(Next::Made(job))) } else { Ok(self.begin(job).await?.map(Next::Sending)) }
    }

    /// Sends a row with guests, which uses its pass up.
    async fn create_with_guests(&self, sending: Sending<E>, pass: Pass, number: u32) -> (Job, Step) {
        let (job, ready) = sending.spend();
        let (verdict, attempt) = self.send(&job, &ready, number).await;
        pass.hear(&verdict);
        let is_answered = matches!(verdict, Verdict::Created { .. });
        let step = match self.step(&job, verdict, attempt).await {
            Step::Settle(Fate::Created { group, .. }) if !is_answered => self.see_to_guests(&job, &group, number).await,
            step => step,
        };
        (job, step)
    }
}
