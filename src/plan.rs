//! What is to be done with a row, given its past and what the organization holds. Pure.

use crate::model::{Fate, OnExisting, Past, Trouble};

/// What the plan says of a row that is still to be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It costs nothing more.
    Settle(Fate),
    /// It is to be sent.
    Send,
    /// It may have been applied: look it up before it is sent again.
    LookUp,
}

/// Decides on one row; `there` is the id of the group that has its name.
#[must_use]
pub fn next(past: Past, there: Option<&str>, on_existing: OnExisting) -> Next {
    match (past, there) {
        (Past::New, None) => Next::Send,
        (Past::InDoubt, None) => Next::LookUp,
        // The name was free when the run began, and then we sent it.
        (Past::InDoubt, Some(id)) => Next::Settle(Fate::Created { group_id: id.to_owned(), http_status: None }),
        (Past::New, Some(id)) => Next::Settle(already_there(id, on_existing, None)),
    }
}

/// The fate of a row whose name somebody else's group has.
#[must_use]
pub fn already_there(id: &str, on_existing: OnExisting, http_status: Option<u16>) -> Fate {
    match on_existing {
        OnExisting::Skip => Fate::Exists { group_id: id.to_owned(), http_status },
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

    #[test]
    fn a_name_that_is_there_is_ours_only_if_we_sent_it() {
        let created = Fate::Created { group_id: "g1".to_owned(), http_status: None };
        let exists = Fate::Exists { group_id: "g1".to_owned(), http_status: None };
        assert_eq!(next(Past::InDoubt, Some("g1"), OnExisting::Skip), Next::Settle(created.clone()));
        assert_eq!(next(Past::InDoubt, Some("g1"), OnExisting::Fail), Next::Settle(created));
        assert_eq!(next(Past::New, Some("g1"), OnExisting::Skip), Next::Settle(exists));
        assert!(matches!(next(Past::New, Some("g1"), OnExisting::Fail), Next::Settle(Fate::Failed(_))));
    }

    #[test]
    fn what_may_have_been_applied_is_looked_up_before_it_is_sent() {
        assert_eq!(next(Past::New, None, OnExisting::Skip), Next::Send);
        assert_eq!(next(Past::InDoubt, None, OnExisting::Skip), Next::LookUp);
    }
}
