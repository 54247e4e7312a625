//! What finally became of a row: its outcome, with a status.

use std::str::FromStr;

use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::model::{Place, Raw};

/// A closed list of the words for the results' column `status`.
pub trait OutcomeStatus: Copy + PartialEq + VariantArray + FromStr + Into<&'static str> {
    /// Precedes the files in the closing summary.
    const TITLE: &'static str;
    /// What is counted.
    const NOUN: &'static str;

    /// The word in the results.
    fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether something is left to do.
    fn is_open(self) -> bool;

    /// Whether nothing was attempted.
    fn is_pending(self) -> bool;
}

/// What became of a row: the contract's closed list, in the order of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Status {
    /// The group exists because of this run.
    Created,
    /// A group of that name existed before.
    Exists,
    /// The row repeats an earlier one.
    Duplicate,
    /// The row failed a check; nothing was sent.
    Invalid,
    /// The request was refused; the group does not exist.
    Failed,
    /// The request was sent, and no response tells whether the group exists.
    Unknown,
    /// Not attempted.
    Pending,
}

impl OutcomeStatus for Status {
    const TITLE: &'static str = "";
    const NOUN: &'static str = "rows";

    /// Rows with an open status belong in the rejects.
    fn is_open(self) -> bool {
        matches!(self, Self::Invalid | Self::Failed | Self::Unknown | Self::Pending)
    }

    fn is_pending(self) -> bool {
        self == Self::Pending
    }
}

/// One line of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<S = Status> {
    /// The place of the row.
    pub place: Place,
    /// The group's name, without outer spaces; empty if there is none.
    pub name: String,
    /// What became of the row.
    pub status: S,
    /// The id of the group.
    pub group_id: Option<String>,
    /// The row that this one repeats.
    pub duplicate_of: Option<Place>,
    /// How often it was sent.
    pub attempts: u32,
    /// The status of the last response.
    pub http_status: Option<u16>,
    /// The stable word for what went wrong.
    pub error_code: Option<String>,
    /// What went wrong, in a sentence.
    pub error: Option<String>,
    /// The row's warnings, in sentences joined by semicolons.
    pub warnings: Option<String>,
    /// The row as it stood in the input.
    pub raw: Raw,
}

/// The number of rows in each status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCounts<S = Status>(Vec<(S, u64)>);

impl<S: OutcomeStatus> Default for StatusCounts<S> {
    fn default() -> Self {
        Self(S::VARIANTS.iter().map(|status| (*status, 0)).collect())
    }
}

impl<S: OutcomeStatus> StatusCounts<S> {
    /// Counts one more row.
    pub fn add(&mut self, status: S) {
        for (_, count) in self.0.iter_mut().filter(|(known, _)| *known == status) {
            *count += 1;
        }
    }

    /// The number of rows in this status.
    #[must_use]
    pub fn of(&self, status: S) -> u64 {
        self.by_status().filter(|(known, _)| *known == status).map(|(_, count)| count).sum()
    }

    /// Every status with its number of rows.
    pub fn by_status(&self) -> impl Iterator<Item = (S, u64)> {
        self.0.iter().copied()
    }

    /// The sum over all statuses.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_status().map(|(_, count)| count).sum()
    }
}
