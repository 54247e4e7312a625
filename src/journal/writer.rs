//! The one writer while requests are under way: a thread that commits intents and outcomes in groups.
//!
//! It begins jobs ahead of the lanes, so that a lane seldom waits for the disk: a few where the pace is slow
//! (each one begun and not sent costs a look-up after a crash), more where speed asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::outcomes::put_fate;
use super::store::{Journal, RunId};
use super::{Begun, JournalError, intents};
use crate::model::{Fate, Job, RowId};

/// The most jobs begun ahead of the lanes.
const AHEAD_MAX: usize = 4096;
/// How far ahead of the lanes to be, in time.
const AHEAD: Duration = Duration::from_millis(100);
/// How long commands gather before they are committed together.
const GATHER: Duration = Duration::from_millis(3);
/// The most commands in one commit.
const COMMANDS_MAX: usize = 4096;

/// What a lane is to do with a row.
#[derive(Debug)]
pub enum Work {
    /// Send it: it is begun.
    Send(Begun),
    /// It was begun by a run that was cut off: look it up first.
    LookUp(Job),
}

/// The journal cannot be written any more; nothing may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down;

enum Command {
    /// Begin a job again, now that its last send is known to have had no effect.
    Begin(Job, oneshot::Sender<Begun>),
    /// The last send of this row is known to have had no effect.
    Unapplied(RowId),
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
    /// Begins a job again whose last send is known to have had no effect.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn begin_again(&self, job: Job) -> Result<Begun, Down> {
        let (reply, begun) = oneshot::channel();
        self.tell(Command::Begin(job, reply))?;
        begun.await.map_err(|_| Down)
    }

    /// Notes how a row ended, without waiting for the disk.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn settle(&self, row: RowId, fate: Fate) -> Result<(), Down> {
        self.tell(Command::Settle(row, fate))
    }

    /// Notes that the last send of a row had no effect, and that it is not tried again now.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn unapplied(&self, row: RowId) -> Result<(), Down> {
        self.tell(Command::Unapplied(row))
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
pub struct Feed(Mutex<mpsc::Receiver<Work>>);

impl Feed {
    /// The next row to work on; none when all are out.
    pub async fn next(&self) -> Option<Work> {
        self.0.lock().await.recv().await
    }
}

/// The writer's thread.
#[derive(Debug)]
pub struct Writer(JoinHandle<Result<Journal, JournalError>>);

impl Writer {
    /// Starts the writer over a run's open rows: `doubtful` ones first.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(
        journal: Journal,
        run: RunId,
        doubtful: Vec<Job>,
        lanes: usize,
    ) -> std::io::Result<(Self, Handle, Feed)> {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (jobs, feed) = mpsc::channel(AHEAD_MAX);
        let is_down = Arc::new(AtomicBool::new(false));
        let handle = Handle { commands, is_down: Arc::clone(&is_down) };
        let mut desk = Desk {
            inbox,
            jobs: Some(jobs),
            doubtful: doubtful.into_iter(),
            run,
            last: RowId(0),
            freed: lanes,
            settled: 0,
            since: Instant::now(),
            ahead: lanes.min(AHEAD_MAX),
        };
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let worked = desk.work(&journal.db);
            if worked.is_err() {
                is_down.store(true, Ordering::Release);
            }
            drop(desk);
            worked.map_err(|reason| Journal::failed(&journal.path, reason)).map(|()| journal)
        })?;
        Ok((Self(thread), handle, Feed(Mutex::new(feed))))
    }

    /// Waits until everything told is on disk, and gives the journal back. All handles must be gone.
    ///
    /// # Errors
    /// If the journal could not be written.
    pub fn finish(self) -> Result<Journal, JournalError> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// What the writer's thread has before it.
struct Desk {
    inbox: mpsc::UnboundedReceiver<Command>,
    jobs: Option<mpsc::Sender<Work>>,
    doubtful: std::vec::IntoIter<Job>,
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
    fn work(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let mut commands = Vec::new();
        self.commit(db, &mut commands)?;
        while self.inbox.blocking_recv_many(&mut commands, COMMANDS_MAX) > 0 {
            thread::sleep(GATHER);
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
                Command::Begin(job, reply) => begun.push((intents::begin(db, job)?, reply)),
                Command::Unapplied(row) => intents::unapplied(db, row)?,
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
    fn next_jobs(&mut self, db: &Connection, wanted: usize) -> rusqlite::Result<Vec<Work>> {
        let mut next: Vec<Work> = self.doubtful.by_ref().take(wanted).map(Work::LookUp).collect();
        for job in intents::new_jobs(db, self.run, self.last, wanted - next.len())? {
            self.last = job.row;
            next.push(Work::Send(intents::begin(db, job)?));
        }
        Ok(next)
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

    /// There is room: only this thread sends. A closed feed means that the lanes are gone.
    fn hand_out(&mut self, next: Vec<Work>, is_last: bool) {
        if let Some(jobs) = &self.jobs {
            for work in next {
                let _ = jobs.try_send(work);
            }
        }
        if is_last {
            self.jobs = None;
        }
    }
}
