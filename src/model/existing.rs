//! A group as the organization has it.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::group::{Group, Texts};

/// What identifies an existing group, and one version of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupRef {
    /// Its id.
    pub id: String,
    /// When it was last changed, in the server's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// In what it differs from its row, or the server made it otherwise than it was sent, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differences: Option<String>,
    /// The name and description with which the server answered, if they are not those that were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub texts: Option<Box<Texts>>,
}

/// A group as the organization has it. What the server does not show, or not in a known form, is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "Value")]
pub struct ExistingGroup {
    /// Its id, and when it was last changed.
    pub group_ref: GroupRef,
    /// Its name.
    pub name: String,
    /// Its description; empty if it has none.
    pub description: Option<String>,
    /// The ids of its members.
    pub members: Option<Vec<u64>>,
    /// The addresses of its guests.
    pub guests: Option<Vec<String>>,
    /// When it was created, in the server's own words.
    pub created_at: Option<String>,
    /// Whether it was deleted and can be restored.
    pub is_deleted: bool,
}

impl ExistingGroup {
    /// The whole group, if the server shows its people.
    pub fn whole(&self) -> Option<Group> {
        Some(Group {
            name: self.name.clone(),
            description: self.description.clone().filter(|text| !text.trim().is_empty()),
            members: self.members.clone()?,
            guests: self.guests.clone()?,
            ..Group::default()
        })
    }
}

impl GroupRef {
    /// Only the id is known.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), stamp: None, differences: None, texts: None }
    }
}

impl TryFrom<Value> for GroupRef {
    type Error = &'static str;

    /// From the API, which has two names for the time of the last change.
    fn try_from(group: Value) -> Result<Self, Self::Error> {
        let id = text(&group["id"]).ok_or("an id is expected")?;
        let stamp = text(&group["updated_at"]).or_else(|| text(&group["last_updated"]));
        Ok(Self { id, stamp, differences: None, texts: None })
    }
}

impl TryFrom<Value> for ExistingGroup {
    type Error = &'static str;

    fn try_from(group: Value) -> Result<Self, Self::Error> {
        // Ids are numbers; some pages show text.
        let id = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        Ok(Self {
            name: group["name"].as_str().ok_or("a name is expected")?.to_owned(),
            description: field::<Option<String>>(&group, "description").map(Option::unwrap_or_default),
            members: field::<Vec<Value>>(&group, "members").and_then(|values| values.iter().map(id).collect()),
            guests: field(&group, "guests"),
            created_at: text(&group["created_at"]),
            is_deleted: !group["deleted_at"].is_null(),
            group_ref: group.try_into()?,
        })
    }
}

/// Ids and times are text; some pages show numbers.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A field that is there and of this kind: null is no list, and says nothing about the people.
fn field<T: DeserializeOwned>(group: &Value, name: &str) -> Option<T> {
    T::deserialize(group.get(name)?).ok()
}

/// The groups whose name agrees in every character, else all of these, whose names are equal. Each is there once: a list that
/// changes while it is read may show one twice.
pub fn best<'a>(name: &str, groups: &'a [ExistingGroup]) -> Vec<&'a ExistingGroup> {
    let mut ids = HashSet::new();
    let mut all: Vec<_> = groups.iter().filter(|group| ids.insert(&group.group_ref.id)).collect();
    let has_exact = all.iter().any(|group| group.name.trim() == name.trim());
    all.retain(|group| !has_exact || group.name.trim() == name.trim());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: &str, name: &str) -> ExistingGroup {
        serde_json::from_value(serde_json::json!({"id": id, "name": name})).unwrap()
    }

    #[test]
    fn an_exact_name_wins_and_no_group_counts_twice() {
        let mut groups = Vec::new();
        let ids = |groups: &[ExistingGroup]| {
            best("Sales", groups).into_iter().map(|group| group.group_ref.id.clone()).collect::<Vec<_>>().concat()
        };
        assert_eq!(ids(&groups), "");
        groups.extend([group("a", "SALES"), group("a", "SALES")]);
        assert_eq!(ids(&groups), "a");
        groups.push(group("b", "sales"));
        assert_eq!(ids(&groups), "ab");
        groups.push(group("c", "Sales"));
        assert_eq!(ids(&groups), "c");
        groups.push(group("d", " Sales"));
        assert_eq!(ids(&groups), "cd");
    }
}
