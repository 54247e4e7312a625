//! What the journal knows of a group that it owns: one that its runs created or took over.

use std::collections::BTreeSet;

use super::edit::person_key;
use super::existing::GroupRef;
use super::group::{Group, Texts};
use super::row::RowId;

/// What the journal knows of a group that it owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedGroup {
    /// The row that it was created or taken over for.
    pub row: RowId,
    /// Its id, and the version that the last operation left.
    pub group_ref: GroupRef,
    /// The whole group as the last operation left it.
    pub group: Group,
    /// Its id in the source system.
    pub key: Option<String>,
    /// What was sent last.
    pub sent: Texts,
    /// With what the organization answered: it may store a text otherwise than it was sent.
    pub answered: Texts,
    /// The members whom a file listed for it, now or before.
    pub members: BTreeSet<u64>,
    /// The guests whom a file listed for it, now or before, in lower case.
    pub guests: BTreeSet<String>,
}

impl OwnedGroup {
    /// A group of which nothing more is known.
    #[must_use]
    pub fn new(row: RowId, group_ref: GroupRef, group: Group) -> Self {
        let (sent, answered) = (Texts::default(), Texts::default());
        Self { row, group_ref, group, key: None, sent, answered, members: BTreeSet::new(), guests: BTreeSet::new() }
    }

    /// Notes what a row says of the group, and what the organization made of it.
    pub fn note(&mut self, row: &Group) {
        self.key = row.key.clone().or(self.key.take());
        let description = row.description.clone().or(self.sent.description.take());
        self.sent = Texts { name: row.name.clone(), description };
        self.answered = self.group_ref.texts.as_deref().cloned().unwrap_or_else(|| Texts::from(&self.group));
        self.members.extend(&row.members);
        self.guests.extend(row.guests.iter().map(person_key));
    }
}
