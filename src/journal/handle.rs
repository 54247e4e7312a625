//! How workers reach the journal's writer: a channel for commands, which is closed as soon as the writer has failed.

use tokio::sync::{mpsc, oneshot};

use super::Intent;
use super::state::{Job, Operation};
use crate::model::RowId;

/// The journal cannot be written any more; nothing may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down;

pub(super) enum WriterCommand {
    /// Begin an attempt of this job.
    Begin(Job, oneshot::Sender<Intent>),
    Record(Operation),
    /// Give the next jobs with guests behind this row.
    Guests(RowId, oneshot::Sender<Vec<Job>>),
    /// The guest quota admits this job.
    Admit(Job),
    /// No more jobs are admitted.
    EndGuests,
    /// Begin nothing new.
    Stop,
    /// A worker waits for a job.
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
    pub async fn begin(&self, job: Job) -> Result<Intent, Down> {
        self.ask(|reply| WriterCommand::Begin(job, reply)).await
    }

    /// Records an operation as it is now, without waiting for the disk.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn record(&self, operation: Operation) -> Result<(), Down> {
        self.send(WriterCommand::Record(operation))
    }

    /// The next planned jobs with guests behind a row; empty if there are no more.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn with_guests(&self, after: RowId) -> Result<Vec<Job>, Down> {
        self.ask(|reply| WriterCommand::Guests(after, reply)).await
    }

    /// Puts a job with guests into the feed.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn admit(&self, job: Job) -> Result<(), Down> {
        self.send(WriterCommand::Admit(job))
    }

    /// No more jobs with guests are put into the feed.
    pub fn end_guests(&self) {
        let _ = self.send(WriterCommand::EndGuests);
    }

    /// Begins no further jobs.
    pub fn stop(&self) {
        let _ = self.send(WriterCommand::Stop);
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> WriterCommand) -> Result<T, Down> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply))?;
        answer.await.map_err(|_| Down)
    }

    fn send(&self, command: WriterCommand) -> Result<(), Down> {
        self.commands.send(command).map_err(|_| Down)
    }
}
