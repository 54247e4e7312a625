//! In what two groups, and two names, differ. Pure.

use std::collections::BTreeSet;

use crate::model::{Field, Group, with_line_feeds};

/// The fields but the name in which two groups differ; the order of members and guests says nothing, nor do line ends.
pub(super) fn differences(mine: &Group, theirs: &Group) -> Vec<Field> {
    let members = |group: &Group| group.members.iter().copied().collect::<BTreeSet<u64>>();
    let guests = |group: &Group| group.guests.iter().map(|guest| guest.to_ascii_lowercase()).collect::<BTreeSet<_>>();
    let description = |group: &Group| group.description.as_deref().map(with_line_feeds);
    let differs = [
        (Field::Description, description(mine) != description(theirs)),
        (Field::Members, members(mine) != members(theirs)),
        (Field::Guests, guests(mine) != guests(theirs)),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

/// Where two names that look the same part, by their characters' numbers.
pub(super) fn first_difference(mine: &str, theirs: &str) -> String {
    let told = |letter: Option<char>| {
        letter.map_or_else(|| "none".to_owned(), |letter| format!("U+{:04X}", u32::from(letter)))
    };
    let (mut one, mut other) = (mine.chars(), theirs.chars());
    for at in 1.. {
        match (one.next(), other.next()) {
            (Some(one), Some(other)) if one == other => {}
            (one, other) => return format!("character {at} is {} here and {} there", told(one), told(other)),
        }
    }
    String::new()
}
