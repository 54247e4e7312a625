//! The one writer while requests are under way: it commits attempts and outcomes in groups.

use std::time::Duration;

use tokio::sync::mpsc;

use super::JournalError;
use super::feed::{Feed, OperationSource, Selection};
use super::handle::{Handle, WriterCommand};
use super::operations::{begin, write};
use super::store::{Journal, RunId};

/// How long commands gather before they are committed together.
const GATHER: Duration = Duration::from_millis(3);
/// The most commands in one commit.
const COMMANDS_MAX: usize = 4096;

/// The writer, ready to work.
pub struct Writer {
    journal: Journal,
    inbox: mpsc::UnboundedReceiver<WriterCommand>,
    source: OperationSource,
    on_failure: Box<dyn FnOnce() + Send>,
}

impl Writer {
    /// A writer for the planned operations of a run, when none is in doubt.
    /// `on_failure` is called as soon as the journal cannot be written.
    pub fn new(
        journal: Journal,
        run: RunId,
        selection: Selection,
        on_failure: impl FnOnce() + Send + 'static,
    ) -> (Self, Handle, Feed) {
        let (commands, inbox) = mpsc::unbounded_channel();
        let handle = Handle { commands };
        let (source, feed) = OperationSource::new(run, selection, &handle);
        (Self { journal, inbox, source, on_failure: Box::new(on_failure) }, handle, feed)
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

    /// One commit: the commands, and the attempts of the next operations.
    fn commit(&mut self, commands: &mut Vec<WriterCommand>) -> rusqlite::Result<()> {
        let (db, source, now_ms) = (&self.journal.db, &mut self.source, self.journal.clock.now_ms());
        let mut replies = Vec::new();
        db.execute_batch("BEGIN")?;
        for command in commands.drain(..) {
            match command {
                WriterCommand::Begin(task, reply) => replies.push((begin(db, task, now_ms)?, reply)),
                WriterCommand::Record(operation) => write(db, &operation)?,
                WriterCommand::Guests(after, reply) => {
                    let _ = reply.send(source.with_guests(db, after)?);
                }
                WriterCommand::Admit(task) => source.admit(task),
                WriterCommand::EndGuests => source.end_guests(),
                WriterCommand::Stop => source.close(),
                WriterCommand::Feed => {}
            }
        }
        let begun = source.begin(db, now_ms)?;
        db.execute_batch("COMMIT")?;
        for (begun, reply) in replies {
            // Without an answer, the worker ends.
            if let Some(begun) = begun {
                let _ = reply.send(begun);
            }
        }
        source.hand_out(begun);
        Ok(())
    }
}
