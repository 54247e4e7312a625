//! Durable log of input rows and operations. An attempt is committed before its request leaves, its outcome after its response.
//!
//! A SQLite database; `schema.sql` documents it. Only this module makes an [`Intent`], and sending needs one.
//! It never talks to the network and never classifies a response.

mod clock;
mod feed;
mod files;
mod guests;
mod handle;
mod lock;
mod operations;
mod owned;
mod people;
mod private;
mod recover;
mod request_log;
mod results;
mod sound;
mod stage;
mod state;
mod store;
mod sync;
mod undo;
mod writer;

use std::path::{Path, PathBuf};

pub use clock::ServerClock;
pub use feed::{Feed, Selection};
pub use files::absolute;
pub use guests::SentGuests;
pub use handle::{Handle, WriterFailed};
pub use request_log::{Mark, Now, RequestLog};
pub use stage::{ReadBefore, Stage, StagedRow};
pub use state::{Change, GroupOperation, Operation, OperationKind, State};
pub use store::{Journal, Owner, Realm, RunId};
pub use sync::OpenRun;
pub use undo::{PastOperation, PastRun};
pub use writer::Writer;

use crate::model::{RowId, is_misplaced, shown_path};

/// The file beside a journal that ends in `suffix`.
fn beside(journal: &Path, suffix: &str) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The proof that an attempt is on disk: the right to send its request once.
#[derive(Debug)]
pub struct Intent(GroupOperation);

impl Intent {
    /// The row.
    pub fn row(&self) -> RowId {
        self.0.operation.row
    }

    /// Uses the right up: the request leaves now, or the attempt is withdrawn.
    pub fn spend(self) -> GroupOperation {
        self.0
    }
}

/// The journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The database failed: a full disk, no permission.
    #[error("journal {}: {reason}; its contents are kept: fix that and run the same command again", shown_path(path))]
    Database {
        /// The journal's file.
        path: PathBuf,
        /// What SQLite says.
        reason: rusqlite::Error,
    },
    /// The journal is damaged.
    #[error(
        "journal {}: is damaged ({what}); nothing more is sent, and the file stays as it is: restore a copy of it, or move it away and run the same command again (groups that exist are found by name and reported as `exists`)",
        shown_path(path)
    )]
    Damaged {
        /// The journal's file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// This file is not to be used so, or not by this command.
    #[error("journal {}: {why}", shown_path(path))]
    Refused {
        /// The journal's file, or one of its side files.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// Another run holds it.
    #[error("journal {}: another run{} is using it; wait for it to end", shown_path(path), holder.map(|id| format!(" (process {id})")).unwrap_or_default())]
    Locked {
        /// The journal's file.
        path: PathBuf,
        /// The other's process id, where it is known.
        holder: Option<u32>,
    },
    /// It cannot be locked or created.
    #[error(
        "journal {}: {reason}; nothing was sent: fix that and run the same command again, or name another folder with --out-dir",
        shown_path(path)
    )]
    Io {
        /// The journal's file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
}

impl JournalError {
    fn refused(path: &Path, why: impl Into<String>) -> Self {
        Self::Refused { path: path.to_owned(), why: why.into() }
    }

    /// Whether another file would do: the mistake is in what was asked, not in the machine.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Database { .. } | Self::Damaged { .. } => false,
            Self::Io { reason, .. } => is_misplaced(reason),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;
