//! A group as the user wants it: checked, trimmed, complete.

use serde::{Deserialize, Serialize};

/// A desired group. Its JSON form is the body of the create request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The name, without outer spaces; 1 to 200 characters.
    pub name: String,
    /// The description, never blank; the body lacks it if the group has no description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Ids of users of the organization, each once, in the order of the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<u64>,
    /// E-mail addresses of guests, each once, in the order of the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guests: Vec<String>,
}
