//! Decides what becomes of each row from the existing groups, and whether a group that was found is the row's own. Pure.

mod compare;
mod guards;
mod matching;
mod merge;
mod sync;

pub use compare::changes;
pub(crate) use compare::{altered, completed};
pub use guards::{GuardLimit, GuardOptions};
pub use matching::Inventory;
pub use merge::MergePolicy;
pub(crate) use merge::{addition, may_apply};
pub use sync::{SyncInput, SyncPolicy, plan};

use crate::model::{ExistingGroup, Field, Group, GroupRef, OnExisting, Outcome, RequestError, best, shortened};
use compare::{SentTimes, Towards, differences, in_words, invited, was_created_after};

/// The outcome of a row by the existing groups of its name; `None` if its group is to be created. A group is the row's own only if
/// the row was sent, and the group created then: the name was free when that run began.
pub fn decide(
    sent_ms: &SentTimes,
    desired: &Group,
    existing: &[ExistingGroup],
    on_existing: OnExisting,
) -> Option<Outcome> {
    if !sent_ms.is_empty() {
        return ours(desired, sent_ms, existing, RequestError::interrupted());
    }
    best(&desired.name, existing).first().map(|first| exists(desired, first, on_existing))
}

/// The outcome of a row of a group that exists. A row without a description says nothing about it, nor about a list that the file does
/// not have, nor about the name of a group that was found by it.
pub(crate) fn exists(desired: &Group, existing: &ExistingGroup, on_existing: OnExisting) -> Outcome {
    let mut differences = differences(desired, existing, Towards::Desired);
    differences.retain(|(field, _)| match field {
        Field::Name => desired.tallyfy_id.is_some(),
        Field::Description => desired.description.is_some(),
        list => !desired.unmanaged.contains(list),
    });
    let note = in_words(differences).map(|list| format!("the existing group differs: {list}"));
    already_exists(GroupRef { differences: note, ..existing.group_ref.clone() }, on_existing, None)
}

/// What becomes of a row of a group that the organization does not have.
pub(crate) fn unknown_id(id: &str) -> Outcome {
    Outcome::Failed(RequestError::new("group-unknown", no_group(id)))
}

fn no_group(id: &str) -> String {
    let id = shortened(id);
    format!(
        "the organization has no group with the id `{id}`; use --ignore tallyfy_id if the file is of another organization"
    )
}

/// Which of the groups of its name is that of a row which was sent at these times and whose answer is lost: it alone has the name,
/// and it says what was sent, but may lack guests. A name that agrees in every character goes before one that is only as good as the
/// same.
///
/// # Errors
/// Why it is not known which of them it is, or whether any is.
pub fn claim(sent: &Group, sent_ms: &SentTimes, seen: &[ExistingGroup]) -> Result<Option<GroupRef>, String> {
    match best(&sent.name, seen).as_slice() {
        [] => Ok(None),
        [one] => {
            let other = in_words(differences(&invited(sent, one), one, Towards::Existing));
            let unlike = match (other, one.created_at.as_deref().unwrap_or_default()) {
                (Some(other), _) => format!("not as it was sent: {other}"),
                (None, at) if !was_created_after(sent_ms, at) => {
                    format!("it was created at {}, not when the row was sent", shortened(at))
                }
                (None, _) => return Ok(Some(one.group_ref.clone())),
            };
            Err(format!("a group of this name is there ({}), but {unlike}", shortened(&one.group_ref.id)))
        }
        many => {
            let count = many.len();
            Err(format!("{count} groups have this name, and it is not known which one this row created"))
        }
    }
}

/// What became of a row that was sent at these times and whose answer is lost, by the groups of its name; nothing if no group has
/// its name.
pub(crate) fn ours(
    sent: &Group,
    sent_ms: &SentTimes,
    existing: &[ExistingGroup],
    error: RequestError,
) -> Option<Outcome> {
    match claim(sent, sent_ms, existing) {
        Ok(found) => found.map(Outcome::found),
        Err(why) => Some(Outcome::Unknown(error.and(&why))),
    }
}

