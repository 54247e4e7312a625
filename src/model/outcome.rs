//! Outcomes of operations as the journal keeps them.

use serde::{Deserialize, Serialize};

use crate::model::{GroupRef, Status};

/// Why an operation failed or its outcome is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestError {
    /// The stable word for `error_code`: `http-422`, `name-taken`, `timeout`, …
    pub code: String,
    /// The sentence for `error`.
    pub message: String,
    /// The status of the last response, if there was one.
    pub http_status: Option<u16>,
}

impl RequestError {
    /// An error without a response.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), http_status: None }
    }

    /// The run ended while the row was being sent.
    pub fn interrupted() -> Self {
        let message = "the run was cut off while the row was being sent; the same command again looks it up";
        Self::new("interrupted", message)
    }

    /// The run ended when the group existed, perhaps without all of its guests.
    pub fn guests_missing() -> Self {
        let message = "the group exists, but may lack some of its guests; the same command again adds them";
        Self::new("guests-missing", message)
    }

    /// The same error with more details.
    pub fn and(self, more: &str) -> Self {
        Self { message: format!("{}; {more}", self.message), ..self }
    }
}

/// The outcome of one operation. Its JSON form has the status and the same keys for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Outcome {
    /// The group exists because of this run.
    Created {
        /// The group.
        group: GroupRef,
        /// The status of the response; 201 if it was lost.
        http_status: u16,
    },
    /// A group of that name existed before.
    Exists {
        /// The group.
        group: GroupRef,
        /// The status of the response, if the row was sent.
        http_status: Option<u16>,
    },
    /// The group was deleted.
    Deleted {
        /// The status of the response.
        http_status: u16,
    },
    /// The group that was to be deleted did not exist any more.
    Gone,
    /// The group was changed as it was to be.
    Updated {
        /// The group.
        group: GroupRef,
        /// The status of the response; 201 if it was lost.
        http_status: u16,
    },
    /// Nothing was to be changed, and the journal owns the group from now on.
    Unchanged {
        /// The group.
        group: GroupRef,
    },
    /// The group was left alone.
    Held {
        /// Why.
        message: String,
    },
    /// The operation had no effect.
    Failed(RequestError),
    /// It was sent, and it is not known whether it had an effect.
    Unknown(RequestError),
}

impl Outcome {
    /// The response to an attempt was lost, and its group was found.
    pub fn found(group: GroupRef) -> Self {
        Self::made(false, group, 201)
    }

    /// A create or an update was applied.
    pub fn made(is_update: bool, group: GroupRef, http_status: u16) -> Self {
        if is_update { Self::Updated { group, http_status } } else { Self::Created { group, http_status } }
    }

    /// The group that was to be deleted does not exist, which has the status 404.
    pub fn not_there(may_be_deleted: bool) -> Self {
        if may_be_deleted { Self::Deleted { http_status: 404 } } else { Self::Gone }
    }

    /// The status in the results.
    pub fn status(&self) -> Status {
        match self {
            Self::Created { .. } => Status::Created,
            Self::Exists { .. } => Status::Exists,
            Self::Deleted { .. } => Status::Deleted,
            Self::Gone => Status::Gone,
            Self::Updated { .. } => Status::Updated,
            Self::Unchanged { .. } => Status::Unchanged,
            Self::Held { .. } => Status::Held,
            Self::Failed(_) => Status::Failed,
            Self::Unknown(_) => Status::Unknown,
        }
    }
}
