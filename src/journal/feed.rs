//! Hands the open rows of a run to the workers.
//!
//! A job that is begun and not sent is in doubt after a crash: so a job is begun when a worker can send it, and ahead of the
//! workers only where they are so fast that they would wait for the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::Intent;
use super::handle::{Handle, WriterCommand};
use super::intents;
use super::store::RunId;
use crate::model::{Job, RowId};

/// The most jobs ahead of the workers.
const AHEAD_MAX: usize = 4096;
/// How far ahead of the workers to be, in time: some commits. A single commit is too short a time to measure: rows with guests leave
/// one after the other, at first one per commit.
const AHEAD: Duration = Duration::from_millis(100);
/// So few in that time can wait for the disk: a commit takes some 5 to 25 ms.
const FEW: usize = 4;

/// The jobs, for all workers; each gets the next.
#[derive(Debug)]
pub struct Feed {
    jobs: Mutex<mpsc::Receiver<Intent<Job>>>,
    /// Workers that wait for a job.
    waiting: Arc<AtomicUsize>,
    /// Does not keep the writer at work. Closed when the journal cannot be written any more.
    commands: mpsc::WeakUnboundedSender<WriterCommand>,
}

impl Feed {
    /// The next row to send; none when all are out, or the journal cannot be written any more.
    pub async fn next(&self) -> Option<Intent<Job>> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let job = self.take().await;
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        job.filter(|_| !self.commands.upgrade().is_some_and(|commands| commands.is_closed()))
    }

    async fn take(&self) -> Option<Intent<Job>> {
        let mut jobs = self.jobs.lock().await;
        match jobs.try_recv() {
            Ok(job) => Some(job),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                if let Some(commands) = self.commands.upgrade() {
                    let _ = commands.send(WriterCommand::Feed);
                }
                jobs.recv().await
            }
        }
    }

    /// What was begun and is not sent, after a stop.
    pub async fn leftover(&self) -> Option<Intent<Job>> {
        self.jobs.lock().await.recv().await
    }

    /// Whether all are out.
    pub fn is_over(&self) -> bool {
        self.jobs.try_lock().is_ok_and(|jobs| jobs.is_closed() && jobs.is_empty())
    }
}

/// The writer's end of a feed.
pub(super) struct JobSource {
    /// None when nothing more is begun.
    jobs: Option<mpsc::Sender<Intent<Job>>>,
    waiting: Arc<AtomicUsize>,
    run: RunId,
    with_guests: bool,
    last: RowId,
    /// Whether there are rows after that one.
    has_more: bool,
    /// Jobs in the feed when it was last filled.
    filled: usize,
    /// Jobs that the workers took since their speed was last measured.
    taken: usize,
    since: Instant,
    /// Jobs to begin beyond those that workers wait for.
    ahead: usize,
}

impl JobSource {
    /// A feed of the rows of a run that have guests, or that have none.
    pub(super) fn new(run: RunId, with_guests: bool, writer: &Handle) -> (Self, Feed) {
        let (sender, receiver) = mpsc::channel(AHEAD_MAX);
        let waiting = Arc::<AtomicUsize>::default();
        let feed =
            Feed { jobs: Mutex::new(receiver), waiting: Arc::clone(&waiting), commands: writer.commands.downgrade() };
        let source = Self {
            jobs: Some(sender),
            waiting,
            run,
            with_guests,
            last: RowId(0),
            has_more: false,
            filled: 0,
            taken: 0,
            since: Instant::now(),
            ahead: 0,
        };
        (source, feed)
    }

    /// Begins the next jobs.
    pub(super) fn begin(&mut self, db: &Connection) -> rusqlite::Result<Vec<Intent<Job>>> {
        let wanted = self.wanted();
        if self.jobs.is_none() || wanted == 0 && self.has_more {
            return Ok(Vec::new());
        }
        // One more than is wanted, to know whether these are the last.
        let mut jobs = intents::next_jobs(db, self.run, self.with_guests, self.last, wanted + 1)?;
        self.has_more = jobs.len() > wanted;
        jobs.truncate(wanted);
        self.last = jobs.last().map_or(self.last, |job| job.row);
        jobs.into_iter().map(|job| intents::begin(db, job)).collect()
    }

    /// Hands out what was begun. There is room: only the writer sends. A closed feed means that the workers are gone.
    pub(super) fn hand_out(&mut self, begun: Vec<Intent<Job>>) {
        self.filled += begun.len();
        if let Some(jobs) = &self.jobs {
            for job in begun {
                let _ = jobs.try_send(job);
            }
        }
        if !self.has_more {
            self.close();
        }
    }

    /// Nothing more is begun.
    pub(super) fn close(&mut self) {
        self.jobs = None;
    }

