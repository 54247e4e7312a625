//! Makes rows of the batches of one file: what their formats (`csv`, `json`) share. Text that is not UTF-8 is shown as it would read
//! in other encodings: the person who knows it sees which is right.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{MACINTOSH, WINDOWS_1252};
use simdutf8::compat::from_utf8;

use super::batch::{Batch, Grammar};
use super::columns::Columns;
use super::lines::{ends_line, line_ends};
use super::{Notes, ReadError, ReadOptions, Row};
use crate::model::{Cell, Code, Dialect, Field, Fields, Format, Problem, shortened};

/// How many further lines with bytes of another encoding are named.
const LINES_MAX: usize = 20;

/// How much around the bad byte is shown, in bytes to each side.
const SHOWN_MAX: usize = 24;

/// Makes rows of the batches of one file.
#[derive(Debug)]
pub struct Parser {
    /// The file's name in messages; that of a workbook has the sheet.
    pub file: String,
    /// The header as it is in the file; empty in JSON lines.
    pub header: Vec<String>,
    /// How the file's rows are written.
    pub dialect: Dialect,
    /// How the file differs from plain UTF-8, in words: what a copy changes.
    pub origin: Vec<String>,
    /// What is known before any row is read.
    pub notes: Notes,
    /// Where each field is; nothing in JSON lines.
    pub(super) columns: Columns,
    pub(super) grammar: Grammar,
    /// Those of the user, filled up with those of the file's layout.
    pub(super) options: ReadOptions,
    /// The name of all groups.
    pub(super) name: Option<String>,
    /// Whether all rows are of one group.
    pub(super) is_of_one_group: bool,
    /// Whether a decoder replaces what it cannot decode.
    pub(super) is_decoded: bool,
}

impl Parser {
    /// A parser that knows no header.
    pub(super) fn new(file: String, grammar: Grammar, options: ReadOptions) -> Self {
        let is_json = matches!(grammar, Grammar::Lines | Grammar::Json);
        let format = if is_json { Format::Jsonl } else { Format::Csv };
        let dialect = Dialect { format, delimiter: grammar.delimiter(), header: Vec::new(), is_rejects: false };
        let (header, origin, notes, columns, name, is_of_one_group, is_decoded) = Default::default();
        Self { file, header, dialect, origin, notes, columns, grammar, options, name, is_of_one_group, is_decoded }
    }

    /// Gives each row of a batch.
    ///
    /// # Errors
    /// If the batch is not in the expected encoding; no row is given then.
    pub fn rows<'a>(
        &self,
        batch: &'a Batch,
        notes: &mut Notes,
        each: &mut dyn FnMut(&Row<'a>),
    ) -> Result<(), ReadError> {
        let raw = self.text_of(batch).map_err(|error| error.of(&self.file))?;
        match self.dialect.format {
            Format::Csv => self.csv_rows(batch, raw, notes, each),
            Format::Jsonl => self.json_rows(batch, raw, notes, each),
        }
        Ok(())
    }

    /// The column that holds a field, if it has another name than the field.
    pub fn column(&self, field: Field) -> Option<&str> {
        let column = self.header.get(self.columns.index(field)?)?.trim();
        (!column.eq_ignore_ascii_case(field.as_ref())).then_some(column)
    }

    /// The fields of a row before its own are read: the name, where all rows have one.
    pub(super) fn given_fields<'a>(&self) -> Fields<'a> {
        let name = self.name.clone().map_or(Cell::Absent, |name| Cell::Text(name.into()));
        Fields::default().with(Field::Name, name)
    }

    /// The text of a batch, or the first place that is not in the expected encoding.
    pub(super) fn text_of<'a>(&self, batch: &'a Batch) -> Result<&'a str, ReadError> {
        let at = |good: usize, message: &str| {
            let before = &batch.raw[..good];
            let line_start = before.iter().rposition(|byte| ends_line(*byte)).map_or(0, |at| at + 1);
            let column = String::from_utf8_lossy(&before[line_start..]).chars().count() as u64 + 1;
            let line = batch.line + line_ends(before);
            Err(ReadError::at(line, Some(column), Problem::fatal(Code::EncodingUnknown, message)))
        };
        let undecodable = "is not in the expected encoding; check --encoding, or the end of the file";
        match from_utf8(&batch.raw) {
            Err(error) if self.is_decoded => at(error.valid_up_to(), undecodable),
            Err(error) => {
                let (good, bad) = batch.raw.split_at(error.valid_up_to());
                let readings = readings(&batch.raw, good.len());
                let cure = if good.is_ascii() { encodings(&readings) } else { mixed(&readings, &further_lines(batch)) };
                at(good.len(), &format!("byte 0x{:02X} is not UTF-8{cure}", bad[0]))
            }
            Ok(text) if self.is_decoded => {
                text.find(char::REPLACEMENT_CHARACTER).map_or(Ok(text), |bad| at(bad, undecodable))
            }
            Ok(text) => Ok(text),
        }
    }
}

