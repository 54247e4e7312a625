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
use std::future;

use futures::{StreamExt, stream};
use parking_lot::Mutex;

pub use api::{Api, Created, Unread};
pub use classify::{Class, Classified, RequestKind, classify};
pub use follow::{Absent, Lookup, Next, Step, When, after_create, after_lookup};
pub use refusals::Refusals;
pub use worker::{Policy, Worker};

use crate::journal::{Change, Feed};
use crate::limit::GuestPermit;
use crate::model::{RowId, StopReason};
use crate::tallyfy::Transport;
use worker::Sending;

/// Creates that are worked on for each request that may be in flight: rows in doubt, or to be sent again, wait for seconds and
/// must not keep others from being sent.
pub const ROWS: usize = 8;

/// Carries out all operations of the feed, this many rows at a time; returns when it is empty, which a stop brings about early.
/// Rows with guests that the guest quota holds back stop the run when all others are done.
pub async fn send_all<E: Transport>(worker: Worker<E>, feed: Feed, rows: usize) {
    let work = Work { worker, feed, guest_permits: Mutex::default() };
    let stop = &work.worker.api.stop;
    let on_stop = async {
        stop.raised().await;
        work.worker.journal.stop();
        future::pending::<()>().await;
    };
    tokio::select! {
        // The same order each time: storms are replayed.
        biased;
        () = on_stop => {}
        () = work.send(rows) => {}
    }
    if let Some(time) = work.worker.quota.shut_for() {
        stop.raise(StopReason::GuestCapTooLong(time));
    }
}

/// The operations, and what carries them out.
struct Work<E: Transport> {
    worker: Worker<E>,
    feed: Feed,
    /// Of the rows with new guests in the feed.
    guest_permits: Mutex<HashMap<RowId, GuestPermit>>,
}

impl<E: Transport> Work<E> {
    async fn send(&self, rows: usize) {
        // A row gets its permit before its attempt is begun. How many requests are in flight is the rate limiter's business.
        let permits = stream::unfold((), |()| async {
            self.feed.ready().await?;
            Some((self.worker.api.permit(true).await?, ()))
        });
        let rows = permits.for_each_concurrent(rows, async |permit| {
            let Some(begun) = self.feed.next().await else { return };
            let guest_permit = self.guest_permits.lock().remove(&begun.row());
            self.worker.work(Sending { begun, permit }, guest_permit).await;
        });
        tokio::join!(biased; self.admit_guests(), rows);
        // Attempts that were begun and do not leave any more are not in doubt.
        while let Some(begun) = self.feed.leftover().await {
            self.worker.record(begun.spend(), [Change::Withdraw]);
        }
    }

    /// Puts the rows with new guests into the feed, each when the guest quota admits it.
    async fn admit_guests(&self) {
        let Worker { journal, quota, .. } = &self.worker;
        let mut last = RowId(0);
        'rows: while let Ok(tasks) = journal.with_guests(last).await
            && let Some(end) = tasks.last()
        {
            last = end.operation.row;
            for task in tasks {
                let Some(permit) = quota.permit(task.invited()).await else { break 'rows };
                self.guest_permits.lock().insert(task.operation.row, permit);
                if journal.admit(task).is_err() {
                    break 'rows;
                }
            }
        }
        journal.end_guests();
    }
}
