//! One import at a time over one journal.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use same_file::Handle;

use super::{JournalError, beside, private};

/// The lock, held as long as this lives; its file is gone afterwards.
///
/// A file of its own: closing any other handle of the database would drop the locks SQLite holds on it.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: Handle,
}

impl Lock {
    /// Locks a journal, or returns the process that holds it.
    pub(super) fn take(journal: &Path) -> Result<Self, JournalError> {
        let path = beside(journal, ".lock");
        let io = |reason| JournalError::Io { path: journal.to_owned(), reason };
        loop {
            let mut file = private::options().open(&path).and_then(Handle::from_file).map_err(io)?;
            match file.as_file().try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(JournalError::Locked { path: journal.to_owned(), holder: holder(file.as_file_mut()) });
                }
                Err(TryLockError::Error(reason)) => return Err(io(reason)),
            }
            // The previous holder may have removed the file after we opened it and before we locked it.
            if Handle::from_path(&path).is_ok_and(|there| there == file) {
                let holder = file.as_file_mut();
                holder.set_len(0).and_then(|()| holder.rewind()).map_err(io)?;
                write!(holder, "{}", std::process::id()).map_err(io)?;
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
