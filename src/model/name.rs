//! When two names are equal, and what happens then.

use caseless::Caseless;
use clap::ValueEnum;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// `--match-names`: when two names are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MatchNames {
    /// Case, outer and repeated spaces and Unicode composition do not matter
    #[default]
    Folded,
    /// Every character between the outer spaces matters
    Exact,
}

/// `--on-duplicate`: what happens to a row whose name an earlier row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OnDuplicate {
    /// The later row is a `duplicate`; only the first counts
    #[default]
    Skip,
    /// The group gets the members and guests of all its rows
    Merge,
    /// The later row is `invalid`
    Fail,
}

/// `--on-existing`: what happens to a row whose name the organization already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OnExisting {
    /// The row is `exists`; the group is not changed
    #[default]
    Skip,
    /// The row is `failed`
    Fail,
}

/// 128 bits of a SHA-256 over the folded name: equal for equal names. Journals keep it, so it must not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameKey(pub [u8; 16]);

impl MatchNames {
    /// The key of a name.
    pub fn key(self, name: &str) -> NameKey {
        let text = match self {
            Self::Exact => name.trim().to_owned(),
            Self::Folded => folded(name),
        };
        NameKey(Sha256::digest(text).first_chunk().copied().unwrap_or_default())
    }
}

/// Canonical caseless matching (Unicode 3.13, D145), with spaces folded.
fn folded(name: &str) -> String {
    // Of these letters none combines with another, and lower case is all there is to fold: most names need no more.
    let is_simple = |letter| {
        matches!(letter,
            ' '..='~' | 'À'..='Þ' | 'à'..='ÿ' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | '\u{3400}'..='\u{9fff}' | '가'..='힣')
    };
    if name.chars().all(is_simple) && !name.contains("  ") {
        return name.trim().to_lowercase();
    }
    let spaced = name.split_whitespace().collect::<Vec<_>>().join(" ");
    spaced.nfd().default_case_fold().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_spaces_or_composition_are_equal() {
        for (one, other) in [
            ("東京 Büro", "  東京\tbÜRO "),
            ("Sales", "  sALES "),
            ("Field\u{a0} Ops", "field ops"),
            ("Région", "RE\u{301}GION"),
            ("Straße", "STRASSE"),
            ("İstanbul", "i\u{307}stanbul"),
        ] {
            assert_eq!(MatchNames::Folded.key(one), MatchNames::Folded.key(other), "{one} {other}");
        }
    }

    #[test]
    fn every_letter_is_folded_by_the_same_rules() {
        let letters = ('!'..='\u{30ff}').chain(('\u{3100}'..=char::MAX).step_by(99));
        for letter in letters.filter(|letter| !letter.is_whitespace()) {
            let text = letter.to_string();
            let folded: String = text.nfd().default_case_fold().nfc().collect();
            assert_eq!(super::folded(&text), folded, "{letter:?}");
        }
    }

    #[test]
    fn names_that_differ_otherwise_are_not_equal() {
        for (one, other) in [("Sales", "Sale s"), ("Büro", "Buro"), ("A", "А"), ("50%", "50")] {
            assert_ne!(MatchNames::Folded.key(one), MatchNames::Folded.key(other), "{one} {other}");
        }
    }

    #[test]
    fn exact_names_ignore_only_outer_spaces() {
        assert_eq!(MatchNames::Exact.key(" Sales "), MatchNames::Exact.key("Sales"));
        assert_ne!(MatchNames::Exact.key("sales"), MatchNames::Exact.key("Sales"));
        assert_ne!(MatchNames::Exact.key("Field  Ops"), MatchNames::Exact.key("Field Ops"));
    }
}
