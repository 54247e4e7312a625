//! Decides what becomes of each row from the existing groups and from earlier attempts. Pure.

mod compare;

use std::collections::BTreeSet;
use std::fmt;

pub(crate) use compare::completed;
pub use compare::{Claim, changes, claim};

use crate::model::{ExistingGroup, Fate, Group, OnExisting, Trouble, best, shortened};

/// In what an existing group differs from a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The name that the group has.
    Name(String),
    /// The description.
    Description,
    /// Members that only the row has, and that only the group has.
    Members(Vec<u64>, Vec<u64>),
    /// Guests that only the row has, and that only the group has.
    Guests(Vec<String>, Vec<String>),
}

/// How many people of a difference are named.
const NAMED_MAX: usize = 10;

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "its name is `{}`", shortened(name)),
            Self::Description => f.write_str("description"),
            Self::Members(missing, extra) => people(f, "", missing, extra),
            Self::Guests(missing, extra) => people(f, "guest ", missing, extra),
        }
    }
}

fn people<T: fmt::Display>(f: &mut fmt::Formatter<'_>, kind: &str, missing: &[T], extra: &[T]) -> fmt::Result {
    let signed = missing.iter().map(|person| ('+', person)).chain(extra.iter().map(|person| ('-', person)));
    for (index, (sign, person)) in signed.take(NAMED_MAX).enumerate() {
        write!(f, "{}{sign}{kind}{person}", if index > 0 { " " } else { "" })?;
    }
    match (missing.len() + extra.len()).saturating_sub(NAMED_MAX) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

/// The outcome of a row by the existing groups of its name; `None` if its group is to be created. A group is the row's own only if
/// the row was sent: then the name was free when that run began.
#[must_use]
pub fn decide(was_sent: bool, desired: &Group, existing: &[ExistingGroup], on_existing: OnExisting) -> Option<Fate> {
    if was_sent {
        return ours(desired, existing, Trouble::interrupted());
    }
    best(&desired.name, existing).first().map(|first| exists(desired, first, on_existing))
}

/// The outcome of a row of a group that exists.
pub(crate) fn exists(desired: &Group, existing: &ExistingGroup, on_existing: OnExisting) -> Fate {
    let is_renamed = desired.tallyfy_id.is_some() && desired.name != existing.name;
    let note = in_words("the existing group differs", &differences(desired, existing, is_renamed));
    already_exists(existing.tag.id.clone(), on_existing, None, note)
}

/// What becomes of a row of a group that the organization does not have.
pub(crate) fn unknown_id(id: &str) -> Fate {
    Fate::Failed(Trouble {
        code: "group-unknown".to_owned(),
        message: format!(
            "the organization has no group with the id `{}`; use --ignore tallyfy_id if the file is of another organization",
            shortened(id)
        ),
        http_status: None,
    })
}

/// In what the server made a group otherwise than it was sent; nothing if it is the same, as far as the answer shows.
pub(crate) fn altered(sent: &Group, made: &ExistingGroup) -> Option<String> {
    let is_renamed = sent.name.trim() != made.name.trim();
    in_words("the server made it otherwise", &differences(sent, made, is_renamed))
}

fn in_words(what: &str, differences: &[Difference]) -> Option<String> {
    let list: Vec<String> = differences.iter().map(ToString::to_string).collect();
    (!list.is_empty()).then(|| format!("{what}: {}", list.join("; ")))
}

/// In what a group differs from a row; the caller compares the names. What the server does not show is not compared; a row
/// without a description says nothing about it.
fn differences(desired: &Group, existing: &ExistingGroup, is_renamed: bool) -> Vec<Difference> {
    let mut differences = Vec::new();
    differences.extend(is_renamed.then(|| Difference::Name(existing.name.clone())));
    if let (Some(wanted), Some(has)) = (&desired.description, &existing.description)
        && wanted.trim() != has.trim()
    {
        differences.push(Difference::Description);
    }
    let members = existing.members.as_ref().and_then(|has| compare(desired.members.iter(), has.iter()));
    differences.extend(members.map(|(missing, extra)| Difference::Members(missing, extra)));
    let folded = |guests: &[String]| guests.iter().map(|guest| guest.to_lowercase()).collect::<Vec<_>>();
    let guests = existing.guests.as_deref().map(folded);
    let guests = guests.and_then(|has| compare(folded(&desired.guests).iter(), has.iter()));
    differences.extend(guests.map(|(missing, extra)| Difference::Guests(missing, extra)));
    differences
}

/// What only the first list has, and what only the second; nothing if they are equal.
fn compare<'a, T: Ord + Clone + 'a>(
    wanted: impl Iterator<Item = &'a T>,
    has: impl Iterator<Item = &'a T>,
) -> Option<(Vec<T>, Vec<T>)> {
    let (wanted, has): (BTreeSet<&T>, BTreeSet<&T>) = (wanted.collect(), has.collect());
    let only = |one: &BTreeSet<&'a T>, other| one.difference(other).map(|item| (*item).clone()).collect();
    (wanted != has).then(|| (only(&wanted, &has), only(&has, &wanted)))
}

/// What became of a row that was sent and whose answer is lost, by the groups of its name; nothing if no group has its name.
pub(crate) fn ours(sent: &Group, existing: &[ExistingGroup], trouble: Trouble) -> Option<Fate> {
    match claim(sent, existing) {
        Claim::Absent => None,
        Claim::Ours(tag) => Some(Fate::found(tag)),
        Claim::Unclear(why) => Some(Fate::Unknown(trouble.and(&why))),
    }
}

/// What becomes of a row whose name somebody else's group has.
pub(crate) fn already_exists(
    id: String,
    on_existing: OnExisting,
    http_status: Option<u16>,
    differences: Option<String>,
) -> Fate {
    match on_existing {
        OnExisting::Skip => Fate::Exists { group_id: id, http_status, differences },
        OnExisting::Fail => Fate::Failed(Trouble {
            code: "name-taken".to_owned(),
            message: format!("a group of this name already exists ({id})"),
            http_status,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tag;

    fn existing(id: &str, name: &str) -> ExistingGroup {
        ExistingGroup {
            tag: Tag { id: id.to_owned(), stamp: None },
            name: name.to_owned(),
            description: Some("x".to_owned()),
            members: Some(vec![2, 1]),
            guests: Some(vec!["A@b.example".to_owned()]),
            is_deleted: false,
        }
    }

    fn desired() -> Group {
        Group {
            name: "Sales".to_owned(),
            description: Some("x ".to_owned()),
            members: vec![1, 2],
            guests: vec!["a@B.example".to_owned()],
            tallyfy_id: None,
        }
    }

    fn id(outcome: Option<Fate>) -> String {
        match outcome {
            None => "create".to_owned(),
            Some(Fate::Created { group, .. }) => format!("ours {}", group.id),
            Some(Fate::Exists { group_id, .. }) => format!("exists {group_id}"),
            Some(fate) => fate.status().as_str().to_owned(),
        }
    }

    fn decided(was_sent: bool, existing: &[ExistingGroup]) -> String {
        id(decide(was_sent, &desired(), existing, OnExisting::Skip))
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
        let Fate::Exists { differences, .. } = exists(&desired(), &other, OnExisting::Skip) else {
            panic!("it exists")
        };
        let expected = "the existing group differs: description; +1 -3; +guest a@b.example";
        assert_eq!(differences.as_deref(), Some(expected));
        let unknown = ExistingGroup { description: None, members: None, guests: None, ..existing("g1", "Sales") };
        assert_eq!(super::differences(&desired(), &unknown, false), []);
        let failed = exists(&desired(), &existing("g1", "Sales"), OnExisting::Fail);
        assert!(matches!(failed, Fate::Failed(trouble) if trouble.code == "name-taken"));
    }
}
