//! A file or standard input as a stream of UTF-8 bytes, whatever it was encoded in.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::ReadError;
use super::tape::{Tape, explain};
use crate::model::Format;

/// The name that stands for standard input.
pub const STDIN: &str = "-";

/// How much is looked at to tell format and delimiter, in bytes.
const HEAD_MAX: u64 = 64 * 1024;

/// The bytes of a source, watched.
pub(super) type Bytes = Tape<Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>>;

/// An opened file: its decoded beginning, and all of it as a stream.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) head: Vec<u8>,
    is_decoded: bool,
    rest: Box<dyn Read + Send>,
}

/// Makes sure that a file is there, without opening it: a pipe can be opened only once.
pub(super) fn look(path: &Path) -> Result<(), ReadError> {
    if path == Path::new(STDIN) {
        return Ok(());
    }
    let found = path.metadata().map_err(|reason| ReadError::Io { path: path.to_owned(), reason })?;
    if found.is_dir() { Err(ReadError::Folder(path.to_owned())) } else { Ok(()) }
}

/// Opens a file and decodes it.
pub(super) fn open(path: &Path, encoding: Option<&'static Encoding>) -> Result<Source, ReadError> {
    // The tape checks UTF-8 itself, and says where it fails.
    let encoding = encoding.filter(|encoding| *encoding != encoding_rs::UTF_8);
    let mut raw = raw(path)?;
    let mut start = Vec::new();
    let io = |reason| ReadError::Io { path: path.to_owned(), reason };
    raw.by_ref().take(4).read_to_end(&mut start).map_err(io)?;
    if encoding.is_none()
        && let Some(encoding) = unmarked_utf16(&start)
    {
        return Err(ReadError::Utf16WithoutMark { path: path.to_owned(), encoding });
    }
    let is_decoded = encoding.is_some() || start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]);
    let mut rest: Box<dyn Read + Send> = Box::new(
        DecodeReaderBytesBuilder::new()
            .encoding(encoding)
            .bom_override(true)
            .strip_bom(true)
            .utf8_passthru(true)
            .build(Cursor::new(start).chain(raw)),
    );
    let mut head = Vec::new();
    rest.by_ref().take(HEAD_MAX).read_to_end(&mut head).map_err(|reason| explain(path, reason))?;
    if head.iter().all(u8::is_ascii_whitespace) && (head.len() as u64) < HEAD_MAX {
        return Err(ReadError::Empty(path.to_owned()));
    }
    Ok(Source { path: path.to_owned(), head, is_decoded, rest })
}

fn raw(path: &Path) -> Result<Box<dyn Read + Send>, ReadError> {
    if path == Path::new(STDIN) {
        return Ok(Box::new(io::stdin()));
    }
    look(path)?;
    let file = File::open(path).map_err(|reason| ReadError::Io { path: path.to_owned(), reason })?;
    Ok(Box::new(file))
}

/// A table begins with ASCII (`n`, `"`, `{`), so a zero byte in its first pair betrays UTF-16.
fn unmarked_utf16(start: &[u8]) -> Option<&'static str> {
    match start {
        [0, second, ..] if *second != 0 => Some("utf-16be"),
        [first, 0, ..] if *first != 0 => Some("utf-16le"),
        _ => None,
    }
}

impl Source {
    /// The format by the file's extension, else by its first character.
    pub(super) fn format(&self) -> Format {
        let extension = self.path.extension().map(OsStr::to_ascii_lowercase);
        match extension.as_deref().and_then(|extension| extension.to_str()) {
            Some("csv" | "tsv" | "tab" | "psv" | "txt") => Format::Csv,
            Some("jsonl" | "ndjson" | "json" | "jsonlines") => Format::Jsonl,
            _ => match self.first() {
                Some(b'{' | b'[') => Format::Jsonl,
                _ => Format::Csv,
            },
        }
    }

    /// The first byte that is not white space.
    pub(super) fn first(&self) -> Option<u8> {
        self.head.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }

    /// The whole stream from its beginning; with an `end`, followed by these bytes.
    pub(super) fn into_bytes(self, end: &'static [u8]) -> Bytes {
        Tape::new(Cursor::new(self.head).chain(self.rest), self.is_decoded, end)
    }
}
