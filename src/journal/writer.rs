//! The one writer while requests are under way: a thread that commits intents and outcomes in groups.
//!
//! It begins jobs ahead of the lanes, so that a lane seldom waits for the disk: a few where the pace is slow
//! (each one begun and not sent costs a look-up after a crash), more where speed asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::store::{Journal, RunId, job, now_ms, put_fate};
use super::{Begun, JournalError};
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
                Command::Begin(job, reply) => begun.push((begin(db, job)?, reply)),
                Command::Unapplied(row) => unapplied(db, row)?,
                Command::Release(row) => release(db, row)?,
                Command::Settle(row, fate) => {
                    put_fate(db, row, &fate)?;
                    self.freed += 1;
                }
                Command::Stop => self.jobs = None,
            }
        }
        let next = self.next_jobs(db)?;
        db.execute_batch("COMMIT")?;
        for (begun, reply) in begun {
            let _ = reply.send(begun);
        }
        self.hand_out(next);
        Ok(())
    }

    /// Begins as many jobs as are wanted.
    fn next_jobs(&mut self, db: &Connection) -> rusqlite::Result<Vec<Work>> {
        let Some(jobs) = &self.jobs else { return Ok(Vec::new()) };
        let room = jobs.capacity();
        let waiting = jobs.max_capacity() - room;
        let wanted = (self.freed + self.look_ahead()).saturating_sub(waiting).min(room);
        self.freed = 0;
        let mut next: Vec<Work> = self.doubtful.by_ref().take(wanted).map(Work::LookUp).collect();
        for job in new_jobs(db, self.run, self.last, wanted - next.len())? {
            self.last = job.row;
            next.push(Work::Send(begin(db, job)?));
        }
        Ok(next)
    }

    /// How many jobs to have begun beyond what the lanes wait for: what they settle in a while.
    fn look_ahead(&mut self) -> usize {
        self.settled += self.freed;
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
    fn hand_out(&mut self, next: Vec<Work>) {
        let is_out = next.is_empty();
        let Some(jobs) = &self.jobs else { return };
        for work in next {
            let _ = jobs.try_send(work);
        }
        if is_out && jobs.capacity() == jobs.max_capacity() {
            self.jobs = None;
        }
    }
}

/// The next rows that were never begun, in input order.
fn new_jobs(db: &Connection, run: RunId, after: RowId, count: usize) -> rusqlite::Result<Vec<Job>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut query = db.prepare_cached(
        "SELECT rows.id, name, body, (SELECT count(*) FROM intents WHERE intents.row = rows.id)
         FROM runs JOIN rows ON rows.id BETWEEN max(first_row, ?2 + 1) AND last_row
         WHERE runs.id = ?1 AND body IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM outcomes WHERE outcomes.row = rows.id)
           AND NOT EXISTS (SELECT 1 FROM intents WHERE intents.row = rows.id AND NOT is_unapplied)
         ORDER BY rows.id LIMIT ?3",
    )?;
    query.query_map(params![run.0, after.0, count], job)?.collect()
}

fn begin(db: &Connection, mut job: Job) -> rusqlite::Result<Begun> {
    if job.attempts > 0 {
        unapplied(db, job.row)?;
    }
    job.attempts += 1;
    db.prepare_cached("INSERT INTO intents (row, attempt, at_ms) VALUES (?1, ?2, ?3)")?.execute(params![
        job.row.0,
        job.attempts,
        now_ms()
    ])?;
    Ok(Begun(job))
}

fn unapplied(db: &Connection, row: RowId) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE intents SET is_unapplied = 1 WHERE row = ?1")?.execute([row.0]).map(drop)
}

fn release(db: &Connection, row: RowId) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM intents WHERE row = ?1 AND NOT is_unapplied")?.execute([row.0]).map(drop)
}
