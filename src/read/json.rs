//! JSON objects: which keys hold which field. Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::batch::{Batch, Grammar};
use super::columns::{Columns, begins_with, is_of_addresses, is_same_column, means_nothing};
use super::document::reason;
use super::lines::line_ends;
use super::names::list_of;
use super::path::{AtPath, Other, elements, texts_at};
use super::{Notes, Parser, ReadOptions, Row};
use crate::model::{Cell, Code, Entries, Field, Filter, Item, Problem, Raw, is_json_address, object, shortened};

/// How many keys are named in a message.
const KEYS_MAX: usize = 10;

/// The fields of an object, with the values of each.
type Held<'a> = Vec<(Field, Vec<&'a RawValue>)>;

/// The fields of an object, its other entries, and warnings about it.
type Object<'a> = (Held<'a>, Vec<Other<'a>>, Vec<Problem>);

/// What the keys of objects mean, by all keys of an object.
type KnownKeys = HashMap<Vec<String>, (Columns, Vec<Problem>)>;

impl Parser {
    /// Gives each object of a batch, whose bytes are `raw`.
    pub(super) fn json_rows<'a>(
        &self,
        batch: &'a Batch,
        raw: &'a str,
        notes: &mut Notes,
        each: &mut dyn FnMut(&Row<'a>),
    ) {
        let mut known = KnownKeys::new();
        // Commas and white space are between the objects of an array.
        let is_document = self.grammar == Grammar::Json;
        let marks: &[char] = if is_document { &[',', '\n', '\r', ' ', '\t'] } else { &['\n', '\r'] };
        let mut next_line = batch.line;
        for span in &batch.rows {
            let own = &raw[span.start..span.end];
            let content = own.trim_start_matches(marks);
            let line = next_line + line_ends(&own.as_bytes()[..own.len() - content.len()]);
            let content = content.trim_end_matches(marks);
            next_line += line_ends(own.as_bytes());
            // Only JSON's own white space makes a line blank; anything else is broken JSON.
            if content.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
                notes.has_blank_lines = true;
                continue;
            }
            let mut row = Row::new(own, line);
            row.text = Raw::Line(on_one_line(content));
            match self.object(content, &mut known, notes) {
                Ok((object, left_out)) => self.each_row(&Row { left_out, ..row }, object, each),
                Err(problem) => each(&Row { fields: Err(problem), ..row }),
            }
        }
    }

    /// The fields and the other entries of an object, and why it is left out.
    fn object<'a>(
        &self,
        text: &'a str,
        known: &mut KnownKeys,
        notes: &mut Notes,
    ) -> Result<(Object<'a>, Option<Problem>), Problem> {
        let Entries(entries) = serde_json::from_str(text).map_err(|error| not_an_object(text, &error))?;
        let Some(problem) = self.leaves_out(&entries) else { return Ok((self.held(entries, known, notes)?, None)) };
        // What it has beside is not looked at.
        let object = self.held(entries, known, &mut Notes::default()).map_err(|_| problem.clone())?;
        Ok((object, Some(problem)))
    }

    fn held<'a>(
        &self,
        entries: Vec<Other<'a>>,
        known: &mut KnownKeys,
        notes: &mut Notes,
    ) -> Result<Object<'a>, Problem> {
        let options = &self.options;
        let (mut held, mut warnings) = (Held::new(), Vec::new());
        let is_path = |path: &str| path.contains('.') && !entries.iter().any(|(key, _)| is_same_column(key, path));
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
        let keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
        let (columns, errors) = known.entry(keys.clone()).or_insert_with(|| Columns::of_keys(&keys, options));
        if !errors.is_empty() {
            return Err(Problem::malformed(Problem::join(errors.iter())));
        }
        for (field, index) in &columns.fields {
            match held.iter_mut().find(|(known, _)| known == field) {
                Some((_, values)) => values.push(entries[*index].1),
                None => held.push((*field, vec![entries[*index].1])),
            }
        }
        let is_unknown = |index: &usize| !is_in_path(&keys[*index], options);
        let unknown: Vec<usize> = columns.unknown.iter().copied().filter(is_unknown).collect();
        if held.is_empty() && !unknown.is_empty() && self.name.is_none() {
            return Err(Problem::malformed(no_field(&entries)));
        }
        if !options.map.iter().any(|(field, _)| field.is_list() && *field != Field::Names) {
            let holds_address = |index: usize| is_of_addresses(&keys[index]) || is_json_address(entries[index].1);
            let people = columns.people(&keys, |index| unknown.contains(&index) && holds_address(index));
            people.map_or(Ok(()), Err)?;
        }
        notes.add(&columns.notes, unknown.iter().map(|index| &keys[*index]));
        let is_other = |index: usize| columns.fields.iter().all(|(_, held)| *held != index);
        let others = entries.into_iter().enumerate().filter(|(index, _)| is_other(*index));
        Ok((held, others.map(|(_, entry)| entry).collect(), warnings))
    }

    /// Gives the row of an object, or one for each group of a person.
    fn each_row<'a>(&self, row: &Row<'a>, (held, others, warnings): Object<'a>, each: &mut dyn FnMut(&Row<'a>)) {
        let (mut fields, mut names) = (self.given_fields(), Vec::new());
        for (field, values) in &held {
            let cell = self.cell(*field, values);
            if *field == Field::Names { names.push(cell) } else { fields.set(*field, cell) }
        }
        let is_of_person = self.is_of_one_group || held.iter().any(|(field, ..)| field.is_of_person());
        let text = |name: Option<&str>| match self.rewritten(&held, &others, name.or(self.name.as_deref())) {
            Some(line) => Raw::Line(line.into()),
            None => row.text.clone(),
        };
        let read = Row { fields: Ok(fields), text: text(None), warnings, is_of_person, ..row.clone() };
        self.each_group(&read, &names, text, each);
    }

    /// Why a filter or the layout leaves the object out, if one does.
    fn leaves_out(&self, entries: &[Other<'_>]) -> Option<Problem> {
        let options = &self.options;
        let of_layout = options.of_layout.as_ref().and_then(|layout| {
            // A path leads to entries of a list, as below.
            let nested = layout.nested.as_ref().filter(|nested| !nested.column.contains('.'));
            let kind = nested.map(|nested| texts_at(entries, &nested.column).concat());
            let member = options.map.iter().find(|(field, _)| field.slot() == Field::Members);
            let member = member.map(|(_, path)| texts_at(entries, path).concat());
            layout.leaves_out("", kind.as_deref(), member.as_deref().unwrap_or_default())
        });
        // A path into a list of people chooses among them.
        let is_of_entries = |filter: &Filter| {
            let is_list = |(key, value): &Other<'_>| value.get().starts_with('[') && begins_with(&filter.column, key);
            let is_mapped = |key: &str| options.map.iter().any(|(of, path)| of.is_list() && begins_with(path, key));
            filter.column.contains('.') && entries.iter().any(|entry| is_list(entry) && is_mapped(&entry.0))
        };
        let keeps = |_, filter: &Filter| {
            texts_at(entries, &filter.column).iter().any(|text| filter.keeps(text)) || is_of_entries(filter)
        };
        of_layout.or_else(|| options.left_out(keeps))
    }

    /// What the values of a field hold together.
    fn cell<'a>(&self, field: Field, values: &[&'a RawValue]) -> Cell<'a> {
        let [value] = values else {
            return Cell::List(values.iter().flat_map(|value| elements(value)).map(Item::of).collect());
        };
        match (value.get().as_bytes().first(), Item::of(value)) {
            (_, number @ Item::Number(_)) if field.is_of_person() => Cell::List(vec![number]),
            (Some(b'['), _) => Cell::List(elements(value).into_iter().map(Item::of).collect()),
            (Some(b'{'), _) => Cell::Other("an object"),
            (Some(b'n'), _) => Cell::Absent,
            (_, Item::Text(text)) => match (&text, self.options.list_delimiter.filter(|_| field.is_list())) {
                (Cow::Borrowed(list), Some(delimiter)) => list_of(list, delimiter),
                _ => Cell::Text(text),
            },
            (_, Item::Number(number)) if matches!(field, Field::Key | Field::TallyfyId) => Cell::Text(number),
            (_, Item::Number(_)) => Cell::Other("a number"),
            (_, Item::Other(kind)) => Cell::Other(kind),
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
            (field.as_ref().to_owned(), value.into_owned())
        });
        let others = others.iter().map(|(key, value)| {
            let key = if means_nothing(key) { key.clone() } else { format!("x-{key}") };
            (key, on_one_line(value.get()).into_owned())
        });
        let all: Vec<(String, String)> = name.into_iter().chain(fields).chain(others).collect();
        Some(object(all.iter().map(|(key, value)| (key.as_str(), value))))
    }
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
