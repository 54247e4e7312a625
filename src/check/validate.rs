//! The rules for a row: a group comes out, or every fault the row has. Pure.

use std::collections::HashSet;

use email_address::{EmailAddress, Options};

use super::parse::entries;
use crate::model::{Cell, Code, Fault, Field, Fields, Group, Item, shortened};

/// The most characters of a name (the API's documentation: 200).
pub const NAME_MAX: usize = 200;

/// The rules that can be chosen.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// `--require-description`: a row without a description is invalid.
    pub require_description: bool,
    /// `--default-description`: given to rows that have none.
    pub default_description: Option<String>,
}

impl Rules {
    /// Checks one row.
    ///
    /// # Errors
    /// All faults of the row, in the order of the fields.
    pub fn check(&self, fields: &Fields) -> Result<Group, Vec<Fault>> {
        let mut faults = Vec::new();
        let group = Group {
            name: name(&fields.name, &mut faults),
            description: self.description(&fields.description, &mut faults),
            members: members(&fields.members, &mut faults),
            guests: guests(&fields.guests, &mut faults),
        };
        if faults.is_empty() { Ok(group) } else { Err(faults) }
    }

    /// A blank description counts as missing.
    fn description(&self, cell: &Cell, faults: &mut Vec<Fault>) -> Option<String> {
        let given = match cell {
            Cell::Absent => None,
            Cell::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            other => {
                let message = format!("the description is {}; text is expected", kind(other));
                faults.push(Fault::of(Field::Description, Code::DescriptionInvalid, message));
                return None;
            }
        };
        let description = given.or_else(|| self.default_description.clone());
        if description.is_none() && self.require_description {
            let message = "the description is missing (--default-description TEXT gives one to all such rows)";
            faults.push(Fault::of(Field::Description, Code::DescriptionMissing, message));
        }
        description
    }
}

fn name(cell: &Cell, faults: &mut Vec<Fault>) -> String {
    let text = match cell {
        Cell::Absent => String::new(),
        Cell::Text(text) => text.trim().to_owned(),
        other => {
            let message = format!("the name is {}; text is expected", kind(other));
            faults.push(Fault::of(Field::Name, Code::NameInvalid, message));
            return String::new();
        }
    };
    let length = text.chars().count();
    if text.is_empty() {
        faults.push(Fault::of(Field::Name, Code::NameMissing, "the name is missing"));
    } else if length > NAME_MAX {
        let message = format!("the name has {length} characters; the most is {NAME_MAX}");
        faults.push(Fault::of(Field::Name, Code::NameTooLong, message));
    }
    if let Some(control) = text.chars().find(|letter| letter.is_control()) {
        let message = match control {
            '\n' | '\r' => "the name holds a line break".to_owned(),
            other => format!("the name holds a control character ({})", other.escape_default()),
        };
        faults.push(Fault::of(Field::Name, Code::NameInvalid, message));
    }
    text
}

fn members(cell: &Cell, faults: &mut Vec<Fault>) -> Vec<u64> {
    let mut members = Vec::new();
    let mut known = HashSet::new();
    for item in list(cell, Field::Members, Code::MemberInvalid, faults) {
        match member(&item) {
            Ok(member) if known.insert(member) => members.push(member),
            Ok(_) => {}
            Err(message) => faults.push(Fault::of(Field::Members, Code::MemberInvalid, message)),
        }
    }
    members
}

/// A user id: a positive whole number that a signed 64-bit column can hold.
fn member(item: &Item) -> Result<u64, String> {
    let text = match item {
        Item::Text(text) => text.trim(),
        Item::Number(number) => number,
        Item::Other(kind) => return Err(format!("members: {kind} is no user id")),
    };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(id) if is_number && id > 0 && i64::try_from(id).is_ok() => Ok(id),
        _ if text.contains('@') => Err(format!(
            "members: `{}` is an e-mail address; user ids are expected (addresses go into guests)",
            shortened(text)
        )),
        _ => Err(format!("members: `{}` is no user id (a positive whole number)", shortened(text))),
    }
}

fn guests(cell: &Cell, faults: &mut Vec<Fault>) -> Vec<String> {
    let mut guests = Vec::new();
    let mut known = HashSet::new();
    for item in list(cell, Field::Guests, Code::GuestInvalid, faults) {
        match guest(&item) {
            Ok(guest) if known.insert(guest.to_ascii_lowercase()) => guests.push(guest),
            Ok(_) => {}
            Err(message) => faults.push(Fault::of(Field::Guests, Code::GuestInvalid, message)),
        }
    }
    guests
}

