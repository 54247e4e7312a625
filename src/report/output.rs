//! The one writer of output files. They appear complete or not at all: written beside their place, synced, and renamed into it.

use std::fs::{self, File, FileType};
use std::io::{self, BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::model::shown_path;

/// A file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", shown_path(path))]
pub struct OutputError {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub reason: io::Error,
}

impl OutputError {
    /// What the system says about this file.
    pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        |reason| Self { path: path.to_owned(), reason }
    }
}

/// A file being written. A regular file is replaced as a whole at the end; a link, a pipe or a device is written through and
/// never replaced, for as root that would break `/dev/stdout`.
pub(crate) struct Output {
    path: PathBuf,
    file: BufWriter<File>,
    /// The file to rename; `None` for what is written through.
    temporary: Option<TempPath>,
}

impl Output {
    /// Starts writing the file at `path`.
    pub(crate) fn create(path: &Path) -> Result<Self, OutputError> {
        let opened = if is_replaceable(path) {
            temporary(path).map(|(file, path)| (file, Some(path)))
        } else {
            File::options().write(true).create(true).truncate(true).open(path).map(|file| (file, None))
        };
        let (file, temporary) = opened.map_err(OutputError::at(path))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), temporary })
    }

    /// Writes bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.file.write_all(bytes).map_err(OutputError::at(&self.path))
    }

    /// Moves the file into place; it survives a power cut.
    pub(crate) fn finish(self) -> Result<(), OutputError> {
        self.finish_noted(|_| Ok(()))
    }

    /// The same; before the file is moved, `note` gets the temporary file, which is complete.
    pub(super) fn finish_noted<E: From<OutputError>>(self, note: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
        let Self { path, file, temporary } = self;
        let failed = OutputError::at(&path);
        let sync = |file: File| if file.metadata()?.is_file() { file.sync_all() } else { Ok(()) };
        file.into_inner().map_err(IntoInnerError::into_error).and_then(sync).map_err(&failed)?;
        let Some(temporary) = temporary else { return Ok(()) };
        note(&temporary)?;
        temporary.persist(&path).map_err(|error| error.error).and_then(|()| sync_folder(&path)).map_err(failed)?;
        Ok(())
    }
}

/// Checks, before anything is sent, that a file can be written at `path`. A link is refused at a path that the user did not type:
/// somebody else may have put it there.
///
/// # Errors
/// If it cannot.
pub fn probe(path: &Path, is_typed: bool) -> Result<(), OutputError> {
    let work = || match fs::metadata(path) {
        _ if !is_typed && path.is_symlink() => Err(io::Error::other("is a link")),
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        // To open it would wait for its reader.
        Ok(found) if is_pipe(found.file_type()) => Ok(()),
        _ if is_replaceable(path) => temporary(path).map(drop),
        _ => File::options().write(true).create(true).truncate(false).open(path).map(drop),
    };
    work().map_err(OutputError::at(path))
}

/// Whether there is a regular file itself, not a link to one.
pub(crate) fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// Whether there is a regular file, or nothing.
fn is_replaceable(path: &Path) -> bool {
    fs::symlink_metadata(path).map_or(true, |found| found.is_file())
}

fn is_pipe(kind: FileType) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::FileTypeExt::is_fifo(&kind);
    #[cfg(not(unix))]
    return false;
}

/// The folder of a file.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary(path: &Path) -> io::Result<(File, TempPath)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tallyfy-groups-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let folder = folder(path);
    if !folder.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such folder"));
    }
    // The reason without the name of the temporary file.
    builder.tempfile_in(folder).map(NamedTempFile::into_parts).map_err(|reason| io::Error::from(reason.kind()))
}

/// Only Unix can, and has to.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder(path))?.sync_all() } else { Ok(()) }
}
