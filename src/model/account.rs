//! What is reported of a row, and the accounts over all rows.

use crate::model::{Place, Raw};

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

    /// The word that stands in `status`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
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

    /// The status of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether a row of this status still has to be imported, so that it belongs in the rejects.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Invalid | Self::Failed | Self::Unknown | Self::Pending)
    }
}

/// One line of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Where the row stands.
    pub place: Place,
    /// The group's name, without outer spaces; empty where there is none.
    pub name: String,
    /// What became of it.
    pub status: Status,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts([u64; Status::ALL.len()]);

impl Counts {
    /// Counts one row more.
    pub fn add(&mut self, status: Status) {
        self.0[status as usize] += 1;
    }

    /// How many rows have this status.
    #[must_use]
    pub fn of(&self, status: Status) -> u64 {
        self.0[status as usize]
    }

    /// The sum over all statuses.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
