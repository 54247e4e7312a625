//! Where the objects of a JSON file are: one on each line, one after the other, or in an array, which may be inside an object. Pure.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::error::Category;

use super::columns::{Meaning, begins_with, is_same_column};
use super::lines::line_ends;
use super::{ReadError, ReadOptions};
use crate::model::{Code, Entries, Field, Problem, listed, shortened};

/// A JSON file whose objects may span lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// Everything before the first object, with the bracket of the array.
    pub(super) before: Vec<u8>,
    /// The path of the array in the object around it.
    pub(super) path: Option<String>,
}

/// Where the next value of a document ends.
pub(super) enum NextValue {
    /// After this many bytes.
    Ends(usize),
    /// There are no more values.
    None,
    /// It is not read to its end.
    Unread,
}

/// Finds the next value, with the white space and commas before it, in a text that begins on this line; `is_whole` if it goes
/// to the end of the file.
pub(super) fn next_value(text: &[u8], line: u64, is_whole: bool, length_max: usize) -> Result<NextValue, ReadError> {
    let (before, rest) = text.split_at(skip(text, 0, b","));
    if rest.first() == Some(&b']') || (rest.is_empty() && is_whole) {
        return Ok(NextValue::None);
    }
    let line = line + line_ends(before);
    match value::<IgnoredAny>(rest) {
        Ok((_, length)) if length < rest.len() || is_whole => Ok(NextValue::Ends(before.len() + length)),
        Err(error) if !error.is_eof() || is_whole => {
            let cut_off = "the file ends in the middle of an object (is it cut off?)".to_owned();
            let reason = if error.is_eof() { cut_off } else { reason(&error) };
            let column = Some(error.column() as u64).filter(|column| *column > 0);
            Err(ReadError::at(line + error.line() as u64 - 1, column, broken(&reason)))
        }
        _ if rest.len() > length_max => {
            Err(ReadError::at(line, None, broken("an object is longer than 1 MiB, the most that a row may have")))
        }
        _ => Ok(NextValue::Unread),
    }
}

/// What a document has that is one page of several.
const PAGE_MARKS: [&str; 5] = ["@odata.nextLink", "nextPageToken", "next_page", "NextToken", "nextPage"];

impl Document {
    /// Finds the objects from the beginning of a file; nothing if there is one on each line.
    pub(super) fn find(head: &[u8], options: &ReadOptions) -> Result<Option<Self>, Problem> {
        let start = skip(head, 0, &[]);
        if let Some(path) = &options.records {
            let array = array_at(head, start, path).ok_or_else(|| {
                Problem::fatal(Code::JsonMalformed, format!("no array is at --records {}", shortened(path)))
            })?;
            return Ok(Some(Self::at(head, array, Some(path))));
        }
        if head.get(start) == Some(&b'[') {
            return Ok(Some(Self::at(head, start + 1, None)));
        }
        let first = value::<IgnoredAny>(&head[start..]);
        let end = match &first {
            Ok((_, length)) => start + length,
            Err(error) if error.is_eof() => head.len(),
            Err(_) => return Ok(None),
        };
        let object = &head[start..end];
        if !object.starts_with(b"{") {
            return Ok(None);
        }
        let keys: Vec<String> = arrays(object).into_iter().filter(|key| is_envelope(object, key, options)).collect();
        match keys.as_slice() {
            [key] => Ok(array_of(head, start, &[key]).map(|array| Self::at(head, array, Some(key)))),
            [] if !object.trim_ascii_end().contains(&b'\n') => Ok(None),
            [] => Ok(Some(Self::at(head, 0, None))),
            keys => Err(several(keys)),
        }
    }

    fn at(head: &[u8], start: usize, path: Option<&str>) -> Self {
        Self { before: head[..start].to_vec(), path: path.map(str::to_owned) }
    }

    /// Checks the document around the objects once all of them are read; `after` is everything behind the last, and
    /// `is_chosen` whether their path was given. Gives a warning if it is one page of several.
    pub(super) fn check(&self, after: &[u8], rows: u64, is_chosen: bool) -> Result<Option<Problem>, Problem> {
        if self.before.is_empty() {
            return if after.is_empty() { Ok(None) } else { Err(broken("there is text between the objects")) };
        }
        let whole = [&self.before[..], after].concat();
        let document: Value = serde_json::from_slice(&whole).map_err(|error| match error.classify() {
            Category::Eof => broken("the file ends before the array does (is it cut off?)"),
            _ => broken("there is text after the array"),
        })?;
        let others: Vec<String> = arrays(&whole).into_iter().chain(self.path.clone()).collect();
        if !is_chosen && others.len() > 1 {
            return Err(several(&others));
        }
        let has_next = |mark: &&str| document[*mark].as_str().is_some_and(|next| !next.is_empty());
        let is_page = PAGE_MARKS.iter().any(has_next)
            || document["isLast"] == false
            || document["more"] == true
            || document["totalResults"].as_u64().is_some_and(|all| all > rows);
        let message = "the file is one page of several; export the others too, and name all files";
        Ok(is_page.then(|| Problem::general(Code::FilePaged, message)))
    }
}

