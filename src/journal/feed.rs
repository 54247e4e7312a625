//! The jobs that are begun, on their way to the lanes.
//!
//! They are begun ahead of the lanes, so that a lane seldom waits for the disk: a few where the lanes are slow
//! (each one begun and not sent costs a look-up after a crash), more where speed asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::Begun;
use super::intents::{self, Carrying};
use super::store::RunId;
use crate::model::RowId;

/// The most jobs begun ahead of the lanes.
const AHEAD_MAX: usize = 4096;
/// How far ahead of the lanes to be, in time.
const AHEAD: Duration = Duration::from_millis(100);

/// The jobs that are begun, for all lanes; each gets the next.
#[derive(Debug)]
pub struct Feed {
    jobs: Mutex<mpsc::Receiver<Begun>>,
    is_down: Arc<AtomicBool>,
}

impl Feed {
    /// The next row to send; none when all are out, or the journal cannot be written any more.
    pub async fn next(&self) -> Option<Begun> {
        let begun = self.jobs.lock().await.recv().await;
        begun.filter(|_| !self.is_down.load(Ordering::Acquire))
    }
}

/// The writer's end of a feed.
pub(super) struct Source {
    jobs: Option<mpsc::Sender<Begun>>,
    run: RunId,
    which: Carrying,
    last: RowId,
    /// Jobs in the feed when it was last filled, or that the lanes are taken to have had before.
    filled: usize,
    /// Jobs that the lanes took since the last look at the speed.
    taken: usize,
    since: Instant,
    /// Jobs to have begun beyond what the lanes take.
    ahead: usize,
}

/// Jobs that were begun and not handed out yet.
pub(super) struct Batch {
    jobs: Vec<Begun>,
    /// Whether there are no others.
    is_last: bool,
}

impl Source {
    /// A feed of a run's rows, with so many jobs twice for the beginning. Nothing comes from it once `is_down`.
    pub(super) fn new(run: RunId, which: Carrying, lanes: usize, is_down: &Arc<AtomicBool>) -> (Self, Feed) {
        let (jobs, feed) = mpsc::channel(AHEAD_MAX);
        let source = Self {
            jobs: Some(jobs),
            run,
            which,
            last: RowId(0),
            filled: lanes,
            taken: 0,
            since: Instant::now(),
            ahead: lanes.min(AHEAD_MAX),
        };
        (source, Feed { jobs: Mutex::new(feed), is_down: Arc::clone(is_down) })
    }

    /// Begins the next jobs.
    pub(super) fn begin(&mut self, db: &Connection) -> rusqlite::Result<Batch> {
        let wanted = self.wanted();
        let jobs = intents::next_jobs(db, self.run, self.which, self.last, wanted)?;
        self.last = jobs.last().map_or(self.last, |job| job.row);
        // Not by the state of the feed: the lanes go on taking from it while the disk works.
        let is_last = jobs.len() < wanted;
        let jobs = jobs.into_iter().map(|job| intents::begin(db, job)).collect::<Result<_, _>>()?;
        Ok(Batch { jobs, is_last })
    }

    /// Hands out what was begun. There is room: only the writer sends. A closed feed means that the lanes are gone.
    pub(super) fn hand_out(&mut self, batch: Batch) {
        if let Some(jobs) = &self.jobs {
            self.filled += batch.jobs.len();
            for begun in batch.jobs {
                let _ = jobs.try_send(begun);
            }
        }
        if batch.is_last {
            self.close();
        }
    }

    /// Nothing more is begun.
    pub(super) fn close(&mut self) {
        self.jobs = None;
    }

    /// How many jobs to begin now: as many as were taken, and what is to be ahead.
    fn wanted(&mut self) -> usize {
        let Some(jobs) = &self.jobs else { return 0 };
        let room = jobs.capacity();
        let waiting = jobs.max_capacity() - room;
        let taken = self.filled.saturating_sub(waiting);
        self.filled = waiting;
        (taken + self.look_ahead(taken)).saturating_sub(waiting).min(room)
    }

    /// How many jobs to have begun beyond what the lanes take: what they take in a while.
    fn look_ahead(&mut self, taken: usize) -> usize {
        self.taken += taken;
        let elapsed = self.since.elapsed();
        if elapsed >= AHEAD {
            let whiles = usize::try_from(elapsed.as_millis() / AHEAD.as_millis()).unwrap_or(usize::MAX);
            self.ahead = (self.taken / whiles).clamp(1, AHEAD_MAX);
            self.taken = 0;
            self.since = Instant::now();
        }
        self.ahead
    }
}
