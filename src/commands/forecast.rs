//! The forecast of an import, from its journal and its limits.

use super::Import;
use crate::limit::{GUEST_CAP, GuestForecast};
use crate::model::Speed;
use crate::report::Forecast;

impl Import<'_> {
    /// What the open rows of a run take: this many requests; with the rows that invite guests, and whether those are known to be new.
    pub(super) fn forecast(&self, requests: u64, guests: &GuestForecast, are_guests_new: bool) -> Forecast {
        let rate = match self.connection.limits.speed {
            Speed::At(rate) => Some(rate),
            Speed::Unpaced | Speed::Auto => None,
        };
        let limit = self.guests.rate.unwrap_or(GUEST_CAP);
        let (most, allowed) = (guests.most, limit.requests.get());
        if most > u64::from(allowed) {
            let whose = if self.guests.rate.is_some() { "--guest-rate" } else { "the guest quota" };
            tracing::warn!(
                "a row has {most} new guests, more than {whose} allows at once ({allowed}); it is sent alone and may be refused"
            );
        }
        Forecast {
            requests,
            rate,
            guests: guests.guests,
            are_guests_new,
            guest_rate: limit,
            is_guest_rate_chosen: self.guests.rate.is_some(),
            guest_time: guests.time(),
        }
    }
}
