//! Files that are there whole or not at all: written beside their place, synced, and renamed into it.

use std::fs::{self, File};
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

/// A file on its way.
pub(super) struct Output {
    path: PathBuf,
    file: BufWriter<Place>,
}

/// Where the bytes go meanwhile.
enum Place {
    Beside(NamedTempFile),
    /// `/dev/null` and its like are written to, never replaced.
    Device(File),
}

impl Write for Place {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            // Not by way of the temporary file, which would tell its own name.
            Self::Beside(file) => file.as_file_mut().write(buffer),
            Self::Device(file) => file.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Beside(file) => file.as_file_mut().flush(),
            Self::Device(file) => file.flush(),
        }
    }
}

impl Output {
    /// Begins to write the file that will stand at `path`.
    pub(super) fn create(path: &Path) -> Result<Self, OutputError> {
        let place = if is_device(path) {
            File::options().write(true).open(path).map(Place::Device)
        } else {
            temporary(path).map(Place::Beside)
        };
        let place = place.map_err(|reason| OutputError { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(place) })
    }

    /// Writes one line.
    pub(super) fn line(&mut self, text: &str) -> Result<(), OutputError> {
        writeln!(self.file, "{text}").map_err(|reason| OutputError { path: self.path.clone(), reason })
    }

    /// Puts the file in its place; it survives a power cut.
    pub(super) fn finish(self) -> Result<(), OutputError> {
        self.seal()?.place()
    }

    /// Writes the last byte.
    pub(super) fn seal(self) -> Result<Sealed, OutputError> {
        let Self { path, file } = self;
        let work = || match file.into_inner().map_err(io::IntoInnerError::into_error)? {
            Place::Device(_) => Ok(None),
            Place::Beside(file) => file.as_file().sync_all().map(|()| Some(file)),
        };
        match work() {
            Ok(file) => Ok(Sealed { path, file }),
            Err(reason) => Err(OutputError { path, reason }),
        }
    }
}

/// A file that is whole, and not yet in its place.
pub struct Sealed {
    path: PathBuf,
    /// None for a device, which has it already.
    file: Option<NamedTempFile>,
}

impl Sealed {
    /// Where it will stand.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it stands meanwhile; nowhere if it went to a device.
    #[must_use]
    pub fn meanwhile(&self) -> Option<&Path> {
        self.file.as_ref().map(NamedTempFile::path)
    }

    /// Puts it in its place; it survives a power cut.
    pub(super) fn place(self) -> Result<(), OutputError> {
        let Self { path, file } = self;
        let Some(file) = file else { return Ok(()) };
        let work = || {
            let place = behind_links(&path);
            file.persist(&place).map_err(|error| error.error)?;
            sync_folder(&place)
        };
        work().map_err(|reason| OutputError { path: path.clone(), reason })
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

/// A CSV file on its way.
pub(super) struct CsvOutput {
    path: PathBuf,
    delimiter: u8,
    output: Output,
}

impl CsvOutput {
    /// Begins a file whose rows may have different lengths.
    pub(super) fn create(path: &Path, delimiter: u8) -> Result<Self, OutputError> {
        Ok(Self { path: path.to_owned(), delimiter, output: Output::create(path)? })
    }

    /// Writes one row.
    pub(super) fn row<T: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = T>) -> Result<(), OutputError> {
        self.verbatim(&csv_row(cells, self.delimiter))
    }

    /// Writes what stands there as it is.
    pub(super) fn verbatim(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.output.write_all(bytes).map_err(|reason| OutputError { path: self.path.clone(), reason })
    }

    /// Puts the file in its place.
    pub(super) fn finish(self) -> Result<(), OutputError> {
        self.output.finish()
    }

    /// Writes the last byte, that of `tail` after the last row.
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

/// Makes sure, before anything is sent, that a file can be written at `path`.
///
/// # Errors
/// If it cannot.
pub fn probe(path: &Path) -> Result<(), OutputError> {
    let work = || match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        Ok(_) if is_device(path) => File::options().write(true).open(path).map(drop),
        Ok(found) if !found.is_file() => Err(io::Error::other("is no regular file")),
        _ => temporary(path).map(drop),
    };
    work().map_err(|reason| OutputError { path: path.to_owned(), reason })
}

/// Removes a file that an earlier run left and this one has no use for.
///
/// # Errors
/// If it is there and cannot be removed.
pub(super) fn remove_stale(path: &Path) -> Result<(), OutputError> {
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        return Ok(());
    }
    fs::remove_file(path).map_err(|reason| OutputError { path: path.to_owned(), reason })
}

#[cfg(unix)]
fn is_device(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|found| found.file_type().is_char_device())
}

#[cfg(not(unix))]
fn is_device(_: &Path) -> bool {
    false
}

/// The file that a link leads to: that one is replaced, not the link.
fn behind_links(path: &Path) -> PathBuf {
    if path.is_symlink() { path.canonicalize().unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() }
}

/// The folder that a file of this path stands in.
#[must_use]
pub fn folder(path: &Path) -> &Path {
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
    let place = behind_links(path);
    let folder = folder(&place);
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
