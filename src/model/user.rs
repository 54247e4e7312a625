//! The users of the organization, and what becomes of people who are not users.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A user, as the list of users shows one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "Value")]
pub struct User {
    /// The id.
    pub id: u64,
    /// The full name; empty if it is not known.
    pub name: String,
    /// The e-mail address; that of a deleted person ends in `.deleted.{id}`.
    pub email: String,
    /// Whether the person can be a member of a group.
    pub status: UserStatus,
}

/// Whether somebody can be a member of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::EnumString, strum::Display)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum UserStatus {
    /// Yes.
    Active,
    /// Yes, but nobody has accepted the invitation yet.
    Invited,
    /// No: the account is closed.
    #[strum(to_string = "disabled", serialize = "deactivated")]
    Disabled,
    /// Yes, but it is a program.
    Bot,
}

impl TryFrom<Value> for User {
    type Error = &'static str;

    /// Some versions of the API show only some of the fields.
    fn try_from(user: Value) -> Result<Self, Self::Error> {
        let id = user["id"].as_u64().or_else(|| user["id"].as_str()?.parse().ok()).ok_or("an id is expected")?;
        let text = |field: &str| user[field].as_str().unwrap_or_default();
        let is_bot = ["status", "type", "role"].iter().any(|field| text(field).eq_ignore_ascii_case("bot"));
        let status = match text("status").parse() {
            _ if is_bot => UserStatus::Bot,
            Ok(status) => status,
            Err(_) if user["is_active"] == false => UserStatus::Disabled,
            Err(_) => UserStatus::Active,
        };
        let name = match text("full_name").trim() {
            "" => format!("{} {}", text("first_name"), text("last_name")),
            name => name.to_owned(),
        };
        Ok(Self { id, name: name.trim().to_owned(), email: text("email").to_owned(), status })
    }
}

/// `--unknown-members`: what happens to people who are no users of the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum UnknownMembers {
    /// The row is `invalid`
    #[default]
    Fail,
    /// They are left out, each with a warning
    Skip,
    /// Addresses become guests, unless their domain is one that users of the organization have
    Guest,
}

/// What became of the people of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PeopleCounts {
    /// Addresses that were found to be users.
    pub found: u64,
    /// People who are no users.
    pub unknown: u64,
    /// Users whose account is closed.
    pub disabled: u64,
    /// Addresses that became guests.
    pub made_guests: u64,
    /// Guests who are users, and became members.
    pub made_members: u64,
}

impl PeopleCounts {
    /// What became of people, in words; nothing if nobody was looked for.
    pub fn words(&self) -> Option<String> {
        let Self { found, unknown, disabled, made_guests, made_members } = *self;
        let parts = [
            (found, "found by address"),
            (unknown, "unknown"),
            (disabled, "disabled"),
            (made_guests, "made guests"),
            (made_members, "guests made members"),
        ];
        let told: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}
