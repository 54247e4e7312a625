//! When two names are the same, and what is done then.

use caseless::Caseless;
use clap::ValueEnum;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// `--match-names`: when two names are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MatchNames {
    /// Case, outer and repeated spaces and Unicode composition do not matter
    #[default]
    Folded,
    /// Every character between the outer spaces matters
    Exact,
}

/// `--on-duplicate`: what becomes of a row whose name an earlier row has.
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

/// `--on-existing`: what becomes of a row whose name the organization already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OnExisting {
    /// The row is `exists`; the group is not touched
    #[default]
    Skip,
    /// The row is `failed`
    Fail,
}

/// 128 bits that stand for a name: equal for two names that are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(pub [u8; 16]);

impl MatchNames {
    /// The identity of a name.
    #[must_use]
    pub fn identity(self, name: &str) -> Identity {
        let mut canonical = String::new();
        self.canonical(name, &mut canonical);
        let mut half = [0; 16];
        half.copy_from_slice(&Sha256::digest(canonical.as_bytes())[..16]);
        Identity(half)
    }

    /// Whether two names are the same.
    #[must_use]
    pub fn same(self, one: &str, other: &str) -> bool {
        let (mut first, mut second) = (String::new(), String::new());
        self.canonical(one, &mut first);
        self.canonical(other, &mut second);
        first == second
    }

    /// Writes what all names have in common that are the same, and no others.
    pub fn canonical(self, name: &str, out: &mut String) {
        out.clear();
        match self {
            Self::Folded => fold(name, out),
            Self::Exact => out.push_str(name.trim()),
        }
    }
}

/// Canonical caseless matching (Unicode 3.13, D145), spaces folded.
fn fold(name: &str, out: &mut String) {
    if is_plain(name) {
        out.push_str(name);
        return out.make_ascii_lowercase();
    }
    if !fold_simply(name, out) {
        let words: Vec<&str> = name.split_whitespace().collect();
        out.clear();
        out.extend(words.join(" ").nfd().default_case_fold().nfc());
    }
}

/// Whether folding makes the capitals of ASCII small and nothing else.
fn is_plain(name: &str) -> bool {
    let bytes = name.as_bytes();
    let [first, rest @ ..] = bytes else { return true };
    // All at once: that is faster than to stop at the first.
    let pairs = bytes.iter().zip(rest);
    let is_even = pairs.fold(true, |even, pair| even & !matches!(pair, (0..b' ' | 0x7F, _) | (b' ', b' ')));
    let has_edge = [first, bytes.last().unwrap_or(first)].iter().any(|byte| **byte <= b' ' || **byte == 0x7F);
    let is_settled = |letter: char| {
        letter.is_ascii() || matches!(letter, '\u{e0}'..='\u{f6}' | '\u{f8}'..='\u{ff}') || is_without_case(letter)
    };
    is_even && !has_edge && (name.is_ascii() || name.chars().all(is_settled))
}

/// The scripts of East Asia have no case.
fn is_without_case(letter: char) -> bool {
    matches!(letter, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// Folds a name of characters that each have one other; false if there is any that has not.
fn fold_simply(name: &str, out: &mut String) -> bool {
    let mut is_parted = false;
    out.reserve(name.len());
    for letter in name.chars() {
        if letter == ' ' || (!letter.is_ascii_graphic() && letter.is_whitespace()) {
            is_parted = !out.is_empty();
            continue;
        }
        if !letter.is_ascii() && !is_simple(letter) {
            return false;
        }
        if is_parted {
            out.push(' ');
            is_parted = false;
        }
        match letter {
            '\0'..='\u{7f}' => out.push(letter.to_ascii_lowercase()),
            // The capitals of Latin-1 stand 32 before their small letters; the scripts of East Asia have none.
            '\u{c0}'..='\u{de}' => out.extend(char::from_u32(u32::from(letter) + 32)),
            '\u{df}'..='\u{ff}' | '\u{3041}'.. => out.push(letter),
            _ => out.extend(letter.to_lowercase()),
        }
    }
    true
}

/// Characters beyond ASCII of which folding makes one other, whatever stands beside them: Latin letters with accents, and
/// those that have no case.
fn is_simple(letter: char) -> bool {
    matches!(letter,
        '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{de}' | '\u{e0}'..='\u{f6}' | '\u{f8}'..='\u{12f}'
        | '\u{131}'..='\u{137}' | '\u{139}'..='\u{148}' | '\u{14a}'..='\u{17e}')
        || is_without_case(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_spaces_or_composition_are_folded_into_one() {
        for (one, other) in [
            ("東京 Büro", "  東京\tbÜRO "),
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
    fn the_short_way_folds_as_the_long_one() {
        let is_short = |letter: &char| letter.is_ascii() || is_simple(*letter);
        let simple: Vec<char> = ('\0'..='\u{d7ff}').filter(is_short).collect();
        let pool: Vec<char> = " aB.\t\u{7f}\u{a0}éÉß東\u{301}İﬁΣ".chars().collect();
        let mixed =
            (0..pool.len().pow(4)).map(|number| [1, 15, 225, 3375].map(|place| pool[number / place % pool.len()]));
        let names = simple.windows(2).chain(simple.chunks(97)).map(|letters| letters.iter().rev().collect());
        for name in names.chain(mixed.map(|letters| letters.iter().collect::<String>())) {
            let words: Vec<&str> = name.split_whitespace().collect();
            let long: String = words.join(" ").nfd().default_case_fold().nfc().collect();
            let mut short = String::new();
            fold(&name, &mut short);
            assert_eq!(short, long, "{name:?}");
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
