//! JSON objects: which keys hold which field. Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::batch::Batch;
use super::columns::{Meaning, UNKNOWN_MAX, begins_with, is_same_column, means_nothing};
use super::document::{Document, reason};
use super::lines::line_ends;
use super::names::{each_group, list_of, names_of};
use super::row::{Row, RowText};
use super::shape::too_long;
use super::{Notes, ReadOptions};
use crate::model::{Cell, Code, Entries, Field, Fields, Filter, Item, Problem, object, shortened};

/// How many keys are named in a message.
const KEYS_MAX: usize = 10;

const BROKEN: &str = "text with a broken \\u escape";

/// Knows which keys hold which field.
#[derive(Debug)]
pub(super) struct JsonParser {
    pub(super) options: ReadOptions,
    /// The name of all groups.
    pub(super) name: Option<String>,
    /// Where the objects are, if they are not on one line each.
    pub(super) document: Option<Document>,
}

/// The fields of an object: the values of each, and how many entries of its lists lack the key of its path.
type Held<'a> = Vec<(Field, Vec<&'a RawValue>, usize)>;

/// An entry that is not a field.
type Other<'a> = (String, &'a RawValue);

impl JsonParser {
    /// The field that a key holds.
    pub(super) fn field(&self, key: &str) -> Option<Field> {
        Meaning::of(key, &self.options).field()
    }

