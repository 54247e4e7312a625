//! The one writer while requests are under way: it commits intents and outcomes in groups.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::feed::{Feed, JobSource};
use super::intents::Carrying;
use super::outcomes::put_fate;
use super::store::{Journal, RunId};
use super::{Begun, JournalError, intents};
use crate::model::{Effect, Fate, Job, RowId};

/// How long commands gather before they are committed together.
const GATHER: Duration = Duration::from_millis(3);
/// The most commands in one commit.
const COMMANDS_MAX: usize = 4096;

/// The journal cannot be written any more; nothing may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down;

pub(super) enum WriterCommand {
    /// Begin this job.
    Begin(Job, oneshot::Sender<Begun>),
    /// Something is known of the last send of this row.
    Conclude(RowId, Effect),
    /// The last send of this row never left.
    Release(RowId),
    Settle(RowId, Fate),
    /// Begin nothing new.
    Stop,
    /// A lane waits for a job.
    Feed,
    /// Begin no new row with guests.
    StopGuests,
}

/// The lanes' way to the writer.
#[derive(Debug, Clone)]
pub struct Handle {
    commands: mpsc::UnboundedSender<WriterCommand>,
    is_down: Arc<AtomicBool>,
}

impl Handle {
    /// Begins a job that is sent now: nothing of it is in doubt.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn begin(&self, job: Job) -> Result<Begun, Down> {
        let (reply, begun) = oneshot::channel();
        self.tell(WriterCommand::Begin(job, reply))?;
        begun.await.map_err(|_| Down)
    }

    /// Notes how a row ended, without waiting for the disk.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn settle(&self, row: RowId, fate: Fate) -> Result<(), Down> {
        self.tell(WriterCommand::Settle(row, fate))
    }

    /// Notes what is known of the last send of a row.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn conclude(&self, row: RowId, effect: Effect) -> Result<(), Down> {
        self.tell(WriterCommand::Conclude(row, effect))
    }

    /// Notes that a row was begun and never left.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn release(&self, row: RowId) -> Result<(), Down> {
        self.tell(WriterCommand::Release(row))
    }

    /// Notes that a job was begun and does not leave now.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn give_back(&self, Begun(mut job): Begun) -> Result<Job, Down> {
        self.release(job.row)?;
        job.attempts -= 1;
        Ok(job)
    }

    /// Has no further jobs begun.
    pub fn stop(&self) {
        let _ = self.tell(WriterCommand::Stop);
    }

    /// Has no further jobs with guests begun.
    pub fn stop_guests(&self) {
        let _ = self.tell(WriterCommand::StopGuests);
    }

    pub(super) fn bell(&self) -> Bell {
        Bell { commands: self.commands.downgrade(), is_down: Arc::clone(&self.is_down) }
    }

    fn tell(&self, command: WriterCommand) -> Result<(), Down> {
        if self.is_down.load(Ordering::Acquire) {
            return Err(Down);
        }
        self.commands.send(command).map_err(|_| Down)
    }
}

/// Rung by a lane that waits for a job; does not keep the writer at work.
#[derive(Debug)]
pub(super) struct Bell {
    commands: mpsc::WeakUnboundedSender<WriterCommand>,
    is_down: Arc<AtomicBool>,
}

impl Bell {
    pub(super) fn ring(&self) {
        if let Some(commands) = self.commands.upgrade() {
            let _ = commands.send(WriterCommand::Feed);
        }
    }

    /// Whether the journal cannot be written any more.
    pub(super) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Acquire)
    }
}

/// The jobs of a run, as they are begun.
#[derive(Debug)]
pub struct Feeds {
    /// Rows without guests.
    pub plain: Feed,
    /// Rows with guests.
    pub guests: Feed,
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
    pub fn new(journal: Journal, run: RunId, on_failure: impl FnOnce() + Send + 'static) -> (Self, Handle, Feeds) {
        let (commands, inbox) = mpsc::unbounded_channel();
        let is_down = Arc::new(AtomicBool::new(false));
        let handle = Handle { commands, is_down: Arc::clone(&is_down) };
        let (plain, plain_feed) = JobSource::new(run, Carrying::NoGuests, &handle);
        let (guests, guests_feed) = JobSource::new(run, Carrying::Guests, &handle);
        let desk = Desk { inbox, plain, guests };
        let feeds = Feeds { plain: plain_feed, guests: guests_feed };
        (Self { journal, desk, is_down, on_failure: Box::new(on_failure) }, handle, feeds)
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
    inbox: mpsc::UnboundedReceiver<WriterCommand>,
    plain: JobSource,
    guests: JobSource,
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
    fn commit(&mut self, db: &Connection, commands: &mut Vec<WriterCommand>) -> rusqlite::Result<()> {
        let mut begun = Vec::new();
        db.execute_batch("BEGIN")?;
        for command in commands.drain(..) {
            match command {
                WriterCommand::Begin(job, reply) => begun.push((intents::begin(db, job)?, reply)),
                WriterCommand::Conclude(row, effect) => intents::conclude(db, row, effect)?,
                WriterCommand::Release(row) => intents::release(db, row)?,
                WriterCommand::Settle(row, fate) => put_fate(db, row, &fate)?,
                WriterCommand::Stop => {
                    self.plain.close();
                    self.guests.close();
                }
                WriterCommand::Feed => {}
                WriterCommand::StopGuests => self.guests.close(),
            }
        }
        let (guests, plain) = (self.guests.begin(db)?, self.plain.begin(db)?);
        db.execute_batch("COMMIT")?;
        for (begun, reply) in begun {
            let _ = reply.send(begun);
        }
        self.guests.hand_out(guests);
        self.plain.hand_out(plain);
        Ok(())
    }
}
