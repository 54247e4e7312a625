//! How workers reach the journal's writer: a channel for commands, which is closed as soon as the writer has failed.

use tokio::sync::{mpsc, oneshot};

use super::Intent;
use crate::model::{Effect, Fate, Job, RowId};

/// The journal cannot be written any more; nothing may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down;

pub(super) enum WriterCommand {
    /// Begin this job.
    Begin(Job, oneshot::Sender<Intent<Job>>),
    /// The effect of the last attempt of this row is known.
    Conclude(RowId, Effect),
    /// The last attempt of this row never left.
    Release(RowId),
    Settle(RowId, Fate),
    /// Begin nothing new.
    Stop,
    /// A worker waits for a job.
    Feed,
    /// Begin no new row with guests.
    StopGuests,
}

/// Sends commands to the writer.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) commands: mpsc::UnboundedSender<WriterCommand>,
}

impl Handle {
    /// Begins a job that is sent now: nothing of it is in doubt.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn begin(&self, job: Job) -> Result<Intent<Job>, Down> {
        let (reply, begun) = oneshot::channel();
        self.send(WriterCommand::Begin(job, reply))?;
        begun.await.map_err(|_| Down)
    }

    /// Records the outcome of a row, without waiting for the disk.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn settle(&self, row: RowId, fate: Fate) -> Result<(), Down> {
        self.send(WriterCommand::Settle(row, fate))
    }

    /// Records the effect of the last attempt of a row.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn conclude(&self, row: RowId, effect: Effect) -> Result<(), Down> {
        self.send(WriterCommand::Conclude(row, effect))
    }

    /// Records that the last attempt of a row never left.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn release(&self, row: RowId) -> Result<(), Down> {
        self.send(WriterCommand::Release(row))
    }

    /// Records that a job was begun and does not leave now.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn give_back(&self, Intent(mut job): Intent<Job>) -> Result<Job, Down> {
        self.release(job.row)?;
        job.attempts -= 1;
        Ok(job)
    }

    /// Begins no further jobs.
    pub fn stop(&self) {
        let _ = self.send(WriterCommand::Stop);
    }

    /// Begins no further jobs with guests.
    pub fn stop_guests(&self) {
        let _ = self.send(WriterCommand::StopGuests);
    }

    fn send(&self, command: WriterCommand) -> Result<(), Down> {
        self.commands.send(command).map_err(|_| Down)
    }
}
