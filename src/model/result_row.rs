//! One line of the results: the status of a row, and whether something is left to do (then it is in the rejects too).

use strum::{AsRefStr, EnumString, IntoStaticStr, VariantArray};

use crate::model::{NameKey, Place, Raw};

/// What became of a row, or of the group that it created when its run is undone: the closed list for the results' column
/// `status`, in the order of the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsRefStr, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Status {
    /// The group exists because of this run.
    Created,
    /// A group of that name existed before.
    Exists,
    /// The group was changed.
    Updated,
    /// The group is as it is to be.
    Unchanged,
    /// The group was deleted.
    Deleted,
    /// Undo: the group did not exist any more.
    Gone,
    /// The group was left alone, because a rule protects it.
    Held,
    /// Its person, or its members and guests, became those of an earlier row's group.
    Merged,
    /// The row repeats an earlier one.
    Duplicate,
    /// `--where` or the layout leaves the row out.
    Excluded,
    /// The row failed a check; nothing was sent.
    Invalid,
    /// The request was refused; it had no effect.
    Failed,
    /// The request was sent, and no response tells whether it had an effect.
    Unknown,
    /// Not attempted.
    Pending,
}

impl Status {
    /// Whether something is left to do. Such rows of an import belong in the rejects.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Held | Self::Invalid | Self::Failed | Self::Unknown | Self::Pending)
    }
}

/// What the check says about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validity {
    /// It defines a group.
    Valid(NameKey),
    /// Its people become those of the group of the row with this number.
    Merged(u32),
    /// It repeats the name of earlier rows, the first with this number, and is not sent.
    Repeat(u32),
    /// It is left out.
    Excluded,
    /// It has an error.
    Invalid,
}

impl Validity {
    /// The status of the row before anything is sent.
    pub fn status(&self) -> Status {
        match self {
            Self::Valid(_) => Status::Pending,
            Self::Merged(_) => Status::Merged,
            Self::Repeat(_) => Status::Duplicate,
            Self::Excluded => Status::Excluded,
            Self::Invalid => Status::Invalid,
        }
    }
}

/// One line of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultRow {
    /// The place of the row; none if no file has it.
    pub place: Option<Place>,
    /// The group's name, without outer spaces; may be empty.
    pub name: String,
    /// What became of the row.
    pub status: Status,
    /// The id of the group.
    pub group_id: Option<String>,
    /// The row that this one repeats, or that has the group it was merged into.
    pub duplicate_of: Option<Place>,
    /// How often it was sent.
    pub attempts: u32,
    /// The status of the last response.
    pub http_status: Option<u16>,
    /// The stable word for what went wrong.
    pub error_code: Option<String>,
    /// What went wrong, in a sentence.
    pub error: Option<String>,
    /// What was changed in the group.
    pub changes: Option<String>,
    /// The row's warnings, in sentences joined by semicolons.
    pub warnings: Option<String>,
    /// The row as it stood in the input.
    pub raw: Raw,
}

/// The number of rows in each status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusCounts([u64; Status::VARIANTS.len()]);

impl StatusCounts {
    /// Counts one more row.
    pub fn add(&mut self, status: Status) {
        self.0[status as usize] += 1;
    }

    /// The number of rows in this status.
    pub fn of(&self, status: Status) -> u64 {
        self.0[status as usize]
    }

    /// Every status that a row has, with the number of rows.
    pub fn by_status(&self) -> impl Iterator<Item = (Status, u64)> {
        Status::VARIANTS.iter().copied().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// The number of all rows.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
