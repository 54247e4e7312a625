//! The organization's users: generated on demand, and those that a test plants. Pure.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

const DOMAIN: &str = "@members.example";

/// The first id where the number of users was chosen.
const CHOSEN_FIRST: u64 = 1001;

/// How many there are where it was not: every id of up to four digits.
const DEFAULT_COUNT: u64 = 9999;

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

/// Users by id.
pub(super) struct Users {
    first: u64,
    count: u64,
    planted: BTreeMap<u64, SandboxUser>,
}

impl Users {
    /// Those of a list, and as many generated ones; with 0 none, or the default number where there is no list.
    pub(super) fn new(generated: usize, list: Option<&[SandboxUser]>) -> Self {
        let (first, count) = match (generated as u64, list) {
            (0, None) => (1, DEFAULT_COUNT),
            (count, _) => (CHOSEN_FIRST, count),
        };
        let planted = list.into_iter().flatten().map(|user| (user.id, user.clone())).collect();
        Self { first, count, planted }
    }

    /// Adds a user, or replaces one.
    pub(super) fn plant(&mut self, user: SandboxUser) {
        self.planted.insert(user.id, user);
    }

    /// The user of an id.
    pub(super) fn get(&self, id: u64) -> Option<SandboxUser> {
        let is_generated = id >= self.first && id - self.first < self.count;
        let generated = || SandboxUser { id, email: format!("user{id}{DOMAIN}"), status: "active".to_owned() };
        self.planted.get(&id).cloned().or_else(|| is_generated.then(generated))
    }

    /// The user that every token belongs to: the first who is present.
    pub(super) fn me(&self) -> Option<SandboxUser> {
        self.search("").into_iter().filter_map(|id| self.get(id)).find(SandboxUser::is_present)
    }

    /// How many are active.
    pub(super) fn count_active(&self) -> usize {
        self.search("").into_iter().filter_map(|id| self.get(id)).filter(|user| user.status == "active").count()
    }

    /// Whether the id may be a member.
    pub(super) fn has(&self, id: u64) -> bool {
        self.get(id).is_some_and(|user| user.is_present())
    }

    /// Whether the address is a member's.
    pub(super) fn owns(&self, address: &str) -> bool {
        let address = address.to_lowercase();
        let digits = address.strip_prefix("user").and_then(|rest| rest.strip_suffix(DOMAIN));
        let generated = digits.and_then(|digits| self.get(digits.parse().ok()?));
        let mut users = self.planted.values().cloned().chain(generated);
        users.any(|user| user.is_present() && user.email.to_lowercase() == address)
    }

    /// The ids of the users with this text in name or address (lower case), in order.
    pub(super) fn search(&self, q: &str) -> Vec<u64> {
        let mut ids: Vec<u64> = (self.first..self.first + self.count).chain(self.planted.keys().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        let is_found = |user: SandboxUser| format!("user {} {}", user.id, user.email.to_lowercase()).contains(q);
        ids.retain(|id| q.is_empty() || self.get(*id).is_some_and(is_found));
        ids
    }
}

impl SandboxUser {
    fn is_present(&self) -> bool {
        self.status != "disabled" && !self.email.ends_with(&format!(".deleted.{}", self.id))
    }
}

impl Serialize for SandboxUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, email, status } = self;
        let is_bot = status == "bot";
        let mut user = serializer.serialize_struct("User", 10)?;
        user.serialize_field("id", id)?;
        user.serialize_field("email", email)?;
        user.serialize_field("username", &format!("user{id}"))?;
        user.serialize_field("first_name", "User")?;
        user.serialize_field("last_name", &id.to_string())?;
        user.serialize_field("full_name", &format!("User {id}"))?;
        user.serialize_field("status", status)?;
        user.serialize_field("is_active", &(status == "active"))?;
        user.serialize_field("type", &is_bot.then_some("bot"))?;
        user.serialize_field("role", if is_bot { "bot" } else { "standard" })?;
        user.end()
    }
}
