//! What a sync changes in a group: a three-way merge of what its row says, what was sent before, and what the organization has. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{ExistingGroup, Field, Group, MembersMode};

/// A name and a description.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// The name.
    pub name: String,
    /// The description; none if the group has none.
    pub description: Option<String>,
}

/// What the journal knows of a group that it owns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedGroup {
    /// The key of its row.
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

/// The rules of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MergePolicy {
    /// Who is removed.
    pub members: MembersMode,
    /// Whether a group may lose its last member and guest.
    pub allows_empty: bool,
}

/// The people of one list, by what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListChange<T> {
    /// Whom the row lists and the group lacks.
    pub added: Vec<T>,
    /// Whom the row does not list any more.
    pub removed: Vec<T>,
    /// Whom the row does not list, and who stay: somebody else added them.
    pub kept: Vec<T>,
}

/// What an update changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupChange {
    /// The whole group after it, as the request has it.
    pub after: Group,
    /// Whether the name changes.
    pub is_renamed: bool,
    /// Whether the description changes.
    pub is_described: bool,
    /// The members.
    pub members: ListChange<u64>,
    /// The guests.
    pub guests: ListChange<String>,
}

impl GroupChange {
    /// Whether the group is already as it is to be.
    #[must_use]
    pub fn is_none(&self) -> bool {
        let Self { is_renamed, is_described, members, guests, .. } = self;
        !is_renamed && !is_described && members.is_none() && guests.is_none()
    }
}

