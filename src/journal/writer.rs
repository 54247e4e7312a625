//! The one writer while requests are under way: it commits intents and outcomes in groups.

use std::time::Duration;

use tokio::sync::mpsc;

use super::feed::{Feed, JobSource};
use super::handle::{Handle, WriterCommand};
use super::outcomes::put_fate;
use super::store::{Journal, RunId};
use super::{JournalError, intents};

/// How long commands gather before they are committed together.
const GATHER: Duration = Duration::from_millis(3);
/// The most commands in one commit.
const COMMANDS_MAX: usize = 4096;

/// The jobs of a run, as they are begun.
#[derive(Debug)]
pub struct Feeds {
    /// Rows without guests, or whose guests are all known.
    pub plain: Feed,
    /// Rows with guests that may be new.
    pub guests: Feed,
}

/// The writer, ready to work.
pub struct Writer {
    journal: Journal,
    inbox: mpsc::UnboundedReceiver<WriterCommand>,
    plain: JobSource,
    guests: JobSource,
    on_failure: Box<dyn FnOnce() + Send>,
}

impl Writer {
    /// A writer for a run's open rows; no row may be in doubt. `on_failure` is called as soon as the journal cannot be
    /// written.
    #[must_use]
    pub fn new(journal: Journal, run: RunId, on_failure: impl FnOnce() + Send + 'static) -> (Self, Handle, Feeds) {
        let (commands, inbox) = mpsc::unbounded_channel();
        let handle = Handle { commands };
        let (plain, plain_feed) = JobSource::new(run, false, &handle);
        let (guests, guests_feed) = JobSource::new(run, true, &handle);
        let writer = Self { journal, inbox, plain, guests, on_failure: Box::new(on_failure) };
        (writer, handle, Feeds { plain: plain_feed, guests: guests_feed })
    }

    /// Works until all handles are dropped and every command is on disk, and returns the journal.
    /// A commit blocks the thread: the workers should have another.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn work(mut self) -> Result<Journal, JournalError> {
        match self.write().await {
            Ok(()) => Ok(self.journal),
            Err(reason) => {
                self.inbox.close();
                (self.on_failure)();
                Err(Journal::failed(&self.journal.path, reason))
            }
        }
    }

    async fn write(&mut self) -> rusqlite::Result<()> {
        let mut commands = Vec::new();
        self.commit(&mut commands)?;
        while self.inbox.recv_many(&mut commands, COMMANDS_MAX).await > 0 {
            tokio::time::sleep(GATHER).await;
            while commands.len() < COMMANDS_MAX
                && let Ok(command) = self.inbox.try_recv()
            {
                commands.push(command);
            }
            self.commit(&mut commands)?;
        }
        Ok(())
    }

    /// One commit: the commands, and the intents of the next jobs.
    fn commit(&mut self, commands: &mut Vec<WriterCommand>) -> rusqlite::Result<()> {
        let db = &self.journal.db;
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