/// The lines of a batch with bytes that are not UTF-8, after the first of them.
fn further_lines(batch: &Batch) -> Vec<u64> {
    let mut line = batch.line;
    let bad = batch.raw.utf8_chunks().filter_map(|chunk| {
        line += line_ends(chunk.valid().as_bytes());
        (!chunk.invalid().is_empty()).then_some(line)
    });
    let mut lines: Vec<u64> = bad.collect();
    lines.dedup();
    lines.into_iter().skip(1).take(LINES_MAX).collect()
}

/// How the cell around `bad` reads in the likeliest encodings: each encoding's name, and the text.
fn readings(bytes: &[u8], bad: usize) -> Vec<(String, String)> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    // In a short text any of them is guessed, and the Mac's never: its letters are mostly where Windows has quotes and dashes.
    let western = Some(WINDOWS_1252).filter(|_| guess.is_single_byte());
    let has_low = bytes.iter().any(|byte| (0x80..0xA0).contains(byte));
    let mac = western.filter(|_| has_low).map(|_| MACINTOSH);
    let around = around(bytes, bad, guess.is_single_byte());
    let mut readings: Vec<(String, String)> = Vec::new();
    for encoding in [Some(guess), western, mac].into_iter().flatten() {
        let (text, _, is_wrong) = encoding.decode(around);
        let text = shortened(text.trim());
        if !is_wrong && readings.iter().all(|(_, other)| *other != text) {
            readings.push((encoding.name().to_ascii_lowercase(), text));
        }
    }
    readings
}

/// How to read or save a file whose text before that byte is ASCII.
fn encodings(readings: &[(String, String)]) -> String {
    if readings.is_empty() {
        return "; name its encoding with --encoding, or save the file as UTF-8".to_owned();
    }
    let flags = readings.iter().map(|(name, text)| format!("use --encoding {name} if `{text}` is right"));
    format!("; {}, or save the file as UTF-8", flags.collect::<Vec<_>>().join(", "))
}

/// What to do about a file that is UTF-8 up to there; `lines` are the next ones with such bytes.
fn mixed(readings: &[(String, String)], lines: &[u64]) -> String {
    // What is typed or pasted into a UTF-8 file mostly comes from Windows.
    let reading = readings.iter().find(|(name, _)| name == "windows-1252").or(readings.first());
    let text = reading.map_or_else(|| "it".to_owned(), |(_, text)| format!("`{text}`"));
    let lines: Vec<String> = lines.iter().map(u64::to_string).collect();
    let text = match lines.as_slice() {
        [] => text,
        [line] => format!("{text}, and line {line},"),
        lines => format!("{text}, and lines {},", lines.join(", ")),
    };
    format!(", but text before it is; the file mixes encodings: retype {text} as UTF-8")
}

/// What stands around a byte, up to the ends of its cell. A vertical bar may be a part of a character of several bytes.
fn around(bytes: &[u8], bad: usize, is_single_byte: bool) -> &[u8] {
    let is_end = |byte: &u8| ends_line(*byte) || b",;\t\"".contains(byte) || (is_single_byte && *byte == b'|');
    let start = bytes[..bad].iter().rposition(is_end).map_or(0, |at| at + 1).max(bad.saturating_sub(SHOWN_MAX));
    let rest = &bytes[bad..bytes.len().min(bad + SHOWN_MAX)];
    let end = bad + rest.iter().position(is_end).unwrap_or(rest.len());
    &bytes[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cell_reads_as_it_would_in_the_likeliest_encodings() {
        let told = |bytes: &[u8]| {
            let bad = bytes.iter().position(|byte| *byte >= 0x80).unwrap();
            readings(bytes, bad).into_iter().map(|(name, text)| format!("{name} {text}")).collect::<Vec<_>>()
        };
        assert!(told(b"name,x\nB\xfcro Z\xfcrich,1\nM\xfcnchen,2\n").contains(&"windows-1252 Büro Zürich".to_owned()));
        let mac = told(b"name\nB\x9fro Z\x9frich\nM\x9fnchen\n");
        assert!(mac.contains(&"macintosh Büro Zürich".to_owned()), "{mac:?}");
        let (japanese, ..) = encoding_rs::SHIFT_JIS.encode("name\n営業部 東京\n開発部\n総務部 大阪\n");
        assert_eq!(told(&japanese), ["shift_jis 営業部 東京"]);
    }
}