fn guest(item: &Item) -> Result<String, String> {
    let text = match item {
        Item::Text(text) => text.trim().to_owned(),
        Item::Number(number) => number.clone(),
        Item::Other(kind) => return Err(format!("guests: {kind} is no e-mail address")),
    };
    let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
    if EmailAddress::parse_with_options(&text, options).is_ok() {
        return Ok(text);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "guests: `{}` looks like a user id; e-mail addresses are expected (ids go into members)",
            shortened(&text)
        ));
    }
    Err(format!("guests: `{}` is no e-mail address", shortened(&text)))
}

fn list(cell: &Cell, field: Field, code: Code, faults: &mut Vec<Fault>) -> Vec<Item> {
    entries(cell).unwrap_or_else(|message| {
        faults.push(Fault::of(field, code, format!("{}: {message}", field.as_str())));
        Vec::new()
    })
}

fn kind(cell: &Cell) -> &'static str {
    match cell {
        Cell::Absent => "missing",
        Cell::Text(_) => "text",
        Cell::List(_) => "an array",
        Cell::Other(kind) => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn codes(fields: &Fields) -> Vec<Code> {
        Rules::default().check(fields).unwrap_err().into_iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn a_good_row_becomes_a_group_without_outer_spaces_or_repeats() {
        let group = Rules::default()
            .check(&Fields {
                name: text("  Field Ops "),
                description: text(" \n"),
                members: text("1001;1002;1001"),
                guests: text("a@b.example, A@B.example c.d@e.example"),
            })
            .unwrap();
        assert_eq!(group.name, "Field Ops");
        assert_eq!(group.description, None);
        assert_eq!(group.members, [1001, 1002]);
        assert_eq!(group.guests, ["a@b.example", "c.d@e.example"]);
    }

    #[test]
    fn all_faults_of_a_row_are_named_at_once() {
        let faults = codes(&Fields {
            name: text(" "),
            description: Cell::Other("a number"),
            members: text("0;x"),
            guests: text("nobody"),
        });
        let expected =
            [Code::NameMissing, Code::DescriptionInvalid, Code::MemberInvalid, Code::MemberInvalid, Code::GuestInvalid];
        assert_eq!(faults, expected);
    }

    #[test]
    fn a_name_has_at_most_200_characters_not_bytes() {
        let fields = |name: String| Fields { name: Cell::Text(name), ..Fields::default() };
        assert!(Rules::default().check(&fields("é".repeat(200))).is_ok());
        assert_eq!(codes(&fields("é".repeat(201))), [Code::NameTooLong]);
        assert_eq!(codes(&fields("a\u{1b}[2J".to_owned())), [Code::NameInvalid]);
    }

    #[test]
    fn a_member_is_a_positive_whole_number_the_server_can_hold() {
        for bad in ["0", "-1", "1.0", "+1", "1e3", "9223372036854775808", "abc", "a@b.example", "١"] {
            assert_eq!(
                codes(&Fields { name: text("A"), members: text(bad), ..Fields::default() }),
                [Code::MemberInvalid],
                "{bad}"
            );
        }
        let most = Fields { name: text("A"), members: text("9223372036854775807"), ..Fields::default() };
        assert_eq!(Rules::default().check(&most).unwrap().members, [i64::MAX as u64]);
    }

    #[test]
    fn a_guest_is_a_bare_address_with_a_domain() {
        for bad in ["ada", "ada@", "ada@localhost", "<ada@b.example>", "ada@[127.0.0.1]", "1001"] {
            assert_eq!(
                codes(&Fields { name: text("A"), guests: text(bad), ..Fields::default() }),
                [Code::GuestInvalid],
                "{bad}"
            );
        }
    }

    #[test]
    fn a_missing_description_is_a_fault_only_where_one_is_required() {
        let fields = || Fields { name: text("A"), ..Fields::default() };
        let required = Rules { require_description: true, default_description: None };
        assert!(Rules::default().check(&fields()).is_ok());
        assert_eq!(required.check(&fields()).unwrap_err()[0].code, Code::DescriptionMissing);
        let given = Rules { require_description: true, default_description: Some("Moved".to_owned()) };
        assert_eq!(given.check(&fields()).unwrap().description.as_deref(), Some("Moved"));
    }
}
