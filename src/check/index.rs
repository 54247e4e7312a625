//! Which row has which name, in a few bytes a row: names themselves are not kept, so whoever asks compares them. Pure.

use std::hash::BuildHasher;
use std::hint::black_box;
use std::num::NonZeroU32;

use foldhash::fast::RandomState;

use super::likeness::Rough;
use crate::model::MatchNames;

/// What stands for one name in the index: equal for two names that are the same, in part for two that are alike, and hardly
/// ever for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameKey {
    /// The same for names that are the same. Not zero, so that a row without a key takes no more room.
    same: NonZeroU32,
    /// The same for names that are alike; that of `same` for a name without letters, which is like no other.
    alike: u32,
}

/// Makes the keys of names. Nobody outside this process can foresee them, and so make names collide.
#[derive(Debug, Clone)]
pub struct NameKeys {
    matching: MatchNames,
    hasher: RandomState,
    rough: Rough,
    text: String,
    letters: Vec<u8>,
}

impl NameKeys {
    /// For names that are the same by this rule.
    #[must_use]
    pub fn new(matching: MatchNames) -> Self {
        Self {
            matching,
            hasher: RandomState::default(),
            rough: Rough::default(),
            text: String::new(),
            letters: Vec::new(),
        }
    }

    /// The key of one name.
    pub fn of(&mut self, name: &str) -> NameKey {
        self.matching.canonical(name, &mut self.text);
        let same = NonZeroU32::new(self.hash(self.text.as_bytes())).unwrap_or(NonZeroU32::MIN);
        self.rough.of(&self.text, &mut self.letters);
        if self.letters.is_empty() {
            return NameKey { same, alike: same.get() };
        }
        // Not the same as `same` where the letters are all of the name: this byte is in no text.
        self.letters.push(u8::MAX);
        NameKey { same, alike: self.hash(&self.letters) }
    }

    fn hash(&self, bytes: &[u8]) -> u32 {
        let [a, b, c, d, ..] = self.hasher.hash_one(bytes).to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

/// What the index has of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing.
    None,
    /// Not it, but this row first had one that may be like it.
    Alike(u32),
    /// This row has it.
    Same(u32),
}

/// The first row of each name, in 11 to 23 bytes a name.
#[derive(Debug)]
pub struct NameIndex {
    /// Tables that grow one after the other, so that growing takes little memory at a time.
    shards: Vec<Shard>,
}

/// Parts of a name's hashes, and its row.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// 24 bits of the hash it is placed by (the other 8 choose the shard), and 8 of its other hash.
    tag: u32,
    /// Counted from 1, so that a free slot takes no more room.
    row: NonZeroU32,
}

impl Entry {
    fn new(place: u32, other: u32, row: u32) -> Self {
        Self { tag: (place << 8) | (other & 0xFF), row: NonZeroU32::MIN.saturating_add(row) }
    }

    /// Whether it is placed by this hash, as far as is known.
    fn is_at(self, place: u32) -> bool {
        self.tag >> 8 == place & 0x00FF_FFFF
    }

    fn row(self) -> u32 {
        self.row.get() - 1
    }
}

/// Entries, each in the slot of its hash or in one behind it. What is not found is noted where it was missed, so that a name
/// waits for one place of memory: that is why this is no table of a library.
#[derive(Debug, Clone, Default)]
struct Shard {
    /// None, or a power of two.
    slots: Vec<Option<Entry>>,
    used: usize,
}

impl Shard {
    const SLOTS_MIN: usize = 8;

    /// The slot that an entry of this hash is in if it can be.
    fn slot_of(&self, place: u32) -> usize {
        let spread = u64::from(place & 0x00FF_FFFF).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        ((spread * self.slots.len() as u64) >> 32) as usize
    }

