//! Jobs are sent: at the pace, in lanes, each until its fate is known.
//!
//! Reads no files and shows nothing. What a lane may send it gets from the journal as [`Begun`](crate::journal::Begun),
//! what it may delete as [`Condemned`](crate::journal::Condemned).

mod auto;
mod compare;
mod complete;
mod delete;
mod deliver;
mod deliver_guests;
mod gate;
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
mod remaining;
mod settle;
mod sign;
mod spacing;
mod stated;
mod stop;
mod timetable;
mod valve;
mod window;

use std::sync::Arc;

use tokio::task::JoinSet;

pub use compare::{Claim, changes, claim};
pub use delete::Remover;
pub use deliver::{Lane, Policy};
pub use gate::{Gate, GuestLimits};
pub use invites::GUEST_CAP;
pub use judge::{Reading, Verdict, When, judge_create, judge_read};
pub use pace::{Limits, Pace};
pub use paced::Paced;
pub use rate::{Rate, RateError, Speed};
pub use reads::{Api, Jitter, Unread};
pub use stop::Stop;
pub use timetable::Rehearsal;

use crate::journal::{Feed, Feeds};
use crate::model::Halt;
use crate::tallyfy::Exchange;
use deliver::Sending;
use deliver_guests::Next;
use gate::{Pass, Shut};

/// Rows that are worked on for each request that may be in flight: those that are in doubt, or wait to be sent again, do
/// so for seconds, and are not to keep others from being sent.
const ROWS: usize = 8;

/// Works off all jobs of the feeds, with so many requests in flight; returns when the feeds are empty, which a stop brings about early.
/// Rows with guests that the cap keeps from being sent stop the run when all others are done.
pub async fn send_all<E: Exchange>(lane: Lane<E>, feeds: Feeds, lanes: usize) {
    let (stop, journal, gate) = (lane.api.stop.clone(), lane.journal.clone(), Arc::clone(&lane.gate));
    let (lane, feeds) = (Arc::new(lane), Arc::new(feeds));
    // One task a lane: the fastest way on one thread. They end with this future. How many requests are in flight is the
    // pace's business.
    let mut all = JoinSet::new();
    for _ in 0..lanes * ROWS {
        all.spawn(work_off_guests(Arc::clone(&lane), Arc::clone(&feeds)));
        all.spawn(work_off(Arc::clone(&lane), Arc::clone(&feeds)));
    }
    drop((lane, feeds));
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

async fn work_off<E: Exchange>(lane: Arc<Lane<E>>, feeds: Arc<Feeds>) {
    while let Some(sending) = next(&lane, &feeds.plain).await {
        lane.take(sending).await;
    }
    give_back(&lane, &feeds.plain).await;
}

async fn work_off_guests<E: Exchange>(lane: Arc<Lane<E>>, feeds: Arc<Feeds>) {
    while let Ok(Some((next, pass))) = next_with_guests(&lane, &feeds.guests).await {
        lane.take_with_guests(next, pass).await;
        lane.gate.done();
    }
    // Those of one that is shut for good, too.
    lane.journal.stop_guests();
    give_back(&lane, &feeds.guests).await;
}

/// What was begun and does not leave any more is given back.
async fn give_back<E: Exchange>(lane: &Lane<E>, feed: &Feed) {
    while let Some(begun) = feed.leftover().await {
        lane.give_back(begun);
    }
}

/// The next row, when it may leave.
async fn next<E: Exchange>(lane: &Lane<E>, feed: &Feed) -> Option<Sending<E>> {
    let ready = lane.api.admit(|| !feed.is_over()).await?;
    Some(Sending::new(feed.next().await?, ready))
}

/// The next row with guests, when the cap lets it go.
async fn next_with_guests<E: Exchange>(lane: &Lane<E>, feed: &Feed) -> Result<Option<(Next<E>, Pass)>, Shut> {
    let (turn, mut pass) = lane.gate.admit(0).await?;
    let Some(sending) = next(lane, feed).await else { return Ok(None) };
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
