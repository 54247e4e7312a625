//! JSON lines: one object per line. Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::Notes;
use super::batch::Batch;
use super::columns::{Meaning, UNKNOWN_MAX};
use super::row::{Row, RowText};
use super::shape::too_long;
use crate::model::{Cell, Entries, Field, Fields, Item, Problem, shortened};

/// How many keys are named in a message.
const KEYS_MAX: usize = 10;

const BROKEN: &str = "text with a broken \\u escape";

/// Knows which keys hold which field.
#[derive(Debug)]
pub(super) struct JsonParser {
    map: Vec<(Field, String)>,
}

impl JsonParser {
    pub(super) fn new(map: &[(Field, String)]) -> Self {
        Self { map: map.to_vec() }
    }

    /// The field that a key holds.
    pub(super) fn field(&self, key: &str) -> Option<Field> {
        match Meaning::of(key, &self.map) {
            Meaning::Own(field) | Meaning::Synonym(field) => Some(field),
            _ => None,
        }
    }

    /// Gives each row of a batch, whose bytes are `raw`.
    pub(super) fn rows<'a>(&self, batch: &'a Batch, raw: &'a str, notes: &mut Notes, each: &mut dyn FnMut(&Row<'a>)) {
        let mut keys = Keys { map: &self.map, known: HashMap::new(), notes };
        for (span, line) in batch.rows.iter().zip(batch.line..) {
            let own = &raw[span.start..span.end];
            let content = own.trim_end_matches(['\n', '\r']);
            // Only JSON's own white space makes a line blank; anything else is broken JSON.
            if content.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
                keys.notes.blank_lines += 1;
                continue;
            }
            let (text, fields) = match batch.too_long {
                Some(cut) => (RowText::CutLine(content), Err(too_long(cut.length, None))),
                None => (RowText::Line(content), keys.fields(content)),
            };
            let offset = batch.offset + span.start as u64;
            each(&Row { offset, raw: own, line, fields, text, warnings: Vec::new() });
        }
    }
}

/// The keys seen, and what each means.
struct Keys<'a> {
    map: &'a [(Field, String)],
    known: HashMap<String, Meaning>,
    notes: &'a mut Notes,
}

impl Keys<'_> {
    fn fields<'a>(&mut self, line: &'a str) -> Result<Fields<'a>, Problem> {
        let Entries(entries) = serde_json::from_str(line).map_err(|error| not_an_object(line, &error))?;
        let entries = entries.into_iter().map(|(key, value)| (self.meaning(&key), key, value));
        // A synonym is used only where the field's own name is missing.
        let is_own = |(meaning, ..): &(Meaning, _, _)| matches!(meaning, Meaning::Own(_));
        let (named, rest): (Vec<_>, Vec<_>) = entries.partition(is_own);
        let own = named.len();
        let mut fields = Fields::default();
        let (mut held, mut unused, mut others): (Vec<Field>, Vec<_>, Vec<_>) = (Vec::new(), Vec::new(), Vec::new());
        let mut nested = None;
        for (meaning, key, value) in named.into_iter().chain(rest) {
            match meaning {
                Meaning::Synonym(field) if held.iter().take(own).any(|held| *held == field) => others.push(key),
                Meaning::Own(field) | Meaning::Synonym(field) if held.contains(&field) => {
                    let field = field.as_str();
                    return Err(Problem::malformed(format!("two keys hold `{field}`; keep one, with all entries")));
                }
                Meaning::Own(field) | Meaning::Synonym(field) => {
                    if meaning == Meaning::Synonym(field) {
                        self.notes.used(field, &key);
                    }
                    fields.set(field, cell(value));
                    held.push(field);
                }
                Meaning::Similar(field) | Meaning::Numbered(field) => unused.push((key, field)),
                Meaning::Unknown => {
                    if value.get().starts_with("[{") {
                        nested.get_or_insert_with(|| key.clone());
                    }
                    others.push(key);
                }
                Meaning::Error => {}
            }
        }
        let (excused, unused): (Vec<_>, Vec<_>) = unused.into_iter().partition(|(_, field)| held.contains(field));
        others.extend(excused.into_iter().map(|(key, _)| key));
        if !unused.is_empty() {
            let told = |(key, field): &(String, Field)| format!("`{}` looks like `{}`", shortened(key), field.as_str());
            let keys = unused.iter().map(told).collect::<Vec<_>>().join(", ");
            return Err(Problem::malformed(format!(
                "the key {keys} and is not used; rename it, or use --map FIELD=KEY"
            )));
        }
        if held.is_empty() && !others.is_empty() {
            return Err(Problem::malformed(no_field(&others, nested.as_deref())));
        }
        self.notes.unknown(others);
        Ok(fields)
    }

    fn meaning(&mut self, key: &str) -> Meaning {
        if let Some(known) = self.known.get(key) {
            return *known;
        }
        let found = Meaning::of(key, self.map);
        if self.known.len() < UNKNOWN_MAX {
            self.known.insert(key.to_owned(), found);
        }
        found
    }
}

