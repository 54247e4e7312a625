//! In what an existing group differs from a row, or from what was sent. Pure.

use std::collections::BTreeSet;
use std::fmt::Display;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::{ExistingGroup, Field, Group, GroupRef, ListChange, lacking, parted, person_key, shortened};

/// When each attempt of a row began that may have been applied: by the server's clock, in Unix milliseconds, if known.
pub(super) type SentTimes = [Option<i64>];

/// How far the clocks of a server's machines may be apart, in milliseconds.
const CLOCKS_APART_MS: i64 = 60_000;
/// How long after its attempt began a request may leave and arrive, in milliseconds.
const LATE_MS: i64 = 3_600_000;

/// How many people of a difference are named.
const NAMED_MAX: usize = 10;

/// What a list of differences is about.
#[derive(Clone, Copy)]
pub(super) enum Towards {
    /// What would have to change in the existing group to make it the desired one.
    Desired,
    /// What has changed in the desired group to make it the existing one.
    Existing,
}

/// In what a desired group and an existing one differ, by field and in words. What the server does not show is not compared.
pub(super) fn differences(desired: &Group, existing: &ExistingGroup, towards: Towards) -> Vec<(Field, String)> {
    let (name, described) = (existing.name.trim(), desired.description.as_deref().unwrap_or_default().trim());
    let name = (name != desired.name.trim()).then(|| format!("its name is `{}`", shortened(name)));
    let other = existing.description.as_ref().filter(|text| text.trim() != described);
    let members = existing.members.as_deref().and_then(|has| people("", &desired.members, has, towards));
    let folded = |guests: &[String]| guests.iter().map(person_key).collect::<Vec<_>>();
    let wanted = folded(&desired.guests);
    let guests = existing.guests.as_deref().and_then(|has| people("guest ", &wanted, &folded(has), towards));
    let description = other.map(|_| "description".to_owned());
    let fields = [Field::Name, Field::Description, Field::Members, Field::Guests];
    let words = fields.into_iter().zip([name, description, members, guests]);
    words.filter_map(|(field, words)| Some((field, words?))).collect()
}

/// The people to add and to remove; nothing if the lists are equal.
fn people<T: Display + Ord>(kind: &str, desired: &[T], existing: &[T], towards: Towards) -> Option<String> {
    let [desired, existing] = [desired, existing].map(|people| people.iter().collect::<BTreeSet<_>>());
    let (before, after) = match towards {
        Towards::Desired => (existing, desired),
        Towards::Existing => (desired, existing),
    };
    let (add, remove) = (after.difference(&before).collect(), before.difference(&after).collect());
    let change = ListChange { add, remove, kept: Vec::new() };
    let mut signed = change.signed(|person| format!("{kind}{person}"));
    let named: Vec<String> = signed.by_ref().take(NAMED_MAX).collect();
    let more = match signed.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| named.join(" ") + &more)
}

/// A list of differences for a person; `None` if it is empty.
pub(super) fn in_words(differences: Vec<(Field, String)>) -> Option<String> {
    let list: Vec<String> = differences.into_iter().map(|(_, words)| words).collect();
    (!list.is_empty()).then(|| list.join("; "))
}

/// In what the server made a group otherwise than it was sent; nothing if it is the same, as far as the answer shows.
pub(crate) fn altered(sent: &Group, made: &ExistingGroup) -> Option<String> {
    in_words(differences(sent, made, Towards::Desired)).map(|list| format!("the server made it otherwise: {list}"))
}

/// What was changed in a group since it was sent and made, in words.
pub fn changes(sent: &Group, made: &GroupRef, seen: &ExistingGroup) -> Option<String> {
    let is_as_made = made.differences.is_some() && altered(sent, seen) == made.differences;
    let changes = if is_as_made { Vec::new() } else { differences(sent, seen, Towards::Existing) };
    let is_later = |now: &&str| made.stamp.as_deref().is_some_and(|before| !is_same_moment(before, now));
    let now = seen.group_ref.stamp.as_deref().filter(is_later);
    let later = now.map(|now| format!("changed on the server at {}", shortened(now)));
    let changes = in_words(changes).map(|changes| format!("changed since: {changes}"));
    let all: Vec<String> = changes.into_iter().chain(later).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// The part of a group that an existing group shows: the guest quota may have refused the other guests.
pub(super) fn invited(sent: &Group, seen: &ExistingGroup) -> Group {
    Group { guests: parted(&sent.guests, seen.guests.as_deref().unwrap_or_default()).0, ..sent.clone() }
}

/// What a group is to become if it does not show all guests of its row: the whole group, as an update must send it. It keeps
/// what it shows, which somebody may have changed since, and gets the guests that it lacks. `None` if it shows all.
pub(crate) fn completed(sent: Group, seen: &ExistingGroup) -> Option<Group> {
    let shown = seen.guests.clone().unwrap_or_default();
    let lacking = lacking(&sent.guests, &shown);
    if lacking.is_empty() {
        return None;
    }
    let guests = [shown, lacking].concat();
    let description = seen.description.clone().or(sent.description).filter(|text| !text.trim().is_empty());
    let members = seen.members.clone().unwrap_or(sent.members);
    Some(Group { name: seen.name.clone(), description, members, guests, ..Group::default() })
}

/// The server may write one moment in several ways, and keep less of a second than it told at first.
fn is_same_moment(one: &str, other: &str) -> bool {
    let is_near = |one: Timestamp, other: Timestamp| one.duration_since(other).abs() < SignedDuration::from_secs(1);
    one == other || moment(one).zip(moment(other)).is_some_and(|(one, other)| is_near(one, other))
}

/// Whether a group may have been created by a request that left at one of these times.
pub(super) fn was_created_after(sent_ms: &SentTimes, created_at: &str) -> bool {
    let is_soon = |created_ms: i64, sent_ms| (-CLOCKS_APART_MS..=LATE_MS).contains(&created_ms.saturating_sub(sent_ms));
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
            ..Group::default()
        }
    }

    fn seen() -> ExistingGroup {
        ExistingGroup {
            group_ref: GroupRef {
                id: "g1".to_owned(),
                stamp: Some("2026-11-23T10:00:00Z".to_owned()),
                differences: None,
                texts: None,
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
            (ExistingGroup { group_ref: GroupRef::new("g1"), ..seen() }, ""),
            (ExistingGroup { group_ref: stamp("2026-11-23 10:00:00"), ..seen() }, ""),
            (ExistingGroup { group_ref: stamp("2026-11-23T11:00:00.000+01:00"), ..seen() }, ""),
            (ExistingGroup { group_ref: stamp("2026-11-23T10:00:00.999Z"), ..seen() }, ""),
            (ExistingGroup { name: "SALES".to_owned(), ..seen() }, "changed since: its name is `SALES`"),
            (ExistingGroup { name: "S\u{1b}[2J".to_owned(), ..seen() }, "changed since: its name is `S\\u{1b}[2J`"),
            (ExistingGroup { description: Some(String::new()), ..seen() }, "changed since: description"),
            (ExistingGroup { members: Some(vec![]), ..seen() }, "changed since: -1 -2"),
            (ExistingGroup { members: Some(vec![1, 2, 3]), ..seen() }, "changed since: +3"),
            (ExistingGroup { guests: Some(vec![]), ..seen() }, "changed since: -guest ann@example.com"),
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
                "changed since: its name is `X`; -guest ann@example.com; changed on the server at 17",
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
        assert_eq!(changes(&sent(), &group_ref, &renamed).unwrap(), "changed since: its name is `SALES`; -2");
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
