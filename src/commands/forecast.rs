//! What an import will take, from what its journal holds and how fast it goes.

use crate::journal::{Journal, JournalError, RunId};
use crate::model::{Forecast, GuestCap};
use crate::send::{GUEST_CAP, GuestForecast, Rate, Speed};

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
    let guest_rate = speeds.guests.unwrap_or(GUEST_CAP);
    let mut rows = GuestForecast::new(guest_rate);
    journal.open_guests(run, |guests| rows.add(guests))?;
    let (most, requests) = (rows.most(), guest_rate.requests.get());
    let (guest_cap, limit) = match speeds.guests {
        Some(_) => (GuestCap::OfUser(requests, guest_rate.period), "--guest-rate"),
        None => (GuestCap::OfApi(requests, guest_rate.period), "the API's cap on guest invites"),
    };
    if most > u64::from(requests) {
        tracing::warn!(
            "a row carries {most} new guests, more than {limit} lets at once: it is sent alone, and may be refused"
        );
    }
    let (creates, guests, guest_time) = (journal.open_rows(run)?, rows.guests(), rows.time());
    Ok(Forecast { creates, pages, rate, guests, guest_cap, guest_time })
}
