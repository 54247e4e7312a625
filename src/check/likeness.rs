//! Names that are different and look or read almost the same. Pure.

use std::collections::HashMap;

use caseless::Caseless;
use foldhash::fast::RandomState;
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
    known: HashMap<char, Piece, RandomState>,
}

/// What becomes of a character beyond ASCII.
#[derive(Debug, Clone)]
enum Piece {
    /// Letters, and no digits among them: they are written as they are here.
    Letters(Box<[u8]>),
    /// Anything else, to be looked at one by one.
    Mixed(Box<str>),
}

impl Rough {
    /// How many characters are remembered.
    const KNOWN_MAX: usize = 20_000;

    /// Writes it; empty where there is no letter.
    pub(super) fn of(&mut self, name: &str, out: &mut Vec<u8>) {
        out.clear();
        let mut kept = Kept { out, is_after_digit: false, is_parted: false };
        let mut rest = name;
        loop {
            let ascii = if rest.is_ascii() { rest.len() } else { rest.bytes().take_while(u8::is_ascii).count() };
            kept.keep_ascii(&rest.as_bytes()[..ascii]);
            let mut letters = rest[ascii..].chars();
            let Some(letter) = letters.next() else { break };
            rest = letters.as_str();
            if let Some(piece) = self.known.get(&letter) {
                kept.keep_piece(piece);
                continue;
            }
            let piece = Piece::of(letter);
            kept.keep_piece(&piece);
            if self.known.len() < Self::KNOWN_MAX {
                self.known.insert(letter, piece);
            }
        }
    }
}

impl Piece {
    fn of(letter: char) -> Self {
        let rough = rough_letter(letter);
        if rough.is_empty() || !rough.chars().all(|letter| letter.is_alphabetic() && !letter.is_numeric()) {
            return Self::Mixed(rough);
        }
        let mut out = Vec::new();
        let mut kept = Kept { out: &mut out, is_after_digit: false, is_parted: false };
        kept.keep_all(&rough);
        Self::Letters(out.into())
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

    fn keep_piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Letters(letters) => {
                self.part(false);
                self.out.extend_from_slice(letters);
            }
            Piece::Mixed(rough) => self.keep_all(rough),
        }
    }

    fn keep_all(&mut self, rough: &str) {
        for letter in rough.chars() {
            match u8::try_from(letter) {
                Ok(byte @ 0..0x80) => self.keep_ascii(&[byte]),
                _ => self.keep(letter),
            }
        }
    }

    /// Letters and digits of ASCII that are taken for one another become one.
    fn keep_ascii(&mut self, bytes: &[u8]) {
        bytes.chunks(RUN).for_each(|run| self.keep_run(run));
    }

    /// Most names are a run: hardly a branch is in the way of the next byte.
    #[expect(clippy::needless_bitwise_bool, reason = "the lazy operators are branches, and a quarter slower here")]
    fn keep_run(&mut self, run: &[u8]) {
        let (mut buffer, mut length) = ([0; BUFFER], 0);
        for byte in run {
            let Roughened { text, length: more, is_digit } = ROUGH[usize::from(byte & 0x7F)];
            if self.is_parted & self.is_after_digit & is_digit {
                buffer[length % BUFFER] = b'.';
                length += 1;
            }
            buffer[length % BUFFER] = text[0];
            buffer[(length + 1) % BUFFER] = text[1];
            length += usize::from(more);
            self.is_parted = more == 0;
            self.is_after_digit = is_digit | (self.is_after_digit & self.is_parted);
        }
        self.out.extend_from_slice(&buffer[..length.min(BUFFER)]);
    }

    fn part(&mut self, is_digit: bool) {
        if self.is_parted && self.is_after_digit && is_digit {
            self.out.push(b'.');
        }
        (self.is_after_digit, self.is_parted) = (is_digit, false);
    }
}

/// So many bytes of ASCII are looked at together, and so much room is enough for what becomes of them.
const RUN: usize = 40;
const BUFFER: usize = 128;

/// What becomes of a character of ASCII.
#[derive(Clone, Copy)]
struct Roughened {
    text: [u8; 2],
    /// How much of the text counts; nothing of what is no letter and no digit.
    length: u8,
    is_digit: bool,
}

const ROUGH: [Roughened; 128] = {
    let mut rough = [Roughened { text: [0; 2], length: 0, is_digit: false }; 128];
    let mut byte = 0;
    while byte < 128 {
        let (text, length) = match byte {
            b'i' | b'I' | b'l' | b'L' | b'1' => ([b'l', 0], 1),
            b'o' | b'O' | b'0' => ([b'0', 0], 1),
            b'm' | b'M' => (*b"rn", 2),
            b'2'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => ([byte.to_ascii_lowercase(), 0], 1),
            _ => ([0; 2], 0),
        };
        rough[byte as usize] = Roughened { text, length, is_digit: byte.is_ascii_digit() };
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
    fn what_is_kept_of_a_name_does_not_depend_on_how_it_is_cut() {
        let long = "1 m".repeat(100);
        for name in ["", "m", "mm mm", "Site 1-11", "1 1", "Ops 7 East", "-- a--", "O0 Il1 rn", "9.", "~Team~", &long] {
            let (mut whole, mut single) = (Vec::new(), Vec::new());
            let mut kept = Kept { out: &mut whole, is_after_digit: false, is_parted: false };
            kept.keep_ascii(name.as_bytes());
            let mut kept = Kept { out: &mut single, is_after_digit: false, is_parted: false };
            name.bytes().for_each(|byte| kept.keep_ascii(&[byte]));
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
