//! The keys seen so far: each is of one group, and a group has one. Pure.

use hashbrown::HashMap;

/// The keys of groups, by their hashes. A group is the number of its first row.
#[derive(Debug, Default)]
pub struct Keys {
    groups: HashMap<u64, u32>,
    keys: HashMap<u32, u64>,
}

impl Keys {
    /// Adds the key of a group, unless it is that of another group, or the group has another one: gives the first row of that group.
    pub fn add(&mut self, key: u64, group: u32) -> Option<u32> {
        let other = self.groups.get(&key).copied().filter(|other| *other != group);
        let same = self.keys.get(&group).filter(|known| **known != key).map(|_| group);
        let conflict = other.or(same);
        if conflict.is_none() {
            self.groups.insert(key, group);
            self.keys.insert(group, key);
        }
        conflict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_one_group_and_a_group_has_one_key() {
        let mut keys = Keys::default();
        let added = [(1, 0), (2, 1), (1, 0), (1, 2), (3, 1), (3, 2)].map(|(key, group)| keys.add(key, group));
        assert_eq!(added, [None, None, None, Some(0), Some(1), None]);
    }
}
