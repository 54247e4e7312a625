//! In what an existing group differs from a row, or from what was sent. Pure.

use std::collections::BTreeSet;
use std::{fmt, mem};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::{ExistingGroup, Group, GroupRef, shortened};

/// In what an existing group differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Difference {
    /// The name that the existing group has.
    Name(String),
    /// The description.
    Description,
    /// Members to add, and to remove.
    Members(Vec<u64>, Vec<u64>),
    /// Guests to add, and to remove.
    Guests(Vec<String>, Vec<String>),
    /// When it was changed.
    Changed(String),
}

/// When each attempt of a row began that may have been applied: by the server's clock, in Unix milliseconds, if known.
pub(super) type SentTimes = [Option<i64>];

/// How far the clocks of a server's machines may be apart, in milliseconds.
const CLOCKS_APART_MS: i64 = 60_000;
/// How long after its attempt began a request may leave and arrive, in milliseconds.
const LATE_MS: i64 = 3_600_000;

/// How many people of a difference are named.
const NAMED_MAX: usize = 10;

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "its name is `{}`", shortened(name)),
            Self::Description => f.write_str("description"),
            Self::Members(add, remove) => people(f, "", add, remove),
            Self::Guests(add, remove) => people(f, "guest ", add, remove),
            Self::Changed(time) => write!(f, "changed on the server at {}", shortened(time)),
        }
    }
}

