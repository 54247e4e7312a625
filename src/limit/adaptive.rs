//! The adaptive limit, `--rate auto`: finds the limit of a server, keeps it, and follows it. Refusals are its only evidence: the
//! period of a limit in headers is not known. Pure.
//!
//! The rate doubles until a request is refused (seek). The requests accepted in the second before are the limit; if the server
//! asks for a longer wait, its window is longer, and the limit is what it accepted since sending began. After the wait a few
//! requests go ahead (trial), then the limit is held. Now and then the rate climbs above it, slowly at first, as in CUBIC
//! (RFC 9438): soon after the limit fell, rarely after climbs that were refused.
//!
//! The figures in the comments are from the simulation in the tests.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::model::Rate;

/// The window that is assumed until the server shows that it is longer, and the shortest wait.
const SECOND: Duration = Duration::from_secs(1);

/// No longer wait tells anything about the limit.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// The first rate, per second: what the API documents.
const START: f64 = 10.0;

/// Seconds in which the rate doubles in the seek phase.
const DOUBLING: f64 = 0.2;

/// The rate grows to at most this multiple of the requests accepted in the last second: no faster than responses come, and not
/// while nothing is sent. Doubling every 0.2 seconds needs 4 at a latency of 50 ms; slow responses need more.
const LEAD: f64 = 6.0;

/// Part of a count that is kept: the second before a refusal begins and ends somewhere in the jitter of the latency.
const MARGIN: f64 = 0.98;

/// Taken off when the held limit is refused; three times as much for each of the next two refusals within [`RECOVERY`].
const STEP: f64 = 0.035;

/// A climb that reached less than this multiple of the limit proves nothing: two fixed windows may share its last second.
const RISE: f64 = 1.2;

/// Growth in the first second of a climb, or in the first quarter of a long period; it grows with the cube of the time.
const GROWTH: f64 = 0.015;

/// Below this part of the best limit the rate soon climbs again: other requests may have used the limit for a while.
const LOW: f64 = 0.9;

/// How long the limit is held before the first climb after it was found, and after it fell.
const PATIENCE: Duration = Duration::from_mins(1);
const RECOVERY: Duration = Duration::from_secs(4);

/// The longest time between two climbs; it doubles with each one that is refused.
const PATIENCE_MAX: Duration = Duration::from_mins(16);

/// At most `count` requests in any window of the period.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Limit {
    count: f64,
    period: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The rate doubles until the first refusal.
    Seek,
    /// After a wait, until a request is accepted.
    Trial,
    /// The limit is kept.
    Hold,
    /// The rate rises above the limit.
    Climb,
}

/// Refusals of requests that left before the wait that they caused was over.
#[derive(Debug, Clone, Copy)]
struct Burst {
    /// When the first of them left, and when it was answered.
    left: Instant,
    at: Instant,
    until: Instant,
}

#[derive(Debug)]
pub(crate) struct AdaptiveLimit {
    limit: Limit,
    phase: Phase,
    /// When the phase began.
    since: Instant,
    /// When sending began, at first or after a wait; how many requests were accepted since, and of these before the phase.
    began: Instant,
    accepted: u32,
    accepted_before: u32,
    /// When the accepted requests of the last seconds left, in order.
    recent: VecDeque<Instant>,
    burst: Option<Burst>,
    /// How long the limit is held before the next climb.
    patience: Duration,
    /// The greatest rate per second that was held for a while.
    best: f64,
    /// Refusals in the hold phase, less than [`RECOVERY`] apart.
    losses: i32,
}

impl AdaptiveLimit {
    /// `found` is the limit that an earlier run found a moment ago.
    pub(crate) fn new(found: Option<Rate>, now: Instant) -> Self {
        let (phase, limit) = match found {
            Some(rate) => (Phase::Hold, Limit { count: rate.requests.get().into(), period: rate.period }),
            None => (Phase::Seek, Limit { count: START, period: SECOND }),
        };
        Self {
            limit,
            phase,
            since: now,
            began: now,
            accepted: 0,
            accepted_before: 0,
            recent: VecDeque::new(),
            burst: None,
            patience: PATIENCE,
            best: 0.0,
            losses: 0,
        }
    }

    /// The limit, once it is known: a request was refused, now or in an earlier run.
    pub(crate) fn found(&self) -> Option<Rate> {
        (self.phase != Phase::Seek).then(|| self.limit.rate())
    }

    /// The rate to keep now: at most `requests` in any window of `period`, spaced evenly inside that.
    pub(crate) fn rate(&mut self, now: Instant) -> Rate {
        match self.burst {
            Some(burst) if now >= burst.until && self.phase != Phase::Trial => {
                self.settle(burst);
                self.enter(Phase::Trial, now);
            }
            None if self.phase == Phase::Hold && now >= self.since + self.patience => self.enter(Phase::Climb, now),
            _ => {}
        }
        self.level(now).rate()
    }

