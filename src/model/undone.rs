//! A group that a run created, and what becomes of it when the run is taken back.

use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::model::{Group, OutcomeStatus, RowId, Tag, Trouble};

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

/// What became of a group whose run was taken back: the contract's closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Undone {
    /// It was deleted.
    Deleted,
    /// It was not there any more.
    Gone,
    /// It was changed since it was created, and left alone.
    Changed,
    /// It is still there.
    Failed,
    /// Nothing tells whether it is there, or whether it is the run's.
    Unknown,
    /// Not attempted.
    Pending,
}

impl OutcomeStatus for Undone {
    const TITLE: &'static str = "undo: ";
    const NOUN: &'static str = "groups";

    fn is_open(self) -> bool {
        !matches!(self, Self::Deleted | Self::Gone)
    }

    fn is_pending(self) -> bool {
        self == Self::Pending
    }
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
    pub fn status(&self) -> Undone {
        match self {
            Self::Deleted(_) => Undone::Deleted,
            Self::Gone => Undone::Gone,
            Self::Changed(_) => Undone::Changed,
            Self::Failed(_) => Undone::Failed,
            Self::Unknown(_) => Undone::Unknown,
        }
    }
}
