//! One row with guests from its permit to its outcome: each of its requests needs a permit of the guest quota.

use super::deliver::{Sending, Step, Worker};
use super::guest_limiter::GuestPermit;
use super::judge::Verdict;
use crate::model::{Fate, Job, Status};
use crate::tallyfy::Exchange;

/// What is next for a row with guests.
pub(super) enum Next<E: Exchange> {
    /// Its group is created.
    Create(Sending<E>),
    /// Its group was found, and gets the guests that it lacks.
    Complete(Job),
}

impl<E: Exchange> Worker<E> {
    /// Works on one row until its outcome is known or the run stops.
    pub(super) async fn deliver_with_guests(&self, mut next: Next<E>, mut permit: GuestPermit) {
        for number in 1.. {
            let (job, step) = match next {
                Next::Create(sending) => self.create_with_guests(sending, permit, number).await,
                Next::Complete(job) => self.complete(job, permit, number).await,
            };
            if matches!(&step, Step::Settle(fate) if fate.status() == Status::Created) {
                self.quota.add_known(&job.body);
            }
            let is_settled = matches!(step, Step::Settle(_) | Step::GiveUp(..));
            let Some(job) = self.record(job, step) else {
                if is_settled {
                    self.quota.done();
                }
                return;
            };
            let Some(passed) = self.quota.permit(&job.body).await else { return };
            permit = passed;
            let Some(again) = self.next(job).await else { return };
            next = again;
        }
    }

    /// What is next for a row with guests that has its permit; `None` if the run stops.
    pub(super) async fn next(&self, job: Job) -> Option<Next<E>> {
        if job.is_made { Some(Next::Complete(job)) } else { self.begin(job).await.map(Next::Create) }
    }

    async fn create_with_guests(&self, sending: Sending<E>, permit: GuestPermit, number: u32) -> (Job, Step) {
        let (job, verdict, attempt) = self.send(sending, number).await;
        permit.answered(&verdict);
        let is_answered = matches!(verdict, Verdict::Created { .. });
        let step = match self.step(&job, verdict, attempt).await {
            Step::Settle(Fate::Created { group, .. }) if !is_answered => self.see_to_guests(&job, &group, number).await,
            step => step,
        };
        (job, step)
    }
}
