//! The forecast of an import, from its journal and its limits.

use crate::journal::{Journal, JournalError, RunId};
use crate::model::{Forecast, GuestQuota};
use crate::send::{GUEST_CAP, GuestForecast, Rate, Speed};

/// The limits of an import.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speeds {
    /// `--rate`
    pub(super) requests: Speed,
    /// `--guest-rate`
    pub(super) guests: Option<Rate>,
}

/// What the open rows of a run take; `pages` of the list if it was read.
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
    let (guest_quota, limit) = match speeds.guests {
        Some(_) => (GuestQuota::Chosen(requests, guest_rate.period), "--guest-rate"),
        None => (GuestQuota::Api(requests, guest_rate.period), "the API's guest quota"),
    };
    if most > u64::from(requests) {
        tracing::warn!(
            "a row has {most} new guests, more than {limit} allows at once; it is sent alone and may be refused"
        );
    }
    let (creates, guests, guest_time) = (journal.open_rows(run)?, rows.guests(), rows.time());
    Ok(Forecast { creates, pages, rate, guests, guest_quota, guest_time })
}
