//! What is to be made of a row whose name the organization has, given its past. Pure.

use crate::model::{Fate, Found, OnExisting, Past, Trouble};

/// The fate of a row whose name a list shows before it is sent.
#[must_use]
pub fn listed(past: Past, found: Found, on_existing: OnExisting) -> Option<Fate> {
    match (past, found) {
        (_, Found::None) => None,
        // The name was free when the run began, and then we sent it.
        (Past::InDoubt | Past::Absent, found) => ours(found, Trouble::interrupted()),
        (Past::New, Found::One(group) | Found::Many { first: group, .. }) => {
            Some(already_there(group.id, on_existing, None))
        }
    }
}

/// The fate of a row that was sent and whose answer is lost in some trouble; none if no group has its name.
#[must_use]
pub fn ours(found: Found, trouble: Trouble) -> Option<Fate> {
    match found {
        Found::None => None,
        Found::One(group) => Some(Fate::found(group)),
        Found::Many { count, .. } => Some(Fate::Unknown(trouble.and(&ambiguous(count)))),
    }
}

/// Why none of so many groups of a name is taken for a row's.
#[must_use]
pub fn ambiguous(count: usize) -> String {
    format!("{count} groups have this name, and which one is this row's is not known")
}

/// The fate of a row whose name somebody else's group has.
#[must_use]
pub fn already_there(id: String, on_existing: OnExisting, http_status: Option<u16>) -> Fate {
    match on_existing {
        OnExisting::Skip => Fate::Exists { group_id: id, http_status },
        OnExisting::Fail => Fate::Failed(Trouble {
            code: "name-taken".to_owned(),
            message: format!("a group of this name is already there ({id})"),
            http_status,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tag;

    fn tag() -> Tag {
        Tag { id: "g1".to_owned(), stamp: None }
    }

    #[test]
    fn a_name_that_is_there_is_ours_only_if_we_sent_it() {
        let ours = Some(Fate::Created { group: tag(), http_status: 201 });
        for past in [Past::InDoubt, Past::Absent] {
            assert_eq!(listed(past, Found::One(tag()), OnExisting::Skip), ours);
            assert_eq!(listed(past, Found::One(tag()), OnExisting::Fail), ours);
            assert_eq!(listed(past, Found::None, OnExisting::Skip), None);
        }
        let exists = Some(Fate::Exists { group_id: "g1".to_owned(), http_status: None });
        assert_eq!(listed(Past::New, Found::One(tag()), OnExisting::Skip), exists);
        assert!(matches!(listed(Past::New, Found::One(tag()), OnExisting::Fail), Some(Fate::Failed(_))));
        assert_eq!(listed(Past::New, Found::None, OnExisting::Skip), None);
    }

    #[test]
    fn of_two_groups_of_the_name_none_is_adopted_and_the_row_says_so() {
        let many = || Found::Many { first: tag(), count: 2 };
        let Some(Fate::Unknown(trouble)) = listed(Past::InDoubt, many(), OnExisting::Skip) else { panic!() };
        assert!(trouble.message.contains("2 groups have this name"), "{}", trouble.message);
        let exists = Some(Fate::Exists { group_id: "g1".to_owned(), http_status: None });
        assert_eq!(listed(Past::New, many(), OnExisting::Skip), exists);
    }
}
