//! The organization's users. Pure.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::json;

/// A user as the API shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxUser {
    /// The id.
    pub id: u64,
    /// The address; that of a deleted user ends in `.deleted.{id}`.
    pub email: String,
    /// `active`, `invited`, `disabled` or `bot`.
    pub status: String,
}

/// The users of a list, and `generated` ones with the ids 1001 and up. Where neither is chosen, the ids of up to four digits.
pub(super) fn users(generated: usize, list: Option<&[SandboxUser]>) -> BTreeMap<u64, SandboxUser> {
    let ids = match (generated as u64, list) {
        (0, None) => 1..10_000,
        (count, _) => 1001..1001 + count,
    };
    let user = |id| SandboxUser { id, email: format!("user{id}@members.example"), status: "active".to_owned() };
    ids.map(user).chain(list.into_iter().flatten().cloned()).map(|user| (user.id, user)).collect()
}

impl SandboxUser {
    /// Whether the user may be a member, and owns the address.
    pub(super) fn is_present(&self) -> bool {
        self.status != "disabled" && !self.email.ends_with(&format!(".deleted.{}", self.id))
    }

    /// Whether name or address has this text, which is in lower case.
    pub(super) fn contains(&self, q: &str) -> bool {
        q.is_empty() || format!("user {} {}", self.id, self.email.to_lowercase()).contains(q)
    }
}

impl Serialize for SandboxUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, email, status } = self;
        let is_bot = status == "bot";
        let user = json!({
            "id": id, "email": email, "status": status, "is_active": status == "active",
            "username": format!("user{id}"), "full_name": format!("User {id}"),
            "first_name": "User", "last_name": id.to_string(),
            "type": is_bot.then_some("bot"), "role": if is_bot { "bot" } else { "standard" },
        });
        user.serialize(serializer)
    }
}
