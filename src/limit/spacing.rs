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

/// Requests that follow one another evenly at a rate.
#[derive(Debug)]
pub(crate) struct Spacing {
    clock: GivenClock,
    limiter: Option<RateLimiter<NotKeyed, InMemoryState, GivenClock, NoOpMiddleware<Nanos>>>,
    start: Instant,
}

impl Spacing {
    /// Begins at `start`: at once, or one spacing after it where another rate ends there.
    pub(crate) fn new(rate: Rate, start: Instant, is_first: bool) -> Self {
        let due = u32::try_from(TICK.as_nanos().div_ceil(rate.spacing().as_nanos())).unwrap_or(u32::MAX);
        let burst = NonZeroU32::MIN.saturating_add(due);
        let clock = GivenClock::default();
        let quota = Quota::with_period(rate.spacing()).map(|quota| quota.allow_burst(burst));
        let limiter = quota.map(|quota| RateLimiter::direct_with_clock(quota, clock.clone()));
        if let Some(limiter) = limiter.as_ref().filter(|_| !is_first) {
            let _ = limiter.check_n(burst);
        }
        Self { clock, limiter, start }
    }

    /// Whether one may leave; if so, it does.
    pub(crate) fn room(&self, now: Instant) -> Room {
        let time = now.saturating_duration_since(self.start);
        self.clock.0.store(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        match self.limiter.as_ref().map(RateLimiter::check) {
            None | Some(Ok(())) => Room::Now,
            Some(Err(until)) => Room::At(self.start + Duration::from(until.earliest_possible())),
        }
    }
}
