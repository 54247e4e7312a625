//! JSON lines: one object a line, by serde.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader};

use serde_json::value::RawValue;

use super::columns::{Meaning, meaning};
use super::source::{Bytes, Source};
use super::{Options, ReadError};
use crate::model::{Cell, Entries, Fault, Field, Fields, Item, Place, Raw, Record, shortened};

/// How many unknown keys are remembered to be named.
const UNKNOWN_MAX: usize = 50;

/// The data rows of one JSON-lines file.
pub(super) struct Rows {
    reader: BufReader<Bytes>,
    map: Vec<(Field, String)>,
    offset: u64,
    last: Place,
    unknown: BTreeSet<String>,
}

impl Rows {
    /// Makes sure that this is no JSON array.
    pub(super) fn open(source: Source, file: usize, options: &Options) -> Result<Self, ReadError> {
        if source.first() == Some(b'[') {
            return Err(ReadError::JsonArray(source.path));
        }
        Ok(Self {
            reader: BufReader::with_capacity(64 * 1024, source.into_bytes(b"")),
            map: options.map.clone(),
            offset: 0,
            last: Place { file, row: 0, line: 0 },
            unknown: BTreeSet::new(),
        })
    }

    /// The keys that are no field.
    pub(super) fn unknown(&self) -> &BTreeSet<String> {
        &self.unknown
    }

    /// The next line that is not blank.
    fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            let mut line = Vec::new();
            let length = self.reader.read_until(b'\n', &mut line)?;
            if length == 0 {
                return Ok(None);
            }
            self.offset += length as u64;
            self.last.line += 1;
            self.reader.get_mut().line_from(self.offset);
            let line = String::from_utf8(line).map_err(io::Error::other)?;
            let line = line.trim_end_matches(['\r', '\n']);
            if !line.trim().is_empty() {
                self.last.row += 1;
                return Ok(Some(line.to_owned()));
            }
        }
    }

    fn fields(&mut self, line: &str) -> Result<Fields, Fault> {
        let Entries(entries) = serde_json::from_str(line).map_err(|error| not_an_object(line, &error))?;
        let mut fields = Fields::default();
        let mut held = Vec::new();
        let mut misspelt = Vec::new();
        for (key, value) in entries {
            match meaning(&key, &self.map) {
                Meaning::Holds(field) if held.contains(&field) => {
                    return Err(Fault::malformed(format!("the key `{}` stands there twice", field.as_str())));
                }
                Meaning::Holds(field) => {
                    *fields.cell_mut(field) = cell(value);
                    held.push(field);
                }
                Meaning::Misspelt(field) => misspelt.push((key, field)),
                Meaning::Unknown => self.remember(key),
                Meaning::Ours => {}
            }
        }
        for (key, field) in misspelt {
            if !held.contains(&field) {
                let (key, field) = (shortened(&key), field.as_str());
                return Err(Fault::malformed(format!("the key `{key}` looks like a misspelt `{field}`; rename it")));
            }
            self.remember(key);
        }
        Ok(fields)
    }

    fn remember(&mut self, key: String) {
        if self.unknown.len() < UNKNOWN_MAX {
            self.unknown.insert(key);
        }
    }
}

impl Iterator for Rows {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = match self.line() {
            Ok(line) => line?,
            Err(error) => return Some(Err(error)),
        };
        let fields = self.fields(&line);
        Some(Ok(Record { place: self.last, raw: Raw::Line(line), fields }))
    }
}

fn not_an_object(line: &str, error: &serde_json::Error) -> Fault {
    if line.trim_start().starts_with('{') {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or(&text);
        return Fault::malformed(format!("the JSON is broken at column {}: {}", error.column(), shortened(reason)));
    }
    Fault::malformed(format!("the line is not a JSON object: {}", shortened(line)))
}

fn cell(value: &RawValue) -> Cell {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).map_or(Cell::Other("broken text"), Cell::Text),
        Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(text)
            .map_or(Cell::Other("a broken array"), |items| Cell::List(items.into_iter().map(item).collect())),
        Some(b'n') => Cell::Absent,
        _ => Cell::Other(kind(text)),
    }
}

fn item(value: &RawValue) -> Item {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).map_or(Item::Other("broken text"), Item::Text),
        Some(b'-' | b'0'..=b'9') => Item::Number(text.to_owned()),
        _ => Item::Other(kind(text)),
    }
}

fn kind(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}
