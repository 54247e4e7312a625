//! What a burst of refusals says about the limit. Pure.
//!
//! Three kinds of servers are told apart. A *window* takes what the limit says, then nothing until it has passed. A window
//! that is *long* names a wait of two seconds or more, or refuses again after a second. A *bucket* that leaks goes on taking
//! some while it refuses others.

use std::num::NonZeroU32;
use std::time::Duration;

use super::super::rate::Rate;
use super::{Phase, SECOND};

/// The most places that the window keeps exactly.
const PLACES_MAX: f64 = 4096.0;

/// Kept of a count that may be a little too high: the second before a refusal begins and ends somewhere in the jitter of the
/// latency. Without it 50 instead of 18 of the simulations told of in [`super::course`] missed their mark.
const MARGIN: f64 = 0.98;

/// Taken off for a refusal while the limit was held: about what one of them proves, as the limit is a few requests off.
const STEP: f64 = 0.03;

/// A climb that got no further says nothing new: two fixed windows share the last second.
const RISE: f64 = 1.2;

/// Below it, what was counted is too little to tell a bucket from a window.
const ENOUGH: u32 = 6;

/// Longer ago, a window that is off by little would have refused before.
const PROVEN: Duration = Duration::from_secs(3);

/// What is believed: at most so many in any window of the period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    pub(super) count: f64,
    pub(super) period: Duration,
}

impl Limit {
    pub(super) fn per_second(self) -> f64 {
        self.count / self.period.as_secs_f64()
    }

    fn times(self, factor: f64) -> Self {
        Self { count: self.count * factor, ..self }
    }

    /// The same in whole requests, and in parts if it is more than the window keeps exactly.
    pub(super) fn rate(self) -> Rate {
        let parts = (self.count / PLACES_MAX).ceil().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 4096; less than one is one"
        )]
        let requests = (self.count / parts) as u32;
        Rate { requests: NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN), period: self.period.div_f64(parts) }
    }
}

/// All that is known when the wait is over. Rates are a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    pub(super) limit: Limit,
    pub(super) phase: Phase,
    /// From when sending began, at first or after a wait, until the first refused request left.
    pub(super) age: Duration,
    /// How long the server let nothing through, as far as is known.
    pub(super) wait: Duration,
    /// The rate that was kept.
    pub(super) rate: f64,
    /// Taken since sending began.
    pub(super) taken: f64,
    /// Of those, the ones that share a window of a second with the first.
    pub(super) first: f64,
    /// Taken in the second before the first refused request left, and after.
    pub(super) last: f64,
    /// Taken since the last whole second after sending began.
    pub(super) newest: f64,
    /// Taken since the refusal before, waits included: no server takes more for long.
    pub(super) average: f64,
    /// Taken since the phase began.
    pub(super) climbed: f64,
    pub(super) refused: u32,
    /// Taken although they left after the first refused one.
    pub(super) passed: u32,
    /// Losses before this one, one after another.
    pub(super) losses: i32,
    /// Whether anything was refused before; a header may be of another period.
    pub(super) is_confirmed: bool,
    /// Whether the limit was counted in a window with nothing before it, so that a window would be known exactly.
    pub(super) is_exact: bool,
}

impl Evidence {
    /// What is to be believed from now on.
    pub(super) fn limit(&self) -> Limit {
        let limit = if self.wait > SECOND * 3 / 2 {
            self.long()
        } else if self.limit.period > SECOND {
            self.briefly_over_long()
        } else {
            Limit { count: self.second(), period: SECOND }
        };
        Limit { count: limit.count.max(1.0), ..limit }
    }

    /// Whether the server seems to take more than was counted, so that going on slowly is worth another refusal: a small
    /// bucket overflows long before the rate of a steep start has been kept for a second.
    pub(super) fn is_too_low(&self) -> bool {
        self.phase == Phase::Seek && self.is_second() && (self.refused <= 2 || self.through() >= 0.95 * self.last)
    }

    /// Whether it all happened within a second, of a limit a second.
    pub(super) fn counts_exactly(&self) -> bool {
        self.is_second() && self.age <= SECOND
    }

    fn is_second(&self) -> bool {
        self.wait <= SECOND * 3 / 2 && self.limit.period == SECOND
    }