    /// A request that left at `left` was accepted, or its response was lost.
    pub(crate) fn accepted(&mut self, left: Instant, now: Instant) {
        while self.recent.front().is_some_and(|oldest| *oldest + 2 * SECOND < left) {
            self.recent.pop_front();
        }
        self.recent.insert(self.recent.partition_point(|other| *other <= left), left);
        if self.phase == Phase::Trial && left >= self.since {
            // The wait was long enough.
            (self.burst, self.began, self.accepted) = (None, left, 0);
            self.enter(Phase::Hold, now);
        }
        self.accepted = self.accepted.saturating_add(1);
    }

    /// A request that left at `left` got a 429. `named` is `Retry-After` with a second of grace. Returns how long everything waits
    /// from now.
    pub(crate) fn refused(&mut self, left: Instant, now: Instant, named: Option<Duration>) -> Duration {
        // A window of a second is over in a second, whatever is named.
        let wait = named.filter(|named| *named > 2 * SECOND).unwrap_or(SECOND);
        if wait > WAIT_MAX {
            return wait;
        }
        match &mut self.burst {
            Some(burst) if self.phase == Phase::Trial && left >= self.since => {
                // The wait was too short: half as long again, so that an unnamed period is overestimated by half at most.
                burst.until = now + wait.max((now - burst.at) * 3 / 2);
                self.phase = Phase::Hold;
            }
            Some(burst) => burst.until = burst.until.max(left + wait),
            // It was on its way when the last wait began.
            None if left < self.began => {}
            None => self.burst = Some(Burst { left, at: now, until: now + wait }),
        }
        self.burst.map_or(Duration::ZERO, |burst| burst.until.saturating_duration_since(now))
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        (self.phase, self.since, self.accepted_before) = (phase, now, self.accepted);
    }

    /// Sets the limit that a burst of refusals shows.
    fn settle(&mut self, burst: Burst) {
        let age = burst.left.saturating_duration_since(self.began);
        let wait = burst.until - burst.at;
        let last = self.accepted_in_second_before(burst.left);
        let (is_long, is_long_wait) = (self.limit.period > SECOND, wait > SECOND * 3 / 2);
        let before = self.limit.per_second();
        let reached = if is_long {
            let time = burst.left.saturating_duration_since(self.since).max(SECOND);
            f64::from(self.accepted - self.accepted_before) / time.as_secs_f64()
        } else {
            last
        };
        let count = match self.phase {
            _ if !is_long && is_long_wait => {
                // The window began with the first request and ends with the wait, whose last second is for safety.
                let period = (age + wait.saturating_sub(SECOND)).as_secs_f64().round();
                self.limit.period = Duration::from_secs_f64(period);
                self.accepted.into()
            }
            Phase::Seek | Phase::Trial | Phase::Hold if age <= SECOND && !is_long => last,
            Phase::Seek => MARGIN * last,
            Phase::Climb if reached > RISE * before => MARGIN * reached * self.limit.period.as_secs_f64(),
            Phase::Climb => self.limit.count,
            Phase::Trial | Phase::Hold => self.limit.count * (1.0 - STEP * 3.0_f64.powi(self.losses.min(2))),
        };
        self.limit.count = count.max(1.0);
        let after = self.limit.per_second();
        if self.phase == Phase::Climb {
            (self.patience, self.losses) = ((self.patience * 2).min(PATIENCE_MAX), 0);
        } else if burst.left > self.since + RECOVERY {
            (self.best, self.losses) = (self.best.max(before), 0);
        } else if self.phase != Phase::Seek {
            self.losses += 1;
        }
        if after >= LOW * self.best {
            self.patience = self.patience.max(PATIENCE);
        } else {
            self.patience = RECOVERY;
            if self.phase == Phase::Climb {
                // Each climb that is refused makes it less likely that the best limit comes back.
                self.best *= LOW;
            }
        }
    }

    /// The most that may be sent now.
    fn level(&self, now: Instant) -> Limit {
        let time = now.saturating_duration_since(self.since).as_secs_f64();
        let Limit { count, period } = self.limit;
        let grown = |factor: f64| {
            let lead = (START + LEAD * self.accepted_in_second_before(now)) * period.as_secs_f64();
            Limit { count: (count * factor).min(lead).max(count), period }
        };
        match self.phase {
            Phase::Seek => grown((time / DOUBLING).exp2()),
            // Enough places are free that were held before the wait, but not all are risked.
            Phase::Trial if period == SECOND => Limit { count: (count / 4.0).max(count.min(START)), period },
            Phase::Trial | Phase::Hold => self.limit,
            Phase::Climb => grown(1.0 + GROWTH * (time / SECOND.max(period / 4).as_secs_f64()).powi(3)),
        }
    }

    /// How many requests were accepted that left in the second before this moment, or after it.
    fn accepted_in_second_before(&self, moment: Instant) -> f64 {
        let before = self.recent.partition_point(|left| *left + SECOND <= moment);
        u32::try_from(self.recent.len() - before).unwrap_or(u32::MAX).into()
    }
}

impl Limit {
    fn per_second(self) -> f64 {
        self.count / self.period.as_secs_f64()
    }

    fn rate(self) -> Rate {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative; 0 becomes 1")]
        let requests = self.count as u32;
        Rate { requests: NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN), period: self.period }
    }
}

#[cfg(test)]
mod tests;
