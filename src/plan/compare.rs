//! Whether a group still says what was sent (for `undo`), and whether a group that turned up is ours (for rows in doubt). Pure.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::{ExistingGroup, Group, Tag, best, shortened};

/// What is not as it was sent, each in a few words; what the server does not show is not compared. `stamp` is when the
/// group was last changed, as the server told it at its creation.
#[must_use]
pub fn changes(sent: &Group, stamp: Option<&str>, seen: &ExistingGroup) -> Vec<String> {
    let mut changes = differences(sent, seen);
    if let (Some(before), Some(now)) = (stamp, seen.tag.stamp.as_deref())
        && !is_same_moment(before, now)
    {
        changes.push(format!("changed on the server at {}", shortened(now)));
    }
    changes
}

/// The groups that have the name of a row in doubt, as far as they tell what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// None has it.
    Absent,
    /// This one is ours: it alone has the name, and it says what was sent. It may lack guests.
    Ours(Tag),
    /// Which of them is ours, or whether any is, is not known: why.
    Unclear(String),
}

/// Which of the groups of its name is a row's that was sent and whose answer is lost. A name that agrees in every
/// character goes before one that is only as good as the same.
#[must_use]
pub fn claim(sent: &Group, seen: &[ExistingGroup]) -> Claim {
    match best(&sent.name, seen).as_slice() {
        [] => Claim::Absent,
        [one] => {
            // The guest quota may have refused the others.
            let shown = folded(one.guests.as_deref().unwrap_or_default());
            let invited = sent.guests.iter().filter(|guest| shown.contains(&fold(guest))).cloned().collect();
            let other = differences(&Group { guests: invited, ..sent.clone() }, one);
            if other.is_empty() {
                return Claim::Ours(one.tag.clone());
            }
            let id = shortened(&one.tag.id);
            Claim::Unclear(format!(
                "a group of this name is there ({id}), but not as it was sent: {}",
                other.join("; ")
            ))
        }
        many => {
            let count = many.len();
            Claim::Unclear(format!("{count} groups have this name, and it is not known which one this row created"))
        }
    }
}

/// What a group is to become if it does not show all guests of its row: the whole group, as an update must send it. It keeps
/// what it shows, which somebody may have changed since, and gets the guests that it lacks. `None` if it shows all.
pub(crate) fn completed(sent: Group, seen: &ExistingGroup) -> Option<Group> {
    let mut guests = seen.guests.clone().unwrap_or_default();
    let shown = folded(&guests);
    let lacking: Vec<String> = sent.guests.into_iter().filter(|guest| !shown.contains(&fold(guest))).collect();
    if lacking.is_empty() {
        return None;
    }
    guests.extend(lacking);
    let description = seen.description.clone().or(sent.description).filter(|text| !text.trim().is_empty());
    let members = seen.members.clone().unwrap_or(sent.members);
    Some(Group { name: seen.name.clone(), description, members, guests, tallyfy_id: None })
}

fn differences(sent: &Group, seen: &ExistingGroup) -> Vec<String> {
    let mut differences = Vec::new();
    if seen.name.trim() != sent.name.trim() {
        differences.push(format!("renamed to {}", shortened(seen.name.trim())));
    }
    let mut note = |is_same: Option<bool>, what: &str| {
        if is_same == Some(false) {
            differences.push(what.to_owned());
        }
    };
    let described = sent.description.as_deref().unwrap_or_default().trim();
    note(seen.description.as_ref().map(|text| text.trim() == described), "another description");
    note(seen.members.as_ref().map(|ids| set(ids) == set(&sent.members)), "other members");
    note(seen.guests.as_ref().map(|guests| folded(guests) == folded(&sent.guests)), "other guests");
    differences
}

fn set(ids: &[u64]) -> BTreeSet<u64> {
    ids.iter().copied().collect()
}

fn folded(addresses: &[String]) -> BTreeSet<String> {
    addresses.iter().map(|address| fold(address)).collect()
}

fn fold(address: &str) -> String {
    address.trim().to_lowercase()
}

/// The server may write one moment in several ways, and keep less of a second than it told at first.
fn is_same_moment(one: &str, other: &str) -> bool {
    let is_near = |one: Timestamp, other: Timestamp| one.duration_since(other).abs() < SignedDuration::from_secs(1);
    one == other || moment(one).zip(moment(other)).is_some_and(|(one, other)| is_near(one, other))
}

