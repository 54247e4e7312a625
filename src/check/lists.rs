//! The rules for the lists of a row: members and guests. Pure.

use std::collections::HashSet;
use std::hash::Hash;

use super::address::is_address;
use super::glance::is_number;
use super::hints::{guest_hint, member_hint, with_display_name};
use super::parse::{entries, plain_ids};
use super::thousands::may_be_thousands;
use crate::model::{Cell, Code, Fault, Field, Item, shortened};

/// So many members in one group are worth a question.
const MEMBERS_MANY: usize = 1000;

/// So many ids are shown of those that may be others.
const IDS_SHOWN: usize = 4;

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
        Err(bad) => invalid.note(faults, bad.fault(Field::Members, Code::MemberInvalid)),
    });
    invalid.tell(faults, Field::Members, Code::MemberInvalid);
    let is_unclear = matches!(cell, Cell::Text(text) if may_be_thousands(text));
    if let Cell::Text(text) = cell
        && is_unclear
    {
        let ids: Vec<String> = members.iter().take(IDS_SHOWN).map(u64::to_string).collect();
        let message = format!(
            "members: `{}` is read as the ids {}{}; if these are numbers with their thousands apart, write them plainly",
            shortened(text),
            ids.join(", "),
            if members.len() > IDS_SHOWN { ", …" } else { "" }
        );
        faults.push(Fault::warning(Field::Members, Code::MembersUnclear, message));
    }
    if members.len() > MEMBERS_MANY {
        let message = format!("members: {} of them; is that one group?", members.len());
        faults.push(Fault::warning(Field::Members, Code::MembersMany, message));
    }
    if !is_unclear {
        repeats.tell(Field::Members, Code::MemberRepeated, faults);
    }
}

/// A user id: a positive whole number that a signed 64-bit column can hold.
fn member(item: &Item<'_>) -> Result<u64, Bad> {
    let text = match item {
        Item::Text(text) => text.trim(),
        Item::Number(number) => number,
        Item::Other(kind) => return Err(Bad { entry: (*kind).to_owned(), why: "is no user id".to_owned() }),
    };
    let is_number = is_number(text);
    match text.parse::<u64>() {
        Ok(id) if is_number && id > 0 && i64::try_from(id).is_ok() => Ok(id),
        _ if text.contains('@') => {
            Err(Bad::of(text, "is an e-mail address; user ids are expected (addresses go into guests)"))
        }
        _ if is_number && text.bytes().any(|byte| byte != b'0') => Err(Bad::of(text, "is too large for a user id")),
        _ => Err(Bad::of(text, format!("is no user id (a positive whole number){}", member_hint(text)))),
    }
}

/// Reads the guests; `spare` holds texts that serve again.
pub(super) fn guests(cell: &Cell<'_>, guests: &mut Vec<String>, spare: &mut Vec<String>, faults: &mut Vec<Fault>) {
    let before = faults.len();
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
        Err(bad) => invalid.note(faults, bad.fault(Field::Guests, Code::GuestInvalid)),
    });
    if invalid.0 > 0
        && let Cell::Text(text) = cell
        && let Some(addresses) = with_display_name(text)
    {
        // One word for all of them.
        let addresses = shortened(&addresses.join(";"));
        let message = format!("guests: names stand beside addresses; write the addresses alone: `{addresses}`");
        faults.truncate(before);
        faults.push(Fault::of(Field::Guests, Code::GuestInvalid, message));
        return;
    }
    invalid.tell(faults, Field::Guests, Code::GuestInvalid);
    repeats.tell(Field::Guests, Code::GuestRepeated, faults);
}

fn guest<'a>(item: &'a Item<'_>) -> Result<&'a str, Bad> {
    let text = match item {
        Item::Text(text) => text.trim(),
        Item::Number(number) => number,
        Item::Other(kind) => return Err(Bad { entry: (*kind).to_owned(), why: "is no e-mail address".to_owned() }),
    };
    if is_address(text) {
        return Ok(text);
    }
    if is_number(text) {
        return Err(Bad::of(text, "looks like a user id; e-mail addresses are expected (ids go into members)"));
    }
    Err(Bad::of(text, format!("is no e-mail address{}", guest_hint(text))))
}

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

/// An entry that is none.
struct Bad {
    /// As it is shown.
    entry: String,
    why: String,
}

impl Bad {
    fn of(text: &str, why: impl Into<String>) -> Self {
        Self { entry: format!("`{}`", shortened(text)), why: why.into() }
    }

    fn fault(self, field: Field, code: Code) -> Fault {
        let message = format!("{}: {} {}", field.as_str(), self.entry, self.why);
        Fault { entry: Some(self.entry), ..Fault::of(field, code, message) }
    }
}

/// Entries that are none: each is named, up to a bound that keeps a hostile row from taking much memory.
#[derive(Default)]
struct Invalid(usize);

impl Invalid {
    const NAMED_MAX: usize = 100;

    fn note(&mut self, faults: &mut Vec<Fault>, fault: Fault) {
        self.0 += 1;
        if self.0 <= Self::NAMED_MAX {
            faults.push(fault);
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
