//! JSON lines: one object a line, by serde. Pure.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use serde_json::value::RawValue;

use super::block::{Block, End};
use super::columns::{Meaning, UNKNOWN_MAX, meaning};
use super::cutter::ROW_MAX;
use super::lines::{ends_line, past_line_end};
use super::row::{Row, RowText, too_long};
use crate::model::{Cell, Entries, Fault, Field, Fields, Item, shortened};

/// So many keys are named in a message.
const KEYS_MAX: usize = 10;

/// Knows which keys hold which field.
#[derive(Debug)]
pub(super) struct Parser {
    map: Vec<(Field, String)>,
}

impl Parser {
    pub(super) fn new(map: &[(Field, String)]) -> Self {
        Self { map: map.to_vec() }
    }

    /// The field that a key holds.
    pub(super) fn field(&self, key: &str) -> Option<Field> {
        if let Meaning::Holds(field) = meaning(key, &self.map) { Some(field) } else { None }
    }

    /// Gives each row of a block; `text` is its text. The keys that are no field go to `unknown`.
    pub(super) fn rows(
        &self,
        block: &Block,
        text: &str,
        unknown: &mut BTreeSet<String>,
        each: &mut dyn FnMut(Row<'_>),
    ) {
        let mut keys = Keys { map: &self.map, known: HashMap::new(), unknown };
        let (mut at, mut line) = (0, block.line);
        while at < text.len() {
            let length = memchr::memchr2(b'\n', b'\r', &text.as_bytes()[at..]).unwrap_or(text.len() - at);
            let content = &text[at..at + length];
            // White space as JSON has it: anything else is broken JSON.
            if !content.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
                let (text, fields) = match block.end {
                    End::TooLong { length, quote } => (RowText::CutLine(content), Err(too_long(length, quote))),
                    _ if length > ROW_MAX => (RowText::CutLine(content), Err(too_long(length as u64, None))),
                    _ => (RowText::Line(content), keys.fields(content)),
                };
                each(Row { offset: block.offset + at as u64, line, lines: 1, fields, text, remarks: Vec::new() });
            }
            at += length;
            if text.as_bytes().get(at).copied().is_some_and(ends_line) {
                at = past_line_end(text.as_bytes(), at);
                line += 1;
            }
        }
    }
}

/// The keys met, and what each means.
struct Keys<'a> {
    map: &'a [(Field, String)],
    known: HashMap<String, Meaning>,
    unknown: &'a mut BTreeSet<String>,
}

impl Keys<'_> {
    fn fields<'a>(&mut self, line: &'a str) -> Result<Fields<'a>, Fault> {
        let Entries(entries) = serde_json::from_str(line).map_err(|error| not_an_object(line, &error))?;
        let mut fields = Fields::default();
        let mut held = Vec::with_capacity(Field::ALL.len());
        let (mut misspelt, mut inside, mut others, mut has_object) = (Vec::new(), None, Vec::new(), false);
        for (key, value) in entries {
            match self.meaning(&key) {
                Meaning::Holds(field) if held.contains(&field) => {
                    let field = field.as_str();
                    return Err(Fault::malformed(format!(
                        "the key `{field}` stands there twice; keep one, with all that is meant"
                    )));
                }
                Meaning::Holds(field) => {
                    *fields.cell_mut(field) = cell(value);
                    held.push(field);
                }
                Meaning::Misspelt(field) | Meaning::Part(field) => misspelt.push((key, field)),
                Meaning::Unknown => {
                    self.remember(&key);
                    inside = inside.or_else(|| value.get().starts_with("[{").then(|| key.clone()));
                    has_object |= value.get().starts_with('{');
                    others.push(key);
                }
                Meaning::Ours => {}
            }
        }
        if let Some(key) = inside.filter(|_| held.is_empty() && misspelt.is_empty()) {
            let is_plain = key.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | ' '));
            let key = shortened(&key);
            let cure = format!(": `jq -c '.[\"{key}\"][]' FILE > NEW` makes it so");
            let cure = if is_plain { cure.as_str() } else { "" };
            return Err(Fault::malformed(format!("the groups stand inside of `{key}`; one a line is expected{cure}")));
        }
        if held.is_empty() && misspelt.is_empty() && !others.is_empty() {
            let keys: Vec<String> = others.iter().take(KEYS_MAX).map(|key| shortened(key)).collect();
            let keys = keys.join(", ");
            let hint = if has_object { "; if the group stands inside of one, take it out" } else { "" };
            return Err(Fault::malformed(format!(
                "no key of the line is a field of a group (there are: {keys}){hint}"
            )));
        }
        let (excused, misspelt): (Vec<_>, Vec<_>) = misspelt.into_iter().partition(|(_, field)| held.contains(field));
        for (key, _) in &excused {
            self.remember(key);
        }
        if misspelt.is_empty() { Ok(fields) } else { Err(misspelt_keys(&misspelt)) }
    }

    fn meaning(&mut self, key: &str) -> Meaning {
        if let Some(known) = self.known.get(key) {
            return *known;
        }
        let found = meaning(key, self.map);
        if self.known.len() < UNKNOWN_MAX {
            self.known.insert(key.to_owned(), found);
        }
        found
    }

    fn remember(&mut self, key: &str) {
        if self.unknown.len() < UNKNOWN_MAX && !self.unknown.contains(key) {
            self.unknown.insert(key.to_owned());
        }
    }
}

