//! Whether the rate and the concurrency limit let one more request leave. Pure.
//!
//! The window keeps the rate exactly; inside it requests are spaced evenly. `X-RateLimit-Limit` is read as a limit per period
//! of the user's rate, or per minute if that is longer, and can only lower the rate.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::adaptive::AdaptiveLimit;
use super::rate::{Rate, Speed};
use super::server_failure::{ServerFailure, pause};
use super::spacing::Spacing;
use super::window::{Room, Window};
use crate::tallyfy::Hints;

/// The longest period that rate-limit headers are about: the API's own.
const HEADER_PERIOD_MAX: Duration = Duration::from_mins(1);

/// The requests that still count, and what responses say about the limit.
#[derive(Debug)]
pub(crate) struct Budget {
    speed: Speed,
    /// For [`Speed::Auto`].
    adaptive: Option<AdaptiveLimit>,
    /// The rate that is kept now; none sends at full speed.
    rate: Option<Rate>,
    window: Option<Window>,
    spacing: Option<Spacing>,
    /// When the last request left.
    last: Instant,
    in_flight: usize,
    /// The most requests in flight.
    concurrency: usize,
    /// Nothing leaves before: nothing remained of the server's limit.
    exhausted_until: Option<Instant>,
    /// When the request left whose rate-limit headers were read last: responses come out of order.
    newest: Option<Instant>,
    /// Whether the server's limit is lower than the user's.
    is_lowered: bool,
    /// The longest latency, which fades over some hundred faster responses.
    latency: Duration,
    /// When the last requests of earlier runs were answered.
    earlier: Vec<Instant>,
}

impl Budget {
    /// `found` is the limit that an earlier run found a moment ago; `ages` is how long ago the requests of earlier runs were
    /// answered.
    pub(crate) fn new(speed: Speed, concurrency: usize, found: Option<Rate>, ages: &[Duration], now: Instant) -> Self {
        let mut budget = Self {
            speed,
            adaptive: (speed == Speed::Auto).then(|| AdaptiveLimit::new(found, now)),
            rate: None,
            window: None,
            spacing: None,
            last: now,
            in_flight: 0,
            concurrency,
            exhausted_until: None,
            newest: None,
            is_lowered: false,
            latency: Duration::ZERO,
            earlier: ages.iter().filter_map(|age| now.checked_sub(*age)).collect(),
        };
        if let Speed::At(rate) = speed {
            budget.keep(rate, now);
        }
        budget
    }

    /// The rate that is kept now; none sends at full speed.
    pub(crate) fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// The limit that was found, if it was to be found.
    pub(crate) fn found(&self) -> Option<Rate> {
        self.adaptive.as_ref().and_then(AdaptiveLimit::found)
    }

    /// The rate to expect from now on, once it is known.
    pub(crate) fn expected(&self) -> Option<Rate> {
        if self.adaptive.is_some() { self.found() } else { self.rate }
    }

    /// How long the server takes to answer when it is slow.
    pub(crate) fn latency(&self) -> Duration {
        self.latency
    }

    /// Whether one more request may leave; if so, it must.
    pub(crate) fn room(&mut self, now: Instant) -> Room {
        if let Some(adaptive) = &mut self.adaptive {
            let rate = adaptive.rate(now);
            self.keep(rate, now);
        }
        if self.in_flight >= self.concurrency {
            return Room::AfterAnswer;
        }
        let (Some(window), Some(spacing)) = (&mut self.window, &mut self.spacing) else { return Room::Now };
        if let Some(until) = self.exhausted_until.filter(|until| now < *until) {
            return Room::At(until);
        }
        match window.room(1, now) {
            Room::Now => spacing.room(now),
            room => room,
        }
    }

    /// One request leaves now.
    pub(crate) fn leave(&mut self, now: Instant) {
        self.in_flight += 1;
        self.last = now;
        if let Some(window) = &mut self.window {
            window.leave(1);
        }
    }

    /// One request that was to leave never did.
    pub(crate) fn cancel(&mut self) {
        self.in_flight -= 1;
        if let Some(window) = &mut self.window {
            window.cancel(1);
        }
    }

    /// A request that left at `left` is answered, or given up without a response; `refused` if it got a 429. Returns how long
    /// everything waits then.
    pub(crate) fn answer(
        &mut self,
        left: Instant,
        refused: Option<&ServerFailure>,
        hints: Option<&Hints>,
        now: Instant,
    ) -> Option<Duration> {
        self.in_flight -= 1;
        if let Some(window) = &mut self.window {
            window.answer(1, now);
        }
        if let Some(hints) = hints {
            self.latency = now.duration_since(left).max(self.latency / 64 * 63);
            self.read(left, hints, now);
        }
        let Some(named) = refused.map(|refused| refused.named) else {
            if let Some(adaptive) = &mut self.adaptive {
                adaptive.accepted(left, now);
            }
            return None;
        };
        Some(match &mut self.adaptive {
            Some(adaptive) => adaptive.refused(left, now, named),
            None => pause(named),
        })
    }

