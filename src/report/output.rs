//! The one writer of output files. They appear complete or not at all: written beside their place, synced, and renamed into it.

use std::fs::{self, File, FileType};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::model::{is_misplaced, shown_path};

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
    /// Whether another file would do: the mistake is in what was asked, not in the machine.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        is_misplaced(&self.reason)
    }
}

/// A file being written. A regular file is replaced as a whole at the end; a link, a pipe or a device is written through and
/// never replaced, for as root that would break `/dev/stdout`.
pub(super) struct Output {
    path: PathBuf,
    file: BufWriter<Target>,
}

enum Target {
    Temporary(NamedTempFile),
    Direct(File),
}

impl Write for Target {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            // An error of the temporary file itself would show that file's name.
            Self::Temporary(file) => file.as_file_mut().write(buffer),
            Self::Direct(file) => file.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.file.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Output {
    /// Starts writing the file at `path`.
    pub(super) fn create(path: &Path) -> Result<Self, OutputError> {
        let target = if is_replaceable(path) {
            temporary(path).map(Target::Temporary)
        } else {
            File::options().write(true).create(true).truncate(true).open(path).map(Target::Direct)
        };
        let target = target.map_err(|reason| OutputError { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(target) })
    }

    /// Writes bytes.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.file.write_all(bytes).map_err(|reason| OutputError { path: self.path.clone(), reason })
    }

    /// Writes one line.
    pub(super) fn line(&mut self, text: &str) -> Result<(), OutputError> {
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// Moves the file into place; it survives a power cut.
    pub(super) fn finish(self) -> Result<(), OutputError> {
        self.seal()?.place()
    }

    /// Writes the last byte to the disk.
    pub(super) fn seal(self) -> Result<Sealed, OutputError> {
        let Self { path, file } = self;
        let work = || match file.into_inner().map_err(io::IntoInnerError::into_error)? {
            Target::Temporary(file) => file.as_file().sync_all().map(|()| Some(file)),
            Target::Direct(file) if file.metadata()?.is_file() => file.sync_all().map(|()| None),
            Target::Direct(_) => Ok(None),
        };
        match work() {
            Ok(file) => Ok(Sealed { path, file }),
            Err(reason) => Err(OutputError { path, reason }),
        }
    }
}

/// A file that is complete, and not yet in its place.
pub struct Sealed {
    path: PathBuf,
    /// None for what was written through.
    file: Option<NamedTempFile>,
}

impl Sealed {
    /// Its final path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The temporary file; none for what was written through.
    #[must_use]
    pub fn meanwhile(&self) -> Option<&Path> {
        self.file.as_ref().map(NamedTempFile::path)
    }

    /// Moves it into place; it survives a power cut.
    pub(super) fn place(self) -> Result<(), OutputError> {
        let Self { path, file } = self;
        let Some(file) = file else { return Ok(()) };
        let placed = file.persist(&path).map_err(|error| error.error).and_then(|_| sync_folder(&path));
        placed.map_err(|reason| OutputError { path, reason })
    }
}

/// A CSV file being written.
pub(super) struct CsvOutput {
    delimiter: u8,
    output: Output,
}

impl CsvOutput {
    /// Starts a file whose rows may have different lengths.
    pub(super) fn create(path: &Path, delimiter: u8) -> Result<Self, OutputError> {
        Ok(Self { delimiter, output: Output::create(path)? })
    }

    /// Writes one row.
    pub(super) fn row<T: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = T>) -> Result<(), OutputError> {
        self.verbatim(&csv_row(cells, self.delimiter))
    }

    /// Writes bytes as they are.
    pub(super) fn verbatim(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.output.bytes(bytes)
    }

    /// Moves the file into place.
    pub(super) fn finish(self) -> Result<(), OutputError> {
        self.output.finish()
    }

    /// Writes `tail` after the last row, and the last byte to the disk.
    pub(super) fn seal(mut self, tail: &str) -> Result<Sealed, OutputError> {
        self.verbatim(tail.as_bytes())?;
        self.output.seal()
    }
}

/// One CSV row with its line end, quoted where it must be.
pub fn csv_row<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = T>, delimiter: u8) -> Vec<u8> {
    let mut builder = csv::WriterBuilder::new();
    let mut writer = builder.flexible(true).delimiter(delimiter).buffer_capacity(256).from_writer(Vec::new());
    // Memory takes all that is written.
    let _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}

/// Checks, before anything is sent, that a file can be written at `path`.
///
/// # Errors
/// If it cannot.
pub fn probe(path: &Path) -> Result<(), OutputError> {
    let work = || match fs::metadata(path).map(|found| found.file_type()) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        // To open it would wait for its reader.
        Ok(found) if is_pipe(found) => Ok(()),
        Ok(found) if !found.is_file() && !is_device(found) => Err(io::Error::other("is neither a file nor a pipe")),
        _ if is_replaceable(path) => temporary(path).map(drop),
        _ => File::options().write(true).create(true).truncate(false).open(path).map(drop),
    };
    work().map_err(|reason| OutputError { path: path.to_owned(), reason })
}

/// Refuses a link at a path that the user did not type: somebody else may have put it there.
///
/// # Errors
/// If there is one.
pub fn refuse_link(path: &Path) -> Result<(), OutputError> {
    if !path.is_symlink() {
        return Ok(());
    }
    Err(OutputError { path: path.to_owned(), reason: io::Error::other("is a link") })
}

/// Removes a file of an earlier run that the new run does not replace.
///
/// # Errors
/// If it is there and cannot be removed.
pub(super) fn remove_stale(path: &Path) -> Result<(), OutputError> {
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        return Ok(());
    }
    fs::remove_file(path).map_err(|reason| OutputError { path: path.to_owned(), reason })
}

/// Whether there is a regular file, or nothing.
fn is_replaceable(path: &Path) -> bool {
    fs::symlink_metadata(path).map_or(true, |found| found.is_file())
}

#[cfg(unix)]
fn is_pipe(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind)
}

#[cfg(unix)]
fn is_device(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&kind)
}

#[cfg(not(unix))]
fn is_pipe(_: FileType) -> bool {
    false
}

#[cfg(not(unix))]
fn is_device(_: FileType) -> bool {
    false
}

/// The folder of a file.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary(path: &Path) -> io::Result<NamedTempFile> {
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
    builder.tempfile_in(folder).map_err(|reason| io::Error::from(reason.kind()))
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
