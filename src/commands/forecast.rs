//! What an import will take, from what its journal holds and how fast it goes.

use std::time::Duration;

use crate::journal::{Journal, JournalError, RunId};
use crate::model::{Forecast, GuestCap};
use crate::send::{Rate, Speed};

/// The API's documentation: Guest Invite, 30 per hour per organization.
const GUEST_CAP: GuestCap = GuestCap::OfApi(30, Duration::from_hours(1));

/// How fast an import goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speeds {
    /// `--rate`
    pub(super) requests: Speed,
    /// `--guest-rate`
    pub(super) guests: Option<Rate>,
}

/// What settling the open rows of a run will take; `pages` of the list, where it was read.
pub(super) fn forecast(
    journal: &Journal,
    run: RunId,
    pages: Option<u64>,
    speeds: Speeds,
) -> Result<Forecast, JournalError> {
    let rate = match speeds.requests {
        Speed::At(rate) => Some((rate.requests.get(), rate.period)),
        Speed::Unpaced | Speed::Auto => None,
    };
    let guest_cap = speeds.guests.map_or(GUEST_CAP, |rate| GuestCap::OfUser(rate.requests.get(), rate.period));
    let (creates, guests) = (journal.open_rows(run)?, journal.open_guests(run)?);
    Ok(Forecast { creates, pages, rate, guests, guest_cap })
}
