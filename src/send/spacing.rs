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
    pub(super) rate: Rate,
    limiter: Option<Limiter>,
}

impl Spacing {
    /// Where it takes over from another rate, the time since the last request is not known: it is taken for none.
    pub(super) fn new(rate: Rate, takes_over: bool) -> Self {
        let quota = Quota::with_period(rate.spacing()).map(|quota| quota.allow_burst(burst(rate)));
        let limiter = quota.map(|quota| RateLimiter::direct_with_clock(quota, TokioClock));
        if let (true, Some(limiter)) = (takes_over, &limiter) {
            let _ = limiter.check_n(burst(rate));
        }
        Self { rate, limiter }
    }

    /// Whether one may leave; if so, it does.
    pub(super) fn room(&self) -> Room {
        match self.limiter.as_ref().map(RateLimiter::check) {
            None | Some(Ok(())) => Room::Now,
            Some(Err(until)) => Room::At(until.earliest_possible()),
        }
    }
}

/// What falls due while the timer sleeps, and one that catches up with a late wake-up: else each tick is lost for good.
fn burst(rate: Rate) -> NonZeroU32 {
    let due = TICK.as_nanos().div_ceil(rate.spacing().as_nanos());
    u32::try_from(due).ok().and_then(|due| NonZeroU32::new(due.saturating_add(1))).unwrap_or(rate.requests)
}