fn misspelt_keys(keys: &[(String, Field)]) -> Fault {
    let told =
        |(key, field): &(String, Field)| format!("`{}` looks like a misspelt `{}`", shortened(key), field.as_str());
    let keys: Vec<String> = keys.iter().map(told).collect();
    Fault::malformed(format!("the key {}; rename it", keys.join(", and ")))
}

fn not_an_object(line: &str, error: &serde_json::Error) -> Fault {
    if !line.trim_start().starts_with('{') {
        return Fault::malformed(format!("the line is not a JSON object: {}", shortened(line)));
    }
    // The parser counts bytes, from 1, up to the one that is wrong, or to the one before a control character.
    let text = error.to_string();
    let control = text.starts_with("control character").then(|| line.find(char::is_control)).flatten();
    let at = control.unwrap_or_else(|| error.column().saturating_sub(1));
    let column = line.get(..at).map_or(error.column(), |before| before.chars().count() + 1);
    Fault::malformed(format!("the JSON is broken at column {column}: {}", reason(line, at, error)))
}

/// What is wrong at this byte, in plain words where they are known.
fn reason(line: &str, at: usize, error: &serde_json::Error) -> String {
    let rest = line.get(at..).unwrap_or_default();
    let is_after_comma = line.get(..at).is_some_and(|before| before.trim_end().ends_with(','));
    if error.is_eof() {
        return "the line ends in the middle (was it cut off?); one object a line is expected".to_owned();
    }
    if is_after_comma && rest.starts_with(['}', ']']) {
        return format!("a comma stands before `{}`; remove it", &rest[..1]);
    }
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    match text {
        "trailing characters" if rest.trim_start_matches([' ', ',']).starts_with('{') => {
            "several objects stand on the line; give each a line of its own".to_owned()
        }
        "trailing characters" => format!("something stands behind the object: `{}`; remove it", shortened(rest)),
        _ if text.starts_with("control character") => {
            "a control character stands in a text; write \\t, \\n or \\uXXXX".to_owned()
        }
        "key must be a string" if rest.starts_with('\'') => {
            "keys and texts need double quotes (if Python wrote this, json.dumps writes JSON)".to_owned()
        }
        "key must be a string" => format!("a key needs double quotes around it: `{}`", shortened(rest)),
        _ if text.starts_with("expected `,` or") && !rest.is_empty() => {
            format!("{text}, not `{}`; a quote inside of a text is written \\\"", shortened(rest))
        }
        other => shortened(other),
    }
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

const BROKEN: &str = "text with a broken \\u escape";

fn item(value: &RawValue) -> Item<'_> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => string(text).map_or(Item::Other(BROKEN), Item::Text),
        Some(b'-' | b'0'..=b'9') => Item::Number(Cow::Borrowed(text)),
        _ => Item::Other(kind(text)),
    }
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
