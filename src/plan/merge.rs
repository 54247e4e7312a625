//! What a sync changes in a group: a three-way merge of its row, the texts and people sent before, and the organization. Pure.

use std::fmt::Display;

use crate::model::{Edit, Field, Group, ListChange, MembersMode, OwnedGroup, Texts, lacking, parted};

/// The rules of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MergePolicy {
    /// Who is removed.
    pub members: MembersMode,
    /// Whether a group may lose its last member and guest.
    pub allows_empty: bool,
}

/// What makes an existing group as its row says; `owned` is none for a group that is taken over. `may_remove` is false if the row
/// lists somebody who was left out: the person may be one of the group's.
///
/// # Errors
/// Why nothing may be changed.
pub(super) fn merge(
    desired: &Group,
    may_remove: bool,
    owned: Option<&OwnedGroup>,
    has: &Group,
    policy: MergePolicy,
) -> Result<Edit, String> {
    let mode = if may_remove { policy.members } else { MembersMode::Add };
    let (known, now) = (owned.map(OwnedGroup::texts), Texts::from(has));
    // What is wanted, unless the group has it, or it is what was sent before and the group has what the organization made of that.
    let text = |wanted: &str, of: fn(&Texts) -> &str| {
        let known = known.as_ref().map(|texts| texts.each_ref().map(of));
        (wanted != of(&now) && known != Some([wanted, of(&now)])).then(|| wanted.to_owned())
    };
    let description = |wanted: &String| text(wanted, |texts| texts.description.as_deref().unwrap_or_default());
    let mut edit = Edit {
        name: text(&desired.name, |texts| &texts.name),
        // The API cannot clear a description.
        description: desired.description.as_ref().and_then(description),
        members: merge_list(&desired.members, &has.members, owned.map(OwnedGroup::listed_members), mode),
        guests: merge_list(&desired.guests, &has.guests, owned.map(OwnedGroup::listed_guests), mode),
    };
    for list in &desired.unmanaged {
        match list {
            Field::Members => edit.members = ListChange::default(),
            _ => edit.guests = ListChange::default(),
        }
    }
    if may_apply(&edit, has, policy.allows_empty) { Ok(edit) } else { Err("would become empty".to_owned()) }
}

/// What gives a group the people of a mended row: those whom no earlier row listed for it, and whom it lacks.
pub(crate) fn addition(desired: &Group, owned: &OwnedGroup, has: &Group) -> Option<Edit> {
    let members = lacking(&desired.members, &[has.members.clone(), owned.listed_members()].concat());
    let guests = lacking(&desired.guests, &[has.guests.clone(), owned.listed_guests()].concat());
    let (members, guests) =
        (ListChange { add: members, ..<_>::default() }, ListChange { add: guests, ..<_>::default() });
    Some(Edit { members, guests, ..Edit::default() }).filter(|edit| !edit.is_none())
}

/// Whether a group keeps somebody, or may lose everybody.
pub(crate) fn may_apply(edit: &Edit, has: &Group, allows_empty: bool) -> bool {
    let is_emptied = || {
        let after = edit.apply(has);
        after.members.is_empty() && after.guests.is_empty()
    };
    allows_empty || edit.members.remove.is_empty() && edit.guests.remove.is_empty() || !is_emptied()
}

