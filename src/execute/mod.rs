//! Sends the open rows of a run: within the limits, concurrently, each until its outcome is known.
//!
//! Reads no files and shows nothing. What may be sent or deleted comes from the journal as an
//! [`Intent`](crate::journal::Intent).

mod api;
mod classify;
mod complete;
mod delete;
mod deliver;
mod refusals;
mod settle;

use std::sync::Arc;

use tokio::task::JoinSet;

pub use api::{Api, Created, Jitter, Unread};
pub use classify::{Class, Classified, RequestKind, classify};
pub use delete::Deleter;
pub use deliver::{Policy, Worker};
pub use refusals::Refusals;

use crate::journal::{Feed, Feeds};
use crate::limit::GuestPermit;
use crate::model::StopReason;
use crate::tallyfy::Transport;
use deliver::{Next, Sending};

/// Rows that are worked on for each request that may be in flight: rows in doubt, or to be sent again, wait for seconds and
/// must not keep others from being sent.
const ROWS: usize = 8;

/// Works off all rows of the feeds; returns when the feeds are empty, which a stop brings about early. Rows with guests that
/// the guest quota holds back stop the run when all others are done.
pub async fn send_all<E: Transport>(worker: Worker<E>, feeds: Feeds, concurrency: usize) {
    let (stop, journal, quota) = (worker.api.stop.clone(), worker.journal.clone(), Arc::clone(&worker.quota));
    let work = Arc::new(Work { worker, feeds, door: tokio::sync::Mutex::new(()) });
    // One task a row: the fastest way on one thread. They end with this future. How many requests are in flight is the
    // rate limiter's business.
    let mut all = JoinSet::new();
    for _ in 0..concurrency * ROWS {
        all.spawn(send_with_guests(Arc::clone(&work)));
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
    feeds: Feeds,
    /// Only one task without a row waits for a permit, so that lookups and repeated attempts are not queued behind idle tasks.
    door: tokio::sync::Mutex<()>,
}

async fn send<E: Transport>(work: Arc<Work<E>>) {
    let (worker, feed) = (&work.worker, &work.feeds.plain);
    loop {
        let door = work.door.lock().await;
        let permit = worker.api.permit(true, || !feed.is_over()).await;
        drop(door);
        let Some(permit) = permit else { break };
        let Some(begun) = feed.next().await else { break };
        worker.deliver(Next::Create(Sending { begun, permit }), None).await;
    }
    give_back(worker, feed).await;
}

async fn send_with_guests<E: Transport>(work: Arc<Work<E>>) {
    let (worker, feed) = (&work.worker, &work.feeds.guests);
    while let Some((next, permit)) = next_with_guests(worker, feed).await {
        worker.deliver(next, Some(permit)).await;
    }
    // Those that the guest quota holds back for good, too.
    worker.journal.stop_guests();
    worker.quota.end();
    give_back(worker, feed).await;
}

/// Rows that were begun and do not leave any more are not in doubt.
async fn give_back<E: Transport>(worker: &Worker<E>, feed: &Feed) {
    while let Some(begun) = feed.leftover().await {
        worker.give_back(begun);
    }
}

/// The next row with guests, when the quota lets it leave.
async fn next_with_guests<'a, E: Transport>(worker: &'a Worker<E>, feed: &Feed) -> Option<(Next<'a>, GuestPermit)> {
    let (turn, mut guest_permit) = worker.quota.admit().await?;
    let permit = worker.api.permit(true, || !feed.is_over()).await?;
    let begun = feed.next().await?;
    if !begun.get().is_made && guest_permit.try_pay(&turn, &begun.get().group.guests) {
        return Some((Next::Create(Sending { begun, permit }), guest_permit));
    }
    // It may wait for long: meanwhile it is not begun.
    drop(permit);
    let job = worker.give_back(begun)?;
    guest_permit.pay(&turn, &job.group.guests).await?;
    drop(turn);
    Some((worker.next(job).await?, guest_permit))
}
