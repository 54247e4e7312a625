//! A group as it is sent: checked, trimmed, complete.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// A group that passed the check. Its JSON form is the body of the create request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The name, without outer spaces; 1 to 200 characters.
    pub name: String,
    /// The description, never blank; left out of the body where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Ids of users of the organization, each once, in the order of the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<u64>,
    /// E-mail addresses of guests, each once, in the order of the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guests: Vec<String>,
}

/// A group that takes over the members and guests of others.
#[derive(Debug)]
pub struct United {
    group: Group,
    members: HashSet<u64>,
    guests: HashSet<String>,
}

impl United {
    /// Begins with the group that the others repeat.
    #[must_use]
    pub fn new(group: Group) -> Self {
        let members = group.members.iter().copied().collect();
        let guests = group.guests.iter().map(|guest| guest.to_ascii_lowercase()).collect();
        Self { group, members, guests }
    }

    /// Takes over the members and guests of `twin` that are not there yet.
    pub fn add(&mut self, twin: Group) {
        let members = &mut self.members;
        self.group.members.extend(twin.members.into_iter().filter(|member| members.insert(*member)));
        let guests = &mut self.guests;
        self.group.guests.extend(twin.guests.into_iter().filter(|guest| guests.insert(guest.to_ascii_lowercase())));
    }

    /// The group with all of them.
    #[must_use]
    pub fn group(&self) -> &Group {
        &self.group
    }
}
