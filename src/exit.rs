//! How a run ended, and the exit code for it: the table that scripts rely on. The code of an error is in
//! `commands/failure`. Pure.

use crate::model::StopReason;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ending {
    /// Everything is done, and nothing was wrong.
    Complete = 0,
    /// The program or the machine failed.
    Failed = 1,
    /// Wrong usage: flags, a missing file, a header that cannot be used.
    Usage = 2,
    /// The token is missing, wrong, or died.
    Token = 3,
    /// Another run holds the journal.
    Locked = 4,
    /// Organization or endpoint not found.
    NotFound = 5,
    /// The server asked for too long a pause, or was down for too long.
    PauseTooLong = 6,
    /// Problems in the file.
    Problems = 7,
    /// A guard refused the plan.
    Refused = 8,
    /// Finished, but some rows are invalid, failed, held or unknown.
    Incomplete = 9,
    /// A dry run: something would change.
    Changes = 10,
    /// Interrupted.
    Interrupted = 130,
}

impl Ending {
    /// The exit code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Whether nothing was wrong.
    pub fn is_well(self) -> bool {
        matches!(self, Self::Complete | Self::Changes)
    }

    /// The ending of a run that stopped early.
    pub(crate) fn of_halt(halt: &StopReason) -> Self {
        match halt {
            StopReason::TokenRefused(_)
            | StopReason::Forbidden(_)
            | StopReason::UsersRefused { .. }
            | StopReason::RefusedInARow { status: 403, .. } => Self::Token,
            StopReason::NotFound(_) | StopReason::Redirected(_) | StopReason::RefusedInARow { .. } => Self::NotFound,
            StopReason::PauseTooLong(_)
            | StopReason::GuestCapTooLong(_)
            | StopReason::Refusing { .. }
            | StopReason::Down { .. } => Self::PauseTooLong,
            StopReason::Journal | StopReason::Unrecorded(_) | StopReason::Unreachable(_) => Self::Failed,
            StopReason::Interrupted => Self::Interrupted,
        }
    }
}
