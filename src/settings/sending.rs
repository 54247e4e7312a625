//! How the rows of an import are sent.

use super::table::{GUEST_RATE, MATCH_NAMES, ON_EXISTING};
use super::{Connection, Environment, SettingsError};
use crate::cli::{ImportArgs, values};
use crate::send::{GuestLimits, Policy, Rate};

/// How the rows of an import are sent.
#[derive(Debug, Clone, Copy)]
pub struct SendingSettings {
    /// How often, and what happens to names that exist.
    pub policy: Policy,
    /// How guests are sent.
    pub guests: GuestLimits,
}

impl SendingSettings {
    /// Resolves the settings.
    ///
    /// # Errors
    /// If one of them is wrong.
    pub fn resolve(
        args: &ImportArgs,
        connection: &Connection,
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let guest_rate = GUEST_RATE.text(args.guest_rate.as_deref(), environment);
        let rate = if guest_rate.text.is_empty() { None } else { Some(guest_rate.read(Rate::parse)?) };
        Ok(Self {
            policy: Policy {
                attempts_max: connection.attempts_max,
                matching: MATCH_NAMES.value(args.input.match_names, environment, values::choice)?,
                on_existing: ON_EXISTING.value(args.on_existing, environment, values::choice)?,
            },
            guests: GuestLimits { rate, wait_max: connection.wait_max },
        })
    }
}
