//! The request limit (a rolling window) and the hourly cap on guest invites. Reads no clock. Pure.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::RequestRate;
use super::message::Response;

const HOUR: Duration = Duration::from_hours(1);

/// A strict rolling window: at most N counted arrivals in any window of the period. Refused calls are not counted.
pub(super) struct RequestLimit {
    rate: Option<RequestRate>,
    counted: VecDeque<Duration>,
}

/// Whether a request passes, and what the rate-limit headers of its response say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LimitDecision {
    /// There is no limit.
    Unlimited,
    /// Counted; `remaining` more would pass at this moment.
    Counted { limit: u32, remaining: u32 },
    /// Not counted; the first moment at which one would pass is `retry_after` seconds away, rounded up.
    Refused { limit: u32, retry_after: u64 },
}

/// The rate-limit headers of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateLimitHeaders {
    pub(super) limit: Option<u32>,
    pub(super) remaining: Option<u32>,
}

impl RequestLimit {
    pub(super) fn new(rate: Option<RequestRate>) -> Self {
        Self { rate, counted: VecDeque::new() }
    }

    /// Another limit from now on.
    pub(super) fn change(&mut self, rate: Option<RequestRate>) {
        self.rate = rate;
    }

    /// Other users of the token send this number of requests.
    pub(super) fn spend(&mut self, requests: u32, now: Duration) {
        for _ in 0..requests {
            self.admit(now);
        }
    }

    pub(super) fn admit(&mut self, now: Duration) -> LimitDecision {
        let Some(rate) = self.rate else {
            return LimitDecision::Unlimited;
        };
        forget(&mut self.counted, rate.period, now);
        let limit = rate.requests;
        let held = u32::try_from(self.counted.len()).unwrap_or(u32::MAX);
        if held >= limit {
            let oldest = self.counted.front().copied().unwrap_or(now);
            let wait = oldest.saturating_add(rate.period).saturating_sub(now);
            return LimitDecision::Refused { limit, retry_after: whole_seconds(wait) };
        }
        self.counted.push_back(now);
        LimitDecision::Counted { limit, remaining: limit - held - 1 }
    }
}

impl LimitDecision {
    /// Adds the rate-limit headers to a response: those of the decision, or those of a fault.
    pub(super) fn add_headers(&self, answer: Response, faulty: Option<RateLimitHeaders>) -> Response {
        let (truth, retry_after) = match *self {
            Self::Unlimited => (RateLimitHeaders { limit: None, remaining: None }, None),
            Self::Counted { limit, remaining } => {
                (RateLimitHeaders { limit: Some(limit), remaining: Some(remaining) }, None)
            }
            Self::Refused { limit, retry_after } => {
                (RateLimitHeaders { limit: Some(limit), remaining: Some(0) }, Some(retry_after))
            }
        };
        let RateLimitHeaders { limit, remaining } = faulty.unwrap_or(truth);
        let headers = [("X-RateLimit-Limit", limit), ("X-RateLimit-Remaining", remaining)]
            .map(|(name, value)| (name, value.map(u64::from)));
        let said = headers.into_iter().chain([("Retry-After", retry_after)]);
        said.filter_map(|(name, value)| value.map(|value| (name, value)))
            .fold(answer, |answer, (name, value)| answer.with(name, value.to_string()))
    }
}

/// The cap on guest invites, and what its refusal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CapOnGuests {
    /// The most addresses that are new to the organization in any hour.
    pub(super) per_hour: u32,
    /// The text of `Retry-After`; `None` sends no such header.
    pub(super) retry_after: Option<String>,
    /// Whether a refused group is created nevertheless, with the guests that fit.
    pub(super) is_partial: bool,
}

impl CapOnGuests {
    pub(super) fn refusal(&self) -> Response {
        let message = format!(
            "You've reached the hourly limit for Guest Invite ({} per hour per organization). Please try again later.",
            self.per_hour
        );
        let answer = Response::json(429, &serde_json::json!({"message": message, "code": "RATE_LIMIT_EXCEEDED"}));
        match &self.retry_after {
            Some(text) => answer.with("Retry-After", text.clone()),
            None => answer,
        }
    }
}

/// The guests the organization knows, and when it invited those of the last hour.
#[derive(Default)]
pub(super) struct GuestList {
    known: HashSet<String>,
    invited: VecDeque<Duration>,
}

impl GuestList {
    /// Adds addresses without an invite.
    pub(super) fn add_known(&mut self, guests: &[String]) {
        self.known.extend(guests.iter().map(|guest| guest.to_lowercase()));
    }

    /// Invites the new addresses among `guests`, all or none; false if the cap refuses them.
    pub(super) fn invite(&mut self, guests: &[String], cap: Option<&CapOnGuests>, now: Duration) -> bool {
        if guests.is_empty() {
            return true;
        }
        forget(&mut self.invited, HOUR, now);
        let new: HashSet<String> =
            guests.iter().map(|guest| guest.to_lowercase()).filter(|guest| !self.known.contains(guest)).collect();
        let full = |cap: &CapOnGuests| {
            u32::try_from(self.invited.len() + new.len()).map_or(true, |after| after > cap.per_hour)
        };
        if !new.is_empty() && cap.is_some_and(full) {
            return false;
        }
        self.invited.extend(new.iter().map(|_| now));
        self.known.extend(new);
        true
    }
}

impl GuestList {
    /// Invites as many new addresses among `guests` as the cap allows; returns those and the known ones.
    pub(super) fn invite_some(&mut self, guests: Vec<String>, cap: &CapOnGuests, now: Duration) -> Vec<String> {
        let mut some = guests;
        some.retain(|guest| self.invite(std::slice::from_ref(guest), Some(cap), now));
        some
    }
}

/// Drops the times that are a whole period ago: a window is open at its far end.
fn forget(moments: &mut VecDeque<Duration>, period: Duration, now: Duration) {
    while moments.front().is_some_and(|moment| now.saturating_sub(*moment) >= period) {
        moments.pop_front();
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
