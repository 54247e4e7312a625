//! A file or standard input as a stream of UTF-8 bytes, however it is packed and encoded; and whether it is CSV, JSON or a workbook.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;

use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::columns::Meaning;
use super::error::{ReadError, empty, foreign, uncopied};
use super::lines::ends_line;
use super::packed::Packing;
use super::workbook;
use super::{GivenName, ReadOptions};
use crate::model::{Code, InputFormat, Problem};

/// The name of standard input.
pub const STDIN: &str = "-";

/// How much is read to tell format and delimiter, in bytes.
const HEAD_MAX: u64 = 64 * 1024;

/// How much is read to tell what kind of file this is, in bytes.
const START_MAX: u64 = 8;

/// An opened file: its decoded beginning, and all of it as a stream.
pub(super) struct Source {
    pub(super) head: Vec<u8>,
    /// Whether a decoder replaces what it cannot decode.
    pub(super) is_decoded: bool,
    /// How it differs from plain UTF-8, in words: what a copy changes.
    pub(super) origin: Vec<String>,
    pub(super) stream: Box<dyn Read + Send>,
    /// The sheets of a workbook that have cells; the first is read.
    pub(super) sheets: Vec<String>,
}

/// Checks that a file exists, without opening it: a pipe can be opened only once.
///
/// # Errors
/// If it is missing or a folder.
pub fn check_file(path: &Path) -> Result<(), ReadError> {
    let problem = match path.metadata() {
        _ if path == Path::new(STDIN) => return Ok(()),
        Ok(found) if found.is_dir() => Problem::fatal(Code::FileUnreadable, "is a folder; name the files in it"),
        Ok(_) => return Ok(()),
        Err(reason) => reason.into(),
    };
    Err(ReadError::from(problem).of(&path.display().to_string()))
}

/// Opens a file, or standard input.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read + Send>, ReadError> {
    check_file(path)?;
    if path == Path::new(STDIN) {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|reason| ReadError::from(reason).of(&path.display().to_string()))?;
    Ok(Box::new(file))
}

fn beginning(raw: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    raw.take(length).read_to_end(&mut start)?;
    Ok(start)
}

/// What is not text, by its first bytes.
fn not_text(start: &[u8], encoding: Option<&'static Encoding>) -> Option<Problem> {
    const UNPACK: &str = "unpack it, or pack it with gzip or zstd";
    let foreign = |kind, cure| Some(foreign(kind, cure));
    let encoded = |message: &str| Some(Problem::fatal(Code::EncodingUnknown, message));
    let unmarked = |name| encoded(&format!("looks like UTF-16 without a byte-order mark; add --encoding {name}"));
    match start {
        [0xD0, 0xCF, 0x11, 0xE0, ..] => {
            foreign("protected by a password or an old Excel workbook", "save it as .xlsx without a password")
        }
        [b'%', b'P', b'D', b'F', ..] => foreign("a PDF document", "export the table as CSV"),
        [b'S', b'Q', b'L', b'i', b't', b'e', b' ', b'f', ..] => {
            foreign("a database, such as a journal of this program", "name the file of groups")
        }
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => foreign("packed with xz", UNPACK),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => foreign("packed with bzip2", UNPACK),
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => foreign("UTF-32 text", "save it as UTF-8"),
        // U+FEFF in UTF-8, read as Latin-1 and written as UTF-8.
        [0xC3, 0xAF, 0xC2, 0xBB, 0xC2, 0xBF, ..] => encoded(
            "begins with a UTF-8 byte-order mark that was read as Latin-1 and saved again; export the file again as UTF-8",
        ),
        _ if encoding.is_some() => None,
        // A table begins with ASCII (`n`, `"`, `{`), so zero bytes in its first two pairs mean UTF-16.
        [0, second, 0, fourth, ..] if *second != 0 && *fourth != 0 => unmarked("utf-16be"),
        [first, 0, third, 0, ..] if *first != 0 && *third != 0 => unmarked("utf-16le"),
        _ => None,
    }
}

