//! The names seen so far: which row had a name first. Also finds names that only look equal. The keys seen so far: each is of one
//! group, and a group has one. Pure.

use std::hash::Hash;

use hashbrown::HashMap;
use unicode_security::confusable_detection::skeleton;

use super::Contents;
use crate::model::{MatchNames, NameKey};

/// What identifies a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameKeys {
    /// Equal for equal names.
    pub name: NameKey,
    /// The key of the name in plain letters, if it has letters of another script that look like them. Hardly any name has.
    plain: Option<NameKey>,
}

impl NameKeys {
    /// The keys of a name.
    pub fn of(name: &str, matching: MatchNames) -> Self {
        let plain = plain(name).map(|plain| matching.key(&plain));
        Self { name: matching.key(name), plain }
    }
}

/// The name with every letter that looks like one of ASCII replaced by it; `None` for a plain name (Unicode TS 39,
/// "confusable").
fn plain(name: &str) -> Option<String> {
    let plain_letter = |letter: char| {
        if letter.is_ascii() {
            return None;
        }
        let mut buffer = [0; 4];
        let mut shape = skeleton(letter.encode_utf8(&mut buffer));
        shape.next().filter(|plain| plain.is_ascii_alphanumeric() && shape.next().is_none())
    };
    let is_changed = name.chars().any(|letter| plain_letter(letter).is_some());
    is_changed.then(|| name.chars().map(|letter| plain_letter(letter).unwrap_or(letter)).collect())
}

/// What an earlier row has to do with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// This row has the same name.
    Same(u32),
    /// This row has a name that looks like it.
    Confusable(u32),
}

/// The names of all valid rows, and which row had each first. Some tens of bytes a name.
#[derive(Debug, Default)]
pub struct Names {
    matching: MatchNames,
    first: HashMap<NameKey, u32>,
    /// By their plain keys, the names with letters of other scripts.
    plain: HashMap<NameKey, u32>,
    /// By their contents, the rows that are merged with others of their name.
    contents: HashMap<(NameKey, Contents), u32>,
}

impl Names {
    /// No names yet.
    pub fn new(matching: MatchNames) -> Self {
        Self { matching, ..Self::default() }
    }

    /// Adds the name of a row, unless an earlier row has it; says which one does, or has a name that looks like it.
    pub fn add(&mut self, keys: &NameKeys, row: u32) -> Option<Earlier> {
        if let Some(earlier) = earlier(&mut self.first, keys.name, row) {
            return Some(Earlier::Same(earlier));
        }
        let Some(plain) = keys.plain else {
            return self.plain.get(&keys.name).copied().map(Earlier::Confusable);
        };
        let found = self.first.get(&plain).copied().filter(|first| *first != row);
        found.or(earlier(&mut self.plain, plain, row)).map(Earlier::Confusable)
    }

    /// Adds the contents of a row, unless an earlier row of its name has the same: gives that row then.
    pub fn add_contents(&mut self, keys: &NameKeys, contents: Contents, row: u32) -> Option<u32> {
        earlier(&mut self.contents, (keys.name, contents), row)
    }

    /// Adds a key without comparing: of a row that was read by an earlier run.
    pub fn restore(&mut self, key: NameKey, row: u32) {
        self.first.entry(key).or_insert(row);
    }

    /// The first row of the name with these keys.
    pub fn first(&self, keys: &NameKeys) -> Option<u32> {
        self.first.get(&keys.name).copied()
    }

    /// The first row of a name.
    pub fn get(&self, name: &str) -> Option<u32> {
        self.first.get(&self.matching.key(name)).copied()
    }
}

/// Adds the key of a row, unless an earlier row has it: gives that row then.
fn earlier<K: Hash + Eq>(rows: &mut HashMap<K, u32>, key: K, row: u32) -> Option<u32> {
    let first = *rows.entry(key).or_insert(row);
    (first != row).then_some(first)
}

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
    fn the_first_row_of_a_name_wins() {
        let mut names = Names::new(MatchNames::Folded);
        let mut add = |name: &str, row| names.add(&NameKeys::of(name, MatchNames::Folded), row);
        assert_eq!(add("Sales", 1), None);
        assert_eq!(add("Support", 2), None);
        assert_eq!(add(" sales ", 3), Some(Earlier::Same(1)));
        assert_eq!(add("SALES", 4), Some(Earlier::Same(1)));
        assert_eq!((names.get("support"), names.get("Legal")), (Some(2), None));
    }

    #[test]
    fn a_name_in_letters_of_another_script_is_found_whichever_comes_first() {
        for (names, found) in [
            (["Sales", "S\u{430}les"], true),
            (["\u{422}eam", "team"], true),
            (["S\u{430}les", "Sa\u{43b}es"], false),
            (["S\u{430}les", "Sal\u{435}s"], true),
            (["Büro", "Buro"], false),
            (["東京", "京都"], false),
        ] {
            let mut seen = Names::new(MatchNames::Folded);
            let [one, other] = names.map(|name| NameKeys::of(name, MatchNames::Folded));
            assert_eq!(seen.add(&one, 1), None);
            assert_eq!(seen.add(&other, 2), found.then_some(Earlier::Confusable(1)), "{names:?}");
        }
    }

    #[test]
    fn a_key_is_of_one_group_and_a_group_has_one_key() {
        let mut keys = Keys::default();
        let added = [(1, 0), (2, 1), (1, 0), (1, 2), (3, 1), (3, 2)].map(|(key, group)| keys.add(key, group));
        assert_eq!(added, [None, None, None, Some(0), Some(1), None]);
    }
}
