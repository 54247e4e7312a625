//! The forecast of an import: the requests and the time it takes, in words and as JSON. Pure.

use std::time::Duration;

use serde_json::json;

use super::counted;
use crate::model::{Rate, span};

/// What an import takes, predicted before the first row is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forecast {
    /// The known requests: one for each row that is not settled, and in a dry run one for each page of the organization's lists.
    pub(crate) requests: u64,
    /// Requests per period; `None` if no rate is set.
    pub(crate) rate: Option<Rate>,
    /// Distinct addresses of guests in those rows, without those that are known to the organization.
    pub(crate) guests: u64,
    /// Whether the guests of the organization were listed; otherwise any may be known.
    pub(crate) are_guests_new: bool,
    /// The most guests per period that are new to the organization.
    pub(crate) guest_rate: Rate,
    /// Whether that is `--guest-rate`, not the documented quota of the API.
    pub(crate) is_guest_rate_chosen: bool,
    /// How long it delays the last of them if all are new.
    pub(crate) guest_time: Duration,
}

impl Forecast {
    /// The time until the last of them is sent, if the first is sent at once. `None` if no rate is set.
    pub(crate) fn time(&self) -> Option<Duration> {
        let Rate { requests, period } = self.rate?;
        let later = self.requests.saturating_sub(1).into();
        let nanos = period.as_nanos().saturating_mul(later) / u128::from(requests.get());
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

/// A line about the requests, and one about the guests if the guest quota delays them; no line break at the end.
pub(super) fn text(forecast: &Forecast) -> String {
    let what = counted(forecast.requests, "request");
    let time = match (forecast.time(), forecast.rate) {
        (Some(time), Some(rate)) => format!("about {} at {}", span(time), rate),
        _ => "as fast as the server allows".to_owned(),
    };
    let longer = forecast.guest_time;
    if longer.is_zero() {
        return format!("{what}; {time}");
    }
    let limit = if forecast.is_guest_rate_chosen { "--guest-rate" } else { "the guest quota of" };
    let (new, rate, longer) = (forecast.are_guests_new, forecast.guest_rate, span(longer));
    let guests = counted(forecast.guests, if new { "new guest" } else { "guest" });
    let unsure = if new { "" } else { "if all of them are new to the organization, " };
    format!("{what}; {time}\n{guests}: {unsure}{limit} {rate} adds up to {longer}")
}

/// The same for scripts.
pub(super) fn json(forecast: &Forecast) -> serde_json::Value {
    json!({
        "requests": forecast.requests,
        "seconds": forecast.time().map(|time| time.as_secs_f64()),
        "guests": forecast.guests,
        "guest_quota_seconds": forecast.guest_time.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).unwrap()
    }

    fn forecast(requests: u64, guests: u64) -> Forecast {
        let (rate, guest_rate) = (Some(rate("600/min")), rate("30/h"));
        let guest_time = Duration::from_hours(guests.saturating_sub(1) / 30);
        Forecast { requests, rate, guests, guest_rate, is_guest_rate_chosen: false, are_guests_new: false, guest_time }
    }

    #[test]
    fn the_requests_and_the_guests_have_a_line_each() {
        assert_eq!(
            text(&forecast(1820, 57)),
            "1,820 requests; about 3 min at 600 a minute\n\
             57 guests: if all of them are new to the organization, the guest quota of 30 an hour adds up to 1 h"
        );
        let listed = Forecast { are_guests_new: true, ..forecast(1820, 57) };
        let last = "57 new guests: the guest quota of 30 an hour adds up to 1 h";
        assert_eq!(text(&listed).lines().last(), Some(last));
        let unpaced = Forecast { rate: None, ..forecast(1, 30) };
        assert_eq!(text(&unpaced), "1 request; as fast as the server allows");
    }

    #[test]
    fn the_limit_of_the_guests_is_named() {
        let rated = Forecast { guest_rate: rate("20/h"), is_guest_rate_chosen: true, ..forecast(57, 57) };
        let last = "57 guests: if all of them are new to the organization, --guest-rate 20 an hour adds up to 1 h";
        assert_eq!(text(&rated).lines().last(), Some(last));
    }

    #[test]
    fn scripts_get_the_same_in_seconds() {
        let expected = json!({"requests": 1840, "seconds": 183.9, "guests": 0, "guest_quota_seconds": 0.0});
        assert_eq!(json(&forecast(1840, 0)), expected);
        let unpaced = Forecast { rate: None, ..forecast(2, 31) };
        assert_eq!(
            json(&unpaced),
            json!({"requests": 2, "seconds": null, "guests": 31, "guest_quota_seconds": 3600.0})
        );
    }

    #[test]
    fn every_request_but_the_first_takes_time() {
        let known = forecast(1840, 0);
        assert_eq!(known.time(), Some(Duration::from_millis(183_900)));
        assert_eq!(Forecast { rate: None, ..known }.time(), None);
        assert_eq!(forecast(0, 0).time(), Some(Duration::ZERO));
        let slow = Forecast { rate: Some(rate("1/24h")), ..forecast(2, 0) };
        assert_eq!(slow.time(), Some(Duration::from_hours(24)));
        assert!(forecast(u64::MAX, 0).time() > Some(Duration::from_hours(1_000_000)));
    }
}
