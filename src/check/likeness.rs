//! Names that are different and look or read almost the same. Pure.

use caseless::Caseless;
use hashbrown::HashMap;
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
        let mut out = Vec::new();
        let mut kept = Kept { out: &mut out, is_after_digit: false, is_parted: false };
        let folded = name.nfd().filter(|letter| !is_combining_mark(*letter)).default_case_fold();
        folded.for_each(|letter| kept.keep(letter));
        out
    };
    let (one, other) = (letters(one), letters(other));
    (!one.is_empty() && one == other).then_some(Likeness::Letters)
}

fn look(name: &str) -> String {
    let seen: String = name.chars().filter(|letter| !is_invisible(*letter)).collect();
    let spaced: Vec<&str> = seen.split_whitespace().collect();
    skeleton(&spaced.join(" ")).collect()
}

/// Makes what all names that may be alike have in common, and few others. Remembers what it made of a character.
#[derive(Debug, Clone, Default)]
pub(super) struct Rough {
    known: HashMap<char, Box<str>>,
}

impl Rough {
    /// How many characters are remembered.
    const KNOWN_MAX: usize = 20_000;

    /// Writes it; empty where there is no letter.
    pub(super) fn of(&mut self, name: &str, out: &mut Vec<u8>) {
        if name.is_ascii() {
            return rough_ascii(name.as_bytes(), out);
        }
        out.clear();
        let mut kept = Kept { out, is_after_digit: false, is_parted: false };
        for letter in name.chars() {
            if let Ok(byte @ 0..0x80) = u8::try_from(letter) {
                kept.keep_roughly(byte);
                continue;
            }
            if self.known.len() > Self::KNOWN_MAX {
                self.known.clear();
            }
            for letter in self.known.entry(letter).or_insert_with(|| rough_letter(letter)).chars() {
                match u8::try_from(letter) {
                    Ok(byte @ 0..0x80) => kept.keep_roughly(byte),
                    _ => kept.keep(letter),
                }
            }
        }
    }
}

/// A character beyond ASCII without accent and case, as a look-alike of the simplest kind.
fn rough_letter(letter: char) -> Box<str> {
    let capitals =
        std::iter::once(letter).nfd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_uppercase);
    let mut rough = String::new();
    for capital in capitals {
        let mut buffer = [0; 4];
        let alike = skeleton(capital.encode_utf8(&mut buffer)).filter(|letter| !is_combining_mark(*letter));
        rough.extend(alike.flat_map(char::to_lowercase));
    }
    rough.into()
}

/// Letters and digits on their way; between two digits, whatever parts them is one dot: 1-11 is not 11-1.
struct Kept<'a> {
    out: &'a mut Vec<u8>,
    is_after_digit: bool,
    is_parted: bool,
}

impl Kept<'_> {
    fn keep(&mut self, letter: char) {
        if letter.is_alphanumeric() {
            self.part(letter.is_numeric());
            self.out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            self.is_parted = true;
        }
    }

    /// Letters and digits of ASCII that are taken for one another become one.
    fn keep_roughly(&mut self, byte: u8) {
        match ROUGH[usize::from(byte & 0x7F)] {
            0 => self.is_parted = true,
            b'm' => {
                self.part(false);
                self.out.extend_from_slice(b"rn");
            }
            rough => {
                self.part(byte.is_ascii_digit());
                self.out.push(rough);
            }
        }
    }

    fn part(&mut self, is_digit: bool) {
        if self.is_parted && self.is_after_digit && is_digit {
            self.out.push(b'.');
        }
        (self.is_after_digit, self.is_parted) = (is_digit, false);
    }
}

/// The same as [`Kept::keep_roughly`] for each byte, in one go, as most names are ASCII.
fn rough_ascii(name: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.resize(2 * name.len(), 0);
    let (mut length, mut is_after_digit, mut is_parted) = (0, false, false);
    for byte in name {
        let (rough, is_digit) = (ROUGH[usize::from(byte & 0x7F)], byte.is_ascii_digit());
        if is_parted && is_after_digit && is_digit {
            out[length] = b'.';
            length += 1;
        }
        out[length] = rough;
        if rough == b'm' {
            out[length..length + 2].copy_from_slice(b"rn");
            length += 1;
        }
        length += usize::from(rough != 0);
        is_after_digit = if rough == 0 { is_after_digit } else { is_digit };
        is_parted = rough == 0;
    }
    out.truncate(length);
}

/// What becomes of each character of ASCII; 0 for those that are no letters and no digits.
const ROUGH: [u8; 128] = {
    let mut rough = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        rough[byte as usize] = match byte {
            b'i' | b'I' | b'l' | b'L' | b'1' => b'l',
            b'o' | b'O' | b'0' => b'0',
            b'2'..=b'9' | b'a'..=b'z' => byte,
            b'A'..=b'Z' => byte.to_ascii_lowercase(),
            _ => 0,
        };
        byte += 1;
    }
    rough
};

#[cfg(test)]
mod tests {
    use super::*;

    fn is_rough(one: &str, other: &str) -> bool {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        Rough::default().of(one, &mut first);
        Rough::default().of(other, &mut second);
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
    fn ascii_is_made_rough_in_one_go_as_it_is_byte_by_byte() {
        for name in ["", "m", "mm mm", "Site 1-11", "1 1", "Ops 7 East", "-- a--", "O0 Il1 rn", "9.", "~Team~"] {
            let (mut whole, mut single) = (Vec::new(), Vec::new());
            rough_ascii(name.as_bytes(), &mut whole);
            let mut kept = Kept { out: &mut single, is_after_digit: false, is_parted: false };
            name.bytes().for_each(|byte| kept.keep_roughly(byte));
            assert_eq!(whole, single, "{name}");
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
