//! The forecast of an import, from its journal and its limits.

use crate::journal::{Journal, JournalError, RunId};
use crate::model::Forecast;
use crate::send::{GUEST_CAP, GuestForecast, Rate, Speed};

/// What the open rows of a run take at `--rate` and `--guest-rate`; `pages` of the list if it was read.
pub(super) fn forecast(
    journal: &Journal,
    run: RunId,
    pages: Option<u64>,
    speed: Speed,
    guest_rate: Option<Rate>,
) -> Result<Forecast, JournalError> {
    let rate = match speed {
        Speed::At(rate) => Some((rate.requests.get(), rate.period)),
        Speed::Unpaced | Speed::Auto => None,
    };
    let limit = guest_rate.unwrap_or(GUEST_CAP);
    let mut rows = GuestForecast::new(limit);
    journal.open_guests(run, |guests| rows.add(guests))?;
    Ok(Forecast {
        creates: journal.open_rows(run)?,
        pages,
        rate,
        guests: rows.guests(),
        guest_rate: (limit.requests.get(), limit.period),
        is_guest_rate_chosen: guest_rate.is_some(),
        guest_time: rows.time(),
    })
}
