//! What an import takes, as far as it can be told beforehand.

use std::time::Duration;

/// The requests and the time of an import, before the first row is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Rows that are not settled: at most one group each.
    pub creates: u64,
    /// Pages of the organization's list; none before it was read.
    pub pages: Option<u64>,
    /// So many requests in a period; none if no rate is set.
    pub rate: Option<(u32, Duration)>,
    /// Different addresses of guests in those rows.
    pub guests: u64,
    /// So many guests whom the organization does not know in a period.
    pub guest_cap: GuestCap,
    /// How long it takes until the last of them are sent, if the organization knows none and nothing else is in the way:
    /// the first go at once, the others in the periods after.
    pub guest_time: Duration,
}

/// The most guests whom the organization does not know, in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestCap {
    /// What the API documents: it refuses more.
    OfApi(u32, Duration),
    /// What the user wants: no more are sent.
    OfUser(u32, Duration),
}

impl Forecast {
    /// Requests, as far as they are known: one for each group, and one for each page of the list.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.creates.saturating_add(self.pages.unwrap_or_default())
    }

    /// How long it takes until the last of those leaves: the first leaves at once. None if no rate is set.
    #[must_use]
    pub fn time(&self) -> Option<Duration> {
        self.rate.map(|(count, period)| parts(period, self.requests().saturating_sub(1), count))
    }

    /// Rows that can be settled in a second, at most; none if no rate is set.
    #[must_use]
    pub fn rows_per_second(&self) -> Option<f64> {
        self.rate.map(|(count, period)| f64::from(count) / period.as_secs_f64())
    }
}

/// The period, `factor` times, divided by `divisor`.
fn parts(period: Duration, factor: u64, divisor: u32) -> Duration {
    let nanos = period.as_nanos().saturating_mul(factor.into()) / u128::from(divisor.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(creates: u64, pages: Option<u64>) -> Forecast {
        let (rate, guest_cap) = (Some((600, Duration::from_mins(1))), GuestCap::OfApi(30, Duration::from_hours(1)));
        Forecast { creates, pages, rate, guests: 0, guest_cap, guest_time: Duration::ZERO }
    }

    #[test]
    fn every_group_and_every_page_is_a_request_and_takes_its_time_at_the_rate_but_the_first() {
        let known = forecast(1820, Some(20));
        assert_eq!((known.requests(), known.time()), (1840, Some(Duration::from_millis(183_900))));
        assert_eq!(forecast(1820, None).requests(), 1820);
        assert_eq!(Forecast { rate: None, ..known }.time(), None);
        assert_eq!(forecast(0, Some(0)).time(), Some(Duration::ZERO));
        let slow = Forecast { rate: Some((1, Duration::from_hours(24))), ..forecast(1, Some(1)) };
        assert_eq!(slow.time(), Some(Duration::from_hours(24)));
        assert!(forecast(u64::MAX, Some(1)).time() > Some(Duration::from_hours(1_000_000)));
    }
}
