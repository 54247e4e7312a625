//! Files that are there whole or not at all: written beside their place, synced, and renamed into it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct OutputError {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub reason: io::Error,
}

/// A file on its way.
pub(super) struct Output {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Output {
    /// Begins to write the file that will stand at `path`.
    pub(super) fn create(path: &Path) -> Result<Self, OutputError> {
        let file = temporary(path).map_err(|reason| OutputError { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Writes one line.
    pub(super) fn line(&mut self, text: &str) -> Result<(), OutputError> {
        writeln!(self.file, "{text}").map_err(|reason| OutputError { path: self.path.clone(), reason })
    }

    /// Puts the file in its place; it survives a power cut.
    pub(super) fn finish(self) -> Result<(), OutputError> {
        let Self { path, file } = self;
        let work = || {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            sync_folder(&path)
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
    writer: csv::Writer<Output>,
}

impl CsvOutput {
    /// Begins a file whose rows may have different lengths.
    pub(super) fn create(path: &Path, delimiter: u8) -> Result<Self, OutputError> {
        let writer = csv::WriterBuilder::new().flexible(true).delimiter(delimiter).from_writer(Output::create(path)?);
        Ok(Self { path: path.to_owned(), writer })
    }

    /// Writes one row.
    pub(super) fn row<T: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = T>) -> Result<(), OutputError> {
        self.writer.write_record(cells).map_err(|error| OutputError { path: self.path.clone(), reason: error.into() })
    }

    /// Puts the file in its place, with `tail` after its last row.
    pub(super) fn finish(self, tail: &str) -> Result<(), OutputError> {
        let Self { path, writer } = self;
        let failed = |reason| OutputError { path: path.clone(), reason };
        let mut output =
            writer.into_inner().map_err(|error| failed(io::Error::new(error.error().kind(), error.to_string())))?;
        output.write_all(tail.as_bytes()).map_err(failed)?;
        output.finish()
    }
}

/// Makes sure, before anything is sent, that a file can be written at `path`.
///
/// # Errors
/// If it cannot.
pub fn probe(path: &Path) -> Result<(), OutputError> {
    let work = || {
        if path.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        temporary(path).map(drop)
    };
    work().map_err(|reason| OutputError { path: path.to_owned(), reason })
}

/// Removes a file that an earlier run left and this one has no use for.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove_stale(path: &Path) -> Result<(), OutputError> {
    match fs::remove_file(path) {
        Err(reason) if reason.kind() != io::ErrorKind::NotFound => Err(OutputError { path: path.to_owned(), reason }),
        _ => Ok(()),
    }
}

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
    builder.tempfile_in(folder(path))
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
