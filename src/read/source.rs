//! A file or standard input as a stream of UTF-8 bytes, however it was packed and encoded.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::Options;
use super::columns::{Meaning, meaning};
use super::error::{FileProblem, ReadError};
use super::lines::ends_line;
use super::packed::{PackedError, Packing};
use super::recall::{CopyError, Copying, Recall};
use crate::model::Format;

/// The name that stands for standard input.
pub const STDIN: &str = "-";

/// How much is looked at to tell format and delimiter, in bytes.
const HEAD_MAX: u64 = 64 * 1024;

/// How much is looked at to tell what kind of file this is, in bytes.
const START_MAX: u64 = 8;

/// An opened file: its decoded beginning, and all of it as a stream.
pub(super) struct Source {
    pub(super) head: Vec<u8>,
    /// Whether a decoder stands before this, which replaces what it cannot decode.
    pub(super) is_decoded: bool,
    /// What is not as in a plain UTF-8 file, for a person.
    pub(super) origin: Vec<String>,
    pub(super) stream: Box<dyn Read + Send>,
}

/// Makes sure that a file is there, without opening it: a pipe can be opened only once.
pub(super) fn look(path: &Path) -> Result<(), ReadError> {
    if path == Path::new(STDIN) {
        return Ok(());
    }
    let found = path.metadata().map_err(|reason| FileProblem::Io(reason).of(path))?;
    if found.is_dir() { Err(FileProblem::Folder.of(path)) } else { Ok(()) }
}

/// Opens a file, unpacks and decodes it.
pub(super) fn open(path: &Path, encoding: Option<&'static Encoding>) -> Result<Source, ReadError> {
    of_stream(path, raw(path)?, encoding)
}

/// The same for what comes as a stream.
pub(super) fn of_stream(
    path: &Path,
    stream: Box<dyn Read + Send>,
    encoding: Option<&'static Encoding>,
) -> Result<Source, ReadError> {
    Source::of(path, Text::of(path, stream, encoding)?)
}

/// The same, and a way to read parts of it again.
pub(super) fn open_to_recall(path: &Path, encoding: Option<&'static Encoding>) -> Result<(Source, Recall), ReadError> {
    let text = Text::of(path, raw(path)?, encoding)?;
    if let Some(mark) = text.mark.filter(|_| path.is_file()) {
        let again = File::open(path).map_err(|reason| FileProblem::Io(reason).of(path))?;
        return Ok((Source::of(path, text)?, Recall::of_file(again, mark)));
    }
    let (recall, copy) = Recall::of_copy().map_err(|reason| FileProblem::Copy(reason).of(path))?;
    let copied = Box::new(Copying { inner: text.stream, copy });
    Ok((Source::of(path, Text { stream: copied, ..text })?, recall))
}

/// A file's text, on its way.
struct Text {
    is_decoded: bool,
    /// Bytes before it, where it stands in the file as it is.
    mark: Option<u64>,
    origin: Vec<String>,
    stream: Box<dyn Read + Send>,
}

impl Text {
    fn of(path: &Path, mut raw: Box<dyn Read + Send>, encoding: Option<&'static Encoding>) -> Result<Self, ReadError> {
        let failed = |reason| explain(reason).of(path);
        let mut start = beginning(&mut raw).map_err(failed)?;
        let packing = Packing::of(&start);
        let mut origin: Vec<String> =
            packing.map(|packing| format!("unpacked ({})", packing.name())).into_iter().collect();
        if let Some(packing) = packing {
            raw = packing.unpack(Cursor::new(start).chain(raw)).map_err(failed)?;
            start = beginning(&mut raw).map_err(failed)?;
            if Packing::of(&start).is_some() {
                return Err(FileProblem::Foreign { kind: "packed twice", cure: "unpack it once" }.of(path));
            }
        }
        if let Some(problem) = not_text(&start, encoding) {
            return Err(problem.at(path, 1, Some(1)));
        }
        // UTF-8 is checked by the rows' reader, which says where it fails. A UTF-8 byte-order mark overrides `--encoding`.
        let is_marked = start.starts_with(&[0xEF, 0xBB, 0xBF]);
        let encoding = encoding.filter(|encoding| *encoding != encoding_rs::UTF_8 && !is_marked);
        if encoding.is_some() || start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            // A byte-order mark goes before what was asked for.
            let known = Encoding::for_bom(&start).map(|(known, _)| known).or(encoding);
            origin.extend(known.map(|known| format!("written as UTF-8 ({})", known.name())));
            let mut decoder = DecodeReaderBytesBuilder::new();
            let decoder = decoder.encoding(encoding).bom_override(true).strip_bom(true);
            let stream = Box::new(decoder.build(Cursor::new(start).chain(raw)));
            return Ok(Self { is_decoded: true, mark: None, origin, stream });
        }
        let mark = if is_marked { 3 } else { 0 };
        if mark > 0 {
            origin.push("byte-order mark removed".to_owned());
        }
        let stream = Box::new(Cursor::new(start.split_off(mark)).chain(raw));
        Ok(Self { is_decoded: false, mark: packing.is_none().then_some(mark as u64), origin, stream })
    }
}

fn raw(path: &Path) -> Result<Box<dyn Read + Send>, ReadError> {
    if path == Path::new(STDIN) {
        return Ok(Box::new(io::stdin()));
    }
    look(path)?;
    let file = File::open(path).map_err(|reason| FileProblem::Io(reason).of(path))?;
    Ok(Box::new(file))
}

fn beginning(raw: &mut Box<dyn Read + Send>) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    raw.by_ref().take(START_MAX).read_to_end(&mut start)?;
    Ok(start)
}

