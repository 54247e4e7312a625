//! A row to be sent, and what is known of its earlier attempts.

use strum::AsRefStr;

use super::Group;

/// A row's key in the journal; grows in input order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId(pub i64);

/// What is needed to create one group and to look it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The row it comes from.
    pub row: RowId,
    /// The group.
    pub group: Group,
    /// The number of attempts so far.
    pub attempts: u32,
    /// Whether an attempt may have created the group although no list showed it: if it appears, it is this row's.
    pub may_be_ours: bool,
    /// Whether its group exists, but may lack guests.
    pub is_made: bool,
}

/// What is known about earlier attempts of a row without an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// There was none, or none that had an effect.
    New,
    /// It may be sent again: lists did not show its group for long enough, or its group may lack guests.
    Absent,
    /// The last one may have been applied.
    InDoubt,
}

/// What is known about an attempt whose response has no id of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsRefStr)]
#[strum(serialize_all = "lowercase")]
pub enum Effect {
    /// It created no group.
    None,
    /// Unknown, but lists did not show the group for long enough.
    Absent,
    /// It created the group, which may lack guests.
    Made,
}