    /// Gives each row of a batch, whose bytes are `raw`.
    pub(super) fn rows<'a>(&self, batch: &'a Batch, raw: &'a str, notes: &mut Notes, each: &mut dyn FnMut(&Row<'a>)) {
        let mut keys = Keys { parser: self, known: HashMap::new(), notes };
        let mut next_line = batch.line;
        for span in &batch.rows {
            let own = &raw[span.start..span.end];
            let content = match &self.document {
                // Commas and white space are between the objects of an array.
                Some(_) => own.trim_matches([',', '\n', '\r', ' ', '\t']),
                None => own.trim_end_matches(['\n', '\r']),
            };
            let start = if self.document.is_some() { own.find(content).unwrap_or_default() } else { 0 };
            let line = next_line + line_ends(&own.as_bytes()[..start]);
            next_line += line_ends(own.as_bytes());
            // Only JSON's own white space makes a line blank; anything else is broken JSON.
            if content.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
                keys.notes.blank_lines += 1;
                continue;
            }
            let offset = batch.offset + span.start as u64;
            let row = |text, fields| Row {
                offset,
                raw: own,
                line,
                fields,
                text,
                warnings: Vec::new(),
                is_of_person: false,
                is_continued: false,
            };
            if let Some(cut) = batch.too_long {
                each(&row(RowText::CutLine(content), Err(too_long(cut.length, None))));
                continue;
            }
            let text = RowText::Line(on_one_line(content));
            match keys.read(content) {
                Ok((held, others)) => self.each_row(&row(text, Ok(Fields::default())), &held, &others, each),
                Err(problem) => each(&row(text, Err(problem))),
            }
        }
    }

    /// Gives the row of an object, or one for each group of a person.
    fn each_row<'a>(&self, row: &Row<'a>, held: &Held<'a>, others: &[Other<'a>], each: &mut dyn FnMut(&Row<'a>)) {
        let (mut fields, mut warnings) = (Fields::default(), Vec::new());
        if let Some(name) = &self.name {
            fields.set(Field::Name, Cell::Text(Cow::Owned(name.clone())));
        }
        let mut names = None;
        for (field, values, missing) in held {
            let cell = self.cell(*field, values);
            if *field == Field::Names {
                names = Some(cell);
                continue;
            }
            fields.set(*field, cell);
            if *missing > 0 {
                let message = format!("{}: entries without the mapped key are ignored: {missing}", field.as_str());
                warnings.push(Problem::warning(*field, Code::EntryIgnored, message));
            }
        }
        let is_of_person = held.iter().any(|(field, ..)| field.is_of_person());
        let row = Row { fields: Ok(fields), warnings, is_of_person, ..row.clone() };
        let text = |name: Option<&str>| match self.rewritten(held, others, name.or(self.name.as_deref())) {
            Some(line) => RowText::Line(line.into()),
            None => row.text.clone(),
        };
        match names {
            Some(names) => each_group(&row, all_names(&names, self.options.list_delimiter), text, each),
            None => each(&Row { text: text(None), ..row.clone() }),
        }
    }

    /// Why a filter or the layout leaves the object out, if one does.
    fn excluded(&self, entries: &[Other<'_>]) -> Option<Problem> {
        let texts = |path: &str| {
            let mut found = AtPath::default();
            found.find_in(entries, path);
            let texts: Vec<String> = found.values.iter().flat_map(|value| texts(value)).map(Cow::into_owned).collect();
            if texts.is_empty() { vec![String::new()] } else { texts }
        };
        if let Some(layout) = &self.options.of_layout {
            let path = |of: Field| self.options.map.iter().find(|(field, _)| field.slot() == of).map(|(_, path)| path);
            let kind = layout.nested.as_ref().map(|nested| texts(&nested.column).concat());
            let member = path(Field::Members).map(|path| texts(path).concat());
            let why = layout.leaves_out("", kind.as_deref(), member.as_deref().unwrap_or_default());
            if why.is_some() {
                return why;
            }
        }
        let keeps = |filter: &&Filter| texts(&filter.column).iter().any(|text| filter.keeps(text));
        let filter = self.options.filters.iter().find(|filter| !keeps(filter))?;
        Some(Problem::excluded(&format!("by --where {}", shortened(&filter.to_string()))))
    }

    fn cell<'a>(&self, field: Field, values: &[&'a RawValue]) -> Cell<'a> {
        let cell = match values {
            [value] => cell(value),
            values => Cell::List(values.iter().flat_map(|value| items(value)).collect()),
        };
        match (&cell, self.options.list_delimiter.filter(|_| field.is_list())) {
            (Cell::Text(Cow::Borrowed(text)), Some(delimiter)) => list_of(text, delimiter),
            _ => cell,
        }
    }

    /// The object that is read alike without any option; nothing if it is as it stands.
    fn rewritten(&self, held: &Held<'_>, others: &[Other<'_>], name: Option<&str>) -> Option<String> {
        let options = &self.options;
        if options.map.is_empty() && options.ignore.is_empty() && options.list_delimiter.is_none() && name.is_none() {
            return None;
        }
        let name = name.map(|name| ("name".to_owned(), serde_json::Value::from(name).to_string()));
        let fields = held.iter().filter(|(field, ..)| *field != Field::Names).map(|(field, values, _)| {
            let value = match (values.as_slice(), self.cell(*field, values)) {
                (_, Cell::List(items)) if items.is_empty() => Cow::Borrowed("[]"),
                ([value], cell) if options.list_delimiter.is_none() || !matches!(cell, Cell::List(_)) => {
                    on_one_line(value.get())
                }
                (_, cell) => cell.text(),
            };
            (field.as_str().to_owned(), value.into_owned())
        });
        let others = others.iter().map(|(key, value)| {
            let key = if means_nothing(key) { key.clone() } else { format!("x-{key}") };
            (key, on_one_line(value.get()).into_owned())
        });
        let all: Vec<(String, String)> = name.into_iter().chain(fields).chain(others).collect();
        Some(object(all.iter().map(|(key, value)| (key.as_str(), value))))
    }
}

/// The keys seen, and what each means.
struct Keys<'a> {
    parser: &'a JsonParser,
    known: HashMap<String, Meaning>,
    notes: &'a mut Notes,
}