/// What becomes of a row whose name somebody else's group has.
pub(crate) fn already_exists(group: GroupRef, on_existing: OnExisting, http_status: Option<u16>) -> Outcome {
    match on_existing {
        OnExisting::Skip => Outcome::Exists { group, http_status },
        OnExisting::Fail => Outcome::Failed(RequestError {
            code: "name-taken".to_owned(),
            message: format!("a group of this name already exists ({})", group.id),
            http_status,
        }),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};

    use super::*;
    use crate::model::{DesiredRow, OwnedGroup, Place, RowId};

    const ANY_TIME: &SentTimes = &[None];

    pub(super) fn options(flags: &[&str]) -> GuardOptions {
        let command = GuardOptions::augment_args(Command::new("sync")).no_binary_name(true);
        GuardOptions::from_arg_matches(&command.try_get_matches_from(flags).unwrap()).unwrap()
    }

    pub(super) fn existing(id: &str, name: &str) -> ExistingGroup {
        ExistingGroup {
            group_ref: GroupRef::new(id),
            name: name.to_owned(),
            description: Some("x".to_owned()),
            members: Some(vec![2, 1]),
            guests: Some(vec!["A@b.example".to_owned()]),
            created_at: Some("2026-11-23T10:00:00Z".to_owned()),
            is_deleted: false,
        }
    }

    pub(super) fn owned(id: &str, group: Group) -> OwnedGroup {
        OwnedGroup::new(RowId(1), GroupRef::new(id), group)
    }

    pub(super) fn desired(group: Group) -> DesiredRow {
        let place = Place { file: 0, row: 1, line: 2 };
        DesiredRow { row: RowId(1), place, group, is_valid: true, may_remove: true, group_id: None }
    }

    fn sales() -> Group {
        Group {
            name: "Sales".to_owned(),
            description: Some("x ".to_owned()),
            members: vec![1, 2],
            guests: vec!["a@B.example".to_owned()],
            ..Group::default()
        }
    }

    fn id(outcome: Option<Outcome>) -> String {
        match outcome {
            None => "create".to_owned(),
            Some(Outcome::Created { group, .. }) => format!("ours {}", group.id),
            Some(Outcome::Exists { group, .. }) => format!("exists {}", group.id),
            Some(outcome) => outcome.status().as_ref().to_owned(),
        }
    }

    fn decided(was_sent: bool, existing: &[ExistingGroup]) -> String {
        id(decide(if was_sent { ANY_TIME } else { &[] }, &sales(), existing, OnExisting::Skip))
    }

    #[test]
    fn an_existing_group_is_the_rows_own_only_if_the_row_was_sent() {
        let group = [existing("g1", "Sales")];
        assert_eq!([decided(true, &group), decided(true, &[])], ["ours g1", "create"]);
        assert_eq!([decided(false, &group), decided(false, &[])], ["exists g1", "create"]);
    }

    #[test]
    fn an_exact_name_wins_and_of_two_groups_none_is_adopted() {
        let alike = [existing("a", "SALES"), existing("b", "Sales")];
        assert_eq!(decided(true, &alike), "ours b");
        let twins = [existing("a", "Sales"), existing("b", "Sales")];
        assert_eq!([decided(true, &twins), decided(false, &twins)], ["unknown", "exists a"]);
        let other = [ExistingGroup { members: Some(vec![3]), ..existing("a", "Sales") }];
        assert_eq!(decided(true, &other), "unknown", "somebody else's");
        let cut_short = [ExistingGroup { guests: Some(Vec::new()), ..existing("a", "Sales") }];
        assert_eq!(decided(true, &cut_short), "ours a");
    }

    #[test]
    fn what_an_existing_group_lacks_and_has_beside_is_named() {
        let other = ExistingGroup {
            description: Some("y".to_owned()),
            members: Some(vec![2, 3]),
            guests: Some(Vec::new()),
            ..existing("g1", "Sales")
        };
        let Outcome::Exists { group: GroupRef { differences, .. }, .. } = exists(&sales(), &other, OnExisting::Skip)
        else {
            panic!("it exists")
        };
        let expected = "the existing group differs: description; +1 -3; +guest a@b.example";
        assert_eq!(differences.as_deref(), Some(expected));
        let unknown = ExistingGroup { description: None, members: None, guests: None, ..existing("g1", "Sales") };
        assert_eq!(super::differences(&sales(), &unknown, Towards::Desired), []);
        let failed = exists(&sales(), &existing("g1", "Sales"), OnExisting::Fail);
        assert!(matches!(failed, Outcome::Failed(error) if error.code == "name-taken"));
    }

    #[test]
    fn a_group_that_turned_up_is_ours_only_if_it_is_alone_and_says_what_was_desired() {
        let named = |name: &str, id: &str| ExistingGroup {
            group_ref: GroupRef::new(id),
            name: name.to_owned(),
            ..existing("", "")
        };
        let ours = |id: &str| Ok(Some(GroupRef::new(id)));
        assert_eq!(claim(&sales(), ANY_TIME, &[]), Ok(None));
        assert_eq!(claim(&sales(), ANY_TIME, &[named("Sales", "a")]), ours("a"));
        assert_eq!(claim(&sales(), ANY_TIME, &[named("SALES", "a"), named("Sales", "b")]), ours("b"));
        for unclear in [
            vec![named("Sales", "a"), named("Sales", "b")],
            vec![named("SALES", "a")],
            vec![ExistingGroup { members: Some(vec![9]), ..named("Sales", "a") }],
        ] {
            assert!(claim(&sales(), ANY_TIME, &unclear).is_err(), "{unclear:?}");
        }
    }

    #[test]
    fn a_group_of_the_same_contents_is_ours_only_if_it_was_created_when_the_row_was_sent() {
        let created_ms = 1_795_428_000_000;
        let group = [existing("a", "Sales")];
        let (before, after) = (Some(created_ms - 2 * 3_600_000), Some(created_ms + 120_000));
        for (sent_ms, is_ours) in [
            (vec![Some(created_ms)], true),
            (vec![before], false),
            (vec![after], false),
            (vec![before, after], false),
            (vec![before, Some(created_ms - 1000), after], true),
            (vec![before, None], true),
        ] {
            assert_eq!(matches!(claim(&sales(), &sent_ms, &group), Ok(Some(_))), is_ours, "{sent_ms:?}");
        }
        for created_at in [None, Some(String::new()), Some("soon".to_owned())] {
            let group = [ExistingGroup { created_at, ..existing("a", "Sales") }];
            assert!(matches!(claim(&sales(), &[Some(0)], &group), Ok(Some(_))), "its time is not known");
        }
    }
}
