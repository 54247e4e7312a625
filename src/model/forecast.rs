//! The forecast of an import: the requests and the time it takes.

use std::time::Duration;

/// What an import takes, predicted before the first row is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Rows that are not settled; each creates at most one group.
    pub creates: u64,
    /// Pages of the organization's list; `None` before it was read.
    pub pages: Option<u64>,
    /// Requests per period; `None` if no rate is set.
    pub rate: Option<(u32, Duration)>,
    /// Distinct addresses of guests in those rows.
    pub guests: u64,
    /// The most guests per period that are new to the organization.
    pub guest_rate: (u32, Duration),
    /// Whether that is `--guest-rate`, not the documented quota of the API.
    pub is_guest_rate_chosen: bool,
    /// How long it delays the last of them if all are new to the organization.
    pub guest_time: Duration,
}

impl Forecast {
    /// The known requests: one for each group, and one for each page of the list.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.creates.saturating_add(self.pages.unwrap_or_default())
    }

    /// The time until the last of them is sent, if the first is sent at once. `None` if no rate is set.
    #[must_use]
    pub fn time(&self) -> Option<Duration> {
        let (count, period) = self.rate?;
        let nanos = period.as_nanos().saturating_mul(self.requests().saturating_sub(1).into()) / u128::from(count);
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(creates: u64, pages: Option<u64>) -> Forecast {
        let (rate, guest_rate) = (Some((600, Duration::from_mins(1))), (30, Duration::from_hours(1)));
        Forecast {
            creates,
            pages,
            rate,
            guests: 0,
            guest_rate,
            is_guest_rate_chosen: false,
            guest_time: Duration::ZERO,
        }
    }

    #[test]
    fn every_group_and_every_page_takes_a_request_and_all_but_the_first_take_time() {
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