/// What a failing stream means.
pub(super) fn explain(reason: io::Error) -> FileProblem {
    let Some(inner) = reason.get_ref() else { return FileProblem::Io(reason) };
    if let Some(PackedError::Bomb { ratio }) = inner.downcast_ref() {
        return FileProblem::Bomb { ratio: *ratio };
    }
    let is_copy = inner.is::<CopyError>();
    match reason.downcast::<PackedError>() {
        Ok(PackedError::Damaged { kind, reason }) => FileProblem::Damaged { kind, reason },
        Ok(PackedError::Bomb { ratio }) => FileProblem::Bomb { ratio },
        Err(reason) if is_copy => FileProblem::Copy(reason),
        Err(reason) => FileProblem::Io(reason),
    }
}

/// What is no text, by its first bytes.
fn not_text(start: &[u8], encoding: Option<&'static Encoding>) -> Option<FileProblem> {
    let foreign = |kind, cure| Some(FileProblem::Foreign { kind, cure });
    match start {
        [b'P', b'K', 3, 4, ..] => foreign(
            "a ZIP archive or an Excel workbook",
            "save the sheet with the groups as CSV UTF-8, or unpack the archive",
        ),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => foreign("an old Excel workbook", "save the sheet with the groups as CSV UTF-8"),
        [b'%', b'P', b'D', b'F', ..] => foreign("a PDF document", "export the table as CSV"),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => foreign("packed with xz", "unpack it, or pack it with gzip or zstd"),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => {
            foreign("packed with bzip2", "unpack it, or pack it with gzip or zstd")
        }
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => foreign("UTF-32 text", "save it as UTF-8"),
        _ if encoding.is_some() => None,
        // A table begins with ASCII (`n`, `"`, `{`), so zero bytes in its first two pairs betray UTF-16.
        [0, second, 0, fourth, ..] if *second != 0 && *fourth != 0 => Some(FileProblem::Utf16WithoutMark("utf-16be")),
        [first, 0, third, 0, ..] if *first != 0 && *third != 0 => Some(FileProblem::Utf16WithoutMark("utf-16le")),
        _ => None,
    }
}

impl Source {
    /// Reads the beginning.
    fn of(path: &Path, text: Text) -> Result<Self, ReadError> {
        let Text { is_decoded, origin, mut stream, .. } = text;
        let mut head = Vec::new();
        stream.by_ref().take(HEAD_MAX).read_to_end(&mut head).map_err(|reason| explain(reason).of(path))?;
        if head.iter().all(u8::is_ascii_whitespace) && (head.len() as u64) < HEAD_MAX {
            return Err(FileProblem::Empty.of(path));
        }
        let stream = Box::new(Cursor::new(head.clone()).chain(stream));
        Ok(Self { head, is_decoded, origin, stream })
    }

    /// The format by the file's extension, else by its first character.
    pub(super) fn format(&self, path: &Path) -> Format {
        let unpacked = unpacked_name(path);
        let extension = unpacked.extension().map(OsStr::to_ascii_lowercase);
        match extension.as_deref().and_then(|extension| extension.to_str()) {
            Some("csv" | "tsv" | "tab" | "psv" | "txt") => Format::Csv,
            Some("jsonl" | "ndjson" | "json" | "jsonlines") => Format::Jsonl,
            _ => match self.first() {
                Some(b'{' | b'[') => Format::Jsonl,
                _ => Format::Csv,
            },
        }
    }

    /// Why it is not of this format, as far as its beginning tells.
    pub(super) fn misfit(&self, format: Format, options: &Options) -> Option<FileProblem> {
        let mut lines =
            self.head.split(|byte| ends_line(*byte)).map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        match (format, self.first()) {
            (_, Some(b'<')) if is_markup(&self.head) => {
                let kind = "a web page (HTML or XML)";
                Some(FileProblem::Foreign {
                    kind,
                    cure: "export the table as CSV; was a login page saved in its place?",
                })
            }
            (Format::Jsonl, Some(b'[')) => Some(FileProblem::JsonArray),
            (Format::Jsonl, Some(b'{')) => lines.next().filter(|line| *line == b"{").map(|_| FileProblem::JsonSpread),
            (Format::Jsonl, Some(b'"' | b'a'..=b'z' | b'A'..=b'Z')) if begins_like_csv(&self.head, options) => {
                Some(FileProblem::OtherFormat { looks: "CSV", format: "csv" })
            }
            (Format::Csv, Some(b'{')) if lines.next().is_some_and(|line| line.ends_with(b"}")) => {
                Some(FileProblem::OtherFormat { looks: "JSON lines", format: "jsonl" })
            }
            _ => None,
        }
    }

    /// The first byte that is not white space.
    fn first(&self) -> Option<u8> {
        self.head.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }
}

/// Whether a page of HTML or XML begins with these bytes.
fn is_markup(head: &[u8]) -> bool {
    let start = head.trim_ascii_start();
    let begins = |with: &&[u8]| start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    [&b"<!doctype"[..], b"<html", b"<head", b"<table", b"<?xml"].iter().any(begins)
}

/// Whether CSV begins with these bytes: a line whose cells name a field.
fn begins_like_csv(head: &[u8], options: &Options) -> bool {
    let line = head.split(|byte| ends_line(*byte)).find(|line| !line.is_empty()).unwrap_or_default();
    let text = String::from_utf8_lossy(line);
    let mut cells = text.split([',', ';', '\t', '|']);
    cells.any(|cell| matches!(meaning(cell.trim_matches('"'), &options.map), Meaning::Holds(_)))
}

/// The name without the extension of what packed it: `groups.csv` of `groups.csv.gz`.
#[must_use]
pub fn unpacked_name(path: &Path) -> &Path {
    let is_packed =
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz") || extension == "zst");
    match path.file_stem() {
        Some(stem) if is_packed => Path::new(stem),
        _ => path,
    }
}
