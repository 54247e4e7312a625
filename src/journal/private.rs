//! Keeps the journal and its side files to one user: nobody else may write them or have them written elsewhere.

use std::fs::OpenOptions;
use std::path::Path;

use super::{JournalError, beside};

/// The endings of the files that belong to a journal: the journal itself, and those of SQLite, the lock and the rate limiter.
#[cfg(unix)]
const ENDINGS: [&str; 6] = ["", "-wal", "-shm", "-journal", ".lock", "-pace"];

/// Opens a file to read and write; a new one is readable and writable by its owner only.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates the journal if there is none: SQLite gives its side files the permissions of the journal. Refuses a journal, or
/// side files, that are links, another user's, or writable by others.
///
/// # Errors
/// If one of them is, or if the journal cannot be created.
pub(super) fn prepare(journal: &Path) -> Result<(), JournalError> {
    #[cfg(unix)]
    check(journal)?;
    let created = options().open(journal);
    created.map(drop).map_err(|reason| JournalError::Io { path: journal.to_owned(), reason })
}

#[cfg(unix)]
fn check(journal: &Path) -> Result<(), JournalError> {
    use std::os::unix::fs::MetadataExt;
    for path in ENDINGS.map(|ending| beside(journal, ending)) {
        let Ok(found) = path.symlink_metadata() else { continue };
        let (what, cure) = if found.is_symlink() {
            ("is a link", "remove the link")
        } else if !found.is_file() {
            ("is not a regular file", "remove it")
        } else if found.uid() != rustix::process::geteuid().as_raw() {
            ("belongs to another user", "run the command as that user")
        } else if found.mode() & 0o022 != 0 {
            ("can be written by other users", "take that permission away with chmod go-w")
        } else {
            continue;
        };
        let why = format!("{what}; nothing was sent: {cure}, or name another with --journal");
        return Err(JournalError::Refused { path, why });
    }
    Ok(())
}
