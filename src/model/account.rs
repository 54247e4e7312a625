//! What is reported of a row, and the accounts over all rows.

use std::marker::PhantomData;

use crate::model::{Place, Raw};

/// A closed list of words, one of which stands in `status`.
pub trait Standing: Copy + PartialEq + 'static {
    /// What stands before the files in the closing summary.
    const TITLE: &'static str;
    /// What is counted.
    const NOUN: &'static str;

    /// The whole list, in the order of the documentation.
    fn all() -> &'static [Self];

    /// The word that stands in `status`.
    fn as_str(self) -> &'static str;

    /// Whether something is still to be done about it.
    fn is_open(self) -> bool;

    /// Whether it was not attempted.
    fn is_pending(self) -> bool;

    /// The standing of that word.
    #[must_use]
    fn from_word(word: &str) -> Option<Self> {
        Self::all().iter().copied().find(|standing| standing.as_str() == word)
    }
}

/// What became of a row: the contract's closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The group is there because of this run.
    Created,
    /// A group of that name was there before.
    Exists,
    /// The row repeats an earlier one.
    Duplicate,
    /// The row failed the check; nothing was sent.
    Invalid,
    /// The group is known not to be there.
    Failed,
    /// Sent, and no answer tells whether the group is there.
    Unknown,
    /// Not attempted.
    Pending,
}

impl Status {
    /// All statuses, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Created, Self::Exists, Self::Duplicate, Self::Invalid, Self::Failed, Self::Unknown, Self::Pending];
}

impl Standing for Status {
    const TITLE: &'static str = "";
    const NOUN: &'static str = "rows";

    fn all() -> &'static [Self] {
        &Self::ALL
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Exists => "exists",
            Self::Duplicate => "duplicate",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Pending => "pending",
        }
    }

    /// Whether a row of this status still has to be imported, so that it belongs in the rejects.
    fn is_open(self) -> bool {
        matches!(self, Self::Invalid | Self::Failed | Self::Unknown | Self::Pending)
    }

    fn is_pending(self) -> bool {
        self == Self::Pending
    }
}

/// One line of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account<S = Status> {
    /// Where the row stands.
    pub place: Place,
    /// The group's name, without outer spaces; empty where there is none.
    pub name: String,
    /// What became of it.
    pub status: S,
    /// The id of the group it stands for.
    pub group_id: Option<String>,
    /// The row it repeats.
    pub duplicate_of: Option<Place>,
    /// How often it was sent.
    pub attempts: u32,
    /// The status of the last answer.
    pub http_status: Option<u16>,
    /// The stable word for what went wrong.
    pub error_code: Option<String>,
    /// What went wrong, for a person.
    pub error: Option<String>,
    /// The row as it stood in the input.
    pub raw: Raw,
}

/// How many rows ended in each status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts<S = Status>(Vec<u64>, PhantomData<S>);

impl<S: Standing> Default for Counts<S> {
    fn default() -> Self {
        Self(vec![0; S::all().len()], PhantomData)
    }
}

impl<S: Standing> Counts<S> {
    /// Counts one row more.
    pub fn add(&mut self, status: S) {
        for (count, _) in self.0.iter_mut().zip(S::all()).filter(|(_, known)| **known == status) {
            *count += 1;
        }
    }

    /// How many rows have this status.
    #[must_use]
    pub fn of(&self, status: S) -> u64 {
        self.by_status().filter(|(known, _)| *known == status).map(|(_, count)| count).sum()
    }

    /// Every status, with how many rows have it.
    pub fn by_status(&self) -> impl Iterator<Item = (S, u64)> {
        S::all().iter().copied().zip(self.0.iter().copied())
    }

    /// The sum over all statuses.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
