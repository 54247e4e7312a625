//! Names seen so far: the first row that has one wins.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::model::{Identity, MatchNames};

/// The names of all good rows, and which row had each first. Grows by some 40 bytes a name.
#[derive(Debug, Default)]
pub struct Names<K> {
    matching: MatchNames,
    first: HashMap<Identity, K>,
}

impl<K: Copy> Names<K> {
    /// No names yet.
    #[must_use]
    pub fn new(matching: MatchNames) -> Self {
        Self { matching, first: HashMap::new() }
    }

    /// Notes that `row` has this name; gives the earlier row that had it.
    pub fn note(&mut self, name: &str, row: K) -> Option<K> {
        match self.first.entry(self.matching.identity(name)) {
            Entry::Occupied(earlier) => Some(*earlier.get()),
            Entry::Vacant(free) => {
                free.insert(row);
                None
            }
        }
    }

    /// The row that has this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<K> {
        self.first.get(&self.matching.identity(name)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_of_a_name_wins() {
        let mut names = Names::new(MatchNames::Folded);
        assert_eq!(names.note("Sales", 1), None);
        assert_eq!(names.note("Support", 2), None);
        assert_eq!(names.note(" sales ", 3), Some(1));
        assert_eq!(names.note("SALES", 4), Some(1));
        assert_eq!(names.get("support"), Some(2));
        assert_eq!(names.get("Legal"), None);
    }
}
