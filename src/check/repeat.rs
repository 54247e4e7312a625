//! A row that repeats the name of an earlier one: in what it differs, what it loses, and how bad that is. Pure.

use std::hash::Hash;

use crate::model::{self, Code, Field, OnDuplicate, Problem, Severity, WantedGroup};

/// What a row says about its group besides the name: a hash of each field, 0 for one that is empty. Order, line ends and the case
/// of addresses do not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Contents {
    /// The description.
    pub description: u32,
    members: u32,
    guests: u32,
}

impl Contents {
    /// The contents of a row.
    pub fn of(group: &WantedGroup) -> Self {
        let lines = group.description.iter().flat_map(|text| text.lines());
        Self {
            description: lines.fold(0, |before, line| hash((before, line))),
            // In a sum the order does not matter, and each is listed once.
            members: group.members.iter().map(|member| hash(member.key())).fold(0, u32::wrapping_add),
            guests: group.guests.iter().map(|guest| hash(guest.to_lowercase())).fold(0, u32::wrapping_add),
        }
    }

    /// Whether it names people.
    pub fn has_people(&self) -> bool {
        self.members != 0 || self.guests != 0
    }

    /// The problem of a row that repeats the name of the row at `first`, which has these contents.
    pub fn repeated(&self, repeat: &Self, first: &str, on_duplicate: OnDuplicate) -> Problem {
        let fields = [
            (Field::Description, self.description, repeat.description),
            (Field::Members, self.members, repeat.members),
            (Field::Guests, self.guests, repeat.guests),
        ];
        let differing = || fields.iter().filter(|(_, first, repeat)| first != repeat);
        let differs = and(differing().map(|(field, ..)| *field));
        let lost = and(differing().filter(|(.., repeat)| *repeat != 0).map(|(field, ..)| *field));
        let (severity, how) = match on_duplicate {
            OnDuplicate::Fail if differs.is_empty() => (Severity::Error, "with the same contents".to_owned()),
            OnDuplicate::Fail => (Severity::Error, format!("but differs in {differs}")),
            _ if differs.is_empty() => (Severity::Note, "with the same contents".to_owned()),
            _ if lost.is_empty() => (Severity::Note, "and adds nothing".to_owned()),
            _ => (Severity::Warning, format!("but differs in {lost}; only the first row counts")),
        };
        let message = format!("repeats the name of {first} {how}");
        Problem { severity, ..Problem::general(Code::NameRepeated, message) }
    }
}

fn and(fields: impl Iterator<Item = Field>) -> String {
    let words: Vec<&str> = fields.map(<&str>::from).collect();
    match words.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        words => words.concat(),
    }
}

/// Half of a hash: every row of a file has three.
fn hash(value: impl Hash) -> u32 {
    (model::hash(value) >> 32) as u32
}
