//! A row that repeats the name of an earlier one: in what it differs, what it loses, and how bad that is. Pure.

use std::collections::BTreeSet;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::{Code, Field, NameKey, OnDuplicate, Problem, Severity, WantedGroup, with_line_feeds};

/// What a row says about its group besides the name. Order, line ends and the case of addresses do not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// The description.
    pub description: Option<String>,
    members: BTreeSet<String>,
    guests: BTreeSet<String>,
}

impl Contents {
    /// The contents of a row.
    #[must_use]
    pub fn of(group: &WantedGroup) -> Self {
        Self {
            description: group.description.as_deref().map(with_line_feeds),
            members: group.members.iter().map(|member| member.key().to_string()).collect(),
            guests: group.guests.iter().map(|guest| guest.to_ascii_lowercase()).collect(),
        }
    }

    /// Equal for rows with the same name and contents.
    #[must_use]
    pub fn key(&self, name: NameKey) -> NameKey {
        let contents = serde_json::to_vec(self).unwrap_or_default();
        let digest = Sha256::new().chain_update(name.0).chain_update(contents).finalize();
        NameKey(digest.first_chunk().copied().unwrap_or_default())
    }

    /// The problem of a row that repeats the name of the row at `first`, which has these contents.
    #[must_use]
    pub fn repeated(&self, repeat: &Self, first: &str, on_duplicate: OnDuplicate) -> Problem {
        let fields = [
            (Field::Description, self.description != repeat.description, repeat.description.is_none()),
            (Field::Members, self.members != repeat.members, repeat.members.is_subset(&self.members)),
            (Field::Guests, self.guests != repeat.guests, repeat.guests.is_subset(&self.guests)),
        ];
        let differing = || fields.iter().filter(|(_, differs, _)| *differs);
        let differs = and(differing().map(|(field, ..)| *field));
        let lost = and(differing().filter(|(.., adds_nothing)| !adds_nothing).map(|(field, ..)| *field));
        let (severity, how) = match on_duplicate {
            OnDuplicate::Fail if differs.is_empty() => (Severity::Error, "with the same contents".to_owned()),
            OnDuplicate::Fail => (Severity::Error, format!("but differs in {differs}")),
            _ if differs.is_empty() => (Severity::Note, "with the same contents".to_owned()),
            _ if lost.is_empty() => (Severity::Note, "and adds nothing".to_owned()),
            _ => (Severity::Warning, format!("but differs in {lost}; this is lost because the first row counts")),
        };
        let message = format!("repeats the name of {first} {how}");
        Problem { severity, ..Problem::general(Code::NameRepeated, message) }
    }
}

fn and(fields: impl Iterator<Item = Field>) -> String {
    let words: Vec<&str> = fields.map(Field::as_str).collect();
    match words.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        words => words.concat(),
    }
}