/// The change of a list, of which earlier files listed these people.
fn merge_list<T: Clone + Display>(wanted: &[T], has: &[T], listed: Option<Vec<T>>, mode: MembersMode) -> ListChange<T> {
    let beside = lacking(has, wanted);
    let (listed, others) = parted(&beside, &listed.unwrap_or_default());
    let (remove, kept) = match mode {
        MembersMode::Managed => (listed, others),
        MembersMode::Mirror => (beside, Vec::new()),
        MembersMode::Add => (Vec::new(), others),
    };
    ListChange { add: lacking(wanted, has), remove, kept }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::StdRng;
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::model::{GroupRef, RowId};

    fn people(list: &[u64]) -> (Vec<u64>, Vec<String>) {
        (list.to_vec(), list.iter().map(|id| format!("G{id}@x.org")).collect())
    }

    fn desired(list: &[u64]) -> Group {
        let (members, guests) = people(list);
        Group { name: "Ops".to_owned(), description: Some("x".to_owned()), members, guests, ..Group::default() }
    }

    fn has(list: &[u64]) -> Group {
        let (members, guests) = people(list);
        Group { members, guests: guests.iter().map(|guest| guest.to_uppercase()).collect(), ..desired(&[]) }
    }

    /// A group for which earlier files listed these people.
    fn owned(list: &[u64]) -> OwnedGroup {
        let (members, guests) = people(list);
        OwnedGroup::new(RowId(1), GroupRef::new("g"), Group { members, guests, ..Group::default() })
    }

    fn by(members: MembersMode) -> MergePolicy {
        MergePolicy { members, allows_empty: false }
    }

    #[test]
    fn members_come_and_go_as_the_mode_says() {
        // The row lists 1 and 2; earlier files listed 2, 3 and 5; the group has 2, 3 and 4.
        for (mode, after, removed, kept) in [
            (MembersMode::Managed, &[2, 4, 1][..], &[3][..], &[4][..]),
            (MembersMode::Mirror, &[2, 1], &[3, 4], &[]),
            (MembersMode::Add, &[2, 3, 4, 1], &[], &[4]),
        ] {
            let (known, now) = (owned(&[2, 3, 5]), has(&[2, 3, 4]));
            let merged = |may_remove| merge(&desired(&[1, 2]), may_remove, Some(&known), &now, by(mode)).unwrap();
            let edit = merged(true);
            assert_eq!(edit.apply(&now).members, after, "{mode:?}");
            let expected = ListChange { add: vec![1], remove: removed.to_vec(), kept: kept.to_vec() };
            assert_eq!(edit.members, expected, "{mode:?}");
            assert_eq!(edit.guests.remove.len(), removed.len(), "guests follow the same mode, without their case");
            assert_eq!(merged(false).apply(&now).members, [2, 3, 4, 1], "{mode:?}: nobody is removed");
        }
    }

    #[test]
    fn a_list_that_the_file_does_not_have_stays_and_an_empty_one_empties_the_group_only_if_that_is_allowed() {
        let nobody = Group { unmanaged: vec![Field::Members, Field::Guests], ..desired(&[]) };
        let all = owned(&[1, 2]);
        assert!(merge(&nobody, true, Some(&all), &has(&[1, 2]), by(MembersMode::Mirror)).unwrap().is_none());
        let empty = |policy| merge(&desired(&[]), true, Some(&all), &has(&[1, 2]), policy);
        assert_eq!(empty(by(MembersMode::Managed)).unwrap_err(), "would become empty");
        let allowed = MergePolicy { allows_empty: true, ..by(MembersMode::Managed) };
        assert_eq!(empty(allowed).unwrap().members.remove, [1, 2]);
        assert!(merge(&desired(&[]), true, Some(&all), &has(&[]), by(MembersMode::Managed)).unwrap().is_none());
    }

    #[test]
    fn a_text_that_the_organization_stores_otherwise_is_not_changed_every_night() {
        let texts = |name: &str, text: &str| Texts { name: name.to_owned(), description: Some(text.to_owned()) };
        let answered = GroupRef { texts: Some(Box::new(texts("Ops &amp; Co", "x"))), ..GroupRef::new("g") };
        let sent = Group { name: "Ops & Co".to_owned(), description: Some("x ".to_owned()), ..desired(&[1]) };
        let known = OwnedGroup::new(RowId(1), answered, sent);
        let group = |name: &str, text: &str| Group {
            name: name.to_owned(),
            description: Some(text.to_owned()).filter(|text| !text.is_empty()),
            ..desired(&[1])
        };
        let merged = |wanted: (&str, &str), has: (&str, &str)| {
            let (wanted, has) = (group(wanted.0, wanted.1), group(has.0, has.1));
            let edit = merge(&wanted, true, Some(&known), &has, by(MembersMode::Managed)).unwrap();
            (edit.name.is_some(), edit.description)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(merged(("Ops & Co", "x "), ("Ops &amp; Co", "x")), (false, None));
        assert_eq!(merged(("Ops", "y"), ("Ops &amp; Co", "x")), (true, text("y")), "the file changed");
        assert_eq!(merged(("Ops & Co", "x "), ("Ops", "z")), (true, text("x ")), "somebody changed it");
        assert_eq!(merged(("Ops & Co", ""), ("Ops &amp; Co", "z")), (false, None), "blank: it stays");
    }

    #[test]
    fn texts_that_others_wrote_right_before_an_update_are_set_right_by_the_next_plan() {
        let by_hand = Group { name: "Theirs".to_owned(), description: Some("z".to_owned()), ..desired(&[1, 2]) };
        let mut known = owned(&[1]);
        known.note(GroupRef::new("g"), desired(&[1]), Some(desired(&[1])));
        known.note(GroupRef::new("g"), desired(&[1, 2]), Some(by_hand.clone()));
        let edit = merge(&desired(&[1, 2]), true, Some(&known), &by_hand, by(MembersMode::Managed)).unwrap();
        assert_eq!((edit.name.as_deref(), edit.description.as_deref()), (Some("Ops"), Some("x")));
    }

    #[test]
    fn a_merge_is_done_once_and_removes_nobody_whom_no_file_listed() {
        let mut dice = StdRng::seed_from_u64(17);
        for _ in 0..2000 {
            let mut some = || (0..dice.random_range(0..6)).map(|_| dice.random_range(1..8)).collect::<BTreeSet<u64>>();
            let [row, listed, had] = [some(), some(), some()].map(|set| set.into_iter().collect::<Vec<_>>());
            let members = *[MembersMode::Managed, MembersMode::Mirror, MembersMode::Add].choose(&mut dice).unwrap();
            let (policy, known) = (MergePolicy { members, allows_empty: true }, owned(&listed));
            let edit = merge(&desired(&row), true, Some(&known), &has(&had), policy).unwrap();
            let after = edit.apply(&has(&had));
            let again = merge(&desired(&row), true, Some(&known), &after, policy).unwrap();
            assert!(again.is_none(), "{row:?} {listed:?} {had:?} {members:?}");
            assert!(row.iter().all(|id| after.members.contains(id)));
            let removed = &edit.members.remove;
            assert!(members == MembersMode::Mirror || removed.iter().all(|id| listed.contains(id)));
            assert!(members != MembersMode::Add || removed.is_empty());
            assert!(removed.iter().all(|id| had.contains(id) && !row.contains(id)));
        }
    }
}