    /// The window began with the first request and ends with the wait.
    fn long(&self) -> Limit {
        // The last second of the wait is only for safety.
        let period = self.age + self.wait.saturating_sub(SECOND);
        let is_climb = self.phase == Phase::Climb && self.limit.period > SECOND;
        if is_climb || period > 2 * self.limit.period.max(Duration::from_mins(1)) {
            self.still_long()
        } else {
            Limit { count: self.taken, period: rounded(period) }
        }
    }

    /// Refused for a moment, where a long window was believed.
    fn briefly_over_long(&self) -> Limit {
        let is_climb = self.phase == Phase::Climb;
        if is_climb && !self.is_confirmed && self.last > 2.0 * self.limit.per_second() {
            // So much more than the header says was taken that it is of another period.
            Limit { count: MARGIN * self.last, period: SECOND }
        } else if !is_climb && self.age <= SECOND && self.first > 2.0 {
            Limit { count: self.first, period: SECOND }
        } else {
            self.still_long()
        }
    }

    /// As before, a little less, or as much as went through for a while.
    fn still_long(&self) -> Limit {
        let rise = self.climbed / self.limit.per_second();
        if self.phase == Phase::Climb {
            self.limit.times(if rise > RISE { rise } else { 1.0 })
        } else {
            self.limit.times(1.0 - STEP)
        }
    }

    /// The limit a second.
    fn second(&self) -> f64 {
        match self.phase {
            // What goes through is heeded where there is enough to count, and not in full, as it is the start of a creep.
            Phase::Seek if self.is_too_low() && self.refused + self.passed < 20 => self.last,
            Phase::Seek if self.is_too_low() => self.last.max(0.8 * self.through()),
            Phase::Seek if self.age <= SECOND => self.first,
            Phase::Seek | Phase::Creep => MARGIN * self.last,
            Phase::Climb if self.last > RISE * self.limit.count => MARGIN * self.last,
            Phase::Climb => self.limit.count,
            Phase::Trial | Phase::Hold => self.lost(),
        }
    }

    /// The limit a second, which was held and yet too high.
    fn lost(&self) -> f64 {
        // A window, fixed or rolling, has taken all it takes in the last second; nothing takes less than its average.
        let slightly = (self.limit.count * (1.0 - STEP)).min(self.last);
        let lowered =
            (self.limit.count * (1.0 - STEP * 2.0_f64.powi(self.losses.min(4)))).max(self.average).min(slightly);
        // The average, and a little, as an empty bucket waits in vain; and most of what goes through, which is a guess from a
        // handful. No guess takes off more than half (right after a wait, when it may be far off, two thirds).
        let bucket = (1.04 * self.average).max(0.92 * self.through());
        if self.age <= SECOND {
            // A window takes nothing more before it ends; near its end, what was in flight tells nothing.
            let is_bucket = self.age < SECOND * 4 / 5 && self.leaks();
            return if is_bucket { bucket.max(0.3 * self.limit.count).min(lowered) } else { self.first };
        }
        if self.age > PROVEN {
            return lowered;
        }
        if self.newest > 0.75 * self.limit.count {
            // A fixed window, towards its end.
            return self.newest.min(lowered);
        }
        if self.age < SECOND * 23 / 20 {
            // A rolling window that is full for the first time.
            return slightly;
        }
        let is_bucket = self.leaks() && self.through() > 0.7 * self.average;
        if is_bucket || (self.is_exact && self.losses > 0) {
            return bucket.max(0.5 * self.limit.count).min(lowered);
        }
        lowered
    }

    /// The part of the rate that went through while others were refused.
    fn through(&self) -> f64 {
        self.rate * f64::from(self.passed) / f64::from(self.passed + self.refused)
    }

    fn leaks(&self) -> bool {
        3 * self.passed >= self.refused && self.passed + self.refused >= ENOUGH
    }
}

/// The period that somebody chose who is known to a second.
fn rounded(period: Duration) -> Duration {
    let seconds = period.as_secs_f64();
    let close = |unit: f64| Some((seconds / unit).round() * unit).filter(|whole| (seconds - whole).abs() <= 1.0);
    let units = [3600.0, 60.0, 10.0, 5.0];
    let whole = units.into_iter().filter(|unit| seconds >= unit - 1.0).find_map(close);
    Duration::from_secs_f64(whole.unwrap_or(seconds.ceil()))
}
