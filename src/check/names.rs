//! The table of names seen so far: which row had a name first. Also finds names that only look equal. Pure.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use unicode_security::confusable_detection::skeleton;

use crate::model::{MatchNames, NameKey, is_common};

/// What identifies a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameKeys {
    /// Equal for equal names.
    pub name: NameKey,
    /// The key of the name in plain letters, if it has letters of another script that look like them. Hardly any name has.
    plain: Option<Box<NameKey>>,
}

impl NameKeys {
    /// The keys of a name.
    #[must_use]
    pub fn of(name: &str, matching: MatchNames) -> Self {
        let plain = plain(name).map(|plain| Box::new(matching.key(&plain)));
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
    let is_changed = !is_common(name) && name.chars().any(|letter| plain_letter(letter).is_some());
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

/// The names of all valid rows, and which row had each first. Some 30 bytes a name.
#[derive(Debug)]
pub struct Names {
    matching: MatchNames,
    first: NameTable,
    /// By their plain keys, the names with letters of other scripts.
    plain: NameTable,
    /// By their contents, the rows that are merged with others of their name.
    contents: NameTable,
}

impl Names {
    /// No names yet.
    #[must_use]
    pub fn new(matching: MatchNames) -> Self {
        Self { matching, first: NameTable::new(), plain: NameTable::new(), contents: NameTable::new() }
    }

    /// Adds the names of the rows from this one on, and says which of them an earlier row has.
    pub fn add_all(&mut self, keys: &[Option<NameKeys>], first: u32) -> Vec<Option<Earlier>> {
        keys.iter().zip(first..).map(|(keys, row)| self.add(keys.as_ref()?, row)).collect()
    }

    /// Adds the name of a row, unless an earlier row has it.
    fn add(&mut self, keys: &NameKeys, row: u32) -> Option<Earlier> {
        if let Some(earlier) = self.first.add(keys.name, row) {
            return Some(Earlier::Same(earlier));
        }
        let Some(plain) = keys.plain.as_deref().copied() else {
            return self.plain.get(keys.name).map(Earlier::Confusable);
        };
        let earlier = self.first.get(plain).filter(|first| *first != row);
        earlier.or(self.plain.add(plain, row)).map(Earlier::Confusable)
    }

    /// Adds the contents of a row, unless an earlier row has the same: gives that row then.
    pub fn add_contents(&mut self, contents: NameKey, row: u32) -> Option<u32> {
        self.contents.add(contents, row)
    }

    /// Adds a key without comparing: of a row that was read by an earlier run.
    pub fn restore(&mut self, key: NameKey, row: u32) {
        self.first.add(key, row);
    }

    /// The first row of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u32> {
        self.first.get(self.matching.key(name))
    }
}

/// The first row of each key. The tables have the beginning of each key and its index, so that they stay small; there are
/// many, by the last byte of the key, because a large one takes long to grow, and nothing is checked meanwhile.
#[derive(Debug)]
struct NameTable {
    rows: Vec<(NameKey, u32)>,
    indexes: Vec<HashTable<(u32, u32)>>,
}

impl NameTable {
    fn new() -> Self {
        Self { rows: Vec::new(), indexes: vec![HashTable::new(); 256] }
    }

    /// Adds a key, unless an earlier row has it: gives that row then.
    fn add(&mut self, key: NameKey, row: u32) -> Option<u32> {
        let Self { rows, indexes } = self;
        let start = start(key);
        let is_same = |(other, index): &(u32, u32)| *other == start && rows[*index as usize].0 == key;
        match indexes[usize::from(key.0[15])].entry(hash(start), is_same, |(start, _)| hash(*start)) {
            Entry::Occupied(earlier) => Some(rows[earlier.get().1 as usize].1),
            Entry::Vacant(free) => {
                free.insert((start, u32::try_from(rows.len()).unwrap_or(u32::MAX)));
                rows.push((key, row));
                None
            }
        }
    }

    fn get(&self, key: NameKey) -> Option<u32> {
        let start = start(key);
        let is_same = |(other, index): &(u32, u32)| *other == start && self.rows[*index as usize].0 == key;
        self.indexes[usize::from(key.0[15])].find(hash(start), is_same).map(|(_, index)| self.rows[*index as usize].1)
    }
}

/// The beginning of a key. Keys are parts of a SHA-256, so it is a hash.
fn start(NameKey([b0, b1, b2, b3, ..]): NameKey) -> u32 {
    u32::from_le_bytes([b0, b1, b2, b3])
}

/// The table uses the low bits and the high ones.
fn hash(start: u32) -> u64 {
    u64::from(start) << 32 | u64::from(start)
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
    fn common_letters_look_like_no_letter_of_ascii() {
        let shape = |letter: char| skeleton(&letter.to_string()).collect::<String>();
        let looks_plain = |letter: &char| matches!(shape(*letter).as_bytes(), [byte] if byte.is_ascii_alphanumeric());
        let found: String = ('\0'..=char::MAX)
            .filter(|letter| !letter.is_ascii() && is_common(letter.encode_utf8(&mut [0; 4])))
            .filter(looks_plain)
            .collect();
        assert_eq!(found, "");
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
}