    /// The slots that an entry of this hash may be in, in order.
    fn slots_of(&self, place: u32) -> impl Iterator<Item = usize> + use<> {
        let (first, count) = (self.slot_of(place), self.slots.len());
        (first..count).chain(0..first)
    }

    /// The entries placed by this hash.
    fn entries(&self, place: u32) -> impl Iterator<Item = Entry> {
        self.slots_of(place).map_while(|slot| self.slots[slot]).filter(move |entry| entry.is_at(place))
    }

    fn add(&mut self, entry: Entry) {
        // Fuller, and entries stand too far from their slots.
        if self.used * 10 >= self.slots.len() * 7 {
            let slots = vec![None; Self::SLOTS_MIN.max(2 * self.slots.len())];
            for entry in std::mem::replace(&mut self.slots, slots).into_iter().flatten() {
                self.put(entry);
            }
        }
        self.used += 1;
        self.put(entry);
    }

    fn put(&mut self, entry: Entry) {
        if let Some(slot) = self.slots_of(entry.tag >> 8).find(|slot| self.slots[*slot].is_none()) {
            self.slots[slot] = Some(entry);
        }
    }
}

impl Default for NameIndex {
    fn default() -> Self {
        Self { shards: vec![Shard::default(); 256] }
    }
}

impl NameIndex {
    /// Rows have numbers below this one.
    pub const ROWS_MAX: u32 = u32::MAX;

    /// So many names that are alike stand in one place; further ones each in their own, or they could take all day.
    const CROWD: u32 = 64;

    /// Brings what these keys need into the processor's cache: many together take hardly longer than one.
    pub fn look_ahead(&self, keys: &[Option<NameKey>]) {
        let is_used = |key: &&NameKey| {
            let shard = &self.shards[shard(key.alike)];
            shard.slots.get(shard.slot_of(key.alike)).is_some_and(Option::is_some)
        };
        // The count is of no use, and must not be left out for that.
        black_box(keys.iter().flatten().filter(is_used).count());
    }

    /// Notes the name of a row, unless an earlier row has it; `is_it` says of a row whether it does.
    ///
    /// # Errors
    /// That of `is_it`; the name is not noted then.
    pub fn note<E>(
        &mut self,
        key: NameKey,
        row: u32,
        mut is_it: impl FnMut(u32) -> Result<bool, E>,
    ) -> Result<Earlier, E> {
        let NameKey { same, alike } = key;
        let same = same.get();
        let mut entry = (alike, Entry::new(alike, same, row));
        let mut crowd = self.look(alike, entry.1, &mut is_it)?;
        let first = crowd.first;
        if crowd.same.is_none() && crowd.count >= Self::CROWD {
            entry = (same, Entry::new(same, alike, row));
            crowd = self.look(same, entry.1, &mut is_it)?;
        }
        if let Some(earlier) = crowd.same {
            return Ok(Earlier::Same(earlier));
        }
        self.shards[shard(entry.0)].add(entry.1);
        Ok(first.filter(|_| alike != same).map_or(Earlier::None, Earlier::Alike))
    }

    fn look<E>(&self, place: u32, wanted: Entry, is_it: &mut impl FnMut(u32) -> Result<bool, E>) -> Result<Crowd, E> {
        let mut crowd = Crowd::default();
        for entry in self.shards[shard(place)].entries(place) {
            crowd.count += 1;
            crowd.first = Some(crowd.first.map_or(entry.row(), |first| first.min(entry.row())));
            if entry.tag == wanted.tag && is_it(entry.row())? {
                crowd.same = Some(entry.row());
                break;
            }
        }
        Ok(crowd)
    }
}

/// The entries of one place.
#[derive(Debug, Default)]
struct Crowd {
    count: u32,
    first: Option<u32>,
    same: Option<u32>,
}

