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
mod people;
mod private;
mod recover;
mod request_log;
mod results;
mod sound;
mod stage;
mod state;
mod store;
mod undo;
mod writer;

use std::path::{Path, PathBuf};

pub use clock::ServerClock;
pub use feed::Feed;
pub use files::absolute;
pub use guests::SentGuests;
pub use handle::{Handle, WriterFailed};
pub use request_log::{Mark, Now, RequestLog};
pub use stage::{ReadBefore, Stage, StagedRow};
pub use state::{Change, GroupOperation, Illegal, Operation, OperationKind, State};
pub use store::{Journal, Owner, Realm, RunId};
pub use undo::{Creation, PastRun};
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
    #[must_use]
    pub fn row(&self) -> RowId {
        self.0.operation.row
    }

    /// Uses the right up: the request leaves now, or the attempt is withdrawn.
    #[must_use]
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
    /// The file is something else.
    #[error("journal {}: the file is not a journal of tallyfy-groups; name another with --journal", shown_path(.0))]
    Foreign(PathBuf),
    /// The file beside the journal that holds the times of requests is something else.
    #[error("{}: is not the file in which this program keeps the times of its last requests; move it away and run the same command again", shown_path(.0))]
    ForeignRequestLog(PathBuf),
    /// The file was written by another version.
    #[error(
        "journal {}: is of version {found}, this program writes version {ours}; name another with --journal",
        shown_path(path)
    )]
    Version {
        /// The journal's file.
        path: PathBuf,
        /// The version found.
        found: i64,
        /// The version this program writes.
        ours: i64,
    },
    /// It belongs to another organization.
    #[error(
        "journal {}: belongs to {theirs}, and this command goes to {ours}; name another with --journal, or move the file away",
        shown_path(path)
    )]
    OtherOwner {
        /// The journal's file.
        path: PathBuf,
        /// Whose it is.
        theirs: String,
        /// Whose was wanted.
        ours: String,
    },
    /// It is to be read, and there is none.
    #[error("journal {}: there is none; name the file that was imported, or its journal with --journal", shown_path(.0))]
    Missing(PathBuf),
    /// It holds an unfinished run of other rows, which would be forgotten.
    #[error("journal {}: holds an unfinished run of other rows; finish that one first, name another journal with --journal, or start over with --fresh", shown_path(.0))]
    OtherRows(PathBuf),
    /// Somebody else could change it, or have it written elsewhere.
    #[error("journal {}: {what}; nothing was sent: {cure}, or name another with --journal", shown_path(path))]
    NotPrivate {
        /// The file: the journal or one of its side files.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
        /// What to do.
        cure: &'static str,
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
    /// Whether another file would do: the mistake is in what was asked, not in the machine.
    #[must_use]
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