impl Keys<'_> {
    /// The fields and the other entries of the object on a line.
    fn read<'a>(&mut self, line: &'a str) -> Result<(Held<'a>, Vec<Other<'a>>), Problem> {
        let Entries(entries) = serde_json::from_str(line).map_err(|error| not_an_object(line, &error))?;
        let options = &self.parser.options;
        if let Some(problem) = self.parser.excluded(&entries) {
            return Err(problem);
        }
        let (mut held, mut others, mut unused): (Held<'a>, Vec<Other<'a>>, Vec<_>) = Default::default();
        let is_path = |path: &str| path.contains('.') && !entries.iter().any(|(key, _)| is_same_column(key, path));
        for (field, path) in options.map.iter().filter(|(_, path)| is_path(path)) {
            let mut found = AtPath::default();
            found.find_in(&entries, path);
            held.extend((!found.values.is_empty()).then_some((*field, found.values, found.missing)));
        }
        let entries = entries.into_iter().map(|(key, value)| (self.meaning(&key), key, value));
        let (synonyms, rest): (Vec<_>, Vec<_>) =
            entries.partition(|(meaning, ..)| matches!(meaning, Meaning::Synonym(_)));
        for (meaning, key, value) in rest {
            match meaning {
                Meaning::Own(field) | Meaning::Mapped(field) => {
                    hold(&mut held, field, value, meaning != Meaning::Own(field))?;
                }
                Meaning::Similar(field) | Meaning::Numbered(field) => unused.push((key, field)),
                _ => others.push((key, value)),
            }
        }
        // A synonym is used only where the field's own name is missing.
        let own = held.clone();
        for (meaning, key, value) in synonyms {
            match meaning.field().filter(|field| !holds(&own, *field)) {
                Some(field) => {
                    self.notes.used(field, &key);
                    hold(&mut held, field, value, false)?;
                }
                None => others.push((key, value)),
            }
        }
        if !unused.is_empty() {
            return Err(unused_keys(&unused));
        }
        let is_ignored = |key: &String| self.known.get(key) == Some(&Meaning::Ignored) || is_in_path(key, options);
        let unknown: Vec<String> = others.iter().map(|(key, _)| key).filter(|key| !is_ignored(key)).cloned().collect();
        if held.is_empty() && !unknown.is_empty() && self.parser.name.is_none() {
            return Err(Problem::malformed(no_field(&others)));
        }
        self.notes.unknown(unknown);
        Ok((held, others))
    }

    fn meaning(&mut self, key: &str) -> Meaning {
        if let Some(known) = self.known.get(key) {
            return *known;
        }
        let found = Meaning::of(key, &self.parser.options);
        if self.known.len() < UNKNOWN_MAX {
            self.known.insert(key.to_owned(), found);
        }
        found
    }
}

fn holds(held: &Held<'_>, field: Field) -> bool {
    held.iter().any(|(known, ..)| known.slot() == field.slot())
}

/// Adds the value of a field; several only of a list whose keys are mapped.
fn hold<'a>(held: &mut Held<'a>, field: Field, value: &'a RawValue, is_mapped: bool) -> Result<(), Problem> {
    if !holds(held, field) {
        held.push((field, vec![value], 0));
        return Ok(());
    }
    let known = held.iter_mut().find(|(known, ..)| is_mapped && field.is_list() && *known == field);
    let twice = || Problem::malformed(format!("two keys hold `{}`; keep one, with all entries", field.as_str()));
    known.ok_or_else(twice).map(|(_, values, _)| values.push(value))
}

/// Keys that look like fields and are not used.
fn unused_keys(unused: &[(String, Field)]) -> Problem {
    let told = |(key, field): &(String, Field)| format!("`{}` looks like `{}`", shortened(key), field.as_str());
    let keys = unused.iter().map(told).collect::<Vec<_>>().join(", ");
    Problem::malformed(format!("the key {keys} and is not used; rename it, or use --map FIELD=KEY, or --ignore KEY"))
}

/// Whether a path or a filter begins with this key.
fn is_in_path(key: &str, options: &ReadOptions) -> bool {
    let paths = options.map.iter().map(|(_, path)| path).chain(options.filters.iter().map(|filter| &filter.column));
    paths.into_iter().any(|path| begins_with(path, key))
}

