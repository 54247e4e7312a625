//! JSON objects: which keys hold which field. Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::batch::Batch;
use super::columns::{Meaning, UNKNOWN_MAX, begins_with, is_of_addresses, is_same_column, means_nothing};
use super::document::{Document, reason};
use super::header::{people, personless};
use super::lines::line_ends;
use super::names::{each_group, list_of, names_of};
use super::path::{AtPath, Other, elements, texts_at};
use super::row::{Row, RowFlaw};
use super::shape::too_long;
use super::{Notes, ReadOptions};
use crate::model::{
    Cell, Code, Entries, Field, Fields, Filter, Item, Problem, Raw, is_json_address, object, shortened,
};

/// How many keys are named in a message.
const KEYS_MAX: usize = 10;

/// Knows which keys hold which field.
#[derive(Debug)]
pub(super) struct JsonParser {
    pub(super) options: ReadOptions,
    /// The name of all groups.
    pub(super) name: Option<String>,
    /// Where the objects are, if they are not on one line each.
    pub(super) document: Option<Document>,
}

/// The fields of an object, with the values of each.
type Held<'a> = Vec<(Field, Vec<&'a RawValue>)>;

/// The entries of an object.
struct Object<'a> {
    held: Held<'a>,
    others: Vec<Other<'a>>,
    warnings: Vec<Problem>,
}

impl JsonParser {
    /// What is known before any object is read.
    pub(super) fn notes(&self) -> Notes {
        let layout = self.options.of_layout.as_ref();
        let layout = layout.map(|layout| layout.note(&self.options.map, |_| true, false));
        let records = self.document.as_ref().and_then(|document| document.path.clone());
        Notes { layout, records, ..Notes::default() }
    }

    /// The field that a key holds.
    pub(super) fn field(&self, key: &str) -> Option<Field> {
        Meaning::of(key, &self.options).field()
    }

