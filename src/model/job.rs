//! A row to be sent, and what is known of its earlier attempts.

use bytes::Bytes;
use strum::AsRefStr;

/// A row's key in the journal; grows in input order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId(pub i64);

/// What is needed to create one group and to look it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The row it comes from.
    pub row: RowId,
    /// The group's name.
    pub name: String,
    /// The body of the create request.
    pub body: Bytes,
    /// How often it was begun so far.
    pub attempts: u32,
    /// Whether a send of it may have made the group, although lists did not show it: if it turns up, it is this row's.
    pub may_be_ours: bool,
    /// Whether its group was found already, and may lack guests.
    pub is_made: bool,
}

/// What an unsettled row has behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// It was never sent, or what was sent is known to have had no effect.
    New,
    /// It was sent, and what is known of that is no obstacle to its being sent again: lists did not show the group for long
    /// enough, or its guests are still to be seen to.
    Absent,
    /// It was begun, and no outcome is known.
    InDoubt,
}

/// What is known of a send that did not end with the group's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsRefStr)]
#[strum(serialize_all = "lowercase")]
pub enum Effect {
    /// It made no group.
    None,
    /// It is unknown; the group was missing from lists for long enough.
    Absent,
    /// It made the group, which may lack guests.
    Made,
}
