//! In what two groups, and two names, differ. Pure.

use std::collections::HashSet;

use crate::model::{Field, Group, OnDuplicate, shown, with_line_feeds};

/// The group of an earlier row, ready to be compared with many: what stands in long lists is found at once.
pub(super) struct Known {
    pub(super) group: Group,
    members: HashSet<u64>,
    guests: HashSet<String>,
}

impl Known {
    pub(super) fn of(group: Group) -> Self {
        let members = group.members.iter().copied().collect();
        let guests = group.guests.iter().map(|guest| guest.to_ascii_lowercase()).collect();
        Self { group, members, guests }
    }

    /// The fields but the name in which another group differs; the order of members and guests says nothing, nor do line
    /// ends.
    pub(super) fn differences(&self, other: &Group) -> Vec<Field> {
        let differs = [
            (Field::Description, self.has_other_description(other)),
            (Field::Members, other.members.len() != self.members.len() || self.lacks_members(other)),
            (Field::Guests, other.guests.len() != self.guests.len() || self.lacks_guests(other)),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
    }

    /// The fields of which the other group says something that is not in this one, and is not added to it.
    pub(super) fn lost(&self, other: &Group, on_duplicate: OnDuplicate) -> Vec<Field> {
        let is_added = on_duplicate == OnDuplicate::Merge;
        let lost = [
            (Field::Description, other.description.is_some() && self.has_other_description(other)),
            (Field::Members, !is_added && self.lacks_members(other)),
            (Field::Guests, !is_added && self.lacks_guests(other)),
        ];
        lost.into_iter().filter(|(_, is_lost)| *is_lost).map(|(field, _)| field).collect()
    }

    fn has_other_description(&self, other: &Group) -> bool {
        let plain = |group: &Group| group.description.as_deref().map(with_line_feeds);
        self.group.description != other.description && plain(&self.group) != plain(other)
    }

    fn lacks_members(&self, other: &Group) -> bool {
        other.members.iter().any(|member| !self.members.contains(member))
    }

    fn lacks_guests(&self, other: &Group) -> bool {
        other.guests.iter().any(|guest| !self.guests.contains(&guest.to_ascii_lowercase()))
    }
}

/// Where two names that look the same part, by their characters' numbers.
pub(super) fn first_difference(mine: &str, theirs: &str) -> String {
    let told = |letter: Option<char>| {
        let number = |letter| format!("`{}` (U+{:04X})", shown(&String::from(letter)), u32::from(letter));
        letter.map_or_else(|| "none".to_owned(), number)
    };
    let (mut one, mut other) = (mine.chars(), theirs.chars());
    for at in 1.. {
        match (one.next(), other.next()) {
            (Some(one), Some(other)) if one == other => {}
            (one, other) => return format!("character {at}: {} here, {} there", told(one), told(other)),
        }
    }
    String::new()
}
