//! The request limit (a rolling window), the guests and the hourly cap on their invites. Reads no clock. Pure.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::RequestRate;
use super::message::Response;

const HOUR: Duration = Duration::from_hours(1);

/// A strict rolling window: at most N counted arrivals in any window of the period. Refused calls are not counted.
pub(super) struct RequestLimit {
    pub(super) rate: Option<RequestRate>,
    counted: VecDeque<Duration>,
}

/// Whether a request passes, and what the rate-limit headers of its response say.
#[derive(Default)]
pub(super) struct Admission {
    pub(super) headers: RateLimitHeaders,
    /// Of a refused request: the seconds until one would pass, rounded up.
    pub(super) retry_after: Option<u64>,
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

    pub(super) fn admit(&mut self, now: Duration) -> Admission {
        let Some(rate) = self.rate else {
            return Admission::default();
        };
        forget(&mut self.counted, rate.period, now);
        let held = u32::try_from(self.counted.len()).unwrap_or(u32::MAX);
        let retry_after = if held < rate.requests {
            self.counted.push_back(now);
            None
        } else {
            let oldest = self.counted.front().copied().unwrap_or(now);
            let wait = oldest.saturating_add(rate.period).saturating_sub(now);
            Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
        };
        let remaining = rate.requests.saturating_sub(held).saturating_sub(1);
        Admission { headers: RateLimitHeaders { limit: Some(rate.requests), remaining: Some(remaining) }, retry_after }
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
    /// Adds addresses without an invite.
    pub(super) fn add_known(&mut self, guests: &[String]) {
        for guest in guests {
            self.known.entry(guest.to_lowercase()).or_default();
        }
    }

    /// Adds a guest, or replaces one.
    pub(super) fn plant(&mut self, address: &str, disabled_at: Option<&str>) {
        self.known.insert(address.to_lowercase(), disabled_at.map(str::to_owned));
    }

    /// The addresses with this text (lower case), in order.
    pub(super) fn search(&self, q: &str) -> Vec<&str> {
        self.known.keys().map(String::as_str).filter(|address| address.contains(q)).collect()
    }

    /// The guest of an address, as the API shows one.
    pub(super) fn get(&self, address: &str) -> Option<Value> {
        let (email, disabled_at) = self.known.get_key_value(&address.to_lowercase())?;
        let details = json!({"disabled_at": disabled_at});
        Some(json!({"email": email, "first_name": null, "last_name": null, "details": details}))
    }

    /// Invites the new addresses among `guests`, all or none; the response of a cap that refuses them.
    pub(super) fn invite(&mut self, guests: &[String], cap: Option<&GuestCap>, now: Duration) -> Result<(), Response> {
        forget(&mut self.invited, HOUR, now);
        let mut new: HashSet<String> = guests.iter().map(|guest| guest.to_lowercase()).collect();
        new.retain(|guest| !self.known.contains_key(guest));
        match cap {
            Some(cap) if !new.is_empty() && self.invited.len() + new.len() > cap.per_hour => {
                let message = format!(
                    "You've reached the hourly limit for Guest Invite ({} per hour per organization). Please try again later.",
                    cap.per_hour
                );
                let body = json!({"message": message, "code": "RATE_LIMIT_EXCEEDED"});
                return Err(Response::json(429, &body).with("Retry-After", cap.retry_after.as_ref()));
            }
            _ => {}
        }
        self.invited.extend(new.iter().map(|_| now));
        self.known.extend(new.into_iter().map(|guest| (guest, None)));
        Ok(())
    }
}

/// Drops the times that are a whole period ago: a window is open at its far end.
fn forget(moments: &mut VecDeque<Duration>, period: Duration, now: Duration) {
    while moments.front().is_some_and(|moment| now.saturating_sub(*moment) >= period) {
        moments.pop_front();
    }
}
