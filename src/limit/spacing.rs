//! Spaces requests evenly: governor's work. Pure: governor's clock shows the time that it is given.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, FakeRelativeClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::window::Room;
use crate::model::Rate;

/// How late tokio's timer, which counts milliseconds, may wake a sleeper on a busy machine. What falls due meanwhile, and at
/// least one request, may catch up: else each late wake-up would be lost for good.
const TICK: Duration = Duration::from_millis(5);

/// Requests that follow one another evenly.
#[derive(Debug)]
pub(crate) struct Spacing {
    /// Without one, requests leave at full speed.
    limiter: Option<RateLimiter<NotKeyed, InMemoryState, FakeRelativeClock, NoOpMiddleware<Nanos>>>,
    /// When the limiter's clock began.
    start: Instant,
    /// When the last request left.
    last: Instant,
}

impl Spacing {
    /// The first request may leave at this moment, and the others at any time.
    pub(crate) fn new(start: Instant) -> Self {
        Self { limiter: None, start, last: start }
    }

    /// Another rate from the last request on.
    pub(crate) fn keep(&mut self, rate: Rate) {
        let due = u32::try_from(TICK.as_nanos().div_ceil(rate.spacing().as_nanos())).unwrap_or(u32::MAX);
        let burst = NonZeroU32::MIN.saturating_add(due);
        let Some(quota) = Quota::with_period(rate.spacing()) else { return };
        let limiter = RateLimiter::direct_with_clock(quota.allow_burst(burst), FakeRelativeClock::default());
        if self.limiter.is_some() {
            let _ = limiter.check_n(burst);
        }
        (self.limiter, self.start) = (Some(limiter), self.last);
    }

    /// Whether one may leave; if so, it does.
    pub(crate) fn room(&mut self, now: Instant) -> Room {
        if let Some(limiter) = &self.limiter {
            let (clock, time) = (limiter.clock(), now.saturating_duration_since(self.start));
            clock.advance(time.saturating_sub(clock.now().into()));
            limiter.check().map_err(|until| Some(self.start + Duration::from(until.earliest_possible())))?;
        }
        self.last = now;
        Ok(())
    }
}
