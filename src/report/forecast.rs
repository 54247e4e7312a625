//! The forecast of an import, in words and as JSON. Pure.

use serde_json::json;

use super::span::{counted, per};
use crate::model::{Forecast, span};

/// A line about the requests, and one about the guests if the guest quota delays them; no line break at the end.
pub(super) fn text(forecast: &Forecast) -> String {
    let requests = counted(forecast.requests(), "request");
    let what = match forecast.pages {
        Some(_) => format!("an import takes {requests}"),
        None => {
            format!("up to {} to create: {requests}, and 1 per 100 existing groups", counted(forecast.creates, "group"))
        }
    };
    let time = match (forecast.time(), forecast.rate) {
        (Some(time), Some(rate)) => format!("about {} at {}", span(time), per(rate)),
        _ => "as fast as the server allows".to_owned(),
    };
    let longer = forecast.guest_time;
    if longer.is_zero() {
        return format!("{what}; {time}");
    }
    let (guests, longer) = (counted(forecast.guests, "guest"), span(longer));
    let limit = if forecast.is_guest_rate_chosen { "--guest-rate" } else { "its guest quota of" };
    let rate = per(forecast.guest_rate);
    format!("{what}; {time}\n{guests}: if all of them are new to the organization, {limit} {rate} adds up to {longer}")
}

/// The same for scripts.
pub(super) fn json(forecast: &Forecast) -> serde_json::Value {
    json!({
        "requests": forecast.requests(),
        "seconds": forecast.time().map(|time| time.as_secs_f64()),
        "guests": forecast.guests,
        "guest_quota_seconds": forecast.guest_time.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn forecast(creates: u64, pages: Option<u64>, guests: u64) -> Forecast {
        let (rate, guest_rate) = (Some((600, Duration::from_mins(1))), (30, Duration::from_hours(1)));
        let guest_time = Duration::from_hours(guests.saturating_sub(1) / 30);
        Forecast { creates, pages, rate, guests, guest_rate, is_guest_rate_chosen: false, guest_time }
    }

    #[test]
    fn before_the_list_is_read_its_pages_are_unknown() {
        assert_eq!(
            text(&forecast(1820, None, 57)),
            "up to 1,820 groups to create: 1,820 requests, and 1 per 100 existing groups; about 3 min at 600 a minute\n\
             57 guests: if all of them are new to the organization, its guest quota of 30 an hour adds up to 1 h"
        );
        let unpaced = Forecast { rate: None, ..forecast(1, None, 30) };
        assert_eq!(
            text(&unpaced),
            "up to 1 group to create: 1 request, and 1 per 100 existing groups; as fast as the server allows"
        );
    }

    #[test]
    fn the_limit_of_the_guests_is_named() {
        let rated = Forecast {
            guest_rate: (20, Duration::from_hours(1)),
            is_guest_rate_chosen: true,
            ..forecast(57, None, 57)
        };
        let last = "57 guests: if all of them are new to the organization, --guest-rate 20 an hour adds up to 1 h";
        assert_eq!(text(&rated).lines().last(), Some(last));
    }

    #[test]
    fn with_the_list_read_all_requests_are_known() {
        let known = forecast(1820, Some(20), 0);
        assert_eq!(text(&known), "an import takes 1,840 requests; about 3 min at 600 a minute");
        assert_eq!(json(&known), json!({"requests": 1840, "seconds": 183.9, "guests": 0, "guest_quota_seconds": 0.0}));
        let unpaced = Forecast { rate: None, ..forecast(1, Some(1), 31) };
        assert_eq!(
            json(&unpaced),
            json!({"requests": 2, "seconds": null, "guests": 31, "guest_quota_seconds": 3600.0})
        );
    }
}
