//! Jobs are sent: at the pace, in lanes, each until its fate is known.
//!
//! Reads no files and shows nothing. What a lane may send or delete it gets from the journal as an
//! [`Intent`](crate::journal::Intent).

mod auto;
mod berths;
mod compare;
mod complete;
mod delete;
mod deliver;
mod deliver_guests;
mod gate;
mod guest_estimate;
mod guests;
mod invites;
mod judge;
mod judge_delete;
mod meter;
mod pace;
mod paced;
mod patience;
mod queue;
mod rate;
mod reads;
mod refusals;
mod remaining;
mod settle;
mod sign;
mod spacing;
mod stated;
mod stop;
mod valve;
mod window;

use std::sync::Arc;

use tokio::task::JoinSet;

pub use compare::{Claim, changes, claim};
pub use delete::Remover;
pub use deliver::{Lane, Policy};
pub use gate::{Gate, GuestLimits};
pub use guest_estimate::GuestForecast;
pub use invites::GUEST_CAP;
pub use judge::{Reading, Verdict, When, judge_create, judge_read};
pub use pace::{Limits, Pace};
pub use paced::Paced;
pub use rate::{Rate, RateError, Speed};
pub use reads::{Api, Jitter, Unread};
pub use refusals::Refusals;
pub use stop::Stop;

use crate::journal::{Feed, Feeds};
use crate::model::Halt;
use crate::tallyfy::Exchange;
use deliver::Sending;
use deliver_guests::Next;
use gate::{Pass, Shut};
use reads::Ready;

/// Rows that are worked on for each request that may be in flight: those that are in doubt, or wait to be sent again, do
/// so for seconds, and are not to keep others from being sent.
const ROWS: usize = 8;

/// Works off all jobs of the feeds, with so many requests in flight; returns when the feeds are empty, which a stop brings about early.
/// Rows with guests that the cap keeps from being sent stop the run when all others are done.
pub async fn send_all<E: Exchange>(lane: Lane<E>, feeds: Feeds, lanes: usize) {
    let (stop, journal, gate) = (lane.api.stop.clone(), lane.journal.clone(), Arc::clone(&lane.gate));
    let work = Arc::new(Work { lane, feeds, door: tokio::sync::Mutex::new(()) });
    // One task a row: the fastest way on one thread. They end with this future. How many requests are in flight is the
    // pace's business.
    let mut all = JoinSet::new();
    for _ in 0..lanes * ROWS {
        all.spawn(work_off_guests(Arc::clone(&work)));
        all.spawn(work_off(Arc::clone(&work)));
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
    if let Some(time) = gate.shut_for() {
        stop.raise(Halt::GuestCapTooLong(time));
    }
}

/// What all tasks work on.
struct Work<E: Exchange> {
    lane: Lane<E>,
    feeds: Feeds,
    /// Of those that have no row yet, one waits for the pace at a time: look-ups and repeats do not stand behind them all.
    door: tokio::sync::Mutex<()>,
}

async fn work_off<E: Exchange>(work: Arc<Work<E>>) {
    let (lane, feed) = (&work.lane, &work.feeds.plain);
    loop {
        let door = work.door.lock().await;
        let ready = admit(lane, feed).await;
        drop(door);
        let Some(sending) = next(feed, ready).await else { break };
        lane.take(sending).await;
    }
    give_back(lane, feed).await;
}

async fn work_off_guests<E: Exchange>(work: Arc<Work<E>>) {
    let (lane, feed) = (&work.lane, &work.feeds.guests);
    while let Ok(Some((next, pass))) = next_with_guests(lane, feed).await {
        lane.take_with_guests(next, pass).await;
    }
    // Those of one that is shut for good, too.
    lane.journal.stop_guests();
    lane.gate.end();
    give_back(lane, feed).await;
}

/// What was begun and does not leave any more is given back.
async fn give_back<E: Exchange>(lane: &Lane<E>, feed: &Feed) {
    while let Some(begun) = feed.leftover().await {
        lane.give_back(begun);
    }
}

/// Waits until the next row may leave, if there is one.
async fn admit<E: Exchange>(lane: &Lane<E>, feed: &Feed) -> Option<Ready<E>> {
    lane.api.admit(|| !feed.is_over()).await
}

/// The next row, which may leave.
async fn next<E: Exchange>(feed: &Feed, ready: Option<Ready<E>>) -> Option<Sending<E>> {
    let ready = ready?;
    Some(Sending::new(feed.next().await?, ready))
}

/// The next row with guests, when the cap lets it go.
async fn next_with_guests<E: Exchange>(lane: &Lane<E>, feed: &Feed) -> Result<Option<(Next<E>, Pass)>, Shut> {
    let (turn, mut pass) = lane.gate.admit(0).await?;
    let Some(sending) = next(feed, admit(lane, feed).await).await else { return Ok(None) };
    let job = sending.job();
    if !job.is_made && pass.pay_at_once(&turn, &job.body)? {
        return Ok(Some((Next::Sending(sending), pass)));
    }
    let Some(job) = lane.give_back(sending.stay()) else { return Ok(None) };
    pass.pay(&turn, &job.body).await?;
    drop(turn);
    let next = lane.next(job).await;
    Ok(lane.heed(next).flatten().map(|next| (next, pass)))
}
