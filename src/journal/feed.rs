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

#[cfg(test)]
mod tests {
    use super::super::tests::{created, folder, group, owner, run};
    use super::super::{Feeds, Journal, SentGuests, Writer};
    use super::*;
    use crate::model::{Effect, Group};

    /// A journal with five rows, of which the second and the fourth have a guest.
    fn five(path: &std::path::Path) -> (Journal, RunId, RowId) {
        let mut journal = Journal::open(path, &owner()).unwrap();
        let (run, first) = run(&mut journal, &["A", "B", "C", "D", "E"], false);
        for (offset, name) in [(1, "B"), (3, "D")] {
            let inviting = Group { guests: vec![format!("{name}@x.org")], ..group(name) };
            journal.restage(RowId(first.0 + offset), &inviting).unwrap();
        }
        (journal, run, first)
    }

    async fn names(feed: &Feed) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(begun) = feed.next().await {
            names.push(begun.spend().name);
        }
        names
    }

    #[tokio::test]
    async fn rows_with_guests_have_a_feed_of_their_own_and_neither_waits_for_the_other() {
        let (_folder, path) = folder();
        let (journal, run, _) = five(&path);
        let (writer, handle, Feeds { plain, guests }) = Writer::new(journal, run, 8, || panic!("it can be written"));
        let send = async {
            assert_eq!(names(&plain).await, ["A", "C", "E"]);
            let first = guests.next().await.unwrap().spend();
            assert_eq!(first.name, "B");
            handle.settle(first.row, created("gB")).unwrap();
            handle.stop_guests();
            // Begun ahead, where it was.
            for begun in names(&guests).await {
                assert_eq!(begun, "D");
            }
            drop(handle);
        };
        let (journal, ()) = tokio::join!(writer.work(), send);
        journal.unwrap();
    }

    #[tokio::test]
    async fn what_was_sent_tells_its_guests_and_whether_they_are_known() {
        let (_folder, path) = folder();
        let (journal, run, _) = five(&path);
        let (writer, handle, Feeds { guests, .. }) = Writer::new(journal, run, 2, || panic!("it can be written"));
        let send = async {
            let (b, d) = (guests.next().await.unwrap().spend(), guests.next().await.unwrap().spend());
            handle.settle(b.row, created("gB")).unwrap();
            handle.conclude(d.row, Effect::Absent).unwrap();
            drop(handle);
        };
        let (journal, ()) = tokio::join!(writer.work(), send);
        let mut told = Vec::new();
        journal.unwrap().sent_guests(|of: &SentGuests| told.push((of.guests.clone(), of.are_known))).unwrap();
        assert_eq!(told, [(vec!["B@x.org".to_owned()], true), (vec!["D@x.org".to_owned()], false)]);
    }

    #[test]
    fn a_group_that_lists_show_settles_its_row_unless_it_may_lack_guests() {
        let (_folder, path) = folder();
        let (mut journal, run, first) = five(&path);
        for offset in [0, 1] {
            super::super::tests::begin(&journal, RowId(first.0 + offset), "unknown");
        }
        journal.settle(&[(first, created("gA")), (RowId(first.0 + 1), created("gB"))]).unwrap();
        assert_eq!((journal.open_rows(run).unwrap(), journal.in_doubt(run).unwrap()), (4, vec![]));
        let jobs = journal.run(|db| intents::next_jobs(db, run, Carrying::Guests, RowId(0), 9)).unwrap();
        let told: Vec<_> = jobs.iter().map(|job| (job.name.as_str(), job.is_made, job.may_be_ours)).collect();
        assert_eq!(told, [("B", true, true), ("D", false, false)]);
    }
}
