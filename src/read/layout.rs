//! Exports of other systems: how each is recognized, and which options read it. Data: `layouts.toml`, and the user's own. Pure.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer};

use crate::model::{Code, Field, Filter, Problem, shortened};

/// The layouts that this program knows. A test reads them.
static KNOWN: LazyLock<Layouts> = LazyLock::new(|| toml::from_str(include_str!("layouts.toml")).unwrap_or_default());

/// Layouts by name.
pub type Layouts = BTreeMap<String, Layout>;

/// An export of another system; `layouts.toml` explains the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[expect(missing_docs, reason = "layouts.toml explains them, where users read it")]
pub struct Layout {
    pub what: String,
    pub from: String,
    pub header: Vec<String>,
    pub keys: Vec<String>,
    pub records: Option<String>,
    #[serde(deserialize_with = "mappings")]
    pub map: Vec<(Field, String)>,
    #[serde(rename = "where")]
    pub filters: Vec<Filter>,
    pub nested: Option<Filter>,
    pub example: Option<String>,
    pub name_line: Option<String>,
    pub name_from: Option<GivenName>,
    pub list_delimiter: Option<char>,
    pub refuse: Option<String>,
}

/// A group's name that is not in the rows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GivenName {
    /// This text.
    #[serde(skip)]
    Text(String),
    /// The file's name without its extensions.
    File,
}

/// `--layout`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LayoutChoice {
    /// What the file looks like.
    #[default]
    Recognized,
    /// None.
    Off,
    /// This one.
    Chosen(Box<Layout>),
}

fn mappings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(Field, String)>, D::Error> {
    let all = Vec::<String>::deserialize(deserializer)?;
    all.iter().map(|text| Field::mapping(text).map_err(serde::de::Error::custom)).collect()
}

/// All layouts: those of the user go before others of the same name.
pub fn all_layouts(own: &Layouts) -> Layouts {
    KNOWN.clone().into_iter().chain(own.clone()).collect()
}

impl Layout {
    /// The group's name in a line above the header.
    pub(super) fn title(&self, rows: &[Vec<String>]) -> Option<String> {
        let start = self.name_line.as_deref()?;
        let name = rows.iter().flatten().find_map(|cell| cell.trim().strip_prefix(start))?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    }

    /// Why a row is left out, if it is: by its first cell, by the cell that tells what kind of member it is, and the member.
    pub(super) fn leaves_out(&self, first: &str, kind: Option<&str>, member: &str) -> Option<Problem> {
        if self.example.as_ref().is_some_and(|example| first.trim_start().starts_with(example)) {
            return Some(Problem::excluded("an example of the template"));
        }
        let is_nested = self.nested.as_ref().zip(kind).is_some_and(|(nested, kind)| nested.keeps(kind));
        is_nested.then(|| Problem::general(Code::RowExcluded, format!("excluded: {}", nested(member))))
    }

    /// Says how the file is read.
    pub(super) fn note(&self, map: &[(Field, String)], has_column: impl Fn(&str) -> bool, title: bool) -> Problem {
        let columns = map.iter().filter(|(_, column)| has_column(column));
        let columns = columns.map(|(field, column)| format!("`{}` is read as `{}`", shortened(column), field.as_ref()));
        let title = title.then(|| "the group's name is in a line above the header".to_owned());
        let how = columns.chain(title).collect::<Vec<_>>().join(", ");
        Problem::note(Code::LayoutRecognized, format!("looks like {}: {how}", self.what))
    }
}

/// What a group in a group means, in words.
pub(super) fn nested(group: &str) -> String {
    format!("`{}` is a group in the group; its members are not added", shortened(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_says_what_it_is_and_is_recognized_by_something() {
        let known: Layouts = toml::from_str(include_str!("layouts.toml")).unwrap();
        assert!(known.len() > 20 && *KNOWN == known);
        for (name, layout) in known {
            assert!(!layout.what.is_empty() && !layout.from.is_empty(), "{name}");
            assert!(layout.header.is_empty() != layout.keys.is_empty(), "{name}");
            assert!(layout.map.is_empty() == layout.refuse.is_some(), "{name}");
            let is_group = layout.map.iter().any(|(field, _)| field.slot() == Field::Name);
            let is_person = layout.map.iter().any(|(field, _)| field.is_of_person());
            assert!(is_group || is_person || layout.refuse.is_some(), "{name}");
        }
    }

    #[test]
    fn a_layout_with_an_unknown_key_or_field_is_an_error_that_names_it() {
        for (text, part) in [
            ("[x]\nheaders = []\n", "unknown field `headers`"),
            ("[x]\nmap = [\"nmae=a\"]\n", "the field is"),
            ("[x]\nwhere = [\"type\"]\n", "COLUMN=VALUE"),
            ("[x]\nname-from = \"title\"\n", "unknown variant"),
        ] {
            let error = toml::from_str::<Layouts>(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
