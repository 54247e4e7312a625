//! What the journal knows of a group that it owns: one that its runs created or took over.

use std::mem;

use super::edit::lacking;
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
    /// What the last row said of it.
    sent: Group,
    /// The whole group as the last operation left it, if that is something else.
    left: Option<Box<Group>>,
    /// The texts with which the organization answered, if they are not those of the row: it may store them otherwise.
    answered: Option<Box<Texts>>,
    /// The members whom earlier rows listed.
    earlier_members: Vec<u64>,
    /// The guests whom earlier rows listed.
    earlier_guests: Vec<String>,
}

impl OwnedGroup {
    /// A group that was just created or taken over for this row.
    pub fn new(row: RowId, group_ref: GroupRef, sent: Group) -> Self {
        let answered = group_ref.texts.clone();
        let (earlier_members, earlier_guests) = (Vec::new(), Vec::new());
        Self { row, group_ref, sent, left: None, answered, earlier_members, earlier_guests }
    }

    /// Notes a later operation: what its row said, and how it left the group.
    pub fn note(&mut self, group_ref: GroupRef, row: Group, left: Option<Group>) {
        let left = left.unwrap_or_else(|| self.group().clone());
        let known = self.texts();
        let before = mem::replace(&mut self.sent, row);
        self.earlier_members =
            lacking(&[mem::take(&mut self.earlier_members), before.members].concat(), &self.sent.members);
        self.earlier_guests =
            lacking(&[mem::take(&mut self.earlier_guests), before.guests].concat(), &self.sent.guests);
        self.sent.key = self.sent.key.take().or(before.key);
        // A row without a description leaves the one that is there.
        self.sent.description = self.sent.description.take().or_else(|| left.description.clone());
        let (sent, put) = (Texts::from(&self.sent), Texts::from(&left));
        let response = group_ref.texts.as_deref().unwrap_or(&put);
        let name = answered(&sent.name, &put.name, &response.name, known.each_ref().map(|texts| &texts.name));
        let descriptions = known.each_ref().map(|texts| &texts.description);
        let description = answered(&sent.description, &put.description, &response.description, descriptions);
        let texts = Texts { name: name.clone(), description: description.clone() };
        self.answered = (texts != sent).then(|| Box::new(texts));
        self.restore(group_ref, left);
    }

    /// Notes a row whose operation may have been applied, although nothing showed it.
    pub fn note_listed(&mut self, row: Group) {
        self.earlier_members.extend(row.members);
        self.earlier_guests.extend(row.guests);
    }

    /// The group is this now.
    pub fn restore(&mut self, group_ref: GroupRef, left: Group) {
        self.group_ref = group_ref;
        let Group { name, description, members, guests, .. } = &self.sent;
        let is_same =
            (name, description, members, guests) == (&left.name, &left.description, &left.members, &left.guests);
        self.left = (!is_same).then(|| Box::new(left));
    }

    /// The whole group as the last operation left it.
    pub fn group(&self) -> &Group {
        self.left.as_deref().unwrap_or(&self.sent)
    }

    /// Its id in the source system.
    pub fn key(&self) -> Option<&String> {
        self.sent.key.as_ref()
    }

    /// Another group has its key now.
    pub fn lose_key(&mut self) {
        self.sent.key = None;
    }

    /// The texts that were sent last, and those with which the organization answered.
    pub fn texts(&self) -> [Texts; 2] {
        let sent = Texts::from(&self.sent);
        let answered = self.answered.as_deref().unwrap_or(&sent).clone();
        [sent, answered]
    }

    /// The members whom a file listed for it, now or before.
    pub fn listed_members(&self) -> Vec<u64> {
        [self.sent.members.as_slice(), &self.earlier_members].concat()
    }

    /// The guests whom a file listed for it, now or before.
    pub fn listed_guests(&self) -> Vec<String> {
        [self.sent.guests.as_slice(), &self.earlier_guests].concat()
    }
}

/// What the organization makes of the text of a row, if others wrote what was put: then it is what is known from before, of the text
/// that was sent and the one that was answered.
fn answered<'a, T: PartialEq>(sent: &'a T, put: &T, response: &'a T, known: [&'a T; 2]) -> &'a T {
    match known {
        _ if put == sent => response,
        [before, answered] if before == sent => answered,
        _ => sent,
    }
}
