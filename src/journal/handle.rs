//! How workers reach the journal's writer: a channel for commands, which is closed as soon as the writer has failed.

use tokio::sync::{mpsc, oneshot};

use super::Intent;
use super::state::{GroupOperation, Operation};
use crate::model::RowId;

/// The journal cannot be written any more; nothing may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterFailed;

pub(super) enum WriterCommand {
    /// Begin an attempt of this operation.
    Begin(GroupOperation, oneshot::Sender<Intent>),
    Record(Operation),
    /// Give the next operations with guests behind this row.
    Guests(RowId, oneshot::Sender<Vec<GroupOperation>>),
    /// The guest quota admits this operation.
    Admit(GroupOperation),
    /// No more operations are admitted.
    EndGuests,
    /// Begin nothing new.
    Stop,
    /// A worker waits for an operation.
    Feed,
}

/// Sends commands to the writer.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) commands: mpsc::UnboundedSender<WriterCommand>,
}

impl Handle {
    /// Begins an attempt, which leaves now.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn begin(&self, task: GroupOperation) -> Result<Intent, WriterFailed> {
        self.ask(|reply| WriterCommand::Begin(task, reply)).await
    }

    /// Records an operation as it is now, without waiting for the disk.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn record(&self, operation: Operation) -> Result<(), WriterFailed> {
        self.send(WriterCommand::Record(operation))
    }

    /// The next planned operations with guests behind a row; empty if there are no more.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn with_guests(&self, after: RowId) -> Result<Vec<GroupOperation>, WriterFailed> {
        self.ask(|reply| WriterCommand::Guests(after, reply)).await
    }

    /// Puts an operation with guests into the feed.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn admit(&self, task: GroupOperation) -> Result<(), WriterFailed> {
        self.send(WriterCommand::Admit(task))
    }

    /// No more operations with guests are put into the feed.
    pub fn end_guests(&self) {
        let _ = self.send(WriterCommand::EndGuests);
    }

    /// Begins no further operations.
    pub fn stop(&self) {
        let _ = self.send(WriterCommand::Stop);
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> WriterCommand) -> Result<T, WriterFailed> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply))?;
        answer.await.map_err(|_| WriterFailed)
    }

    fn send(&self, command: WriterCommand) -> Result<(), WriterFailed> {
        self.commands.send(command).map_err(|_| WriterFailed)
    }
}
