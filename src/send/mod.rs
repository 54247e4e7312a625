//! Jobs are sent: at the pace, in lanes, each until its fate is known.
//!
//! Reads no files and shows nothing. What a lane may send it gets from the journal as [`Begun`](crate::journal::Begun),
//! what it may delete as [`Condemned`](crate::journal::Condemned).

mod auto;
mod compare;
mod delete;
mod deliver;
mod judge;
mod judge_delete;
mod meter;
mod pace;
mod paced;
mod rate;
mod reads;
mod settle;
mod sign;
mod spacing;
mod stop;
mod valve;
mod window;

use std::sync::Arc;

use tokio::task::JoinSet;

pub use compare::{Claim, changes, claim};
pub use delete::Remover;
pub use deliver::{Lane, Policy};
pub use judge::{Reading, Verdict, When, judge_create, judge_read};
pub use pace::{Limits, Pace};
pub use paced::Paced;
pub use rate::{Rate, RateError, Speed};
pub use reads::{Api, Jitter, Unread};
pub use stop::Stop;

use crate::journal::Feed;
use crate::tallyfy::Exchange;

/// Works off all jobs of the feed in so many lanes; returns when the feed is empty, which a stop brings about early.
pub async fn send_all<E: Exchange>(lane: Lane<E>, feed: Feed, lanes: usize) {
    let (stop, journal) = (lane.api.stop.clone(), lane.journal.clone());
    let (lane, feed) = (Arc::new(lane), Arc::new(feed));
    // One task a lane: the fastest way on one thread. They end with this future.
    let mut all = JoinSet::new();
    for _ in 0..lanes {
        all.spawn(work_off(Arc::clone(&lane), Arc::clone(&feed)));
    }
    drop((lane, feed));
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
                None => return,
                Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Some(_) => {}
            },
        }
    }
}

async fn work_off<E: Exchange>(lane: Arc<Lane<E>>, feed: Arc<Feed>) {
    while let Some(begun) = feed.next().await {
        lane.take(begun).await;
    }
}
