//! Carries out the planned operations of a run: within the limits, concurrently, each until its outcome is known.
//!
//! Reads no files and shows nothing. What may be sent comes from the journal as an [`Intent`](crate::journal::Intent).

mod api;
mod classify;
mod delete;
mod follow;
mod refusals;
mod settle;
mod update;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

pub use api::{Api, Created, Jitter, Unread};
pub use classify::{Class, Classified, RequestKind, classify};
pub use follow::{Absent, Lookup, Next, Step, When, after_create, after_lookup};
pub use refusals::Refusals;
pub use worker::{Policy, Worker};

use crate::journal::Feed;
use crate::limit::{GuestPermit, Permit};
use crate::model::{RowId, StopReason};
use crate::tallyfy::Transport;
use worker::Sending;

/// Creates that are worked on for each request that may be in flight: rows in doubt, or to be sent again, wait for seconds and
/// must not keep others from being sent.
pub const ROWS: usize = 8;

/// Works off all jobs of the feed with this many tasks; returns when it is empty, which a stop brings about early. Rows with guests that
/// the guest quota holds back stop the run when all others are done.
pub async fn send_all<E: Transport>(worker: Worker<E>, feed: Feed, tasks: usize) {
    let (stop, journal, quota) = (worker.api.stop.clone(), worker.journal.clone(), Arc::clone(&worker.quota));
    let work = Arc::new(Work { worker, feed, door: tokio::sync::Mutex::new(()), guest_permits: Mutex::default() });
    // One task a row: the fastest way on one thread. They end with this future. How many requests are in flight is the
    // rate limiter's business.
    let mut all = JoinSet::new();
    all.spawn(admit_guests(Arc::clone(&work)));
    for _ in 0..tasks {
        all.spawn(send(Arc::clone(&work)));
    }
    drop(work);
    let mut is_stopped = false;
    loop {
        tokio::select! {
            // The same order each time: storms are replayed.
            biased;
            () = stop.raised(), if !is_stopped => {
                journal.stop();
                is_stopped = true;
            }
            ended = all.join_next() => match ended {
                None => break,
                Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Some(_) => {}
            },
        }
    }
    if let Some(time) = quota.shut_for() {
        stop.raise(StopReason::GuestCapTooLong(time));
    }
}

/// What all tasks work on.
struct Work<E: Transport> {
    worker: Worker<E>,
    feed: Feed,
    /// Only one task without a row waits for a permit, so that lookups and repeated attempts are not queued behind idle tasks.
    door: tokio::sync::Mutex<()>,
    /// Of the rows with new guests in the feed.
    guest_permits: Mutex<HashMap<RowId, GuestPermit>>,
}

impl<E: Transport> Work<E> {
    /// Waits until a job and a permit for it are there; `None` if there are no more.
    async fn permit(&self) -> Option<Permit<'_>> {
        let _door = self.door.lock().await;
        self.feed.ready().await;
        self.worker.api.permit(true, || !self.feed.is_over()).await
    }
}

async fn send<E: Transport>(work: Arc<Work<E>>) {
    let (worker, feed) = (&work.worker, &work.feed);
    while let Some(permit) = work.permit().await {
        let Some(begun) = feed.next().await else { break };
        let row = begun.row();
        let guest_permit = work.guest_permits.lock().unwrap_or_else(PoisonError::into_inner).remove(&row);
        worker.work(Sending { begun, permit }, guest_permit).await;
    }
    // Attempts that were begun and do not leave any more are not in doubt.
    while let Some(begun) = feed.leftover().await {
        worker.withdraw(begun);
    }
}

/// Puts the rows with new guests into the feed, each when the guest quota admits it.
async fn admit_guests<E: Transport>(work: Arc<Work<E>>) {
    let Worker { journal, quota, .. } = &work.worker;
    let mut last = RowId(0);
    'rows: while let Ok(jobs) = journal.with_guests(last).await
        && let Some(end) = jobs.last()
    {
        last = end.operation.row;
        for job in jobs {
            let Some(permit) = quota.permit(&job.group.guests).await else { break 'rows };
            work.guest_permits.lock().unwrap_or_else(PoisonError::into_inner).insert(job.operation.row, permit);
            if journal.admit(job).is_err() {
                break 'rows;
            }
        }
    }
    journal.end_guests();
    quota.end();
}
