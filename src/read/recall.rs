//! Looking back: rows that were read before, read once more from the file or, where it cannot be read twice, from a copy.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use tempfile::NamedTempFile;

/// The decoded text of one file, to be read again in parts.
pub struct Recall {
    file: File,
    /// Bytes before the text: a byte-order mark.
    skipped: u64,
    /// Removed from the disk with this.
    _copy: Option<NamedTempFile>,
}

impl Recall {
    /// Of the file itself.
    pub(super) fn of_file(file: File, skipped: u64) -> Self {
        Self { file, skipped, _copy: None }
    }

    /// Of a copy; with what writes it.
    pub(super) fn of_copy() -> io::Result<(Self, File)> {
        let copy = NamedTempFile::new()?;
        let (file, writer) = (copy.reopen()?, copy.reopen()?);
        // Where a file can be without a name, nothing is left of it however this ends.
        let kept = if cfg!(unix) { copy.close().map(|()| None)? } else { Some(copy) };
        Ok((Self { file, skipped: 0, _copy: kept }, writer))
    }

    /// The bytes of a part of the text.
    ///
    /// # Errors
    /// If the file is not readable any more, or has become shorter.
    pub fn bytes(&mut self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.seek(SeekFrom::Start(self.skipped + offset))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Copies what passes.
pub(super) struct Copying<R> {
    pub(super) inner: R,
    pub(super) copy: File,
}

/// The copy cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct CopyError(pub(super) io::Error);

impl<R: Read> Read for Copying<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.copy.write_all(&buffer[..read]).map_err(|reason| io::Error::new(reason.kind(), CopyError(reason)))?;
        Ok(read)
    }
}