impl<T> ListChange<T> {
    fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// What makes an existing group as its row says. `may_remove` is false if the row lists somebody who was left out: the person may be
/// one of the group's.
///
/// # Errors
/// Why nothing may be changed.
pub fn merge(
    desired: &Group,
    may_remove: bool,
    owned: &OwnedGroup,
    seen: &ExistingGroup,
    policy: MergePolicy,
) -> Result<GroupChange, String> {
    let (Some(members), Some(guests)) = (&seen.members, &seen.guests) else {
        return Err("the organization does not show its people".to_owned());
    };
    let goes = |field: Field, is_listed: bool| {
        let is_wanted_gone = match policy.members {
            MembersMode::Managed => is_listed,
            MembersMode::Mirror => true,
            MembersMode::Add => false,
        };
        is_wanted_gone && may_remove && !desired.unmanaged.contains(&field)
    };
    let member = |id: &u64| *id;
    let (members, member_change) =
        merge_list(&desired.members, members, member, |id| goes(Field::Members, owned.members.contains(id)));
    let guest = |address: &String| address.trim().to_lowercase();
    let (guests, guest_change) =
        merge_list(&desired.guests, guests, guest, |address| goes(Field::Guests, owned.guests.contains(address)));
    let loses = !member_change.removed.is_empty() || !guest_change.removed.is_empty();
    if loses && members.is_empty() && guests.is_empty() && !policy.allows_empty {
        return Err("would become empty".to_owned());
    }
    let has = seen.description.as_deref().unwrap_or_default();
    let name = merge_text(&desired.name, &owned.sent.name, &owned.answered.name, &seen.name);
    let before = |texts: &Texts| texts.description.clone().unwrap_or_default();
    // The API cannot clear a description.
    let description = desired
        .description
        .as_deref()
        .map_or(has, |wanted| merge_text(wanted, &before(&owned.sent), &before(&owned.answered), has));
    Ok(GroupChange {
        is_renamed: name != seen.name,
        is_described: description != has,
        after: Group {
            name: name.to_owned(),
            description: Some(description.to_owned()).filter(|text| !text.trim().is_empty()),
            members,
            guests,
            ..Group::default()
        },
        members: member_change,
        guests: guest_change,
    })
}

/// The text that is wanted, unless it is what was sent before and the organization has what it made of that.
fn merge_text<'a>(wanted: &'a str, sent: &str, answered: &str, has: &'a str) -> &'a str {
    if wanted == sent && has == answered { has } else { wanted }
}

/// The list after the change, in its order, and the change; `goes` says who is removed if the row does not list them.
fn merge_list<T: Clone, K: Ord>(
    wanted: &[T],
    has: &[T],
    key: impl Fn(&T) -> K,
    goes: impl Fn(&K) -> bool,
) -> (Vec<T>, ListChange<T>) {
    let keys = |list: &[T]| list.iter().map(&key).collect::<BTreeSet<_>>();
    let (wanted_keys, has_keys) = (keys(wanted), keys(has));
    let beside = |person: &&T| !wanted_keys.contains(&key(person));
    let (removed, kept): (Vec<T>, Vec<T>) = has.iter().filter(beside).cloned().partition(|person| goes(&key(person)));
    let added: Vec<T> = wanted.iter().filter(|person| !has_keys.contains(&key(person))).cloned().collect();
    let stays = has.iter().filter(|person| !beside(person) || !goes(&key(person)));
    (stays.chain(&added).cloned().collect(), ListChange { added, removed, kept })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::model::GroupRef;

    fn people(list: &[u64]) -> (Vec<u64>, Vec<String>) {
        (list.to_vec(), list.iter().map(|id| format!("G{id}@x.org")).collect())
    }

    fn desired(list: &[u64]) -> Group {
        let (members, guests) = people(list);
        Group { name: "Ops".to_owned(), description: Some("x".to_owned()), members, guests, ..Group::default() }
    }

    fn seen(list: &[u64]) -> ExistingGroup {
        let (members, guests) = people(list);
        ExistingGroup {
            group_ref: GroupRef { id: "g".to_owned(), stamp: None, differences: None },
            name: "Ops".to_owned(),
            description: Some("x".to_owned()),
            members: Some(members),
            guests: Some(guests.iter().map(|guest| guest.to_uppercase()).collect()),
            created_at: None,
            is_deleted: false,
        }
    }

    /// A group for which earlier files listed these people.
    fn owned(list: &[u64]) -> OwnedGroup {
        let (members, guests) = people(list);
        let guests = guests.iter().map(|guest| guest.to_lowercase()).collect();
        OwnedGroup { members: members.into_iter().collect(), guests, ..OwnedGroup::default() }
    }

    fn by(members: MembersMode) -> MergePolicy {
        MergePolicy { members, allows_empty: false }
    }

    fn seen_after(change: &GroupChange) -> ExistingGroup {
        let Group { name, description, members, guests, .. } = change.after.clone();
        let description = Some(description.unwrap_or_default());
        ExistingGroup { name, description, members: Some(members), guests: Some(guests), ..seen(&[]) }
    }

    #[test]
    fn members_come_and_go_as_the_mode_says() {
        // The row lists 1 and 2; earlier files listed 2, 3 and 5; the group has 2, 3 and 4.
        for (mode, after, removed, kept) in [
            (MembersMode::Managed, &[2, 4, 1][..], &[3][..], &[4][..]),
            (MembersMode::Mirror, &[2, 1], &[3, 4], &[]),
            (MembersMode::Add, &[2, 3, 4, 1], &[], &[3, 4]),
        ] {
            let merged = |may_remove| {
                merge(&desired(&[1, 2]), may_remove, &owned(&[2, 3, 5]), &seen(&[2, 3, 4]), by(mode)).unwrap()
            };
            let change = merged(true);
            assert_eq!(change.after.members, after, "{mode:?}");
            let expected = ListChange { added: vec![1], removed: removed.to_vec(), kept: kept.to_vec() };
            assert_eq!(change.members, expected, "{mode:?}");
            assert_eq!(change.guests.removed.len(), removed.len(), "guests follow the same mode, without their case");
            assert_eq!(merged(false).after.members, [2, 3, 4, 1], "{mode:?}: nobody is removed");
        }
    }

    #[test]
    fn a_list_that_the_file_does_not_have_stays_and_an_empty_one_empties_the_group_only_if_that_is_allowed() {
        let nobody = Group { unmanaged: vec![Field::Members, Field::Guests], ..desired(&[]) };
        let all = owned(&[1, 2]);
        let kept = merge(&nobody, true, &all, &seen(&[1, 2]), by(MembersMode::Mirror)).unwrap();
        assert!(kept.is_none() && kept.after.members == [1, 2]);
        let empty = |policy| merge(&desired(&[]), true, &all, &seen(&[1, 2]), policy);
        assert_eq!(empty(by(MembersMode::Managed)).unwrap_err(), "would become empty");
        let allowed = MergePolicy { allows_empty: true, ..by(MembersMode::Managed) };
        assert_eq!(empty(allowed).unwrap().members.removed, [1, 2]);
        assert!(merge(&desired(&[]), true, &all, &seen(&[]), by(MembersMode::Managed)).unwrap().is_none());
        let hidden = ExistingGroup { guests: None, ..seen(&[1]) };
        assert!(merge(&desired(&[1]), true, &all, &hidden, by(MembersMode::Add)).is_err(), "missing is not empty");
    }

    #[test]
    fn a_text_that_the_organization_stores_otherwise_is_not_changed_every_night() {
        let texts = |name: &str, text: &str| Texts { name: name.to_owned(), description: Some(text.to_owned()) };
        let known = OwnedGroup { sent: texts("Ops & Co", "x "), answered: texts("Ops &amp; Co", "x"), ..owned(&[1]) };
        let wanted = |name: &str, text: &str| Group {
            name: name.to_owned(),
            description: Some(text.to_owned()).filter(|text| !text.is_empty()),
            ..desired(&[1])
        };
        let has = |name: &str, text: &str| ExistingGroup {
            name: name.to_owned(),
            description: Some(text.to_owned()),
            ..seen(&[1])
        };
        let merged = |wanted: Group, has: ExistingGroup| {
            let change = merge(&wanted, true, &known, &has, by(MembersMode::Managed)).unwrap();
            (change.is_renamed, change.is_described, change.after.description)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(merged(wanted("Ops & Co", "x "), has("Ops &amp; Co", "x")), (false, false, text("x")));
        assert_eq!(merged(wanted("Ops", "y"), has("Ops &amp; Co", "x")), (true, true, text("y")), "the file changed");
        assert_eq!(merged(wanted("Ops & Co", "x "), has("Ops", "z")), (true, true, text("x ")), "somebody changed it");
        assert_eq!(
            merged(wanted("Ops & Co", ""), has("Ops &amp; Co", "z")),
            (false, false, text("z")),
            "blank: it stays"
        );
    }

    #[test]
    fn a_merge_is_done_once_and_removes_nobody_whom_no_file_listed() {
        let mut dice = StdRng::seed_from_u64(17);
        for _ in 0..2000 {
            let mut some = || (0..dice.random_range(0..6)).map(|_| dice.random_range(1..8)).collect::<BTreeSet<u64>>();
            let [row, listed, has] = [some(), some(), some()].map(|set| set.into_iter().collect::<Vec<_>>());
            let members = *[MembersMode::Managed, MembersMode::Mirror, MembersMode::Add].choose(&mut dice).unwrap();
            let policy = MergePolicy { members, allows_empty: true };
            let change = merge(&desired(&row), true, &owned(&listed), &seen(&has), policy).unwrap();
            let again = merge(&desired(&row), true, &owned(&listed), &seen_after(&change), policy).unwrap();
            assert!(again.is_none(), "{row:?} {listed:?} {has:?} {members:?}");
            assert!(row.iter().all(|id| change.after.members.contains(id)));
            let removed = &change.members.removed;
            assert!(members == MembersMode::Mirror || removed.iter().all(|id| listed.contains(id)));
            assert!(members != MembersMode::Add || removed.is_empty());
            assert!(removed.iter().all(|id| has.contains(id) && !row.contains(id)));
        }
    }
}
