//! A group as the organization has it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What identifies an existing group, and one version of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "GroupRefFields")]
pub struct GroupRef {
    /// Its id.
    pub id: String,
    /// When it was last changed, in the server's own words.
    pub stamp: Option<String>,
    /// In what it differs from its row, or the server made it otherwise than it was sent, in words.
    pub differences: Option<String>,
}

/// A group as the organization has it. What the server does not show, or not in a known form, is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExistingGroup {
    /// Its id, and when it was last changed.
    #[serde(flatten)]
    pub group_ref: GroupRef,
    /// Its name.
    pub name: String,
    /// Its description; empty if it has none.
    #[serde(default, deserialize_with = "shown")]
    pub description: Option<String>,
    /// The ids of its members.
    #[serde(default, deserialize_with = "members")]
    pub members: Option<Vec<u64>>,
    /// The addresses of its guests.
    #[serde(default, deserialize_with = "shown")]
    pub guests: Option<Vec<String>>,
    /// When it was created, in the server's own words.
    #[serde(default, deserialize_with = "shown")]
    pub created_at: Option<String>,
    /// Whether it was deleted and can be restored.
    #[serde(default, rename = "deleted_at", deserialize_with = "is_set")]
    pub is_deleted: bool,
}

/// The API has two names for the time of the last change.
#[derive(Deserialize)]
struct GroupRefFields {
    #[serde(deserialize_with = "id")]
    id: String,
    #[serde(default)]
    updated_at: Value,
    #[serde(default)]
    last_updated: Value,
}

impl From<GroupRefFields> for GroupRef {
    fn from(fields: GroupRefFields) -> Self {
        let stamp = text(fields.updated_at).or_else(|| text(fields.last_updated));
        Self { id: fields.id, stamp, differences: None }
    }
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text(Value::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("an id is expected"))
}

/// Ids and times are text; some pages show numbers.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What the server shows; null is an empty value.
fn shown<'de, D: Deserializer<'de>, T: Default + DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => Some(T::default()),
        value => serde_json::from_value(value).ok(),
    })
}

/// Ids are numbers; some pages show text.
fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u64>>, D::Error> {
    let id = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    Ok(shown::<_, Vec<Value>>(deserializer)?.and_then(|values| values.iter().map(id).collect()))
}

fn is_set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(!Value::deserialize(deserializer)?.is_null())
}
