//! The groups of one name.

use crate::model::{ExistingGroup, Tag};

/// What the groups of a name say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No group has the name.
    None,
    /// One group has it.
    One(Tag),
    /// Several groups have it.
    Many {
        /// The one seen first.
        first: Tag,
        /// How many.
        count: usize,
    },
}

impl Found {
    /// Of groups whose names are equal to `name`.
    #[must_use]
    pub fn of(name: &str, groups: &[ExistingGroup]) -> Self {
        match *best(name, groups).as_slice() {
            [] => Self::None,
            [one] => Self::One(one.tag.clone()),
            [first, ref others @ ..] => Self::Many { first: first.tag.clone(), count: 1 + others.len() },
        }
    }
}

/// The groups whose name agrees in every character, else all of these, whose names are equal. Each is there once: a list that
/// changes while it is read may show one twice.
#[must_use]
pub fn best<'a>(name: &str, groups: &'a [ExistingGroup]) -> Vec<&'a ExistingGroup> {
    let mut all: Vec<&ExistingGroup> = Vec::new();
    for group in groups {
        if !all.iter().any(|known| known.tag.id == group.tag.id) {
            all.push(group);
        }
    }
    let has_exact = all.iter().any(|group| group.name.trim() == name.trim());
    all.retain(|group| !has_exact || group.name.trim() == name.trim());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: &str, name: &str) -> ExistingGroup {
        serde_json::from_value(serde_json::json!({"id": id, "name": name})).unwrap()
    }

    #[test]
    fn an_exact_name_wins_and_no_group_counts_twice() {
        let mut groups = Vec::new();
        assert_eq!(Found::of("Sales", &groups), Found::None);
        groups.extend([group("a", "SALES"), group("a", "SALES")]);
        let tag = |id: &str| group(id, "").tag;
        assert_eq!(Found::of("Sales", &groups), Found::One(tag("a")));
        groups.push(group("b", "sales"));
        assert_eq!(Found::of("Sales", &groups), Found::Many { first: tag("a"), count: 2 });
        groups.push(group("c", "Sales"));
        assert_eq!(Found::of("Sales", &groups), Found::One(tag("c")));
        groups.push(group("d", " Sales"));
        assert_eq!(Found::of("Sales", &groups), Found::Many { first: tag("c"), count: 2 });
    }
}
