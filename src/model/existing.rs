//! A group as the organization has it.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What identifies an existing group, and one version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its id.
    pub id: String,
    /// When it was last changed, in the server's own words.
    pub stamp: Option<String>,
}

/// A group as the organization has it. What the server does not show, or not in a known form, is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExistingGroup {
    /// Its id, and when it was last changed.
    #[serde(flatten)]
    pub tag: Tag,
    /// Its name.
    pub name: String,
    /// Its description; empty if it has none.
    #[serde(default, deserialize_with = "text")]
    pub description: Option<String>,
    /// The ids of its members.
    #[serde(default, deserialize_with = "members")]
    pub members: Option<Vec<u64>>,
    /// The addresses of its guests.
    #[serde(default, deserialize_with = "guests")]
    pub guests: Option<Vec<String>>,
    /// Whether it was deleted and can be restored.
    #[serde(default, rename = "deleted_at", deserialize_with = "is_set")]
    pub is_deleted: bool,
}

/// The API has two names for the time of the last change.
#[derive(Deserialize)]
struct TagFields {
    #[serde(deserialize_with = "id")]
    id: String,
    #[serde(default)]
    updated_at: Value,
    #[serde(default)]
    last_updated: Value,
}

impl From<TagFields> for Tag {
    fn from(marks: TagFields) -> Self {
        let text = |value: Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        };
        Self { id: marks.id, stamp: text(marks.updated_at).or_else(|| text(marks.last_updated)) }
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TagFields::deserialize(deserializer).map(Self::from)
    }
}

/// An id is text; some pages show numbers.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("an id is expected")),
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text),
        _ => None,
    })
}

/// Ids are numbers; some pages show text.
fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u64>>, D::Error> {
    list(deserializer, |value| value.as_u64().or_else(|| value.as_str()?.parse().ok()))
}

fn guests<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    list(deserializer, |value| value.as_str().map(str::to_owned))
}

/// A list, if every element can be read; null is an empty one.
fn list<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    element: impl Fn(&Value) -> Option<T>,
) -> Result<Option<Vec<T>>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => Some(Vec::new()),
        Value::Array(values) => values.iter().map(element).collect(),
        _ => None,
    })
}

fn is_set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(!Value::deserialize(deserializer)?.is_null())
}
