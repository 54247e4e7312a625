//! Whether an error of a file is wrong usage (a wrong path) or a failure of the machine.

use std::io::{Error, ErrorKind as Kind};

/// Whether a file cannot be used because of where it is or what it is, and another would do;
/// else the machine failed: a full disk, a broken one.
pub fn is_misplaced(reason: &Error) -> bool {
    matches!(
        reason.kind(),
        Kind::NotFound
            | Kind::PermissionDenied
            | Kind::IsADirectory
            | Kind::NotADirectory
            | Kind::ReadOnlyFilesystem
            | Kind::InvalidInput
            | Kind::InvalidFilename
            | Kind::Other
    )
}