/// What is found at a path.
#[derive(Default)]
struct AtPath<'a> {
    values: Vec<&'a RawValue>,
    /// Elements of arrays that lack the key.
    missing: usize,
}

impl<'a> AtPath<'a> {
    /// A key that contains dots counts as it stands first.
    fn find_in(&mut self, entries: &[Other<'a>], path: &str) {
        let whole = entries.iter().find(|(key, _)| is_same_column(key, path));
        match (whole, path.split_once('.')) {
            (Some((_, value)), _) => self.values.push(value),
            (None, Some((first, rest))) => {
                for (_, value) in entries.iter().filter(|(key, _)| is_same_column(key, first)) {
                    self.find(value, rest);
                }
            }
            (None, None) => {}
        }
    }

    fn find(&mut self, value: &'a RawValue, path: &str) {
        let text = value.get();
        if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) {
            for element in elements {
                let before = self.values.len();
                self.find(element, path);
                self.missing += usize::from(self.values.len() == before);
            }
        } else if let Ok(Entries(entries)) = serde_json::from_str(text) {
            self.find_in(&entries, path);
        }
    }
}

/// JSON has line ends between its tokens only.
fn on_one_line(content: &str) -> Cow<'_, str> {
    if content.contains(['\n', '\r']) { Cow::Owned(content.replace(['\n', '\r'], " ")) } else { Cow::Borrowed(content) }
}

/// The names that a cell of groups holds.
fn all_names<'a>(cell: &'a Cell<'_>, delimiter: Option<char>) -> Result<Vec<Cow<'a, str>>, Problem> {
    match cell {
        Cell::Text(text) => names_of(text, delimiter),
        Cell::List(items) => {
            let name = |item: &'a Item<'_>| match item {
                Item::Text(text) => Ok(Cow::Borrowed(text.trim())),
                Item::Number(_) | Item::Other(_) => {
                    Err(Problem::error(Field::Names, Code::NameInvalid, "names: an entry is not text"))
                }
            };
            let names: Vec<Cow<'_, str>> = items.iter().map(name).collect::<Result<_, _>>()?;
            Ok(names.into_iter().filter(|name| !name.is_empty()).collect())
        }
        Cell::Absent => Ok(Vec::new()),
        Cell::Other(kind) => {
            Err(Problem::error(Field::Names, Code::NameInvalid, format!("names: expected a list, found {kind}")))
        }
    }
}

/// What a filter compares: the elements of an array, or the value itself.
fn texts(value: &RawValue) -> Vec<Cow<'_, str>> {
    let elements = serde_json::from_str::<Vec<&RawValue>>(value.get()).unwrap_or_else(|_| vec![value]);
    let text = |value: &&'_ RawValue| match value.get() {
        "null" => Cow::Borrowed(""),
        text if text.starts_with('"') => Cow::Owned(serde_json::from_str(text).unwrap_or_default()),
        text => Cow::Owned(text.to_owned()),
    };
    elements.iter().map(text).collect()
}

/// An object in which no key is a field.
fn no_field(others: &[Other<'_>]) -> String {
    if let Some((key, _)) = others.iter().find(|(_, value)| value.get().starts_with("[{")) {
        let key = shortened(key);
        return format!(
            "no key of the object is a field of a group; if the groups are inside `{key}`, use --records '{key}'"
        );
    }
    let keys: Vec<String> = others.iter().take(KEYS_MAX).map(|(key, _)| shortened(key)).collect();
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
    let reason = match reason(error).as_str() {
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
        Some(b'[') => Cell::List(items(value)),
        Some(b'n') => Cell::Absent,
        _ => Cell::Other(kind(text)),
    }
}

/// The elements of an array, or the value itself.
fn items(value: &RawValue) -> Vec<Item<'_>> {
    let elements = serde_json::from_str::<Vec<&RawValue>>(value.get());
    elements.map_or_else(|_| vec![item(value)], |elements| elements.into_iter().map(item).collect())
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