    /// Gives each row of a batch, whose bytes are `raw`.
    pub(super) fn rows<'a>(&self, batch: &'a Batch, raw: &'a str, notes: &mut Notes, each: &mut dyn FnMut(&Row<'a>)) {
        let mut keys = Keys { parser: self, known: HashMap::new(), notes };
        // Commas and white space are between the objects of an array.
        let marks: &[char] = if self.document.is_some() { &[',', '\n', '\r', ' ', '\t'] } else { &['\n', '\r'] };
        let mut next_line = batch.line;
        for span in &batch.rows {
            let own = &raw[span.start..span.end];
            let content = own.trim_start_matches(marks);
            let line = next_line + line_ends(&own.as_bytes()[..own.len() - content.len()]);
            let content = content.trim_end_matches(marks);
            next_line += line_ends(own.as_bytes());
            // Only JSON's own white space makes a line blank; anything else is broken JSON.
            if content.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
                keys.notes.blank_lines += 1;
                continue;
            }
            let mut row = Row::new(batch.offset + span.start as u64, own, line);
            row.text = Raw::Line(on_one_line(content));
            if let Some(cut) = batch.too_long {
                // It is never read as an object.
                let text = Raw::Line(format!("{content}…").into());
                let fields = Err(too_long(cut.length, None));
                each(&Row { fields, text, flaw: Some(RowFlaw::TooLong), ..row });
                continue;
            }
            match keys.read(content) {
                Ok(object) => self.each_row(row, object, each),
                Err(problem) => each(&Row { fields: Err(problem), ..row }),
            }
        }
    }

    /// Gives the row of an object, or one for each group of a person.
    fn each_row<'a>(&self, row: Row<'a>, object: Object<'a>, each: &mut dyn FnMut(&Row<'a>)) {
        let Object { held, others, warnings } = object;
        let mut fields = Fields::default();
        if let Some(name) = &self.name {
            fields.set(Field::Name, Cell::Text(Cow::Owned(name.clone())));
        }
        let mut names = None;
        for (field, values) in &held {
            let cell = self.cell(*field, values);
            if *field == Field::Names { names = Some(cell) } else { fields.set(*field, cell) }
        }
        let is_of_person = self.name.is_some() || held.iter().any(|(field, ..)| field.is_of_person());
        let row = Row { fields: Ok(fields), warnings, is_of_person, ..row };
        let text = |name: Option<&str>| match self.rewritten(&held, &others, name.or(self.name.as_deref())) {
            Some(line) => Raw::Line(line.into()),
            None => row.text.clone(),
        };
        match names {
            Some(names) => each_group(&row, all_names(&names, self.options.list_delimiter), text, each),
            None => each(&Row { text: text(None), ..row.clone() }),
        }
    }

    /// Why a filter or the layout leaves the object out, if one does.
    fn excluded(&self, entries: &[Other<'_>]) -> Option<Problem> {
        let of_layout = self.options.of_layout.as_ref().and_then(|layout| {
            // A path leads to entries of a list, as below.
            let nested = layout.nested.as_ref().filter(|nested| !nested.column.contains('.'));
            let kind = nested.map(|nested| texts_at(entries, &nested.column).concat());
            let member = self.options.map.iter().find(|(field, _)| field.slot() == Field::Members);
            let member = member.map(|(_, path)| texts_at(entries, path).concat());
            layout.leaves_out("", kind.as_deref(), member.as_deref().unwrap_or_default())
        });
        let mut filters = self.options.filters.iter();
        let keeps = |filter: &Filter| texts_at(entries, &filter.column).iter().any(|text| filter.keeps(text));
        // A path into a list of people chooses among them.
        let is_of_entries = |filter: &Filter| {
            let is_list = |(key, value): &Other<'_>| value.get().starts_with('[') && begins_with(&filter.column, key);
            let is_mapped =
                |key: &str| self.options.map.iter().any(|(of, path)| of.is_list() && begins_with(path, key));
            filter.column.contains('.') && entries.iter().any(|entry| is_list(entry) && is_mapped(&entry.0))
        };
        let drops = |filter: &&Filter| !keeps(filter) && !is_of_entries(filter);
        of_layout.or_else(|| filters.find(drops).map(|filter| self.options.left_out_by(filter)))
    }

    fn cell<'a>(&self, field: Field, values: &[&'a RawValue]) -> Cell<'a> {
        let cell = match values {
            [value] if field.is_of_person() && matches!(Item::of(value), Item::Number(_)) => {
                Cell::List(vec![Item::of(value)])
            }
            [value] => cell(value),
            values => Cell::List(values.iter().flat_map(|value| elements(value)).map(Item::of).collect()),
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
        let fields = held.iter().filter(|(field, _)| *field != Field::Names).map(|(field, values)| {
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
    fn read<'a>(&mut self, line: &'a str) -> Result<Object<'a>, Problem> {
        let Entries(entries) = serde_json::from_str(line).map_err(|error| not_an_object(line, &error))?;
        let (parser, options) = (self.parser, &self.parser.options);
        if let Some(problem) = parser.excluded(&entries) {
            return Err(problem);
        }
        let (mut held, mut others, mut unused): (Held<'a>, Vec<Other<'a>>, Vec<_>) = Default::default();
        let is_path = |path: &str| path.contains('.') && !entries.iter().any(|(key, _)| is_same_column(key, path));
        let mut warnings = Vec::new();
        for (field, path) in options.map.iter().filter(|(_, path)| is_path(path)) {
            let mut found = AtPath { options: field.is_list().then_some(options), ..AtPath::default() };
            found.find_in(&entries, path);
            warnings.extend(found.warnings(*field));
            held.extend((!found.values.is_empty()).then_some((*field, found.values)));
        }
        let is_cut = |key: &&String| key.ends_with("@odata.nextLink");
        warnings.extend(entries.iter().map(|(key, _)| key).find(is_cut).map(|key| {
            Problem::general(Code::FilePaged, format!("`{}`: the list goes on; export all of it", shortened(key)))
        }));
        let mut synonyms = Vec::new();
        for (key, value) in entries {
            match self.meaning(&key) {
                Meaning::Own(field) => hold(&mut held, field, value, false)?,
                Meaning::Mapped(field) => hold(&mut held, field, value, true)?,
                Meaning::Synonym(field) => synonyms.push((field, key, value)),
                Meaning::Similar(field) | Meaning::Numbered(field) => unused.push((key, field)),
                Meaning::Ignored | Meaning::Unknown => others.push((key, value)),
            }
        }
        // A synonym is used only where the field's own name is missing.
        let own: Vec<Field> = held.iter().map(|(field, ..)| field.slot()).collect();
        for (field, key, value) in synonyms {
            if own.contains(&field.slot()) {
                others.push((key, value));
            } else {
                self.notes.used(field, &key);
                hold(&mut held, field, value, false)?;
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
        let object = Object { held, others, warnings };
        check_people(&object, &unknown, options)?;
        self.notes.unknown(unknown);
        Ok(object)
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

/// An error if no key has people and one that is not used seems to, or if a person's groups have no person.
fn check_people(object: &Object<'_>, unknown: &[String], options: &ReadOptions) -> Result<(), Problem> {
    let Object { held, others, .. } = object;
    let mut fields = held.iter().map(|(field, _)| field).chain(options.map.iter().map(|(field, _)| field));
    if fields.any(|field| field.is_list() && *field != Field::Names) {
        return Ok(());
    }
    let seems = |(key, value): &&Other<'_>| unknown.contains(key) && (is_of_addresses(key) || is_json_address(value));
    let has_groups = held.iter().any(|(field, _)| *field == Field::Names);
    let error = match others.iter().find(seems) {
        Some((key, _)) => people(&shortened(key)),
        None if has_groups => personless(Field::Names.as_str()),
        None => return Ok(()),
    };
    Err(Problem { code: error.code, ..Problem::malformed(error.message) })
}

/// Adds the value of a field; several only of a list whose keys are mapped.
fn hold<'a>(held: &mut Held<'a>, field: Field, value: &'a RawValue, is_mapped: bool) -> Result<(), Problem> {
    if held.iter().all(|(known, ..)| known.slot() != field.slot()) {
        held.push((field, vec![value]));
        return Ok(());
    }
    let known = held.iter_mut().find(|(known, ..)| is_mapped && field.is_list() && *known == field);
    let twice = || Problem::malformed(format!("two keys hold `{}`; keep one, with all entries", field.as_str()));
    known.ok_or_else(twice).map(|(_, values)| values.push(value))
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

/// JSON has line ends between its tokens only.
fn on_one_line(content: &str) -> Cow<'_, str> {
    if content.contains(['\n', '\r']) { Cow::Owned(content.replace(['\n', '\r'], " ")) } else { Cow::Borrowed(content) }
}

/// The names that a cell of groups holds.
fn all_names<'a>(cell: &'a Cell<'_>, delimiter: Option<char>) -> Result<Vec<Cow<'a, str>>, Problem> {
    let invalid = |what: &str| Problem::error(Field::Names, Code::NameInvalid, format!("names: {what}"));
    match cell {
        Cell::Text(text) => names_of(text, delimiter),
        Cell::List(items) => {
            let name = |item: &'a Item<'_>| match item {
                Item::Text(text) => Ok(Cow::Borrowed(text.trim())),
                Item::Number(_) | Item::Other(_) => Err(invalid("an entry is not text")),
            };
            items.iter().map(name).collect()
        }
        Cell::Absent => Ok(Vec::new()),
        Cell::Other(kind) => Err(invalid(&format!("expected a list, found {kind}"))),
    }
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
    match (value.get().as_bytes().first(), Item::of(value)) {
        (Some(b'['), _) => Cell::List(elements(value).into_iter().map(Item::of).collect()),
        (Some(b'{'), _) => Cell::Other("an object"),
        (Some(b'n'), _) => Cell::Absent,
        (_, Item::Text(text)) => Cell::Text(text),
        (_, Item::Number(_)) => Cell::Other("a number"),
        (_, Item::Other(kind)) => Cell::Other(kind),
    }
}
