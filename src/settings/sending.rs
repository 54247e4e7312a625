//! How the rows of an import are sent, as it is meant.

use super::{Input, SettingsError};
use crate::cli::{ImportArgs, OnExistingArg};
use crate::model::OnExisting;
use crate::send::{GuestLimits, Policy, Rate};

/// How the rows of an import are sent.
#[must_use]
pub fn policy(args: &ImportArgs) -> Policy {
    Policy {
        attempts_max: args.connection.max_attempts,
        matching: Input::resolve(&args.input).matching,
        on_existing: match args.on_existing {
            OnExistingArg::Skip => OnExisting::Skip,
            OnExistingArg::Fail => OnExisting::Fail,
        },
    }
}

/// How the guests of an import are sent.
///
/// # Errors
/// If the guest rate cannot be understood.
pub fn guest_limits(args: &ImportArgs) -> Result<GuestLimits, SettingsError> {
    let refused = |reason| SettingsError::Rate { origin: "--guest-rate", reason };
    let rate = args.guest_rate.as_deref().map(Rate::parse).transpose().map_err(refused)?;
    Ok(GuestLimits { rate, wait_max: args.connection.max_wait })
}
