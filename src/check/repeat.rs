//! A row that repeats the name of an earlier one: in what it differs, what it loses or adds, and whether that is an error. Pure.

use std::collections::HashSet;

use crate::model::{Field, Member, OnDuplicate, Severity, WantedGroup, with_line_feeds};

/// The group of the first row of a name, ready to be compared with many repeats and to take over their people.
#[derive(Debug, Clone)]
pub struct FirstGroup {
    group: WantedGroup,
    members: HashSet<Member>,
    guests: HashSet<String>,
}

impl FirstGroup {
    /// The group that later rows repeat.
    #[must_use]
    pub fn new(group: WantedGroup) -> Self {
        let members = group.members.iter().map(Member::key).collect();
        let guests = group.guests.iter().map(|guest| guest.to_ascii_lowercase()).collect();
        Self { group, members, guests }
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> &WantedGroup {
        &self.group
    }

    /// Takes over the members and guests of `repeat` that it does not have yet.
    pub fn merge(&mut self, repeat: WantedGroup) {
        let members = &mut self.members;
        self.group.members.extend(repeat.members.into_iter().filter(|member| members.insert(member.key())));
        let guests = &mut self.guests;
        self.group.guests.extend(repeat.guests.into_iter().filter(|guest| guests.insert(guest.to_ascii_lowercase())));
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
    pub fn compare(&self, repeat: &WantedGroup, on_duplicate: OnDuplicate) -> (Vec<Field>, Vec<Field>) {
        let is_merged = on_duplicate == OnDuplicate::Merge;
        let plain = |group: &WantedGroup| group.description.as_deref().map(with_line_feeds);
        let describes = self.group.description != repeat.description && plain(&self.group) != plain(repeat);
        let adds_members = repeat.members.iter().any(|member| !self.members.contains(&member.key()));
        let adds_guests = repeat.guests.iter().any(|guest| !self.guests.contains(&guest.to_ascii_lowercase()));
        let fields = [
            (Field::Description, describes, describes && repeat.description.is_some()),
            (Field::Members, adds_members || repeat.members.len() != self.members.len(), adds_members && !is_merged),
            (Field::Guests, adds_guests || repeat.guests.len() != self.guests.len(), adds_guests && !is_merged),
        ];
        let differs = fields.iter().filter(|(_, differs, _)| *differs).map(|(field, ..)| *field).collect();
        (differs, fields.iter().filter(|(.., is_lost)| *is_lost).map(|(field, ..)| *field).collect())
    }
}
