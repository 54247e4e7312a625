//! The rules for a row: a group comes out, and all that is wrong or odd about it. Pure.

use super::glance::{Glance, trimmed};
use super::lists::{guests, members};
use super::remarks::{remark, remark_text};
use crate::model::{Cell, Code, Fault, Field, Fields, Group, is_invisible, shortened};

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

/// A group on its way: what was allocated for one row serves for the next.
#[derive(Debug, Default)]
pub struct Draft {
    /// The group.
    pub group: Group,
    spare: Vec<String>,
}

impl Rules {
    /// Checks one row.
    ///
    /// # Errors
    /// All faults of the row, in the order of the fields; what is merely odd is none.
    pub fn group(&self, fields: &Fields<'_>) -> Result<Group, Vec<Fault>> {
        let mut draft = Draft::default();
        let mut faults = self.check(fields, &mut draft);
        faults.retain(Fault::is_error);
        if faults.is_empty() { Ok(draft.group) } else { Err(faults) }
    }

    /// Checks one row: fills in the draft, as far as there is a group, and gives all that is wrong or odd about the row,
    /// in the order of the fields.
    pub fn check(&self, fields: &Fields<'_>, draft: &mut Draft) -> Vec<Fault> {
        let mut faults = Vec::new();
        let Draft { group, spare } = draft;
        spare.append(&mut group.guests);
        name(&fields.name, &mut group.name, &mut faults);
        if !faults.is_empty()
            && [&fields.name, &fields.description, &fields.members, &fields.guests].iter().all(|cell| cell.is_blank())
        {
            "the row has no name, and no other field is filled: if nothing else is in it, remove it"
                .clone_into(&mut faults[0].message);
        } else if faults.first().is_some_and(|fault| fault.code == Code::NameMissing) && fields.description.is_blank() {
            faults[0].message.push_str(" (if cells were merged, give it that of the row above)");
        }
        self.description(&fields.description, &mut group.description, &mut faults);
        members(&fields.members, &mut group.members, &mut faults);
        guests(&fields.guests, &mut group.guests, spare, &mut faults);
        faults
    }

    /// A blank description counts as missing.
    fn description(&self, cell: &Cell<'_>, description: &mut Option<String>, faults: &mut Vec<Fault>) {
        let mut buffer = description.take().unwrap_or_default();
        buffer.clear();
        let given = match cell {
            Cell::Absent => "",
            Cell::Text(text) => trimmed(text),
            other => {
                let message = format!("the description is {}; text is expected", kind(other));
                faults.push(Fault::of(Field::Description, Code::DescriptionInvalid, message));
                return;
            }
        };
        let is_hostile = |letter: &char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
        let glance = Glance::of(given);
        remark_text(Field::Description, given, glance, faults);
        if glance.may_be_odd
            && let Some(control) = given.chars().find(is_hostile)
        {
            let message = format!("the description holds a control character ({})", control.escape_default());
            faults.push(Fault::of(Field::Description, Code::DescriptionInvalid, message));
        }
        if !given.is_empty() {
            buffer.push_str(given);
        } else if let Some(default) = &self.default_description {
            buffer.push_str(default);
        } else {
            if self.require_description {
                let message = "the description is missing (--default-description TEXT gives one to all such rows)";
                faults.push(Fault::of(Field::Description, Code::DescriptionMissing, message));
            }
            return;
        }
        *description = Some(buffer);
    }
}

