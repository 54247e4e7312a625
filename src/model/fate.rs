//! The outcome of a row that was to be sent.

use crate::model::{Status, Tag};

/// Why a row failed or is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The stable word for `error_code`: `http-422`, `name-taken`, `timeout`, …
    pub code: String,
    /// The sentence for `error`.
    pub message: String,
    /// The status of the last answer, where there was one.
    pub http_status: Option<u16>,
}

impl Trouble {
    /// Of a row whose run ended while it was being sent.
    #[must_use]
    pub fn interrupted() -> Self {
        Self {
            code: "interrupted".to_owned(),
            message: "the run was cut off while the row was being sent; the same command again looks it up".to_owned(),
            http_status: None,
        }
    }

    /// Of a row whose run ended when its group had been made, perhaps without all of its guests.
    #[must_use]
    pub fn guests_missing() -> Self {
        Self {
            code: "guests-missing".to_owned(),
            message: "the group is there, but not known to have all of its guests; the same command again gives it those that it lacks".to_owned(),
            http_status: None,
        }
    }

    /// The same trouble, with something more to say of it.
    #[must_use]
    pub fn and(self, more: &str) -> Self {
        Self { message: format!("{}; {more}", self.message), ..self }
    }
}

/// The outcome of one row, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The group is there because of this run.
    Created {
        /// The group.
        group: Tag,
        /// The status of the answer that said so, or would have said so had it come.
        http_status: u16,
    },
    /// A group of that name was there before.
    Exists {
        /// The group's id.
        group_id: String,
        /// The status of the answer that said so, where the row was sent.
        http_status: Option<u16>,
        /// In what the group differs from the row.
        differences: Option<String>,
    },
    /// The group is known not to be there.
    Failed(Trouble),
    /// It was sent, and nothing tells whether the group is there.
    Unknown(Trouble),
}

/// The status that answers a create request that made its group.
const CREATED: u16 = 201;

impl Fate {
    /// The group was made by a send whose answer is lost, and was found.
    #[must_use]
    pub fn found(group: Tag) -> Self {
        Self::Created { group, http_status: CREATED }
    }

    /// The status in the results.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Created { .. } => Status::Created,
            Self::Exists { .. } => Status::Exists,
            Self::Failed(_) => Status::Failed,
            Self::Unknown(_) => Status::Unknown,
        }
    }
}
