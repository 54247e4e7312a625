//! The rate limit: whether the rate and the concurrency limit let one more request leave. Pure.
//!
//! The window keeps the rate exactly; inside it governor, whose clock shows the time that it is given, spaces requests evenly.
//! `X-RateLimit-Limit` is read as a limit per period of the user's rate, or per minute if that is longer, and can only lower
//! the rate.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::Quota;
use governor::clock::{Clock, FakeRelativeClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};

use super::adaptive::AdaptiveLimit;
use super::server_failure::ServerFailure;
use super::window::{Room, Window};
use crate::model::{Rate, Speed};
use crate::tallyfy::Hints;

/// The longest period that rate-limit headers are about: the API's own.
const HEADER_PERIOD_MAX: Duration = Duration::from_mins(1);

/// How late tokio's timer, which counts milliseconds, may wake a sleeper on a busy machine. What falls due meanwhile, and at
/// least one request, may catch up: else each late wake-up would be lost for good.
const TICK: Duration = Duration::from_millis(5);

/// Requests that follow one another evenly.
type Spacing = governor::RateLimiter<NotKeyed, InMemoryState, FakeRelativeClock, NoOpMiddleware<Nanos>>;

/// The requests that still count, and what responses say about the limit.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// The rate that the user named.
    wanted: Option<Rate>,
    /// For [`Speed::Auto`].
    pub(crate) adaptive: Option<AdaptiveLimit>,
    /// The rate that is kept now; without one, requests leave at full speed.
    rate: Option<Rate>,
    pub(crate) window: Window,
    /// The spacing at this rate, and when its clock began.
    spacing: Option<(Spacing, Instant)>,
    /// When the last request left.
    last: Instant,
    /// The most requests in flight.
    concurrency: usize,
    /// Nothing leaves before: the server asked for a pause, or nothing remained of its limit.
    pub(crate) closed_until: Option<Instant>,
    /// How long the server takes to answer when it is slow: the longest latency, which fades over some hundred faster responses.
    pub(crate) latency: Duration,
}

impl RateLimit {
    /// `found` is the limit that an earlier run found a moment ago; `ages` is how long ago the requests of earlier runs were
    /// answered.
    pub(crate) fn new(speed: Speed, concurrency: usize, found: Option<Rate>, ages: &[Duration], now: Instant) -> Self {
        let mut limit = Self {
            wanted: if let Speed::At(rate) = speed { Some(rate) } else { None },
            adaptive: (speed == Speed::Auto).then(|| AdaptiveLimit::new(found, now)),
            rate: None,
            window: Window::unlimited(),
            spacing: None,
            last: now,
            concurrency,
            closed_until: None,
            latency: Duration::ZERO,
        };
        limit.keep(limit.wanted.or(found));
        for age in ages {
            limit.window.hold(1, now, *age);
        }
        limit
    }

    /// The rate to expect from now on, once it is known.
    pub(crate) fn expected(&self) -> Option<Rate> {
        self.adaptive.as_ref().map_or(self.rate, AdaptiveLimit::found)
    }

    /// Whether one more request may leave; if so, it must.
    pub(crate) fn room(&mut self, now: Instant) -> Room {
        if let Some(adaptive) = &mut self.adaptive {
            let rate = adaptive.rate(now);
            self.keep(Some(rate));
        }
        if self.window.in_flight >= self.concurrency {
            return Err(None);
        }
        if let Some(until) = self.closed_until.filter(|until| now < *until) {
            return Err(Some(until));
        }
        self.window.room(1, now)?;
        if let Some((spacing, start)) = &self.spacing {
            let (clock, time) = (spacing.clock(), now.saturating_duration_since(*start));
            clock.advance(time.saturating_sub(clock.now().into()));
            spacing.check().map_err(|until| Some(*start + Duration::from(until.earliest_possible())))?;
        }
        self.last = now;
        Ok(())
    }

    /// A request that left at `left` is answered, or given up without a response; `refused` if it got a 429. Returns how long
    /// everything waits then, if the limit is to be found.
    pub(crate) fn answer(
        &mut self,
        left: Instant,
        refused: Option<&ServerFailure>,
        hints: Option<&Hints>,
        now: Instant,
    ) -> Option<Duration> {
        self.window.answer(1, now);
        if let Some(hints) = hints {
            self.latency = now.duration_since(left).max(self.latency / 64 * 63);
            self.read(hints, now);
        }
        let adaptive = self.adaptive.as_mut()?;
        if refused.is_none() {
            adaptive.accepted(left, now);
        }
        refused.map(|refused| adaptive.refused(left, now, refused.named))
    }

    /// Reads rate-limit headers. Without a rate of the user's they mean nothing: their period is not known.
    fn read(&mut self, hints: &Hints, now: Instant) {
        let Some(wanted) = self.wanted else { return };
        if hints.remaining == Some(0) {
            // Responses come out of order: one in which something remains does not end the wait.
            let oldest = self.window.next_free(now).map(|free_at| free_at.min(now + HEADER_PERIOD_MAX));
            self.closed_until = self.closed_until.max(oldest);
        }
        if let Some(limit) = hints.limit.and_then(NonZeroU32::new) {
            let stated = Rate { requests: limit, period: wanted.period.min(HEADER_PERIOD_MAX) };
            let rate = if stated.spacing() >= wanted.spacing() { stated } else { wanted };
            if rate != wanted && self.rate == Some(wanted) {
                tracing::warn!("the server lets no more than {rate}, which is less than --rate");
            }
            self.keep(Some(rate));
        }
    }

