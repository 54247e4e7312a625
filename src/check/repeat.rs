//! A row that repeats the name of an earlier one: in what it differs, what it loses, and whether that is an error. Pure.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::model::{Field, Member, NameKey, OnDuplicate, Severity, WantedGroup, with_line_feeds};

/// The group of the first row of a name, ready to be compared with many repeats.
#[derive(Debug, Clone)]
pub struct FirstGroup {
    group: WantedGroup,
    members: HashSet<Member>,
    guests: HashSet<String>,
}

/// Equal for rows with the same name, description and people, in any order.
#[must_use]
pub fn contents_key(name: NameKey, group: &WantedGroup) -> NameKey {
    let mut members: Vec<String> = group.members.iter().map(|member| member.key().to_string()).collect();
    let mut guests: Vec<String> = group.guests.iter().map(|guest| guest.to_ascii_lowercase()).collect();
    members.sort_unstable();
    guests.sort_unstable();
    let contents = serde_json::json!([group.description, members, guests]).to_string();
    let digest = Sha256::new().chain_update(name.0).chain_update(contents).finalize();
    NameKey(digest.first_chunk().copied().unwrap_or_default())
}

impl FirstGroup {
    /// The group that later rows repeat.
    #[must_use]
    pub fn new(group: WantedGroup) -> Self {
        let members = group.members.iter().map(Member::key).collect();
        let guests = group.guests.iter().map(|guest| guest.to_ascii_lowercase()).collect();
        Self { group, members, guests }
    }

    /// How bad it is that a row repeats a name and these fields lose something.
    #[must_use]
    pub fn severity(on_duplicate: OnDuplicate, lost: &[Field]) -> Severity {
        match on_duplicate {
            OnDuplicate::Fail => Severity::Error,
            _ if lost.is_empty() => Severity::Note,
            _ => Severity::Warning,
        }
    }

    /// Compares a repeat: the fields other than the name in which it differs, where order and line ends do not matter, and those of
    /// them in which it would add something that is lost.
    #[must_use]
    pub fn compare(&self, repeat: &WantedGroup) -> (Vec<Field>, Vec<Field>) {
        let plain = |group: &WantedGroup| group.description.as_deref().map(with_line_feeds);
        let describes = self.group.description != repeat.description && plain(&self.group) != plain(repeat);
        let adds_members = repeat.members.iter().any(|member| !self.members.contains(&member.key()));
        let adds_guests = repeat.guests.iter().any(|guest| !self.guests.contains(&guest.to_ascii_lowercase()));
        let fields = [
            (Field::Description, describes, describes && repeat.description.is_some()),
            (Field::Members, adds_members || repeat.members.len() != self.members.len(), adds_members),
            (Field::Guests, adds_guests || repeat.guests.len() != self.guests.len(), adds_guests),
        ];
        let differs = fields.iter().filter(|(_, differs, _)| *differs).map(|(field, ..)| *field).collect();
        (differs, fields.iter().filter(|(.., is_lost)| *is_lost).map(|(field, ..)| *field).collect())
    }
}
