//! The forecast of an import, from its journal and its limits.

use super::Import;
use crate::journal::{Journal, JournalError, RunId};
use crate::limit::{GUEST_CAP, GuestForecast, Speed};
use crate::report::Forecast;

impl Import<'_> {
    /// What the open rows of a run take: this many requests; `known` are the guests that the organization knows, if they were
    /// listed.
    pub(super) fn forecast(
        &self,
        journal: &Journal,
        run: RunId,
        requests: u64,
        known: Option<&[String]>,
    ) -> Result<Forecast, JournalError> {
        let rate = match self.connection.limits.speed {
            Speed::At(rate) => Some((rate.requests.get(), rate.period)),
            Speed::Unpaced | Speed::Auto => None,
        };
        let limit = self.guests.rate.unwrap_or(GUEST_CAP);
        let mut rows = GuestForecast::new(limit, known.unwrap_or_default());
        journal.open_guests(run, |_, guests| rows.add(guests))?;
        let (most, allowed) = (rows.most, limit.requests.get());
        if most > u64::from(allowed) {
            let whose = if self.guests.rate.is_some() { "--guest-rate" } else { "the guest quota" };
            tracing::warn!(
                "a row has {most} new guests, more than {whose} allows at once ({allowed}); it is sent alone and may be refused"
            );
        }
        Ok(Forecast {
            requests,
            rate,
            guests: rows.guests,
            are_guests_new: known.is_some(),
            guest_rate: (limit.requests.get(), limit.period),
            is_guest_rate_chosen: self.guests.rate.is_some(),
            guest_time: rows.time(),
        })
    }
}