    /// Another rate from the last request on.
    fn keep(&mut self, rate: Option<Rate>) {
        let Some(rate) = rate.filter(|_| rate != self.rate) else { return };
        tracing::debug!("keeping to {rate}");
        self.rate = Some(rate);
        self.window.resize(rate);
        let due = u32::try_from(TICK.as_nanos().div_ceil(rate.spacing().as_nanos())).unwrap_or(u32::MAX);
        let burst = NonZeroU32::MIN.saturating_add(due);
        let Some(quota) = Quota::with_period(rate.spacing()) else { return };
        let spacing = Spacing::direct_with_clock(quota.allow_burst(burst), FakeRelativeClock::default());
        if self.spacing.is_some() {
            let _ = spacing.check_n(burst);
        }
        self.spacing = Some((spacing, self.last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(rate: &str, concurrency: usize) -> (RateLimit, Instant) {
        let now = Instant::now();
        (RateLimit::new(Speed::parse(rate).unwrap(), concurrency, None, &[], now), now)
    }

    fn hints(limit: Option<u32>, remaining: Option<u32>) -> Hints {
        Hints { limit, remaining, ..Hints::default() }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn when_nothing_remains_the_oldest_place_is_awaited_whatever_other_responses_say() {
        let (mut limit, now) = limit("10/min", 16);
        (0..3).for_each(|_| limit.window.leave(1));
        limit.answer(now, None, Some(&Hints::default()), now + ms(40));
        limit.answer(now + ms(20), None, Some(&hints(None, Some(0))), now + ms(50));
        limit.answer(now + ms(10), None, Some(&hints(None, Some(9))), now + ms(60));
        assert_eq!(limit.room(now + ms(20_000)), Err(Some(now + ms(60_040))));
        assert_eq!(limit.room(now + ms(60_040)), Ok(()));
    }

    #[test]
    fn nothing_remains_for_a_minute_at_most_however_long_our_period_is() {
        let (mut limit, now) = limit("4000/h", 16);
        limit.window.leave(1);
        limit.answer(now, None, Some(&hints(None, Some(0))), now + ms(50));
        // The place itself is held for an hour.
        assert_eq!(limit.room(now + ms(900)), Err(Some(now + ms(60_050))));
        assert_eq!(limit.room(now + ms(60_050)), Ok(()));
    }

    #[test]
    fn a_lower_limit_that_the_server_states_is_kept_and_a_higher_one_is_not_used() {
        for (rate, stated, kept) in [
            ("600/min", 300, "300/min"),
            ("600/min", 6000, "600/min"),
            ("600/min", 0, "600/min"),
            ("10/s", 600, "10/s"),
            ("20/s", 5, "5/s"),
            ("1200/2min", 300, "300/min"),
            ("30000/h", 600, "30000/h"),
            ("60000/h", 600, "600/min"),
        ] {
            let (mut limit, now) = limit(rate, 16);
            limit.window.leave(1);
            limit.answer(now, None, Some(&hints(Some(stated), None)), now);
            assert_eq!(limit.expected(), Some(Rate::parse(kept).unwrap()), "{rate}, stated {stated}");
        }
        // And it is followed when it rises again.
        let (mut limit, now) = limit("600/min", 16);
        for (stated, kept) in [(300, "300/min"), (450, "450/min"), (900, "600/min")] {
            limit.window.leave(1);
            limit.answer(now, None, Some(&hints(Some(stated), None)), now);
            assert_eq!(limit.expected(), Some(Rate::parse(kept).unwrap()));
        }
    }

    #[test]
    fn without_a_rate_only_the_concurrency_bounds_what_is_in_flight() {
        let (mut limit, now) = limit("none", 2);
        limit.window.leave(1);
        limit.window.leave(1);
        assert_eq!(limit.room(now), Err(None));
        limit.answer(now, None, None, now);
        assert_eq!(limit.room(now), Ok(()));
    }

    #[test]
    fn requests_are_spaced_evenly_and_one_late_wake_up_is_made_up_for() {
        let (mut limit, now) = limit("600/min", 16);
        let mut left = Vec::new();
        for millis in [0, 1, 100, 130, 250, 260, 270, 300, 400] {
            if limit.room(now + ms(millis)) == Ok(()) {
                limit.window.leave(1);
                left.push(millis);
            }
        }
        assert_eq!(left, [0, 1, 100, 250, 300, 400]);
    }

    #[test]
    fn what_an_earlier_run_sent_holds_its_place() {
        let now = Instant::now() + ms(100_000);
        let ages = [59_000, 61_000, 0].map(ms);
        let mut limit = RateLimit::new(Speed::parse("2/min").unwrap(), 16, None, &ages, now);
        assert_eq!(limit.room(now), Err(Some(now + ms(1000))));
        assert_eq!(limit.room(now + ms(1000)), Ok(()));
    }
}
