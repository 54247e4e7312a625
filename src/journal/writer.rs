//! The one writer while requests are under way: it commits intents and outcomes in groups.
//!
//! It begins jobs ahead of the lanes, so that a lane seldom waits for the disk: a few where the pace is slow
//! (each one begun and not sent costs a look-up after a crash), more where speed asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;

use super::outcomes::put_fate;
use super::store::{Journal, RunId};
use super::{Begun, JournalError, intents};
use crate::model::{Effect, Fate, Job, RowId};

/// The most jobs begun ahead of the lanes.
const AHEAD_MAX: usize = 4096;
/// How far ahead of the lanes to be, in time.
const AHEAD: Duration = Duration::from_millis(100);
/// How long commands gather before they are committed together.
const GATHER: Duration = Duration::from_millis(3);
/// The most commands in one commit.
const COMMANDS_MAX: usize = 4096;

/// The journal cannot be written any more; nothing may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down;

enum Command {
    /// Begin a job again, now that something is known of its last send.
    Begin(Job, Effect, oneshot::Sender<Begun>),
    /// Something is known of the last send of this row, and it is not sent again now.
    Conclude(RowId, Effect),
    /// The last send of this row never left.
    Release(RowId),
    Settle(RowId, Fate),
    /// Begin nothing new.
    Stop,
}

/// The lanes' way to the writer.
#[derive(Debug, Clone)]
pub struct Handle {
    commands: mpsc::UnboundedSender<Command>,
    is_down: Arc<AtomicBool>,
}

impl Handle {
    /// Begins a job again, now that something is known of its last send.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn begin_again(&self, job: Job, effect: Effect) -> Result<Begun, Down> {
        let (reply, begun) = oneshot::channel();
        self.tell(Command::Begin(job, effect, reply))?;
        begun.await.map_err(|_| Down)
    }

    /// Notes how a row ended, without waiting for the disk.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn settle(&self, row: RowId, fate: Fate) -> Result<(), Down> {
        self.tell(Command::Settle(row, fate))
    }

    /// Notes what is known of the last send of a row that is not sent again now.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn conclude(&self, row: RowId, effect: Effect) -> Result<(), Down> {
        self.tell(Command::Conclude(row, effect))
    }

    /// Notes that a row was begun and never left.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn release(&self, row: RowId) -> Result<(), Down> {
        self.tell(Command::Release(row))
    }

    /// Has no further jobs begun.
    pub fn stop(&self) {
        let _ = self.tell(Command::Stop);
    }

    fn tell(&self, command: Command) -> Result<(), Down> {
        if self.is_down.load(Ordering::Acquire) {
            return Err(Down);
        }
        self.commands.send(command).map_err(|_| Down)
    }
}

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

/// The writer, ready to work.
pub struct Writer {
    journal: Journal,
    desk: Desk,
    is_down: Arc<AtomicBool>,
    on_failure: Box<dyn FnOnce() + Send>,
}

impl Writer {
    /// A writer over a run's open rows, none of which may be in doubt. `on_failure` is called the moment the journal
    /// turns out not to be writable.
    #[must_use]
    pub fn new(
        journal: Journal,
        run: RunId,
        lanes: usize,
        on_failure: impl FnOnce() + Send + 'static,
    ) -> (Self, Handle, Feed) {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (jobs, feed) = mpsc::channel(AHEAD_MAX);
        let is_down = Arc::new(AtomicBool::new(false));
        let desk = Desk {
            inbox,
            jobs: Some(jobs),
            run,
            last: RowId(0),
            freed: lanes,
            settled: 0,
            since: Instant::now(),
            ahead: lanes.min(AHEAD_MAX),
        };
        let handle = Handle { commands, is_down: Arc::clone(&is_down) };
        let feed = Feed { jobs: Mutex::new(feed), is_down: Arc::clone(&is_down) };
        (Self { journal, desk, is_down, on_failure: Box::new(on_failure) }, handle, feed)
    }