    /// How many jobs to begin now: for the workers that wait, and ahead of those that are fast.
    fn wanted(&mut self) -> usize {
        let Some(jobs) = &self.jobs else { return 0 };
        let room = jobs.capacity();
        let ready = jobs.max_capacity() - room;
        self.taken += self.filled.saturating_sub(ready);
        self.filled = ready;
        let elapsed = self.since.elapsed();
        if elapsed >= AHEAD {
            let periods = usize::try_from(elapsed.as_millis() / AHEAD.as_millis()).unwrap_or(usize::MAX);
            self.ahead = (self.taken / periods).saturating_sub(FEW).min(AHEAD_MAX);
            (self.taken, self.since) = (0, Instant::now());
        }
        (self.waiting.load(Ordering::Acquire) + self.ahead).saturating_sub(ready).min(room)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{created, define, folder, group, open_rows, owner, run};
    use super::super::{Feeds, Journal, SentGuests, Writer};
    use super::*;
    use crate::model::{Effect, WantedGroup};

    /// A journal with five rows; the second and the fourth have a guest.
    fn five(path: &std::path::Path) -> (Journal, RunId, RowId) {
        let mut journal = Journal::open(path, &owner()).unwrap();
        let (run, first) = run(&mut journal, &["A", "B", "C", "D", "E"], false);
        for (offset, name) in [(1, "B"), (3, "D")] {
            let inviting = WantedGroup { guests: vec![format!("{name}@x.org")], ..group(name) };
            define(&journal, RowId(first.0 + offset), &inviting);
        }
        (journal, run, first)
    }

    async fn names(feed: &Feed) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(begun) = feed.next().await {
            names.push(begun.spend().group.name);
        }
        names
    }

    #[tokio::test]
    async fn rows_with_guests_have_a_feed_of_their_own_and_neither_waits_for_the_other() {
        let (_folder, path) = folder();
        let (journal, run, _) = five(&path);
        let (writer, handle, Feeds { plain, guests }) = Writer::new(journal, run, || panic!("it can be written"));
        let send = async {
            assert_eq!(names(&plain).await, ["A", "C", "E"]);
            assert!(plain.is_over() && !guests.is_over());
            for name in ["B", "D"] {
                assert_eq!(guests.next().await.unwrap().get().group.name, name);
            }
            assert!(guests.next().await.is_none() && guests.is_over());
            drop(handle);
        };
        let (journal, ()) = tokio::join!(writer.work(), send);
        journal.unwrap();
    }

    #[tokio::test]
    async fn rows_whose_guests_are_known_go_with_those_without_unless_their_groups_may_lack_guests() {
        let (_folder, path) = folder();
        let (mut journal, run, first) = five(&path);
        let with_guests = [RowId(first.0 + 1), RowId(first.0 + 3)];
        super::super::tests::begin(&journal, with_guests[1], "made");
        journal.note_known_guests(&with_guests).unwrap();
        let (writer, handle, Feeds { plain, guests }) = Writer::new(journal, run, || panic!("it can be written"));
        let send = async {
            assert_eq!(names(&plain).await, ["A", "B", "C", "E"]);
            assert_eq!(names(&guests).await, ["D"]);
            drop(handle);
        };
        tokio::join!(writer.work(), send).0.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn no_row_is_begun_before_a_worker_can_send_it_while_workers_are_slow() {
        let (_folder, path) = folder();
        let (journal, run, _) = five(&path);
        let reader = Connection::open(&path).unwrap();
        let begun = || reader.query_row("SELECT count(*) FROM intents", [], |row| row.get::<_, usize>(0)).unwrap();
        let (writer, handle, Feeds { plain, guests }) = Writer::new(journal, run, || panic!("it can be written"));
        let send = async {
            let (one, other) = tokio::join!(plain.next(), plain.next());
            let with_guests = guests.next().await.unwrap();
            for sent in 3..5 {
                tokio::time::sleep(Duration::from_mins(1)).await;
                assert_eq!(begun(), sent);
                let wait = tokio::time::sleep(Duration::from_millis(25));
                tokio::join!(async { drop(plain.next().await) }, wait);
            }
            handle.give_back(with_guests).unwrap();
            tokio::time::sleep(Duration::from_millis(25)).await;
            assert_eq!(begun(), 3);
            drop((one, other, handle));
        };
        tokio::join!(writer.work(), send).0.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn rows_that_leave_one_after_the_other_do_not_wait_for_a_commit_each() {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let all: Vec<String> = (0..300).map(|number| format!("G{number}")).collect();
        let (run, _) = run(&mut journal, &all.iter().map(String::as_str).collect::<Vec<_>>(), false);
        let (writer, handle, Feeds { plain, .. }) = Writer::new(journal, run, || panic!("it can be written"));
        let start = Instant::now();
        let send = async {
            assert_eq!(names(&plain).await, all);
            drop(handle);
        };
        tokio::join!(writer.work(), send).0.unwrap();
        // A commit each takes 900 ms.
        assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn what_was_sent_tells_its_guests_and_whether_they_are_known() {
        let (_folder, path) = folder();
        let (journal, run, _) = five(&path);
        let (writer, handle, Feeds { guests, .. }) = Writer::new(journal, run, || panic!("it can be written"));
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
        assert_eq!((open_rows(&journal, run), journal.in_doubt(run).unwrap()), (4, vec![]));
        let jobs = journal.run(|db| intents::next_jobs(db, run, true, RowId(0), 9)).unwrap();
        let told: Vec<_> = jobs.iter().map(|job| (job.group.name.as_str(), job.is_made, job.may_be_ours)).collect();
        assert_eq!(told, [("B", true, true), ("D", false, false)]);
    }
}
