//! The rules for the lists of a row: members and guests. Pure.

use std::collections::HashSet;
use std::hash::Hash;

use super::address::is_address;
use super::parse::{entries, plain_ids};
use crate::model::{Cell, Code, Fault, Field, Item, shortened};

/// So many members in one group are worth a question.
const MEMBERS_MANY: usize = 1000;

/// Reads the members.
pub(super) fn members(cell: &Cell<'_>, members: &mut Vec<u64>, faults: &mut Vec<Fault>) {
    if let Cell::Text(text) = cell
        && plain_ids(text, members)
    {
        return;
    }
    members.clear();
    let mut known = Known::default();
    let mut repeats = Repeats::default();
    let mut invalid = Invalid::default();
    list(cell, Field::Members, Code::MemberInvalid, faults, &mut |item, faults| match member(item) {
        Ok(member) if known.is_new(members, |other| *other == member, |other| *other, || member) => {
            members.push(member);
        }
        Ok(member) => repeats.note(|| member.to_string()),
        Err(message) => invalid.note(faults, Field::Members, Code::MemberInvalid, message),
    });
    invalid.tell(faults, Field::Members, Code::MemberInvalid);
    if let Cell::Text(text) = cell
        && may_be_thousands(text)
    {
        let message = format!(
            "members: `{}` may be a number with its thousands apart, or several ids; part ids with `;`",
            shortened(text)
        );
        faults.push(Fault::warning(Field::Members, Code::MembersUnclear, message));
    }
    if members.len() > MEMBERS_MANY {
        let message = format!("members: {} of them; is that one group?", members.len());
        faults.push(Fault::warning(Field::Members, Code::MembersMany, message));
    }
    repeats.tell(Field::Members, Code::MemberRepeated, faults);
}

/// Whether a comma or a space may stand for thousands: 1,001 alone, beside other separators, or before a zero.
fn may_be_thousands(text: &str) -> bool {
    let is_number = |entry: &str| {
        let mut parts = entry.trim().split(',');
        let first = parts.next().unwrap_or_default();
        let is_first = (1..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_digit());
        let mut count = 0;
        let is_rest = parts.all(|part| {
            count += 1;
            part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit())
        });
        is_first && is_rest && count > 0
    };
    let entries = text.split([';', '|', ' ']).filter(|entry| !entry.trim().is_empty());
    let has_zero = text.split([',', ' ']).skip(1).any(|part| part.starts_with('0'));
    let is_mixed = entries.clone().count() > 1;
    // Ids of three digits each are more likely ids.
    let is_short = |entry: &str| entry.trim().find(',').is_some_and(|length| length < 3);
    let is_single = text.matches(',').count() == 1;
    has_zero || entries.clone().any(|entry| is_number(entry) && (is_mixed || is_single || is_short(entry)))
}

/// A user id: a positive whole number that a signed 64-bit column can hold.
fn member(item: &Item<'_>) -> Result<u64, String> {
    let text = match item {
        Item::Text(text) => text.trim(),
        Item::Number(number) => number,
        Item::Other(kind) => return Err(format!("members: {kind} is no user id")),
    };
    let is_number = is_number(text);
    match text.parse::<u64>() {
        Ok(id) if is_number && id > 0 && i64::try_from(id).is_ok() => Ok(id),
        _ if text.contains('@') => Err(format!(
            "members: `{}` is an e-mail address; user ids are expected (addresses go into guests)",
            shortened(text)
        )),
        _ if is_number && text.bytes().any(|byte| byte != b'0') => {
            Err(format!("members: `{}` is too large for a user id", shortened(text)))
        }
        _ => {
            Err(format!("members: `{}` is no user id (a positive whole number){}", shortened(text), member_hint(text)))
        }
    }
}

/// What else it may be, and what to do then.
fn member_hint(text: &str) -> &'static str {
    let lower = text.to_ascii_lowercase();
    let is_decimal = |text: &str| text.split(['.', ',']).all(is_number);
    let parts = |sign| lower.split_once(sign).filter(|(whole, part)| is_decimal(whole) && is_number(part));
    match (parts('.'), parts('e').or_else(|| lower.split_once("e+").filter(|(whole, _)| is_decimal(whole)))) {
        (Some((_, part)), _) if part.bytes().all(|byte| byte == b'0') && part.len() < 3 => {
            "; remove what is behind the point"
        }
        (Some((_, part)), _) if part.len() == 3 => "; write a number without a point for its thousands",
        (_, Some(_)) => "; a spreadsheet cut the number short: format the column as text and export it again",
        _ if is_for_none(&lower) => FOR_NONE,
        _ if lower.trim_matches('\'').split(['/', '+', '&', ':']).all(is_number) => {
            if lower.contains('\'') {
                "; remove the apostrophe"
            } else {
                "; part ids with `;`"
            }
        }
        _ if lower.trim_matches(['[', ']', '(', ')', '{', '}', '"', '#']).split(';').all(is_number) => {
            "; remove the signs around the number"
        }
        _ => "",
    }
}

