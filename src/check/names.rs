//! Names seen so far: the first valid row of a name wins. Also finds names that only look equal. Pure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use unicode_security::confusable_detection::skeleton;

use crate::model::{MatchNames, NameKey};

/// What identifies a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameKeys {
    /// Equal for equal names.
    pub name: NameKey,
    /// The key of the name in plain letters, if it has letters of another script that look like them.
    plain: Option<NameKey>,
}

impl NameKeys {
    /// The keys of a name.
    #[must_use]
    pub fn of(name: &str, matching: MatchNames) -> Self {
        let plain = plain(name).map(|plain| matching.key(&plain));
        Self { name: matching.key(name), plain }
    }
}

/// The name with every letter that looks like one of ASCII replaced by it; `None` for a plain name (Unicode TS 39,
/// "confusable").
fn plain(name: &str) -> Option<String> {
    if name.is_ascii() {
        return None;
    }
    let mut is_changed = false;
    let plain_letter = |letter: char| {
        if letter.is_ascii() {
            return None;
        }
        let mut buffer = [0; 4];
        let mut shape = skeleton(letter.encode_utf8(&mut buffer));
        shape.next().filter(|plain| plain.is_ascii_alphanumeric() && shape.next().is_none())
    };
    let plain = name
        .chars()
        .map(|letter| {
            let plain = plain_letter(letter);
            is_changed |= plain.is_some();
            plain.unwrap_or(letter)
        })
        .collect();
    is_changed.then_some(plain)
}

/// What an earlier row has to do with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// This row has the same name.
    Same(u32),
    /// This row has a name that looks like it.
    Confusable(u32),
}

type NameMap = HashMap<NameKey, u32, BuildHasherDefault<KeyHasher>>;

/// Takes eight bytes of a key for its hash: keys are parts of a SHA-256.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(self.0, |first| u64::from_le_bytes(*first));
    }

    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The names of all valid rows, and which row had each first. Some 45 bytes a name.
#[derive(Debug, Default)]
pub struct Names {
    matching: MatchNames,
    first: NameMap,
    /// By their plain keys, the names with letters of other scripts.
    plain: NameMap,
}

impl Names {
    /// No names yet.
    #[must_use]
    pub fn new(matching: MatchNames) -> Self {
        Self { matching, ..Self::default() }
    }

    /// Adds the name of a row, unless an earlier row has it.
    pub fn add(&mut self, keys: NameKeys, row: u32) -> Option<Earlier> {
        match self.first.entry(keys.name) {
            Entry::Occupied(earlier) => return Some(Earlier::Same(*earlier.get())),
            Entry::Vacant(free) => free.insert(row),
        };
        let Some(plain) = keys.plain else {
            return if self.plain.is_empty() { None } else { self.plain.get(&keys.name).copied() }
                .map(Earlier::Confusable);
        };
        let earlier = self.first.get(&plain).filter(|first| **first != row).or(self.plain.get(&plain)).copied();
        self.plain.entry(plain).or_insert(row);
        earlier.map(Earlier::Confusable)
    }

    /// Adds a key without comparing: of a row that was read by an earlier run.
    pub fn restore(&mut self, key: NameKey, row: u32) {
        self.first.insert(key, row);
    }

    /// The first row of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u32> {
        self.first.get(&self.matching.key(name)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_of_a_name_wins() {
        let mut names = Names::new(MatchNames::Folded);
        let mut add = |name: &str, row| names.add(NameKeys::of(name, MatchNames::Folded), row);
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
            assert_eq!(seen.add(one, 1), None);
            assert_eq!(seen.add(other, 2), found.then_some(Earlier::Confusable(1)), "{names:?}");
        }
    }
}
