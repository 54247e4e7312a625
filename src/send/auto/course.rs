//! How fast it goes in each phase.

use std::time::{Duration, Instant};

use super::evidence::Limit;
use super::{Finder, Phase, RECOVERY, SECOND, START};

/// Seconds in which the rate doubles while the limit is sought. Of 4,374 simulations of limits of 20 to 500 a second, 18
/// used less than 85 in 100 of it in the first half minute, or had more than 2 in 100 refused; 65 with 0.15, 37 with 0.25.
const DOUBLING: f64 = 0.2;

/// The same after the first refusal: what was taken in the last second is then less than 1 in 3 behind.
const CREEPING: f64 = 2.0;

/// The rate grows to so many times what was taken in the last second at most: no faster than answers come, and not
/// where nobody sends. Doubling each 0.2 seconds needs 4 where an answer takes 50 ms; with 4, slow answers held it back.
const LEAD: f64 = 6.0;

/// How long a limit is held before it is raised.
const PATIENCE: Duration = Duration::from_mins(1);

/// The same after many raises in vain: two refusals or so in a quarter of an hour.
const PATIENCE_MAX: Duration = Duration::from_mins(16);

/// Growth in the first second (or quarter of a period) of a climb; it grows with the cube of the time, so that it is
/// slow where the limit probably is and fast far from it, as in CUBIC (RFC 9438).
const GROWTH: f64 = 0.02;

impl Finder {
    /// Whether more than the limit was held not long ago.
    pub(super) fn is_below_best(&self) -> bool {
        self.limit.per_second() < 0.9 * self.best
    }

    /// Time has passed, and nothing is refused.
    pub(super) fn advance(&mut self, now: Instant) {
        let time = now.saturating_duration_since(self.since);
        match self.phase {
            Phase::Hold if time >= self.patience() => {
                if self.limit.per_second() > 1.05 * self.base {
                    self.failed = 0;
                }
                self.base = self.limit.per_second();
                self.enter(Phase::Climb, now);
            }
            Phase::Climb if self.is_below_best() && time >= self.ascent() => {
                // As before; beyond it only after the patience.
                self.limit.count = self.best * self.limit.period.as_secs_f64();
                self.failed = 0;
                self.enter(Phase::Hold, now);
            }
            _ => {}
        }
    }

    fn patience(&self) -> Duration {
        if self.is_below_best() { RECOVERY } else { (PATIENCE * (1 << self.failed.clamp(0, 5))).min(PATIENCE_MAX) }
    }

    /// The most that may be sent now.
    pub(super) fn level(&self, now: Instant) -> Limit {
        let time = now.saturating_duration_since(self.since).as_secs_f64();
        let Limit { count, period } = self.limit;
        let growing = |count: f64| Limit { count: count.min(self.lead(now)).max(self.limit.count), period };
        match self.phase {
            Phase::Seek => growing(count * (time / DOUBLING).exp2()),
            Phase::Creep => growing(count * (time / CREEPING).exp2()),
            // Enough of the places are free that were held before the wait, but not all are risked.
            Phase::Trial if self.is_long_wait() => Limit { count: count.min(START * period.as_secs_f64()), period },
            Phase::Trial if period == SECOND => Limit { count: (count / 4.0).max(count.min(START)), period },
            Phase::Trial | Phase::Hold => self.limit,
            Phase::Climb => growing(self.climbed(time)),
        }
    }

    fn is_long_wait(&self) -> bool {
        self.limit.period == SECOND && self.event.is_some_and(|event| event.until - event.at > SECOND * 3 / 2)
    }

    /// The most that is worth trying, by what is really sent.
    fn lead(&self, now: Instant) -> f64 {
        let recent = self.counts.since(now.checked_sub(SECOND).unwrap_or(now));
        (START + LEAD * f64::from(recent)) * self.limit.period.as_secs_f64()
    }

    /// How long a climb to the best takes.
    fn ascent(&self) -> Duration {
        5 * self.stride()
    }

    /// The unit of time of a climb: a refusal of a long window tells little of what was sent in a short time.
    fn stride(&self) -> Duration {
        if self.is_confirmed { SECOND.max(self.limit.period / 4) } else { SECOND }
    }

    /// The count of a climb that began so many seconds ago.
    fn climbed(&self, seconds: f64) -> f64 {
        let count = self.limit.count;
        if self.is_below_best() {
            // Ever more slowly towards the best.
            let best = self.best * self.limit.period.as_secs_f64();
            return best - (best - count) * (1.0 - seconds / self.ascent().as_secs_f64()).powi(3);
        }
        count * (1.0 + GROWTH * (seconds / self.stride().as_secs_f64()).powi(3))
    }
}
