//! What an import will take, from what its journal holds and how fast it goes.

use std::time::Duration;

use crate::journal::{Journal, JournalError, RunId};
use crate::model::Forecast;
use crate::send::Speed;

/// So many guests whom the organization does not know in a period (the API's documentation: Guest Invite, 30 per hour per organization).
pub(super) const GUEST_CAP: (u32, Duration) = (30, Duration::from_hours(1));

/// What settling the open rows of a run will take; `pages` of the list, where it was read.
pub(super) fn forecast(
    journal: &Journal,
    run: RunId,
    pages: Option<u64>,
    speed: Speed,
    guest_cap: (u32, Duration),
) -> Result<Forecast, JournalError> {
    let rate = match speed {
        Speed::At(rate) => Some((rate.requests.get(), rate.period)),
        Speed::Unpaced | Speed::Auto => None,
    };
    let (creates, guests) = (journal.open_rows(run)?, journal.open_guests(run)?);
    Ok(Forecast { creates, pages, rate, guests, guest_cap })
}
