//! The rules for a row: a group, and all problems of the row. Pure.

use super::{lint, lists, trimmed};
use crate::model::{Cell, Code, Field, Fields, Group, Problem, WantedGroup, is_invisible, is_plain, shortened};

/// The most characters of a name (the API's documentation: 200).
pub const NAME_MAX: usize = 200;

/// The rules that can be chosen.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// `--require-description`: a row without a description is invalid.
    pub require_description: bool,
    /// `--default-description`: given to rows that have none.
    pub default_description: Option<String>,
    /// `--unknown-members skip`: members that are neither an id nor an address are left out.
    pub skips_strangers: bool,
}

impl Rules {
    /// Checks one row: gives the group as far as there is one, and all problems in the order of the fields.
    pub fn check(&self, fields: &Fields<'_>) -> (WantedGroup, Vec<Problem>) {
        let mut problems = Vec::new();
        let name = name(fields, &mut problems);
        if let Some(problem) = problems.first_mut()
            && fields.is_blank()
        {
            "the row has no name and no other field; if it has nothing else, remove it"
                .clone_into(&mut problem.message);
        }
        let description = self.description(fields, &mut problems);
        let members = lists::members(fields.get(Field::Members), self.skips_strangers, &mut problems);
        // A warning of this kind is about an entry that was left out.
        let is_partial = problems.iter().any(|problem| problem.code == Code::MemberInvalid && problem.is_warning());
        let guests = lists::guests(fields.get(Field::Guests), &mut problems);
        let is_absent = |field: &Field| *fields.get(*field) == Cell::Absent;
        let unmanaged = [Field::Members, Field::Guests].into_iter().filter(is_absent).collect();
        let tallyfy_id = id(Field::TallyfyId, fields, &mut problems);
        let key = id(Field::Key, fields, &mut problems);
        let is_of_person = false;
        let group = Group { name, description, members, guests, tallyfy_id, key, unmanaged, is_partial, is_of_person };
        (group, problems)
    }

    /// A blank description counts as missing.
    fn description(&self, fields: &Fields<'_>, problems: &mut Vec<Problem>) -> Option<String> {
        let given = trimmed(text_of(Field::Description, Code::DescriptionInvalid, fields, problems)?);
        lint::description(given, problems);
        let odd = if is_plain(given) { "" } else { given };
        let is_control = |letter: &char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
        if let Some(control) = odd.chars().find(is_control) {
            let message = format!("the description contains a control character ({})", control.escape_default());
            problems.push(Problem::error(Field::Description, Code::DescriptionInvalid, message));
        }
        if !given.is_empty() {
            return Some(given.to_owned());
        }
        if self.default_description.is_none() && self.require_description {
            let message = "the description is missing (--default-description TEXT gives one to all such rows)";
            problems.push(Problem::error(Field::Description, Code::DescriptionMissing, message));
        }
        self.default_description.clone()
    }
}

fn name(fields: &Fields<'_>, problems: &mut Vec<Problem>) -> String {
    let Some(text) = text_of(Field::Name, Code::NameInvalid, fields, problems) else { return String::new() };
    let mut refuse = |code, message: String| problems.push(Problem::error(Field::Name, code, message));
    let name = trimmed(text);
    if name.is_empty() {
        let message = match text.trim() {
            "" => "the name is missing",
            _ => "the name contains only invisible characters",
        };
        refuse(Code::NameMissing, message.to_owned());
        return String::new();
    }
    let length = name.chars().count();
    if length > NAME_MAX {
        let message = format!("the name `{}` has {length} characters; the most is {NAME_MAX}", shortened(name));
        refuse(Code::NameTooLong, message);
    }
    let odd = if is_plain(name) { "" } else { name };
    match odd.chars().find(|letter| letter.is_control()) {
        Some('\n' | '\r') => {
            refuse(Code::NameInvalid, format!("the name `{}` contains a line break", shortened(name)));
        }
        Some(control) => {
            refuse(Code::NameInvalid, format!("the name contains a control character ({})", control.escape_default()));
        }
        None => {}
    }
    if let Some(hidden) = invisible(odd) {
        let message = format!(
            "the name `{}` contains an invisible character ({}); retype it",
            shortened(name),
            hidden.escape_unicode()
        );
        refuse(Code::NameInvalid, message);
    }
    lint::name(name, problems);
    name.to_owned()
}

/// A blank id counts as missing.
fn id(field: Field, fields: &Fields<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let id = trimmed(text_of(field, Code::IdInvalid, fields, problems)?);
    (!id.is_empty()).then(|| id.to_owned())
}