/// It is not JSON from here on.
fn broken(reason: &str) -> Problem {
    Problem::fatal(Code::JsonMalformed, format!("invalid JSON: {reason}; nothing after this place was read"))
}

/// The parser's words without its place.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn several(keys: &[String]) -> Problem {
    let keys = listed(keys.iter().map(|key| format!("`{}`", shortened(key))), 10);
    Problem::fatal(Code::JsonMalformed, format!("several arrays of objects: {keys}; choose one with --records KEY"))
}

/// The keys of an object that hold an array of objects.
fn arrays(object: &[u8]) -> Vec<String> {
    let is_array = |(_, at): &(String, usize)| {
        let rest = object.get(*at..).unwrap_or_default();
        rest.first() == Some(&b'[') && rest.get(skip(rest, 1, &[])) == Some(&b'{')
    };
    keys_of(object).into_iter().filter(is_array).map(|(key, _)| key).collect()
}

/// Whether the groups are in this array of an object: the object has no name of its own, and the first element has one.
fn is_envelope(object: &[u8], key: &str, options: &ReadOptions) -> bool {
    let names = |key: &str| match Meaning::of(key, options) {
        Meaning::Own(field) | Meaning::Mapped(field) => field.slot() == Field::Name,
        _ => false,
    };
    let is_record = keys_of(object).iter().any(|(key, _)| names(key));
    let Some(array) = array_of(object, 0, &[key]) else { return false };
    let first = value::<Entries<'_>>(&object[skip(object, array, &[])..]);
    let has_name = |key: &str| {
        let is_path = options.map.iter().any(|(field, path)| field.slot() == Field::Name && begins_with(path, key));
        is_path || Meaning::of(key, options).field().is_some_and(|field| field.slot() == Field::Name)
    };
    let is_group = first.is_ok_and(|(Entries(entries), _)| entries.iter().any(|(key, _)| has_name(key)));
    !is_record && (is_group || options.name.is_some())
}

/// The keys of the first object of a document: of the array at a path, of the array that the document is, or of the document.
pub(super) fn first_keys(head: &[u8], records: Option<&str>) -> Vec<String> {
    let start = skip(head, 0, &[]);
    let at = match records {
        Some(path) => array_at(head, start, path),
        None => Some(start + usize::from(head.get(start) == Some(&b'['))),
    };
    let object = at.and_then(|at| head.get(skip(head, at, &[])..)).unwrap_or_default();
    keys_of(object).into_iter().map(|(key, _)| key).collect()
}

/// Where the first element of the array at this path is. A key that contains dots counts as it stands first.
fn array_at(text: &[u8], at: usize, path: &str) -> Option<usize> {
    array_of(text, at, &[path]).or_else(|| array_of(text, at, &path.split('.').collect::<Vec<_>>()))
}

fn array_of(text: &[u8], at: usize, keys: &[&str]) -> Option<usize> {
    let Some((first, rest)) = keys.split_first() else { return (text.get(at) == Some(&b'[')).then_some(at + 1) };
    let mut found = keys_of(text.get(at..)?).into_iter().filter(|(key, _)| is_same_column(key, first));
    found.find_map(|(_, value)| array_of(text, at + value, rest))
}

/// The keys of an object, each with the place of its value, as far as the text goes.
fn keys_of(text: &[u8]) -> Vec<(String, usize)> {
    let (mut keys, mut at) = (Vec::new(), 1);
    while text.first() == Some(&b'{') {
        at = skip(text, at, b",");
        let Some((key, length)) = text.get(at..).and_then(|rest| value::<String>(rest).ok()) else { break };
        at = skip(text, at + length, b":");
        keys.push((key, at));
        let Some((_, length)) = text.get(at..).and_then(|rest| value::<IgnoredAny>(rest).ok()) else { break };
        at += length;
    }
    keys
}

/// Where white space and these marks end.
fn skip(text: &[u8], at: usize, marks: &[u8]) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace() || marks.contains(byte)).count()
}

/// The first value of a text, and its length.
fn value<'a, T: Deserialize<'a>>(text: &'a [u8]) -> serde_json::Result<(T, usize)> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<T>();
    let first = values.next().unwrap_or_else(|| serde_json::from_slice(b""))?;
    Ok((first, values.byte_offset()))
}
