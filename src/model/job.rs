//! A row on its way to the server.

use bytes::Bytes;

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
}

/// What an unsettled row has behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// It was never sent, or what was sent is known to have had no effect.
    New,
    /// It was begun, and no outcome is known.
    InDoubt,
}