/// The first invisible character. Joiners between letters belong to some scripts, and to emoji.
fn invisible(name: &str) -> Option<char> {
    let mut letters = name.chars().peekable();
    let mut before = 'a';
    while let Some(letter) = letters.next() {
        let is_joiner = matches!(letter, '\u{200c}' | '\u{200d}')
            && !before.is_ascii()
            && letters.peek().is_some_and(|after| !after.is_ascii() && !is_invisible(*after));
        if is_invisible(letter) && !is_joiner {
            return Some(letter);
        }
        before = letter;
    }
    None
}

/// The text of a cell; one that holds something else is refused.
fn text_of<'a>(field: Field, code: Code, fields: &'a Fields<'_>, problems: &mut Vec<Problem>) -> Option<&'a str> {
    let kind = match fields.get(field) {
        Cell::Absent => return Some(""),
        Cell::Text(text) => return Some(text),
        Cell::List(_) => "an array",
        Cell::Other(kind) => kind,
    };
    problems.push(Problem::error(field, code, format!("the {} is {kind}, not text", field.as_ref())));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Member;

    fn row<'a>(cells: &[(Field, &'a str)]) -> Fields<'a> {
        cells.iter().fold(Fields::default(), |fields, (field, text)| fields.with(*field, Cell::Text((*text).into())))
    }

    fn check(fields: &Fields<'_>) -> (WantedGroup, Vec<Code>) {
        let (group, problems) = Rules::default().check(fields);
        (group, problems.into_iter().filter(Problem::is_error).map(|problem| problem.code).collect())
    }

    #[test]
    fn a_good_row_becomes_a_group_without_outer_spaces_or_repeats() {
        let (group, codes) = check(&row(&[
            (Field::Name, "\u{feff}  Field Ops \u{a0}"),
            (Field::Description, " \n"),
            (Field::Members, "1001;1002;1001"),
            (Field::Guests, "a@b.example, A@B.example c.d@e.example"),
        ]));
        assert_eq!((group.name.as_str(), &group.description, codes.len()), ("Field Ops", &None, 0));
        assert_eq!(
            (group.members, group.guests),
            (vec![Member::Id(1001), Member::Id(1002)], vec!["a@b.example".to_owned(), "c.d@e.example".to_owned()])
        );
    }

    #[test]
    fn all_problems_of_a_row_are_named_at_once() {
        let fields = row(&[(Field::Name, " "), (Field::Members, "0;x"), (Field::Guests, "nobody")]);
        let (_, codes) = check(&fields.with(Field::Description, Cell::Other("a number")));
        let expected =
            [Code::NameMissing, Code::DescriptionInvalid, Code::MemberInvalid, Code::MemberInvalid, Code::GuestInvalid];
        assert_eq!(codes, expected);
    }

    #[test]
    fn a_list_that_the_row_does_not_have_is_not_managed() {
        let (group, _) = check(&row(&[(Field::Name, "B"), (Field::Guests, "")]));
        let unmanaged = vec![Field::Members];
        assert_eq!(group, WantedGroup { name: "B".to_owned(), unmanaged, ..WantedGroup::default() });
    }

    #[test]
    fn a_name_has_at_most_200_characters_and_no_invisible_ones() {
        let codes = |name: &str| check(&row(&[(Field::Name, name)])).1;
        assert!(codes(&"é".repeat(200)).is_empty());
        assert_eq!(codes(&"é".repeat(201)), [Code::NameTooLong]);
        assert_eq!(codes("a\u{1b}[2J"), [Code::NameInvalid]);
        assert_eq!(codes("Sa\u{200b}les"), [Code::NameInvalid]);
        assert_eq!(codes("Sa\u{202e}les"), [Code::NameInvalid]);
        assert_eq!(codes("Sa\u{200d}les"), [Code::NameInvalid]);
        assert_eq!(codes("\u{200b}\u{a0}"), [Code::NameMissing]);
        assert!(codes("👩\u{200d}💻 नि\u{200d}ष می\u{200c}خواهم").is_empty());
    }

    #[test]
    fn a_missing_description_is_an_error_only_if_one_is_required() {
        let fields = row(&[(Field::Name, "A")]);
        let required = Rules { require_description: true, ..Rules::default() };
        assert!(check(&fields).1.is_empty());
        assert_eq!(required.check(&fields).1[0].code, Code::DescriptionMissing);
        let given = Rules { default_description: Some("Moved".to_owned()), ..required };
        let (group, problems) = given.check(&fields);
        assert!(problems.is_empty());
        assert_eq!(group.description.as_deref(), Some("Moved"));
    }
}
