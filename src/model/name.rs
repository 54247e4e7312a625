//! When two names are the same, and what is done then.

use std::borrow::Cow;

use caseless::Caseless;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// `--match-names`: when two names are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatchNames {
    /// When they differ only in case, outer and repeated spaces, or Unicode composition.
    #[default]
    Folded,
    /// When every character between the outer spaces is the same.
    Exact,
}

/// `--on-duplicate`: what becomes of a row whose name an earlier row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDuplicate {
    /// The first row wins.
    #[default]
    Skip,
    /// The first row takes over the members and guests of the later ones.
    Merge,
    /// The later row is invalid.
    Fail,
}

/// `--on-existing`: what becomes of a row whose name the organization already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnExisting {
    /// It is settled as `exists`.
    #[default]
    Skip,
    /// It is settled as `failed`.
    Fail,
}

/// 128 bits that stand for a name: equal for two names that are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(pub [u8; 16]);

impl MatchNames {
    /// The identity of a name.
    #[must_use]
    pub fn identity(self, name: &str) -> Identity {
        let canonical = match self {
            Self::Folded => Cow::Owned(fold(name)),
            Self::Exact => Cow::Borrowed(name.trim()),
        };
        let mut half = [0; 16];
        half.copy_from_slice(&Sha256::digest(canonical.as_bytes())[..16]);
        Identity(half)
    }

    /// Whether two names are the same.
    #[must_use]
    pub fn same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Folded => fold(one) == fold(other),
            Self::Exact => one.trim() == other.trim(),
        }
    }
}

/// Canonical caseless matching (Unicode 3.13, D145), spaces folded.
fn fold(name: &str) -> String {
    if name.is_ascii() {
        return spaces_folded(name).to_ascii_lowercase();
    }
    spaces_folded(name).nfd().default_case_fold().nfc().collect()
}

fn spaces_folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_spaces_or_composition_are_folded_into_one() {
        for (one, other) in [
            ("Sales", "  sALES "),
            ("Field\u{a0} Ops", "field ops"),
            ("Région", "RE\u{301}GION"),
            ("Straße", "STRASSE"),
            ("İstanbul", "i\u{307}stanbul"),
        ] {
            assert!(MatchNames::Folded.same(one, other), "{one} {other}");
            assert_eq!(MatchNames::Folded.identity(one), MatchNames::Folded.identity(other));
        }
    }

    #[test]
    fn names_that_differ_otherwise_stay_apart() {
        for (one, other) in [("Sales", "Sale s"), ("Büro", "Buro"), ("A", "А"), ("50%", "50")] {
            assert!(!MatchNames::Folded.same(one, other), "{one} {other}");
            assert_ne!(MatchNames::Folded.identity(one), MatchNames::Folded.identity(other));
        }
    }

    #[test]
    fn exact_names_ignore_nothing_but_outer_spaces() {
        assert!(MatchNames::Exact.same(" Sales ", "Sales"));
        assert!(!MatchNames::Exact.same("sales", "Sales"));
        assert!(!MatchNames::Exact.same("Field  Ops", "Field Ops"));
        assert_ne!(MatchNames::Exact.identity("sales"), MatchNames::Exact.identity("Sales"));
    }
}
