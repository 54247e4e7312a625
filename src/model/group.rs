//! A group as it is sent: checked, trimmed, complete.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// A group that passed the check. Its JSON form is the body of the create request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

impl Group {
    /// Takes over the members and guests of `twin` that this group does not have yet.
    pub fn unite(&mut self, twin: Group) {
        let members: HashSet<u64> = self.members.iter().copied().collect();
        self.members.extend(twin.members.into_iter().filter(|member| !members.contains(member)));
        let guests: HashSet<String> = self.guests.iter().map(|guest| guest.to_ascii_lowercase()).collect();
        self.guests.extend(twin.guests.into_iter().filter(|guest| !guests.contains(&guest.to_ascii_lowercase())));
    }
}