/// With an offset, or in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let in_utc = || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    text.parse().ok().or_else(in_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            tag: Tag { id: "g1".to_owned(), stamp: Some("2026-11-23T10:00:00Z".to_owned()) },
            name: "Sales".to_owned(),
            description: Some("the team".to_owned()),
            members: Some(vec![2, 1]),
            guests: Some(vec!["ann@EXAMPLE.com".to_owned()]),
            is_deleted: false,
        }
    }

    #[test]
    fn what_was_changed_since_is_named_and_nothing_else_is() {
        let stamp = |text: &str| Tag { id: "g1".to_owned(), stamp: Some(text.to_owned()) };
        let same: Vec<String> = Vec::new();
        for (now, expected) in [
            (seen(), &[][..]),
            (ExistingGroup { name: " Sales ".to_owned(), ..seen() }, &[]),
            (ExistingGroup { members: Some(vec![1, 2, 2]), ..seen() }, &[]),
            (ExistingGroup { description: None, members: None, guests: None, ..seen() }, &[]),
            (ExistingGroup { tag: Tag { id: "g1".to_owned(), stamp: None }, ..seen() }, &[]),
            (ExistingGroup { tag: stamp("2026-11-23 10:00:00"), ..seen() }, &[]),
            (ExistingGroup { tag: stamp("2026-11-23T11:00:00.000+01:00"), ..seen() }, &[]),
            (ExistingGroup { tag: stamp("2026-11-23T10:00:00.999Z"), ..seen() }, &[]),
            (ExistingGroup { name: "SALES".to_owned(), ..seen() }, &["renamed to SALES"]),
            (ExistingGroup { name: "S\u{1b}[2J".to_owned(), ..seen() }, &["renamed to S\\u{1b}[2J"]),
            (ExistingGroup { description: Some(String::new()), ..seen() }, &["another description"]),
            (ExistingGroup { members: Some(vec![]), ..seen() }, &["other members"]),
            (ExistingGroup { members: Some(vec![1, 2, 3]), ..seen() }, &["other members"]),
            (ExistingGroup { guests: Some(vec![]), ..seen() }, &["other guests"]),
            (
                ExistingGroup { tag: stamp("2026-11-24T10:00:00Z"), ..seen() },
                &["changed on the server at 2026-11-24T10:00:00Z"],
            ),
            (
                ExistingGroup { tag: stamp("2026-11-23T09:59:59Z"), ..seen() },
                &["changed on the server at 2026-11-23T09:59:59Z"],
            ),
            (ExistingGroup { tag: stamp("17"), ..seen() }, &["changed on the server at 17"]),
            (
                ExistingGroup { name: "X".to_owned(), guests: Some(vec![]), tag: stamp("17"), ..seen() },
                &["renamed to X", "other guests", "changed on the server at 17"],
            ),
        ] {
            assert_eq!(changes(&sent(), Some("2026-11-23T10:00:00Z"), &now), expected, "{now:?}");
        }
        assert_eq!(
            changes(&sent(), None, &ExistingGroup { tag: stamp("17"), ..seen() }),
            same,
            "not known at its creation"
        );
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
        assert!(changes(&none, None, &blank).is_empty());
    }

    #[test]
    fn a_group_that_turned_up_is_ours_only_if_it_is_alone_and_says_what_was_sent() {
        let named = |name: &str, id: &str| ExistingGroup {
            tag: Tag { id: id.to_owned(), stamp: None },
            name: name.to_owned(),
            ..seen()
        };
        let ours = |id: &str| Claim::Ours(Tag { id: id.to_owned(), stamp: None });
        assert_eq!(claim(&sent(), &[]), Claim::Absent);
        assert_eq!(claim(&sent(), &[named("Sales", "a")]), ours("a"));
        assert_eq!(claim(&sent(), &[named("SALES", "a"), named("Sales", "b")]), ours("b"));
        for unclear in [
            vec![named("Sales", "a"), named("Sales", "b")],
            vec![named("SALES", "a")],
            vec![ExistingGroup { members: Some(vec![9]), ..named("Sales", "a") }],
        ] {
            assert!(matches!(claim(&sent(), &unclear), Claim::Unclear(_)), "{unclear:?}");
        }
    }
}
