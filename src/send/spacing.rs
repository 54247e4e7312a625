//! Requests follow one another evenly: governor's work. It is asked, never awaited, because its own timer is deaf to tokio's
//! paused clock.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::rate::Rate;
use super::window::Room;

/// How late tokio's timer, which counts milliseconds, may wake a sleeper on a busy machine.
const TICK: Duration = Duration::from_millis(5);

/// governor's clock over tokio's, so that paused time paces too.
#[derive(Debug, Clone, Copy, Default)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        Instant::now().into_std()
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<std::time::Instant>>;

/// Requests follow one another evenly at a rate.
pub(super) struct Spacing {
    rate: Rate,
    limiter: Option<Limiter>,
    /// Not before: where it took over from another rate.
    first: Instant,
    last: Instant,
}

impl Spacing {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        let quota = Quota::with_period(rate.spacing()).map(|quota| quota.allow_burst(burst(rate)));
        let limiter = quota.map(|quota| RateLimiter::direct_with_clock(quota, TokioClock));
        Self { rate, limiter, first: now, last: now }
    }

    /// The same at another rate: the next follows the last by the new distance, and nothing is caught up with.
    pub(super) fn at(self, rate: Rate, now: Instant) -> Self {
        if self.rate == rate {
            return self;
        }
        let other = Self::new(rate, now);
        if let (Some(limiter), Some(surplus)) = (&other.limiter, NonZeroU32::new(burst(rate).get() - 1)) {
            let _ = limiter.check_n(surplus);
        }
        Self { first: self.last + rate.spacing(), last: self.last, ..other }
    }

    /// Whether one may leave; if so, it does.
    pub(super) fn room(&mut self, now: Instant) -> Room {
        if now < self.first {
            return Room::At(self.first.into_std());
        }
        match self.limiter.as_ref().map(RateLimiter::check) {
            None | Some(Ok(())) => {
                self.last = now;
                Room::Now
            }
            Some(Err(until)) => Room::At(until.earliest_possible()),
        }
    }
}

/// What falls due while the timer sleeps, and one that catches up with a late wake-up: else each tick is lost for good.
fn burst(rate: Rate) -> NonZeroU32 {
    let due = TICK.as_nanos().div_ceil(rate.spacing().as_nanos());
    u32::try_from(due).ok().and_then(|due| NonZeroU32::new(due.saturating_add(1))).unwrap_or(rate.requests)
}
