//! How workers reach the journal's writer: a channel for commands, and a flag that the writer has failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::Begun;
use crate::model::{Effect, Fate, Job, RowId};

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
    pub(super) commands: mpsc::UnboundedSender<WriterCommand>,
    pub(super) is_down: Arc<AtomicBool>,
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
