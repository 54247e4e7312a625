//! How guests are sent, as it is meant.

use super::SettingsError;
use crate::cli::ImportArgs;
use crate::send::{GuestLimits, Rate};

/// How the guests of an import are sent.
///
/// # Errors
/// If the guest rate cannot be understood.
pub fn guest_limits(args: &ImportArgs) -> Result<GuestLimits, SettingsError> {
    let rate = args.guest_rate.as_deref().map(Rate::parse).transpose().map_err(SettingsError::GuestRate)?;
    Ok(GuestLimits { rate, wait_max: args.connection.max_wait })
}
