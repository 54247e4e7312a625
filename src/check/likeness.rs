//! Names that are different and look or read almost the same. Pure.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

use crate::model::is_invisible;

/// How two different names are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Nobody can tell them apart by looking (Unicode TS 39, "confusable").
    Look,
    /// They differ in nothing but punctuation, spaces, accents or case.
    Letters,
}

/// How two different names are alike, if they are.
#[must_use]
pub fn likeness(one: &str, other: &str) -> Option<Likeness> {
    if look(one).eq(&look(other)) || look(&one.to_uppercase()).eq(&look(&other.to_uppercase())) {
        return Some(Likeness::Look);
    }
    let letters = |name: &str| {
        let folded = name.nfd().filter(|letter| !is_combining_mark(*letter)).default_case_fold();
        let mut kept = String::new();
        keep_letters(folded, |letter| kept.push(letter));
        kept
    };
    let (one, other) = (letters(one), letters(other));
    (!one.is_empty() && one == other).then_some(Likeness::Letters)
}

fn look(name: &str) -> String {
    let seen: String = name.chars().filter(|letter| !is_invisible(*letter)).collect();
    let spaced: Vec<&str> = seen.split_whitespace().collect();
    skeleton(&spaced.join(" ")).collect()
}

/// Writes what all names that may be alike have in common; few others have it. Empty where there is no letter.
pub(super) fn rough(name: &str, out: &mut String) {
    out.clear();
    let mut push = |letter: char| match letter {
        'i' | '1' | 'l' => out.push('l'),
        'o' | '0' => out.push('0'),
        'm' => out.push_str("rn"),
        other => out.push(other),
    };
    if name.is_ascii() {
        return keep_letters(name.bytes().map(|byte| char::from(byte.to_ascii_lowercase())), push);
    }
    let capitals = name.nfd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_uppercase);
    let mut seen = String::new();
    for capital in capitals {
        if capital.is_ascii() {
            seen.push(capital.to_ascii_lowercase());
        } else {
            let mut buffer = [0; 4];
            let alike = skeleton(capital.encode_utf8(&mut buffer)).filter(|letter| !is_combining_mark(*letter));
            seen.extend(alike.flat_map(char::to_lowercase));
        }
    }
    keep_letters(seen.chars(), &mut push);
}

/// Gives the letters and digits; between two digits, whatever parts them is one dot: 1-11 is not 11-1.
fn keep_letters(letters: impl Iterator<Item = char>, mut push: impl FnMut(char)) {
    let (mut is_after_digit, mut is_parted) = (false, false);
    for letter in letters {
        if letter.is_alphanumeric() {
            let is_digit = letter.is_numeric();
            if is_after_digit && is_parted && is_digit {
                push('.');
            }
            push(letter);
            (is_after_digit, is_parted) = (is_digit, false);
        } else {
            is_parted = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_rough(one: &str, other: &str) -> bool {
        let (mut first, mut second) = (String::new(), String::new());
        rough(one, &mut first);
        rough(other, &mut second);
        first == second
    }

    #[test]
    fn names_that_nobody_can_tell_apart_are_alike() {
        for (one, other) in [
            ("Sales", "S\u{430}les"),
            ("Team", "\u{422}eam"),
            ("TEAM", "\u{442}eam"),
            ("Sales", "Sa\u{200b}les"),
            ("Ops 1", "Ops l"),
            ("Level O", "Level 0"),
            ("Field Ops", "Field\u{a0} Ops"),
            ("Ｓales", "Sales"),
        ] {
            assert_eq!(likeness(one, other), Some(Likeness::Look), "{one} {other}");
            assert!(is_rough(one, other), "{one} {other}");
        }
    }

    #[test]
    fn names_that_differ_in_punctuation_accents_or_case_alone_are_alike() {
        for (one, other) in
            [("Field Ops", "Field-ops"), ("Büro", "Buro"), ("R&D Team", "R D-Team."), ("Тест-А", "тест а")]
        {
            assert_eq!(likeness(one, other), Some(Likeness::Letters), "{one} {other}");
            assert!(is_rough(one, other), "{one} {other}");
        }
    }

    #[test]
    fn other_names_are_not_alike() {
        for (one, other) in [
            ("Sales", "Sale"),
            ("Site 1-11", "Site 11-1"),
            ("Site 1.1", "Site 11"),
            ("Mali", "Mail"),
            ("!!", "??"),
            ("東京", "京都"),
        ] {
            assert_eq!(likeness(one, other), None, "{one} {other}");
        }
        assert!(!is_rough("Site 1-11", "Site 11-1"));
    }
}
