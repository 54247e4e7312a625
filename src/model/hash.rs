//! Hashes that are compared within one process, and kept nowhere.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

/// The same for equal values.
pub fn hash(value: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}
