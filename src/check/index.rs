//! Which row has which name, in a few bytes a row: names themselves are not kept, so whoever asks compares them. Pure.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::likeness::Rough;
use crate::model::MatchNames;

/// What stands for one name in the index: equal for two names that are the same or alike, and hardly ever for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameKey {
    /// For names that are the same.
    same: u64,
    /// For names that are alike; none for a name without letters.
    alike: Option<u64>,
}

/// Makes the keys of names. Nobody outside this process can foresee them, and so make names collide.
#[derive(Debug, Clone)]
pub struct NameKeys {
    matching: MatchNames,
    hasher: RandomState,
    rough: Rough,
    text: String,
}

impl NameKeys {
    /// For names that are the same by this rule.
    #[must_use]
    pub fn new(matching: MatchNames) -> Self {
        Self { matching, hasher: RandomState::new(), rough: Rough::default(), text: String::new() }
    }

    /// The key of one name.
    pub fn of(&mut self, name: &str) -> NameKey {
        self.matching.canonical(name, &mut self.text);
        let same = self.hasher.hash_one(self.text.as_bytes());
        self.rough.of(name, &mut self.text);
        let alike = (!self.text.is_empty()).then(|| self.hasher.hash_one(self.text.as_bytes()));
        NameKey { same, alike }
    }
}

/// The first row of each name, 10 to 21 bytes a row, and as many again for names that are alike.
#[derive(Debug, Default)]
pub struct NameIndex {
    same: Shards,
    alike: Shards,
}

impl NameIndex {
    /// Notes the name of a row, or gives the earlier row that has it: `is_it` says of a row whether it does.
    ///
    /// # Errors
    /// That of `is_it`; the name is not noted then.
    pub fn note<E>(
        &mut self,
        key: NameKey,
        row: u32,
        is_it: impl FnMut(u32) -> Result<bool, E>,
    ) -> Result<Option<u32>, E> {
        self.same.find_or_insert(key.same, row, is_it)
    }

    /// Notes a name that no earlier row has, or gives the first row whose name may be like it.
    pub fn note_alike(&mut self, key: NameKey, row: u32) -> Option<u32> {
        let found = self.alike.find_or_insert(key.alike?, row, |_| Ok::<_, std::convert::Infallible>(true));
        found.unwrap_or_default()
    }
}

/// Tables that grow one after the other, so that growing takes little memory at a time.
#[derive(Debug)]
struct Shards(Vec<HashTable<Entry>>);

/// Part of a name's hash, and its row.
#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u32,
    row: u32,
}

impl Default for Shards {
    fn default() -> Self {
        Self(vec![HashTable::new(); 256])
    }
}

impl Shards {
    fn find_or_insert<E>(
        &mut self,
        hash: u64,
        row: u32,
        mut is_it: impl FnMut(u32) -> Result<bool, E>,
    ) -> Result<Option<u32>, E> {
        let [shard, _, _, _, tag @ ..] = hash.to_be_bytes();
        let tag = u32::from_be_bytes(tag);
        let table = &mut self.0[usize::from(shard)];
        let mut failed = None;
        let found = table.find(spread(tag), |entry| {
            entry.tag == tag
                && failed.is_none()
                && is_it(entry.row).unwrap_or_else(|error| {
                    failed = Some(error);
                    false
                })
        });
        let found = found.map(|entry| entry.row);
        if let Some(error) = failed {
            return Err(error);
        }
        if found.is_none() {
            table.insert_unique(spread(tag), Entry { tag, row }, |entry| spread(entry.tag));
        }
        Ok(found)
    }
}

/// The table takes its place from the lowest bits and a check from the highest.
fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_of_a_name_is_found_among_many() {
        let mut keys = NameKeys::new(MatchNames::Folded);
        let mut index = NameIndex::default();
        let names: Vec<String> = (0..20_000).map(|number| format!("Group {number}")).collect();
        for (row, name) in (0..).zip(&names) {
            let is_it = |earlier: u32| Ok::<_, ()>(names[earlier as usize] == *name);
            assert_eq!(index.note(keys.of(name), row, is_it), Ok(None), "{name}");
        }
        for (row, name) in (0..).zip(&names) {
            let key = keys.of(&name.to_uppercase());
            assert_eq!(index.note(key, 99_999, |earlier| Ok::<_, ()>(earlier == row)), Ok(Some(row)));
        }
    }

    #[test]
    fn two_names_of_one_key_stay_two() {
        let key = NameKey { same: 7, alike: None };
        let mut index = NameIndex::default();
        let mut note = |row, names: &[u32]| index.note(key, row, |earlier| Ok::<_, ()>(names.contains(&earlier)));
        assert_eq!(note(1, &[]), Ok(None));
        assert_eq!(note(2, &[]), Ok(None));
        assert_eq!(note(3, &[2]), Ok(Some(2)));
        assert_eq!(note(4, &[1]), Ok(Some(1)));
    }

    #[test]
    fn a_name_that_cannot_be_compared_is_not_noted() {
        let key = NameKey { same: 7, alike: None };
        let mut index = NameIndex::default();
        assert_eq!(index.note(key, 1, |_| Ok::<_, ()>(true)), Ok(None));
        assert_eq!(index.note(key, 2, |_| Err(())), Err(()));
        assert_eq!(index.note(key, 3, |row| Ok::<_, ()>(row == 2)), Ok(None));
    }

    #[test]
    fn names_that_may_be_alike_are_found_by_the_first_of_them() {
        let mut keys = NameKeys::new(MatchNames::Exact);
        let mut index = NameIndex::default();
        let mut note = |name: &str, row| index.note_alike(keys.of(name), row);
        assert_eq!(note("Field Ops", 1), None);
        assert_eq!(note("Field-Ops", 2), Some(1));
        assert_eq!(note("F\u{456}eld Ops", 3), Some(1));
        assert_eq!((note("!", 4), note("?", 5)), (None, None));
    }
}
