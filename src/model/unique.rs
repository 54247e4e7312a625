//! Lists in which every entry stands once. Pure.

use std::collections::HashSet;
use std::hash::Hash;

/// Up to this length a list is searched entry by entry.
const SHORT: usize = 16;

/// Keeps the entries of one list apart, by their keys once it is long.
#[derive(Debug)]
pub struct Unique<K>(HashSet<K>);

impl<K> Default for Unique<K> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<K: Hash + Eq> Unique<K> {
    /// Adds an entry, unless the list has it; says whether it was added. `key` is equal for entries that are `same`.
    pub fn push<T>(
        &mut self,
        list: &mut Vec<T>,
        entry: T,
        same: impl Fn(&T, &T) -> bool,
        key: impl Fn(&T) -> K,
    ) -> bool {
        if list.len() == SHORT {
            self.0.extend(list.iter().map(&key));
        }
        let is_short = list.len() < SHORT;
        let is_new = if is_short { !list.iter().any(|other| same(other, &entry)) } else { self.0.insert(key(&entry)) };
        if is_new {
            list.push(entry);
        }
        is_new
    }
}
