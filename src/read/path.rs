//! Paths in JSON objects: `profile.name`, `members.email`. Pure.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::ReadOptions;
use super::columns::is_same_column;
use super::layout::nested;
use crate::model::{Code, Entries, Field, Filter, Problem};

/// An entry of an object.
pub(super) type Other<'a> = (String, &'a RawValue);

/// What is found at a path.
#[derive(Default)]
pub(super) struct AtPath<'a, 'b> {
    pub(super) values: Vec<&'a RawValue>,
    /// Elements of arrays that lack the key.
    pub(super) missing: usize,
    /// Which elements of a list are left out: by filters, or because they are groups in the group.
    pub(super) options: Option<&'b ReadOptions>,
    pub(super) filtered: usize,
    pub(super) groups: Vec<String>,
}

impl<'a> AtPath<'a, '_> {
    /// What is not read of a list.
    pub(super) fn warnings(&self, field: Field) -> Vec<Problem> {
        let name = field.as_ref();
        let group = |group: &String| format!("{name}: {}", nested(group));
        let missing = || format!("{name}: entries without the mapped key are ignored: {}", self.missing);
        let messages = self.groups.iter().map(group).chain((self.missing > 0).then(missing));
        let warnings = messages.map(|message| Problem::warning(field, Code::EntryIgnored, message));
        let filtered = || format!("{name}: entries left out by --where or the layout: {}", self.filtered);
        let filtered = (self.filtered > 0).then(|| Problem::note(Code::RowExcluded, filtered()));
        warnings.chain(filtered).collect()
    }

    /// Whether an element of the list of this key is left out.
    fn leaves_out(&mut self, list: &str, element: &'a RawValue, path: &str) -> bool {
        let Some(options) = self.options else { return false };
        let nested = options.of_layout.as_ref().and_then(|layout| layout.nested.as_ref());
        if nested.is_none() && options.filters.is_empty() {
            return false;
        }
        let Entries(entries) = serde_json::from_str(element.get()).unwrap_or(Entries(Vec::new()));
        let is_of = |filter: &Filter, holds: bool| {
            let key = filter.column.split_once('.').filter(|(first, _)| is_same_column(first, list));
            key.is_some_and(|(_, key)| texts_at(&entries, key).iter().any(|text| filter.keeps(text)) == holds)
        };
        if nested.is_some_and(|nested| is_of(nested, true)) {
            self.groups.push(texts_at(&entries, path).concat());
            return true;
        }
        let is_filtered = options.filters.iter().any(|filter| is_of(filter, false));
        self.filtered += usize::from(is_filtered);
        is_filtered
    }

    /// A key that contains dots counts as it stands first.
    pub(super) fn find_in(&mut self, entries: &[Other<'a>], path: &str) {
        if let Some((_, value)) = entries.iter().find(|(key, _)| is_same_column(key, path)) {
            return self.values.push(value);
        }
        let Some((first, rest)) = path.split_once('.') else { return };
        for (_, value) in entries.iter().filter(|(key, _)| is_same_column(key, first)) {
            self.find(first, value, rest);
        }
    }

    /// `list` is the key of the value.
    fn find(&mut self, list: &str, value: &'a RawValue, path: &str) {
        let text = value.get();
        if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) {
            for element in elements {
                if self.leaves_out(list, element, path) {
                    continue;
                }
                let before = self.values.len();
                self.find(list, element, path);
                self.missing += usize::from(self.values.len() == before);
            }
        } else if let Ok(Entries(entries)) = serde_json::from_str(text) {
            self.find_in(&entries, path);
        }
    }
}

/// What a filter compares at a path: the elements of an array, or the value itself.
pub(super) fn texts_at<'a>(entries: &[Other<'a>], path: &str) -> Vec<Cow<'a, str>> {
    let mut found = AtPath::default();
    found.find_in(entries, path);
    let text = |value: &'a RawValue| match value.get() {
        "null" => Cow::Borrowed(""),
        text if text.starts_with('"') => Cow::Owned(serde_json::from_str(text).unwrap_or_default()),
        text => Cow::Owned(text.to_owned()),
    };
    let texts: Vec<Cow<'_, str>> = found.values.into_iter().flat_map(elements).map(text).collect();
    if texts.is_empty() { vec![Cow::Borrowed("")] } else { texts }
}

/// The elements of an array, or the value itself.
pub(super) fn elements(value: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(value.get()).unwrap_or_else(|_| vec![value])
}
