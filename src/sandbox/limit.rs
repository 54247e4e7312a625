//! How much is too much: requests in a rolling window, new guests in an hour. It must not read a clock;
//! every moment is handed in.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::Rate;
use super::message::Answer;

const HOUR: Duration = Duration::from_hours(1);

/// A strict rolling window: at most N counted arrivals in any window of the period. Refused calls are not counted.
pub(super) struct RequestLimit {
    rate: Option<Rate>,
    counted: VecDeque<Duration>,
}

/// Whether a request may pass, with what its answer's headers say about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is no limit.
    Unlimited,
    /// Counted; `remaining` more would pass at this moment.
    Counted { limit: u32, remaining: u32 },
    /// Not counted; the first moment at which one would pass is `retry_after` seconds away, rounded up.
    Refused { limit: u32, retry_after: u64 },
}

/// What the headers of an answer claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) limit: Option<u32>,
    pub(super) remaining: Option<u32>,
}

impl RequestLimit {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self { rate, counted: VecDeque::new() }
    }

    /// Another limit from now on.
    pub(super) fn change(&mut self, rate: Option<Rate>) {
        self.rate = rate;
    }

    /// Other users of the token send so many requests.
    pub(super) fn spend(&mut self, requests: u32, now: Duration) {
        for _ in 0..requests {
            self.admit(now);
        }
    }

    pub(super) fn admit(&mut self, now: Duration) -> Verdict {
        let Some(rate) = self.rate else {
            return Verdict::Unlimited;
        };
        forget(&mut self.counted, rate.period, now);
        let limit = rate.requests;
        let held = u32::try_from(self.counted.len()).unwrap_or(u32::MAX);
        if held >= limit {
            let oldest = self.counted.front().copied().unwrap_or(now);
            let wait = oldest.saturating_add(rate.period).saturating_sub(now);
            return Verdict::Refused { limit, retry_after: whole_seconds(wait) };
        }
        self.counted.push_back(now);
        Verdict::Counted { limit, remaining: limit - held - 1 }
    }
}

impl Verdict {
    /// Writes the verdict into the headers of `answer`, or what is claimed instead.
    pub(super) fn stamp(&self, answer: Answer, claim: Option<Claim>) -> Answer {
        let (truth, retry_after) = match *self {
            Self::Unlimited => (Claim { limit: None, remaining: None }, None),
            Self::Counted { limit, remaining } => (Claim { limit: Some(limit), remaining: Some(remaining) }, None),
            Self::Refused { limit, retry_after } => {
                (Claim { limit: Some(limit), remaining: Some(0) }, Some(retry_after))
            }
        };
        let Claim { limit, remaining } = claim.unwrap_or(truth);
        let headers = [("X-RateLimit-Limit", limit), ("X-RateLimit-Remaining", remaining)]
            .map(|(name, value)| (name, value.map(u64::from)));
        let said = headers.into_iter().chain([("Retry-After", retry_after)]);
        said.filter_map(|(name, value)| value.map(|value| (name, value)))
            .fold(answer, |answer, (name, value)| answer.with(name, value.to_string()))
    }
}

/// The cap on guest invites, and what its refusal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GuestCap {
    /// At most so many addresses that are new to the organization in any hour.
    pub(super) per_hour: u32,
    /// The text of `Retry-After`; `None` sends no such header.
    pub(super) retry_after: Option<String>,
    /// Whether a group that it refuses is created all the same, with the guests that fit.
    pub(super) is_partial: bool,
}

impl GuestCap {
    pub(super) fn refusal(&self) -> Answer {
        let message = format!(
            "You've reached the hourly limit for Guest Invite ({} per hour per organization). Please try again later.",
            self.per_hour
        );
        let answer = Answer::json(429, &serde_json::json!({"message": message, "code": "RATE_LIMIT_EXCEEDED"}));
        match &self.retry_after {
            Some(text) => answer.with("Retry-After", text.clone()),
            None => answer,
        }
    }
}

/// The guests the organization has met, and when it met those of the last hour.
#[derive(Default)]
pub(super) struct GuestList {
    known: HashSet<String>,
    invited: VecDeque<Duration>,
}

impl GuestList {
    /// Takes note of addresses that cost no invite.
    pub(super) fn greet(&mut self, guests: &[String]) {
        self.known.extend(guests.iter().map(|guest| guest.to_lowercase()));
    }

    /// Invites those of `guests` that are new, all or none; false when the cap is in the way.
    pub(super) fn invite(&mut self, guests: &[String], cap: Option<&GuestCap>, now: Duration) -> bool {
        if guests.is_empty() {
            return true;
        }
        forget(&mut self.invited, HOUR, now);
        let new: HashSet<String> =
            guests.iter().map(|guest| guest.to_lowercase()).filter(|guest| !self.known.contains(guest)).collect();
        let full =
            |cap: &GuestCap| u32::try_from(self.invited.len() + new.len()).map_or(true, |after| after > cap.per_hour);
        if !new.is_empty() && cap.is_some_and(full) {
            return false;
        }
        self.invited.extend(new.iter().map(|_| now));
        self.known.extend(new);
        true
    }
}

impl GuestList {
    /// Those of `guests` that are known, and as many new ones as the cap leaves room for, which are invited.
    pub(super) fn invite_some(&mut self, guests: Vec<String>, cap: &GuestCap, now: Duration) -> Vec<String> {
        let mut some = guests;
        some.retain(|guest| self.invite(std::slice::from_ref(guest), Some(cap), now));
        some
    }
}

/// Drops the moments that lie a whole period back: a window is open at its far end.
fn forget(moments: &mut VecDeque<Duration>, period: Duration, now: Duration) {
    while moments.front().is_some_and(|moment| now.saturating_sub(*moment) >= period) {
        moments.pop_front();
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
