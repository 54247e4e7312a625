//! Spaces requests evenly: governor's work. Pure: governor's clock shows the time that it is given.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::rate::Rate;
use super::window::Room;

/// How late tokio's timer, which counts milliseconds, may wake a sleeper on a busy machine. What falls due meanwhile, and at
/// least one request, may catch up: else each late wake-up would be lost for good.
const TICK: Duration = Duration::from_millis(5);

/// The nanoseconds since the spacing began.
#[derive(Debug, Clone, Default)]
struct GivenClock(Arc<AtomicU64>);

impl Clock for GivenClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

/// Requests that follow one another evenly.
#[derive(Debug)]
pub(crate) struct Spacing {
    clock: GivenClock,
    /// Without one, requests leave at full speed.
    limiter: Option<RateLimiter<NotKeyed, InMemoryState, GivenClock, NoOpMiddleware<Nanos>>>,
    start: Instant,
    /// When the last request left.
    last: Instant,
}

impl Spacing {
    /// The first request may leave at this moment, and the others at any time.
    pub(crate) fn new(start: Instant) -> Self {
        Self { clock: GivenClock::default(), limiter: None, start, last: start }
    }

    /// Another rate from the last request on.
    pub(crate) fn keep(&mut self, rate: Rate) {
        let due = u32::try_from(TICK.as_nanos().div_ceil(rate.spacing().as_nanos())).unwrap_or(u32::MAX);
        let burst = NonZeroU32::MIN.saturating_add(due);
        self.clock = GivenClock::default();
        let quota = Quota::with_period(rate.spacing()).map(|quota| quota.allow_burst(burst));
        let limiter = quota.map(|quota| RateLimiter::direct_with_clock(quota, self.clock.clone()));
        if let Some(limiter) = limiter.as_ref().filter(|_| self.limiter.is_some()) {
            let _ = limiter.check_n(burst);
        }
        (self.limiter, self.start) = (limiter, self.last);
    }

    /// Whether one may leave; if so, it does.
    pub(crate) fn room(&mut self, now: Instant) -> Room {
        let time = now.saturating_duration_since(self.start);
        self.clock.0.store(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if let Some(Err(until)) = self.limiter.as_ref().map(RateLimiter::check) {
            return Err(Some(self.start + Duration::from(until.earliest_possible())));
        }
        self.last = now;
        Ok(())
    }
}
