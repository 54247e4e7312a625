//! A group as the user wants it: checked, trimmed, complete.

use std::fmt;
use std::ops::Not;

use serde::{Deserialize, Serialize};

use super::row::Field;

/// A member as a file names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Member {
    /// The id of a user.
    Id(u64),
    /// The e-mail address of a user.
    Address(String),
}

impl Default for Member {
    fn default() -> Self {
        Self::Id(0)
    }
}

impl Member {
    /// Equal for members that are the same, as far as a file tells.
    pub fn key(&self) -> Self {
        match self {
            Self::Id(id) => Self::Id(*id),
            Self::Address(address) => Self::Address(address.to_lowercase()),
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Address(address) => f.write_str(address),
        }
    }
}

/// A desired group as a file defines it: its members are still to be found among the users.
pub type WantedGroup = Group<Member>;

impl WantedGroup {
    /// The group with these people.
    pub fn with_people(&self, members: Vec<u64>, guests: Vec<String>) -> Group {
        let Self { name, description, tallyfy_id, key, unmanaged, is_partial, is_of_person, .. } = self.clone();
        Group { name, description, members, guests, tallyfy_id, key, unmanaged, is_partial, is_of_person }
    }
}

/// A desired group. Its JSON form is the journal's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group<M = u64> {
    /// The name, without outer spaces; 1 to 200 characters.
    pub name: String,
    /// The description, never blank; the body lacks it if the group has no description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Users of the organization, each once, in the order of the input.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<M>,
    /// E-mail addresses of guests, each once, in the order of the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guests: Vec<String>,
    /// The id of the existing group that this is. Such a group is never created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tallyfy_id: Option<String>,
    /// The group's id in the source system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The lists that the file does not have: an existing group keeps its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmanaged: Vec<Field>,
    /// Whether the file lists somebody who is not known, and was left out.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub is_partial: bool,
    /// Whether each of its rows has one person: who is new in them is added to a group that is there.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub is_of_person: bool,
}

/// A name and a description.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Texts {
    /// The name.
    pub name: String,
    /// The description; none if the group has none.
    pub description: Option<String>,
}

impl From<&Group> for Texts {
    fn from(group: &Group) -> Self {
        Self { name: group.name.clone(), description: group.description.clone() }
    }
}
