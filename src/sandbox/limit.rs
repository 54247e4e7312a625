//! The request limit (a rolling window), the guests and the hourly cap on their invites. Reads no clock. Pure.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::RequestRate;
use super::message::Response;

/// A strict rolling window: at most N counted arrivals in any window of the period. Refused calls are not counted.
pub(super) struct RequestLimit {
    pub(super) rate: Option<RequestRate>,
    counted: VecDeque<Duration>,
}

/// The rate-limit headers of a response.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimitHeaders {
    limit: Option<u32>,
    remaining: Option<u32>,
}

impl RequestLimit {
    pub(super) fn new(rate: Option<RequestRate>) -> Self {
        Self { rate, counted: VecDeque::new() }
    }

    /// Counts a request or refuses it: then it gives the seconds until one would pass, rounded up.
    pub(super) fn admit(&mut self, now: Duration) -> (RateLimitHeaders, Option<u64>) {
        let Some(RequestRate { requests, period }) = self.rate else { return Default::default() };
        forget(&mut self.counted, period, now);
        let free = requests.saturating_sub(u32::try_from(self.counted.len()).unwrap_or(u32::MAX));
        let headers = RateLimitHeaders { limit: Some(requests), remaining: Some(free.saturating_sub(1)) };
        if free > 0 {
            self.counted.push_back(now);
            return (headers, None);
        }
        let oldest = self.counted.front().copied().unwrap_or(now);
        let wait = oldest.saturating_add(period).saturating_sub(now);
        (headers, Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
    }
}

impl RateLimitHeaders {
    pub(super) fn add_to(&self, answer: Response) -> Response {
        answer.with("X-RateLimit-Limit", self.limit).with("X-RateLimit-Remaining", self.remaining)
    }
}

/// The cap on guest invites, and what its refusal says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuestCap {
    /// The most addresses that are new to the organization in any hour.
    per_hour: usize,
    /// The text of `Retry-After`; `None` sends no such header.
    retry_after: Option<String>,
    /// Whether a refused group is created nevertheless, with the guests that fit.
    #[serde(default)]
    pub(super) partial: bool,
}

/// The guests the organization knows, and when it invited those of the last hour.
#[derive(Default)]
pub(super) struct GuestList {
    /// By address, in lower case: when the guest was disabled.
    known: BTreeMap<String, Option<String>>,
    invited: VecDeque<Duration>,
}

impl GuestList {
    /// Adds a guest without an invite, or replaces one.
    pub(super) fn plant(&mut self, address: &str, disabled_at: Option<&str>) {
        self.known.insert(address.to_lowercase(), disabled_at.map(str::to_owned));
    }

    /// The guests with this text (lower case) in their address, in order.
    pub(super) fn search(&self, q: &str) -> Vec<Value> {
        self.known.iter().filter(|(address, _)| address.contains(q)).map(shown).collect()
    }

    pub(super) fn get(&self, address: &str) -> Option<Value> {
        self.known.get_key_value(&address.to_lowercase()).map(shown)
    }

    /// Invites the new addresses among `guests`, all or none; the response of a cap that refuses them.
    pub(super) fn invite(&mut self, guests: &[String], cap: Option<&GuestCap>, now: Duration) -> Result<(), Response> {
        forget(&mut self.invited, Duration::from_hours(1), now);
        let mut new: HashSet<String> = guests.iter().map(|guest| guest.to_lowercase()).collect();
        new.retain(|guest| !self.known.contains_key(guest));
        let is_exceeded = |cap: &&GuestCap| !new.is_empty() && self.invited.len() + new.len() > cap.per_hour;
        if let Some(GuestCap { per_hour, retry_after, .. }) = cap.filter(is_exceeded) {
            let message = format!(
                "You've reached the hourly limit for Guest Invite ({per_hour} per hour per organization). Please try again later."
            );
            let body = json!({"message": message, "code": "RATE_LIMIT_EXCEEDED"});
            return Err(Response::json(429, &body).with("Retry-After", retry_after.as_ref()));
        }
        self.invited.extend(new.iter().map(|_| now));
        self.known.extend(new.into_iter().map(|guest| (guest, None)));
        Ok(())
    }
}

/// A guest as the API shows one.
fn shown((email, disabled_at): (&String, &Option<String>)) -> Value {
    json!({"email": email, "first_name": null, "last_name": null, "details": {"disabled_at": disabled_at}})
}

/// Drops the times that are a whole period ago: a window is open at its far end.
fn forget(moments: &mut VecDeque<Duration>, period: Duration, now: Duration) {
    while moments.front().is_some_and(|moment| now.saturating_sub(*moment) >= period) {
        moments.pop_front();
    }
}