fn shard(place: u32) -> usize {
    usize::from(place.to_be_bytes()[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(same: u32) -> NameKey {
        NameKey { same: NonZeroU32::new(same).unwrap(), alike: same }
    }

    #[test]
    fn the_first_row_of_a_name_is_found_among_many() {
        let mut keys = NameKeys::new(MatchNames::Folded);
        let mut index = NameIndex::default();
        let names: Vec<String> = (0..20_000).map(|number| format!("Group {number}x")).collect();
        for (row, name) in (0..).zip(&names) {
            let is_it = |earlier: u32| Ok::<_, ()>(names[earlier as usize] == *name);
            assert_eq!(index.note(keys.of(name), row, is_it), Ok(Earlier::None), "{name}");
        }
        for (row, name) in (0..).zip(&names) {
            let key = keys.of(&name.to_uppercase());
            assert_eq!(index.note(key, 99_999, |earlier| Ok::<_, ()>(earlier == row)), Ok(Earlier::Same(row)));
        }
    }

    #[test]
    fn two_names_of_one_key_stay_two() {
        let mut index = NameIndex::default();
        let mut note = |row, names: &[u32]| index.note(key(7), row, |earlier| Ok::<_, ()>(names.contains(&earlier)));
        assert_eq!(note(1, &[]), Ok(Earlier::None));
        assert_eq!(note(2, &[]), Ok(Earlier::None));
        assert_eq!(note(3, &[2]), Ok(Earlier::Same(2)));
        assert_eq!(note(4, &[1]), Ok(Earlier::Same(1)));
    }

    #[test]
    fn a_name_that_cannot_be_compared_is_not_noted() {
        let mut index = NameIndex::default();
        assert_eq!(index.note(key(7), 1, |_| Ok::<_, ()>(true)), Ok(Earlier::None));
        assert_eq!(index.note(key(7), 2, |_| Err(())), Err(()));
        assert_eq!(index.note(key(7), 3, |row| Ok::<_, ()>(row == 2)), Ok(Earlier::None));
    }

    #[test]
    fn names_that_may_be_alike_are_found_by_the_first_of_them() {
        let mut keys = NameKeys::new(MatchNames::Exact);
        let mut index = NameIndex::default();
        let names = [
            "Lega1",
            "Field Ops",
            "Field-Ops",
            "F\u{456}eld Ops",
            "Field-Ops",
            "!",
            "?",
            "!",
            "legal",
            "sales",
            "sa1es",
        ];
        let mut note = |row: u32| {
            let name = names[row as usize];
            index.note(keys.of(name), row, |earlier| Ok::<_, ()>(names[earlier as usize] == name)).unwrap()
        };
        let found: Vec<Earlier> = (0..11).map(&mut note).collect();
        let alike = Earlier::Alike;
        assert_eq!(found[..5], [Earlier::None, Earlier::None, alike(1), alike(1), Earlier::Same(2)]);
        assert_eq!(found[5..8], [Earlier::None, Earlier::None, Earlier::Same(5)]);
        assert_eq!(found[8..], [alike(0), Earlier::None, alike(9)]);
    }

    #[test]
    fn a_crowd_of_names_that_are_alike_takes_no_longer_than_others() {
        let mut keys = NameKeys::new(MatchNames::Folded);
        let mut index = NameIndex::default();
        let names: Vec<String> =
            (0..3000_u32).map(|number| format!("A{number:b}").replace('1', "-").replace('0', "!")).collect();
        let mut compared = 0;
        for (row, name) in (0..).zip(names.iter().chain(&names)) {
            let found = index.note(keys.of(name), row, |earlier| {
                compared += 1;
                Ok::<_, ()>(names[earlier as usize] == *name)
            });
            let expected = match row {
                0 => Earlier::None,
                1..3000 => Earlier::Alike(0),
                again => Earlier::Same(again - 3000),
            };
            assert_eq!(found, Ok(expected), "{name}");
        }
        assert!(
            (3000..3000 + 64 * 6000 / 100).contains(&compared),
            "a name is hardly compared with others: {compared}"
        );
    }
}