fn people<T: fmt::Display>(f: &mut fmt::Formatter<'_>, kind: &str, add: &[T], remove: &[T]) -> fmt::Result {
    let signed = add.iter().map(|person| ('+', person)).chain(remove.iter().map(|person| ('-', person)));
    for (index, (sign, person)) in signed.take(NAMED_MAX).enumerate() {
        write!(f, "{}{sign}{kind}{person}", if index > 0 { " " } else { "" })?;
    }
    match (add.len() + remove.len()).saturating_sub(NAMED_MAX) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

/// A list of differences for a person; `None` if it is empty.
pub(super) fn in_words(differences: &[Difference]) -> Option<String> {
    let list: Vec<String> = differences.iter().map(ToString::to_string).collect();
    (!list.is_empty()).then(|| list.join("; "))
}

/// What would have to change in an existing group. What the server does not show is not compared.
pub(super) fn differences(desired: &Group, existing: &ExistingGroup) -> Vec<Difference> {
    let mut differences = Vec::new();
    if existing.name.trim() != desired.name.trim() {
        differences.push(Difference::Name(existing.name.trim().to_owned()));
    }
    let described = desired.description.as_deref().unwrap_or_default().trim();
    if existing.description.as_ref().is_some_and(|text| text.trim() != described) {
        differences.push(Difference::Description);
    }
    let members = existing.members.as_ref().and_then(|has| compare(&desired.members, has));
    differences.extend(members.map(|(add, remove)| Difference::Members(add, remove)));
    let guests = existing.guests.as_deref().and_then(|has| compare(&folded(&desired.guests), &folded(has)));
    differences.extend(guests.map(|(add, remove)| Difference::Guests(add, remove)));
    differences
}

/// In what the server made a group otherwise than it was sent; nothing if it is the same, as far as the answer shows.
pub(crate) fn altered(sent: &Group, made: &ExistingGroup) -> Option<String> {
    in_words(&differences(sent, made)).map(|list| format!("the server made it otherwise: {list}"))
}

/// What was changed in a group since it was sent and made, in words.
#[must_use]
pub fn changes(sent: &Group, made: &GroupRef, seen: &ExistingGroup) -> Option<String> {
    let is_as_made = made.differences.is_some() && altered(sent, seen) == made.differences;
    let mut changes = if is_as_made { Vec::new() } else { since(differences(sent, seen)) };
    if let (Some(before), Some(now)) = (made.stamp.as_deref(), seen.group_ref.stamp.as_deref())
        && !is_same_moment(before, now)
    {
        changes.push(Difference::Changed(now.to_owned()));
    }
    in_words(&changes)
}

/// The changes that led to these differences: who would have to be added was removed.
pub(super) fn since(mut differences: Vec<Difference>) -> Vec<Difference> {
    for difference in &mut differences {
        match difference {
            Difference::Members(add, remove) => mem::swap(add, remove),
            Difference::Guests(add, remove) => mem::swap(add, remove),
            Difference::Name(_) | Difference::Description | Difference::Changed(_) => {}
        }
    }
    differences
}

/// The part of a group that an existing group shows: the guest quota may have refused the other guests.
pub(super) fn invited(sent: &Group, seen: &ExistingGroup) -> Group {
    let shown = folded(seen.guests.as_deref().unwrap_or_default());
    let guests = sent.guests.iter().filter(|guest| shown.contains(&guest.to_lowercase())).cloned().collect();
    Group { guests, ..sent.clone() }
}

/// What a group is to become if it does not show all guests of its row: the whole group, as an update must send it. It keeps
/// what it shows, which somebody may have changed since, and gets the guests that it lacks. `None` if it shows all.
pub(crate) fn completed(sent: Group, seen: &ExistingGroup) -> Option<Group> {
    let mut guests = seen.guests.clone().unwrap_or_default();
    let shown = folded(&guests);
    let lacking: Vec<String> = sent.guests.into_iter().filter(|guest| !shown.contains(&guest.to_lowercase())).collect();
    if lacking.is_empty() {
        return None;
    }
    guests.extend(lacking);
    let description = seen.description.clone().or(sent.description).filter(|text| !text.trim().is_empty());
    let members = seen.members.clone().unwrap_or(sent.members);
    Some(Group { name: seen.name.clone(), description, members, guests, tallyfy_id: None })
}

/// What only the first list has, and what only the second; nothing if they are equal.
fn compare<T: Ord + Clone>(wanted: &[T], has: &[T]) -> Option<(Vec<T>, Vec<T>)> {
    let (wanted, has): (BTreeSet<&T>, BTreeSet<&T>) = (wanted.iter().collect(), has.iter().collect());
    let only = |one: &BTreeSet<&T>, other| one.difference(other).map(|item| (*item).clone()).collect();
    (wanted != has).then(|| (only(&wanted, &has), only(&has, &wanted)))
}

fn folded(addresses: &[String]) -> Vec<String> {
    addresses.iter().map(|address| address.trim().to_lowercase()).collect()
}

/// The server may write one moment in several ways, and keep less of a second than it told at first.
fn is_same_moment(one: &str, other: &str) -> bool {
    let is_near = |one: Timestamp, other: Timestamp| one.duration_since(other).abs() < SignedDuration::from_secs(1);
    one == other || moment(one).zip(moment(other)).is_some_and(|(one, other)| is_near(one, other))
}

/// Whether a group may have been created by a request that left at one of these times.
pub(super) fn was_created_after(sent_ms: &SentTimes, created_at: &str) -> bool {
    let is_soon =
        |created_ms: i64, sent_ms: i64| (-CLOCKS_APART_MS..=LATE_MS).contains(&created_ms.saturating_sub(sent_ms));
    let may_be =
        |created: Timestamp| sent_ms.iter().any(|at| at.is_none_or(|at| is_soon(created.as_millisecond(), at)));
    moment(created_at).is_none_or(may_be)
}

/// With an offset, or in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let in_utc = || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    text.parse().ok().or_else(in_utc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupRef;

    fn sent() -> Group {
        Group {
            name: "Sales".to_owned(),
            description: Some("the team".to_owned()),
            members: vec![1, 2],
            guests: vec!["Ann@example.com".to_owned()],
            tallyfy_id: None,
        }
    }

    fn seen() -> ExistingGroup {
        ExistingGroup {
            group_ref: GroupRef {
                id: "g1".to_owned(),
                stamp: Some("2026-11-23T10:00:00Z".to_owned()),
                differences: None,
            },
            name: "Sales".to_owned(),
            description: Some("the team".to_owned()),
            members: Some(vec![2, 1]),
            guests: Some(vec!["ann@EXAMPLE.com".to_owned()]),
            created_at: None,
            is_deleted: false,
        }
    }

    #[test]
    fn what_was_changed_since_is_named_and_nothing_else_is() {
        let stamp = |text: &str| GroupRef { stamp: Some(text.to_owned()), ..seen().group_ref };
        let unknown = GroupRef { stamp: None, ..seen().group_ref };

        for (now, expected) in [
            (seen(), ""),
            (ExistingGroup { name: " Sales ".to_owned(), ..seen() }, ""),
            (ExistingGroup { members: Some(vec![1, 2, 2]), ..seen() }, ""),
            (ExistingGroup { description: None, members: None, guests: None, ..seen() }, ""),
            (
                ExistingGroup { group_ref: GroupRef { id: "g1".to_owned(), stamp: None, differences: None }, ..seen() },
                "",
            ),
            (ExistingGroup { group_ref: stamp("2026-11-23 10:00:00"), ..seen() }, ""),
            (ExistingGroup { group_ref: stamp("2026-11-23T11:00:00.000+01:00"), ..seen() }, ""),
            (ExistingGroup { group_ref: stamp("2026-11-23T10:00:00.999Z"), ..seen() }, ""),
            (ExistingGroup { name: "SALES".to_owned(), ..seen() }, "its name is `SALES`"),
            (ExistingGroup { name: "S\u{1b}[2J".to_owned(), ..seen() }, "its name is `S\\u{1b}[2J`"),
            (ExistingGroup { description: Some(String::new()), ..seen() }, "description"),
            (ExistingGroup { members: Some(vec![]), ..seen() }, "-1 -2"),
            (ExistingGroup { members: Some(vec![1, 2, 3]), ..seen() }, "+3"),
            (ExistingGroup { guests: Some(vec![]), ..seen() }, "-guest ann@example.com"),
            (
                ExistingGroup { group_ref: stamp("2026-11-24T10:00:00Z"), ..seen() },
                "changed on the server at 2026-11-24T10:00:00Z",
            ),
            (
                ExistingGroup { group_ref: stamp("2026-11-23T09:59:59Z"), ..seen() },
                "changed on the server at 2026-11-23T09:59:59Z",
            ),
            (ExistingGroup { group_ref: stamp("17"), ..seen() }, "changed on the server at 17"),
            (
                ExistingGroup { name: "X".to_owned(), guests: Some(vec![]), group_ref: stamp("17"), ..seen() },
                "its name is `X`; -guest ann@example.com; changed on the server at 17",
            ),
        ] {
            let changes = changes(&sent(), &seen().group_ref, &now);
            assert_eq!(changes.unwrap_or_default(), expected, "{now:?}");
        }
        assert_eq!(
            changes(&sent(), &unknown, &ExistingGroup { group_ref: stamp("17"), ..seen() }),
            None,
            "not known at its creation"
        );
    }

    #[test]
    fn a_group_that_the_server_made_otherwise_is_unchanged_as_long_as_it_is_as_it_was_made() {
        let made = ExistingGroup { members: Some(vec![1]), ..seen() };
        let group_ref = GroupRef { differences: altered(&sent(), &made), ..seen().group_ref };
        assert_eq!(changes(&sent(), &group_ref, &made), None);
        let renamed = ExistingGroup { name: "SALES".to_owned(), ..made.clone() };
        assert_eq!(changes(&sent(), &group_ref, &renamed).unwrap(), "its name is `SALES`; -2");
        let touched = GroupRef { stamp: Some("2026-11-24T10:00:00Z".to_owned()), ..seen().group_ref };
        assert!(changes(&sent(), &group_ref, &ExistingGroup { group_ref: touched, ..made }).is_some());
    }

    #[test]
    fn a_group_is_given_the_guests_that_it_lacks_beside_those_that_it_has() {
        let guests = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let completed = |shown: Option<&str>| {
            let seen = ExistingGroup { guests: shown.map(guests), ..seen() };
            let sent = Group { guests: guests("Ann@x.org bob@x.org"), ..sent() };
            super::completed(sent, &seen).map_or(String::new(), |group| group.guests.join(" "))
        };
        assert_eq!(completed(Some("bob@x.org ann@x.org")), "");
        assert_eq!(completed(Some("new@x.org ANN@x.org bob@x.org new@x.org")), "");
        assert_eq!(completed(Some("new@x.org ann@x.org")), "new@x.org ann@x.org bob@x.org");
        assert_eq!(completed(Some("")), "Ann@x.org bob@x.org");
        assert_eq!(completed(None), "Ann@x.org bob@x.org", "what is not shown may be lacking");
    }

    #[test]
    fn a_group_that_lacks_guests_is_sent_whole_as_it_is_shown_and_otherwise_as_it_was_sent() {
        let shown = ExistingGroup { name: "SALES".to_owned(), description: Some("theirs".to_owned()), ..seen() };
        let whole =
            completed(sent(), &ExistingGroup { members: Some(vec![9]), guests: None, ..shown.clone() }).unwrap();
        assert_eq!(
            (whole.name.as_str(), whole.description.as_deref(), whole.members),
            ("SALES", Some("theirs"), vec![9])
        );
        let whole =
            completed(sent(), &ExistingGroup { description: None, members: None, guests: None, ..shown }).unwrap();
        assert_eq!((whole.description, whole.members), (sent().description, sent().members));
        let blank = ExistingGroup { description: Some(" ".to_owned()), guests: None, ..seen() };
        assert_eq!(completed(sent(), &blank).unwrap().description, None, "a blank one is refused");
    }

    #[test]
    fn no_description_is_the_same_as_a_blank_one() {
        let none = Group { description: None, members: Vec::new(), guests: Vec::new(), ..sent() };
        let blank =
            ExistingGroup { description: Some("  ".to_owned()), members: Some(vec![]), guests: Some(vec![]), ..seen() };
        assert_eq!(changes(&none, &seen().group_ref, &blank), None);
    }
}