    /// Reads rate-limit headers. Without a rate of the user's they mean nothing: their period is not known.
    fn read(&mut self, left: Instant, hints: &Hints, now: Instant) {
        let Speed::At(wanted) = self.speed else { return };
        if self.newest.is_some_and(|newest| left < newest) {
            return;
        }
        self.newest = Some(left);
        if let (Some(remaining), Some(window)) = (hints.remaining, &mut self.window) {
            let oldest = window.next_free(now).filter(|_| remaining == 0);
            self.exhausted_until = oldest.map(|free_at| free_at.min(now + HEADER_PERIOD_MAX));
        }
        if let Some(limit) = hints.limit.and_then(NonZeroU32::new) {
            let stated = Rate { requests: limit, period: wanted.period.min(HEADER_PERIOD_MAX) };
            let rate = if stated.spacing() >= wanted.spacing() { stated } else { wanted };
            if rate != wanted && !std::mem::replace(&mut self.is_lowered, true) {
                tracing::warn!("the server lets no more than {rate}, which is less than --rate");
            }
            self.keep(rate, now);
        }
    }

    fn keep(&mut self, rate: Rate, now: Instant) {
        let before = self.rate.replace(rate);
        if before == Some(rate) {
            return;
        }
        tracing::debug!("keeping to {rate}");
        self.spacing = Some(Spacing::new(rate, self.last, before.is_none()));
        match &mut self.window {
            Some(window) if before.is_some_and(|before| before.period == rate.period) => {
                window.resize(rate.requests.get(), rate.period);
            }
            // Places of answered requests were held by another period.
            window => {
                let window = window.insert(Window::new(rate.requests.get(), rate.period));
                window.leave(self.in_flight);
                let period = window.period();
                for until in self.earlier.iter().map(|answered| *answered + period).filter(|until| *until > now) {
                    window.hold(1, until);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(rate: &str, concurrency: usize) -> (Budget, Instant) {
        let now = Instant::now();
        (Budget::new(Speed::parse(rate).unwrap(), concurrency, None, &[], now), now)
    }

    fn hints(limit: Option<u32>, remaining: Option<u32>) -> Hints {
        Hints { limit, remaining, ..Hints::default() }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn when_nothing_remains_the_oldest_place_is_awaited_and_only_the_newest_request_counts() {
        let (mut budget, now) = budget("10/min", 16);
        (0..3).for_each(|_| budget.leave(now));
        budget.answer(now, None, Some(&Hints::default()), now + ms(40));
        budget.answer(now + ms(20), None, Some(&hints(None, Some(0))), now + ms(50));
        budget.answer(now + ms(10), None, Some(&hints(None, Some(9))), now + ms(60));
        assert_eq!(budget.room(now + ms(20_000)), Room::At(now + ms(60_040)));
        assert_eq!(budget.room(now + ms(60_040)), Room::Now);
    }

    #[test]
    fn nothing_remains_for_a_minute_at_most_however_long_our_period_is() {
        let (mut budget, now) = budget("4000/h", 16);
        budget.leave(now);
        budget.answer(now, None, Some(&hints(None, Some(0))), now + ms(50));
        // The place itself is held for an hour.
        assert_eq!(budget.room(now + ms(900)), Room::At(now + ms(60_050)));
        assert_eq!(budget.room(now + ms(60_050)), Room::Now);
    }

    #[test]
    fn a_lower_limit_that_the_server_states_is_kept_and_a_higher_one_is_not_used() {
        for (rate, limit, kept) in [
            ("600/min", 300, "300/min"),
            ("600/min", 6000, "600/min"),
            ("600/min", 0, "600/min"),
            ("10/s", 600, "10/s"),
            ("20/s", 5, "5/s"),
            ("1200/2min", 300, "300/min"),
            ("30000/h", 600, "30000/h"),
            ("60000/h", 600, "600/min"),
        ] {
            let (mut budget, now) = budget(rate, 16);
            budget.leave(now);
            budget.answer(now, None, Some(&hints(Some(limit), None)), now);
            assert_eq!(budget.rate(), Some(Rate::parse(kept).unwrap()), "{rate}, stated {limit}");
        }
        // And it is followed when it rises again.
        let (mut budget, now) = budget("600/min", 16);
        for (limit, kept) in [(300, "300/min"), (450, "450/min"), (900, "600/min")] {
            budget.leave(now);
            budget.answer(now, None, Some(&hints(Some(limit), None)), now);
            assert_eq!(budget.rate(), Some(Rate::parse(kept).unwrap()));
        }
    }

    #[test]
    fn without_a_rate_only_the_concurrency_bounds_what_is_in_flight() {
        let (mut budget, now) = budget("none", 2);
        budget.leave(now);
        budget.leave(now);
        assert_eq!(budget.room(now), Room::AfterAnswer);
        budget.answer(now, None, None, now);
        assert_eq!(budget.room(now), Room::Now);
    }

    #[test]
    fn requests_are_spaced_evenly_and_one_late_wake_up_is_made_up_for() {
        let (mut budget, now) = budget("600/min", 16);
        let mut left = Vec::new();
        for millis in [0, 1, 100, 130, 250, 260, 270, 300, 400] {
            if budget.room(now + ms(millis)) == Room::Now {
                budget.leave(now + ms(millis));
                left.push(millis);
            }
        }
        assert_eq!(left, [0, 1, 100, 250, 300, 400]);
    }

    #[test]
    fn what_an_earlier_run_sent_holds_its_place() {
        let now = Instant::now() + ms(100_000);
        let ages = [59_000, 61_000, 0].map(ms);
        let mut budget = Budget::new(Speed::parse("2/min").unwrap(), 16, None, &ages, now);
        assert_eq!(budget.room(now), Room::At(now + ms(1000)));
        assert_eq!(budget.room(now + ms(1000)), Room::Now);
    }
}