fn name(cell: &Cell<'_>, name: &mut String, faults: &mut Vec<Fault>) {
    name.clear();
    let text = match cell {
        Cell::Absent => None,
        Cell::Text(text) => Some(text),
        other => {
            let message = format!("the name is {}; text is expected", kind(other));
            faults.push(Fault::of(Field::Name, Code::NameInvalid, message));
            return;
        }
    };
    name.push_str(text.map_or("", |text| trimmed(text)));
    if name.is_empty() {
        let is_blank = text.is_some_and(|text| !text.is_empty());
        let message = if is_blank { "the name is blank" } else { "the name is missing" };
        faults.push(Fault::of(Field::Name, Code::NameMissing, message));
        return;
    }
    // No character has more than one byte for each of its own.
    let length = if name.len() > NAME_MAX { name.chars().count() } else { 0 };
    if length > NAME_MAX {
        let message = format!("the name `{}` has {length} characters; the most is {NAME_MAX}", shortened(name));
        faults.push(Fault::of(Field::Name, Code::NameTooLong, message));
    }
    let glance = Glance::of(name);
    if !glance.is_ascii && name.chars().all(|letter| is_invisible(letter) || letter.is_whitespace()) {
        let message = "the name holds nothing but characters that nobody sees";
        faults.push(Fault::of(Field::Name, Code::NameMissing, message));
        return;
    }
    if glance.may_be_odd
        && let Some(control) = name.chars().find(|letter| letter.is_control())
    {
        let message = match control {
            '\n' | '\r' => format!("the name `{}` holds a line break", shortened(name)),
            other => format!("the name holds a control character ({})", other.escape_default()),
        };
        faults.push(Fault::of(Field::Name, Code::NameInvalid, message));
    }
    remark(name, glance, faults);
}

fn kind(cell: &Cell<'_>) -> &'static str {
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

    fn text(text: &str) -> Cell<'_> {
        Cell::Text(text.into())
    }

    fn codes(fields: &Fields<'_>) -> Vec<Code> {
        Rules::default().group(fields).unwrap_err().into_iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn a_good_row_becomes_a_group_without_outer_spaces_or_repeats() {
        let group = Rules::default()
            .group(&Fields {
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
    fn entries_of_a_list_count_once_however_long_it_is() {
        for count in [3_u64, 16, 17, 500] {
            let once: Vec<String> = (1..=count).map(|id| id.to_string()).collect();
            let twice = [once.join(";"), once.join(";")].join(";");
            let addresses = |host: &str| once.iter().map(|id| format!("g{id}@{host}")).collect::<Vec<_>>().join(" ");
            let guests = format!("{} {}", addresses("b.example"), addresses("B.Example"));
            let fields = Fields { name: text("A"), members: text(&twice), guests: text(&guests), ..Fields::default() };
            let mut draft = Draft::default();
            let codes: Vec<Code> =
                Rules::default().check(&fields, &mut draft).into_iter().map(|fault| fault.code).collect();
            assert_eq!((draft.group.members.len(), draft.group.guests.len()), (once.len(), once.len()), "{count}");
            assert_eq!(codes, [Code::MemberRepeated, Code::GuestRepeated]);
        }
    }

    #[test]
    fn a_hundred_bad_entries_of_a_row_are_named_and_the_rest_counted() {
        let members = "x;".repeat(250);
        let fields = Fields { name: text("A"), members: text(&members), ..Fields::default() };
        let faults = Rules::default().group(&fields).unwrap_err();
        assert_eq!((faults.len(), faults[100].message.as_str()), (101, "members: 150 entries more are none either"));
    }

    #[test]
    fn a_group_that_is_filled_again_keeps_nothing_of_the_one_before() {
        let full = Fields { name: text("A"), description: text("x"), members: text("1"), guests: text("a@b.example") };
        let mut draft = Draft::default();
        Rules::default().check(&full, &mut draft);
        Rules::default().check(&Fields { name: text("B"), ..Fields::default() }, &mut draft);
        assert_eq!(draft.group, Group { name: "B".to_owned(), ..Group::default() });
    }

    #[test]
    fn a_name_has_at_most_200_characters_not_bytes() {
        let fields = |name: String| Fields { name: Cell::Text(name.into()), ..Fields::default() };
        assert!(Rules::default().group(&fields("é".repeat(200))).is_ok());
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
        assert_eq!(Rules::default().group(&most).unwrap().members, [i64::MAX as u64]);
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
        assert!(Rules::default().group(&fields()).is_ok());
        assert_eq!(required.group(&fields()).unwrap_err()[0].code, Code::DescriptionMissing);
        let given = Rules { require_description: true, default_description: Some("Moved".to_owned()) };
        assert_eq!(given.group(&fields()).unwrap().description.as_deref(), Some("Moved"));
    }
}
