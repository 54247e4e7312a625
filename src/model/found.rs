//! What lists show of one name.

use crate::model::Tag;

/// The groups of one name that were seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sightings {
    same: Vec<Tag>,
    /// Those of them whose name agrees in every character.
    exact: Vec<Tag>,
}

/// What all sightings together say.
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

impl Sightings {
    /// A group was seen that has the name. A list that changes while it is read may show one twice.
    pub fn add(&mut self, group: &Tag, is_exact: bool) {
        let add = |groups: &mut Vec<Tag>| {
            if !groups.iter().any(|known| known.id == group.id) {
                groups.push(group.clone());
            }
        };
        add(&mut self.same);
        if is_exact {
            add(&mut self.exact);
        }
    }

    /// What they say. A name that agrees in every character goes before one that is only as good as the same.
    #[must_use]
    pub fn found(&self) -> Found {
        let groups = if self.exact.is_empty() { &self.same } else { &self.exact };
        match groups.as_slice() {
            [] => Found::None,
            [one] => Found::One(one.clone()),
            [first, ..] => Found::Many { first: first.clone(), count: groups.len() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(id: &str) -> Tag {
        Tag { id: id.to_owned(), stamp: None }
    }

    #[test]
    fn the_name_itself_goes_before_its_likes_and_no_group_counts_twice() {
        let mut seen = Sightings::default();
        assert_eq!(seen.found(), Found::None);
        seen.add(&tag("a"), false);
        seen.add(&tag("a"), false);
        assert_eq!(seen.found(), Found::One(tag("a")));
        seen.add(&tag("b"), false);
        assert_eq!(seen.found(), Found::Many { first: tag("a"), count: 2 });
        seen.add(&tag("c"), true);
        assert_eq!(seen.found(), Found::One(tag("c")));
        seen.add(&tag("d"), true);
        assert_eq!(seen.found(), Found::Many { first: tag("c"), count: 2 });
    }
}