/// An object in which no key is a field; `nested` is one that holds an array of objects.
fn no_field(keys: &[String], nested: Option<&str>) -> String {
    if let Some(key) = nested {
        let is_plain = key.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | ' '));
        let cure = if is_plain { format!(": `jq -c '.[\"{key}\"][]' FILE > NEW` writes that") } else { String::new() };
        return format!("the groups are inside `{}`; one per line is expected{cure}", shortened(key));
    }
    let keys: Vec<String> = keys.iter().take(KEYS_MAX).map(|key| shortened(key)).collect();
    format!("no key of the object is a field of a group (found: {}); use --map name=KEY", keys.join(", "))
}

fn not_an_object(line: &str, error: &serde_json::Error) -> Problem {
    if !line.trim_start().starts_with('{') {
        return Problem::malformed(format!("the line is not a JSON object: {}", shortened(line)));
    }
    if error.is_eof() {
        return Problem::malformed("the JSON ends in the middle of the object; write one whole object per line");
    }
    // The parser counts bytes, from 1, up to the one that is wrong.
    let at = error.column().saturating_sub(1);
    let column = line.get(..at).map_or(error.column(), |before| before.chars().count() + 1);
    let rest = line.get(at..).unwrap_or_default();
    let text = error.to_string();
    let reason = match text.split(" at line ").next().unwrap_or(&text) {
        "trailing characters" if rest.trim_start_matches([' ', ',']).starts_with('{') => {
            "several objects are on the line; give each a line of its own".to_owned()
        }
        "trailing characters" => format!("there is text after the object: `{}`", shortened(rest)),
        "trailing comma" => format!("remove the comma before `{}`", rest.get(..1).unwrap_or_default()),
        "key must be a string" => format!("a key needs double quotes: `{}`", shortened(rest)),
        other => shortened(other),
    };
    Problem::malformed(format!("invalid JSON at column {column}: {reason}"))
}

fn cell(value: &RawValue) -> Cell<'_> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => string(text).map_or(Cell::Other(BROKEN), Cell::Text),
        Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(text)
            .map_or(Cell::Other("a broken array"), |items| Cell::List(items.into_iter().map(item).collect())),
        Some(b'n') => Cell::Absent,
        _ => Cell::Other(kind(text)),
    }
}

fn item(value: &RawValue) -> Item<'_> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => string(text).map_or(Item::Other(BROKEN), Item::Text),
        Some(b'-' | b'0'..=b'9') => Item::Number(Cow::Borrowed(text)),
        Some(b'{') => person(text),
        _ => Item::Other(kind(text)),
    }
}

/// An object with the address or the id of a person.
fn person(text: &str) -> Item<'_> {
    let Entries(entries) = serde_json::from_str(text).unwrap_or(Entries(Vec::new()));
    Item::person(|wanted| Some(item(entries.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted))?.1)))
}

/// The text of a JSON string; it is copied only if it has escapes.
fn string(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('\\') {
        return serde_json::from_str(text).ok().map(Cow::Owned);
    }
    text.get(1..text.len() - 1).map(Cow::Borrowed)
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