    /// Works until all handles are gone and everything told is on disk, and gives the journal back.
    /// A commit blocks the thread: the lanes should have another.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn work(mut self) -> Result<Journal, JournalError> {
        match self.desk.work(&self.journal.db).await {
            Ok(()) => Ok(self.journal),
            Err(reason) => {
                self.is_down.store(true, Ordering::Release);
                (self.on_failure)();
                Err(Journal::failed(&self.journal.path, reason))
            }
        }
    }
}

/// What the writer has before it.
struct Desk {
    inbox: mpsc::UnboundedReceiver<Command>,
    jobs: Option<mpsc::Sender<Begun>>,
    run: RunId,
    last: RowId,
    /// Lanes that wait for their next job.
    freed: usize,
    /// Rows settled since the last look at the speed.
    settled: usize,
    since: Instant,
    /// Jobs to have begun beyond what the lanes wait for.
    ahead: usize,
}

impl Desk {
    async fn work(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let mut commands = Vec::new();
        self.commit(db, &mut commands)?;
        while self.inbox.recv_many(&mut commands, COMMANDS_MAX).await > 0 {
            tokio::time::sleep(GATHER).await;
            while commands.len() < COMMANDS_MAX
                && let Ok(command) = self.inbox.try_recv()
            {
                commands.push(command);
            }
            self.commit(db, &mut commands)?;
        }
        Ok(())
    }

    /// One commit: what was told, and the intents of the next jobs.
    fn commit(&mut self, db: &Connection, commands: &mut Vec<Command>) -> rusqlite::Result<()> {
        let mut begun = Vec::new();
        db.execute_batch("BEGIN")?;
        for command in commands.drain(..) {
            match command {
                Command::Begin(job, effect, reply) => {
                    intents::conclude(db, job.row, effect)?;
                    begun.push((intents::begin(db, job)?, reply));
                }
                Command::Conclude(row, effect) => intents::conclude(db, row, effect)?,
                Command::Release(row) => intents::release(db, row)?,
                Command::Settle(row, fate) => {
                    put_fate(db, row, &fate)?;
                    self.freed += 1;
                }
                Command::Stop => self.jobs = None,
            }
        }
        let wanted = self.wanted();
        let next = self.next_jobs(db, wanted)?;
        db.execute_batch("COMMIT")?;
        for (begun, reply) in begun {
            let _ = reply.send(begun);
        }
        // Not by the state of the feed: the lanes go on taking from it while the disk works.
        let is_last = next.len() < wanted;
        self.hand_out(next, is_last);
        Ok(())
    }

    /// How many jobs to begin now.
    fn wanted(&mut self) -> usize {
        let freed = std::mem::take(&mut self.freed);
        let ahead = self.look_ahead(freed);
        let Some(jobs) = &self.jobs else { return 0 };
        let room = jobs.capacity();
        let waiting = jobs.max_capacity() - room;
        (freed + ahead).saturating_sub(waiting).min(room)
    }

    /// Begins so many jobs, as far as there are any.
    fn next_jobs(&mut self, db: &Connection, wanted: usize) -> rusqlite::Result<Vec<Begun>> {
        let jobs = intents::next_jobs(db, self.run, self.last, wanted)?;
        self.last = jobs.last().map_or(self.last, |job| job.row);
        jobs.into_iter().map(|job| intents::begin(db, job)).collect()
    }

    /// How many jobs to have begun beyond what the lanes wait for: what they settle in a while.
    fn look_ahead(&mut self, settled: usize) -> usize {
        self.settled += settled;
        let elapsed = self.since.elapsed();
        if elapsed >= AHEAD {
            let whiles = usize::try_from(elapsed.as_millis() / AHEAD.as_millis()).unwrap_or(usize::MAX);
            self.ahead = (self.settled / whiles).clamp(1, AHEAD_MAX);
            self.settled = 0;
            self.since = Instant::now();
        }
        self.ahead
    }

    /// There is room: only the writer sends. A closed feed means that the lanes are gone.
    fn hand_out(&mut self, next: Vec<Begun>, is_last: bool) {
        if let Some(jobs) = &self.jobs {
            for begun in next {
                let _ = jobs.try_send(begun);
            }
        }
        if is_last {
            self.jobs = None;
        }
    }
}