impl Source {
    /// Unpacks and decodes a stream.
    pub(super) fn of_stream(mut raw: Box<dyn Read + Send>, options: &ReadOptions) -> Result<Self, ReadError> {
        let mut start = beginning(&mut raw, START_MAX)?;
        let packing = Packing::of(&start);
        let mut origin = Vec::new();
        if let Some(packing) = packing {
            origin.push(format!("unpacked ({packing})"));
            raw = packing.unpack(Cursor::new(start).chain(raw))?;
            start = beginning(&mut raw, START_MAX)?;
            if Packing::of(&start).is_some() {
                return Err(foreign("packed twice", "unpack it once").into());
            }
        }
        if start.starts_with(b"PK\x03\x04") {
            return Ok(Self::of_workbook(Box::new(Cursor::new(start).chain(raw)), origin, options)?);
        }
        let encoding = options.encoding;
        if let Some(problem) = not_text(&start, encoding) {
            return Err(ReadError::at(1, Some(1), problem));
        }
        let has_mark = start.starts_with(&[0xEF, 0xBB, 0xBF]);
        // UTF-8 is checked row by row, so that messages name the place. A byte-order mark wins over `--encoding`.
        let encoding = encoding.filter(|encoding| *encoding != encoding_rs::UTF_8 && !has_mark);
        let is_decoded = encoding.is_some() || start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]);
        let mut stream: Box<dyn Read + Send> = if is_decoded {
            let known = Encoding::for_bom(&start).map(|(known, _)| known).or(encoding);
            origin.extend(known.map(|known| format!("converted from {} to UTF-8", known.name())));
            let mut decoder = DecodeReaderBytesBuilder::new();
            let decoder = decoder.encoding(encoding).bom_override(true).strip_bom(true);
            Box::new(decoder.build(Cursor::new(start).chain(raw)))
        } else {
            origin.extend(has_mark.then(|| "byte-order mark removed".to_owned()));
            Box::new(Cursor::new(start.split_off(if has_mark { 3 } else { 0 })).chain(raw))
        };
        let head = beginning(&mut stream, HEAD_MAX)?;
        if head.iter().all(u8::is_ascii_whitespace) && (head.len() as u64) < HEAD_MAX {
            return Err(empty().into());
        }
        let stream = Box::new(Cursor::new(head.clone()).chain(stream));
        Ok(Self { head, is_decoded, origin, stream, sheets: Vec::new() })
    }

    /// The same for a workbook.
    fn of_workbook(
        mut raw: Box<dyn Read + Send>,
        mut origin: Vec<String>,
        options: &ReadOptions,
    ) -> Result<Self, Problem> {
        let (mut packed, mut text) = (tempfile::tempfile().map_err(uncopied)?, tempfile::tempfile().map_err(uncopied)?);
        io::copy(&mut raw, &mut packed).map_err(|reason| reason.downcast().unwrap_or_else(uncopied))?;
        let sheets = workbook::convert(packed, options.sheet.as_deref(), &text)?;
        origin.extend(sheets.first().map(|sheet| format!("sheet `{sheet}` converted to CSV")));
        text.rewind()?;
        let head = beginning(&mut text, HEAD_MAX)?;
        let stream = Box::new(Cursor::new(head.clone()).chain(text));
        Ok(Self { head, is_decoded: false, origin, stream, sheets })
    }

    /// The format by the file's extension, else by its first character.
    pub(super) fn format(&self, path: &Path) -> InputFormat {
        if !self.sheets.is_empty() {
            return InputFormat::Xlsx;
        }
        let extension = unpacked_name(path).extension().map(OsStr::to_ascii_lowercase);
        match extension.as_deref().and_then(OsStr::to_str) {
            Some("csv" | "tsv" | "tab" | "psv" | "txt") => InputFormat::Csv,
            Some("jsonl" | "ndjson" | "json" | "jsonlines") => InputFormat::Json,
            _ if matches!(self.head.trim_ascii_start(), [b'{' | b'[', ..]) => InputFormat::Json,
            _ => InputFormat::Csv,
        }
    }

    /// Why it is not of this format, as far as its beginning shows.
    pub(super) fn misfit(&self, format: InputFormat, options: &ReadOptions) -> Option<Problem> {
        let other = |looks, format| {
            let message = format!("looks like {looks}; use --format {format}, or name the file .{format}");
            Some(Problem::fatal(Code::FileForeign, message))
        };
        let mut lines = self.head.split(|byte| ends_line(*byte)).map(<[u8]>::trim_ascii);
        let first_line = lines.find(|line| !line.is_empty()).unwrap_or_default();
        match (format, first_line) {
            (InputFormat::Xlsx, _) if self.sheets.is_empty() => other("text", "csv"),
            (InputFormat::Xlsx, _) => None,
            _ if !self.sheets.is_empty() => other("a workbook", "xlsx"),
            (_, [b'<', ..]) if is_markup(&self.head) => {
                Some(foreign("a web page (HTML or XML)", "export the table as CSV (was a login page saved instead?)"))
            }
            (InputFormat::Json, [b'"' | b'a'..=b'z' | b'A'..=b'Z', ..]) if is_header(first_line, options) => {
                other("CSV", "csv")
            }
            (InputFormat::Csv, b"{" | b"[" | [b'{', .., b'}'] | [b'[', b'{', ..]) => other("JSON", "json"),
            _ => None,
        }
    }
}

/// Whether these bytes begin a page of HTML or XML.
fn is_markup(head: &[u8]) -> bool {
    let start = head.trim_ascii_start();
    let begins = |with: &&[u8]| start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    [&b"<!doctype"[..], b"<html", b"<head", b"<table", b"<?xml"].iter().any(begins)
}

/// Whether a line's cells name a field, as a CSV header does.
fn is_header(line: &[u8], options: &ReadOptions) -> bool {
    let text = String::from_utf8_lossy(line);
    let mut cells = text.split([',', ';', '\t', '|']);
    cells.any(|cell| Meaning::of(cell.trim_matches('"'), options).field().is_some())
}

/// The name of all groups of a file, if it is not in the rows.
pub(super) fn given_name(path: &Path, options: &ReadOptions) -> Option<String> {
    match options.name.as_ref()? {
        GivenName::Text(name) => Some(name.clone()),
        GivenName::File => Some(unpacked_name(path).file_stem()?.to_string_lossy().into_owned()),
    }
}

/// The name without the extension of a compressed file: `groups.csv` for `groups.csv.gz`.
pub fn unpacked_name(path: &Path) -> &Path {
    let is_packed =
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz") || extension == "zst");
    match path.file_stem() {
        Some(stem) if is_packed => Path::new(stem),
        _ => path,
    }
}