/// Reads the guests; `spare` holds texts that serve again.
pub(super) fn guests(cell: &Cell<'_>, guests: &mut Vec<String>, spare: &mut Vec<String>, faults: &mut Vec<Fault>) {
    let mut known = Known::default();
    let mut repeats = Repeats::default();
    let mut invalid = Invalid::default();
    list(cell, Field::Guests, Code::GuestInvalid, faults, &mut |item, faults| match guest(item) {
        Ok(guest) => {
            let is_same = |other: &String| other.eq_ignore_ascii_case(guest);
            if known.is_new(guests, is_same, |other| other.to_ascii_lowercase(), || guest.to_ascii_lowercase()) {
                let mut text = spare.pop().unwrap_or_default();
                text.clear();
                text.push_str(guest);
                guests.push(text);
            } else {
                repeats.note(|| shortened(guest));
            }
        }
        Err(message) => invalid.note(faults, Field::Guests, Code::GuestInvalid, message),
    });
    invalid.tell(faults, Field::Guests, Code::GuestInvalid);
    repeats.tell(Field::Guests, Code::GuestRepeated, faults);
}

fn guest<'a>(item: &'a Item<'_>) -> Result<&'a str, String> {
    let text = match item {
        Item::Text(text) => text.trim(),
        Item::Number(number) => number,
        Item::Other(kind) => return Err(format!("guests: {kind} is no e-mail address")),
    };
    if is_address(text) {
        return Ok(text);
    }
    if is_number(text) {
        return Err(format!(
            "guests: `{}` looks like a user id; e-mail addresses are expected (ids go into members)",
            shortened(text)
        ));
    }
    let lower = text.to_ascii_lowercase();
    let hint = if is_for_none(&lower) {
        FOR_NONE
    } else if lower.starts_with("mailto:") || (text.starts_with('<') && text.ends_with('>')) {
        "; only the address itself belongs here"
    } else {
        ""
    };
    Err(format!("guests: `{}` is no e-mail address{hint}", shortened(text)))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What people write where there is nothing.
fn is_for_none(lower: &str) -> bool {
    matches!(lower, "-" | "none" | "n/a" | "null" | "nil")
}

const FOR_NONE: &str = "; leave the cell empty where there are none";

fn list(
    cell: &Cell<'_>,
    field: Field,
    code: Code,
    faults: &mut Vec<Fault>,
    each: &mut dyn FnMut(&Item<'_>, &mut Vec<Fault>),
) {
    if let Err(message) = entries(cell, &mut |item| each(item, faults)) {
        faults.push(Fault::of(field, code, format!("{}: {message}", field.as_str())));
    }
}

/// The entries of a list so far: short lists are searched through, long ones by hash.
struct Known<K> {
    long: HashSet<K>,
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self { long: HashSet::new() }
    }
}

impl<K: Hash + Eq> Known<K> {
    const SHORT: usize = 16;

    /// Whether none of the `entries` is the same as a further one that has this key.
    fn is_new<E>(
        &mut self,
        entries: &[E],
        is_same: impl Fn(&E) -> bool,
        key_of: impl Fn(&E) -> K,
        key: impl FnOnce() -> K,
    ) -> bool {
        if entries.len() < Self::SHORT {
            return !entries.iter().any(is_same);
        }
        if self.long.is_empty() {
            self.long.extend(entries.iter().map(key_of));
        }
        self.long.insert(key())
    }
}

/// Entries that are none: each is named, up to a bound that keeps a hostile row from taking much memory.
#[derive(Default)]
struct Invalid(usize);

impl Invalid {
    const NAMED_MAX: usize = 100;

    fn note(&mut self, faults: &mut Vec<Fault>, field: Field, code: Code, message: String) {
        self.0 += 1;
        if self.0 <= Self::NAMED_MAX {
            faults.push(Fault::of(field, code, message));
        }
    }

    fn tell(self, faults: &mut Vec<Fault>, field: Field, code: Code) {
        if self.0 > Self::NAMED_MAX {
            let more = self.0 - Self::NAMED_MAX;
            faults.push(Fault::of(field, code, format!("{}: {more} entries more are none either", field.as_str())));
        }
    }
}

/// Entries that stand in a list more than once.
#[derive(Default)]
struct Repeats {
    first: Option<String>,
    again: usize,
    others: usize,
}

impl Repeats {
    fn note(&mut self, shown: impl FnOnce() -> String) {
        let shown = shown();
        match &self.first {
            None => (self.first, self.again) = (Some(shown), 1),
            Some(first) if first.eq_ignore_ascii_case(&shown) => self.again += 1,
            Some(_) => self.others += 1,
        }
    }

    fn tell(self, field: Field, code: Code, faults: &mut Vec<Fault>) {
        let Some(first) = self.first else { return };
        let others = match self.others {
            0 => String::new(),
            1 => ", and there is one more repeat".to_owned(),
            others => format!(", and there are {others} more repeats"),
        };
        let times = self.again + 1;
        let message = format!("{}: `{first}` stands there {times} times{others}; each counts once", field.as_str());
        faults.push(Fault::warning(field, code, message));
    }
}
