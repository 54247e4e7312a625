//! A group that a run created, and what becomes of it when the run is taken back.

use crate::model::{Group, RowId, Status, Tag, Trouble};

/// A group that a run created and that was not deleted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// The row it comes from.
    pub row: RowId,
    /// What was sent.
    pub group: Group,
    /// The group, as the server told it at its creation.
    pub tag: Tag,
    /// Whether one of our deletions may have been applied.
    pub may_be_deleted: bool,
}

/// The outcome of the deletion of one group, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It was deleted; with the status of the answer that said so.
    Deleted(u16),
    /// It was not there any more.
    Gone,
    /// It was changed since, so that it was left alone: what is not as it was.
    Changed(String),
    /// It is still there.
    Failed(Trouble),
    /// Nothing tells whether it is there, or whether it is the run's.
    Unknown(Trouble),
}

impl Removal {
    /// The status in the results.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Deleted(_) => Status::Deleted,
            Self::Gone => Status::Gone,
            Self::Changed(_) => Status::Changed,
            Self::Failed(_) => Status::Failed,
            Self::Unknown(_) => Status::Unknown,
        }
    }
}
