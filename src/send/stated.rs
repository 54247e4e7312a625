//! What the headers of answers state of the server's limit, and what they let see of its period. Pure.
//!
//! `X-RateLimit-Limit` names no period. The API's is a minute (its documentation: 600 requests a minute), so that is what a
//! limit is taken for. A shorter period shows in `X-RateLimit-Remaining`: the server forgets requests that it would still
//! count. A rolling window forgets them one by one, the oldest first; a fixed one all of them at once, but not three times
//! within its period.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::rate::Rate;

/// The period of the API's own limit.
pub(super) const MINUTE: Duration = Duration::from_mins(1);

/// What was answered since is counted still by a server that counts a minute, however long the answers were on their way.
const EPOCH: Duration = Duration::from_secs(50);

/// So many times are kept account of: the more there are, the less a fixed window is taken for longer than it is.
const TIMES_MAX: usize = 10;

/// More are not kept account of: so fast a server is no hindrance.
const ANSWERED_MAX: usize = 4096;

/// The server's limit, as far as it is known.
#[derive(Debug)]
pub(super) struct Stated {
    period: Duration,
    /// Requests that were answered and not one too many.
    answered: u64,
    epoch: Option<Epoch>,
}

/// A time in which nothing would be forgotten, if the period were a minute.
#[derive(Debug)]
struct Epoch {
    since: Instant,
    /// Requests that were answered before.
    before: u64,
    /// When those left that were answered since.
    answered: Vec<Instant>,
    /// When requests left whose answers showed that some were forgotten.
    forgot: VecDeque<Instant>,
    /// When the last of them was answered: what left before tells of the same.
    forgot_at: Option<Instant>,
}

/// How many requests the server counted, by one answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// With the one that is answered.
    pub(super) count: u32,
    /// By the last answer before that one left.
    pub(super) told: Option<u32>,
    /// How many of ours had been answered when it left.
    pub(super) before: u64,
    /// When it left.
    pub(super) left: Instant,
}

impl Stated {
    pub(super) fn new() -> Self {
        Self { period: MINUTE, answered: 0, epoch: None }
    }

    /// The period of the server's limit, or a longer one.
    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// The lower of two rates: the one that is wanted, and what the server states.
    pub(super) fn at_most(&self, wanted: Rate, limit: NonZeroU32) -> Rate {
        let stated = Rate { requests: limit, period: self.period };
        // Of two that are as fast, the one of the shorter period allows no more than the other.
        let (spacing, least) = (stated.spacing(), wanted.spacing());
        let is_lower = spacing > least || spacing == least && stated.period <= wanted.period;
        if is_lower { stated } else { wanted }
    }

    /// A request was answered at this moment with what the server counted.
    pub(super) fn heed(&mut self, counted: Counted, now: Instant) {
        let Counted { count, told, before, left } = counted;
        let epoch = match self.epoch.take() {
            Some(epoch) if left.saturating_duration_since(epoch.since) < EPOCH => epoch,
            _ => Epoch {
                since: left,
                before: self.answered,
                answered: Vec::new(),
                forgot: VecDeque::new(),
                forgot_at: None,
            },
        };
        let epoch = self.epoch.insert(epoch);
        let is_less = told.is_some_and(|told| count <= told) && epoch.forgot_at.is_none_or(|at| at <= left);
        // Not by what was told last alone: others' requests are forgotten too.
        if let Some(forgotten) = epoch.forgotten(count, before).filter(|_| is_less) {
            epoch.forgot_at = Some(now);
            epoch.forgot.push_back(left);
            if let Some(period) = epoch.period(forgotten, now) {
                self.period = self.period.min(period);
            }
        }
    }

    /// A request that left then was answered, and not one too many.
    pub(super) fn taken(&mut self, left: Instant) {
        self.answered += 1;
        if let Some(epoch) = self.epoch.as_mut().filter(|epoch| epoch.answered.len() < ANSWERED_MAX) {
            epoch.answered.push(left);
        }
    }

    /// How many were.
    pub(super) fn answered(&self) -> u64 {
        self.answered
    }

    /// A request was refused: what was seen may have been wrong.
    pub(super) fn refused(&mut self) {
        (self.period, self.epoch) = (MINUTE, None);
    }
}

impl Epoch {
    /// The period, or a longer one: the server has forgotten something now, and what left then among it.
    fn period(&mut self, forgotten: Instant, now: Instant) -> Option<Duration> {
        // Between three times there is a whole fixed window, and with each more another.
        let windows = u32::try_from(self.forgot.len()).ok()?.checked_sub(2).filter(|windows| *windows > 0)?;
        let fixed = now.saturating_duration_since(*self.forgot.front()?) / windows;
        if self.forgot.len() >= TIMES_MAX {
            self.forgot.pop_front();
        }
        // A rolling one is no longer than what it has forgotten is old. Periods are of whole seconds.
        let seconds = fixed.max(now.saturating_duration_since(forgotten)).as_secs();
        Some(Duration::from_secs(seconds.max(1)))
    }

    /// When the last request left that is not among those that were counted; `before` had been answered before the last of
    /// these left.
    fn forgotten(&self, count: u32, before: u64) -> Option<Instant> {
        let answered = before.checked_sub(self.before)?;
        let forgotten = answered.checked_sub(count.into())?;
        self.answered.get(usize::try_from(forgotten).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The period seen after so many requests, so many milliseconds apart and answered at once, by a server that counts
    /// what this says of the moments (in milliseconds) at which they came.
    fn seen(requests: u64, apart: u64, counts: impl Fn(&[u64]) -> usize) -> u64 {
        let (mut stated, start, mut came, mut told) = (Stated::new(), Instant::now(), Vec::new(), None);
        for number in 0..requests {
            came.push(number * apart);
            let left = start + Duration::from_millis(number * apart);
            let count = u32::try_from(counts(&came)).unwrap();
            stated.heed(Counted { count, told, before: number, left }, left + Duration::from_millis(1));
            stated.taken(left);
            told = Some(count);
        }
        stated.period().as_secs()
    }

    fn rolling(period: u64) -> impl Fn(&[u64]) -> usize {
        move |came| came.iter().filter(|at| **at + period > came[came.len() - 1]).count()
    }

    /// A window that began so long before the first request.
    fn fixed(period: u64, before: u64) -> impl Fn(&[u64]) -> usize {
        let window = move |at: u64| (at + before) / period;
        move |came| came.iter().filter(|at| window(**at) == window(came[came.len() - 1])).count()
    }

    #[test]
    fn a_period_of_a_minute_is_never_taken_for_a_shorter_one() {
        for apart in [100, 350, 6000, 25_000] {
            assert_eq!(seen(3000, apart, rolling(60_000)), 60);
            for before in [0, 100, 30_000, 59_950] {
                assert_eq!(seen(3000, apart, fixed(60_000, before)), 60, "{apart} {before}");
            }
        }
    }

    #[test]
    fn a_shorter_period_is_seen_and_more_closely_the_faster_requests_follow() {
        for counts in [&rolling(1000) as &dyn Fn(&[u64]) -> usize, &fixed(1000, 300)] {
            assert_eq!(seen(5, 6000, counts), 9);
            assert_eq!(seen(12, 1300, counts), 1);
            assert_eq!(seen(90, 200, counts), 1);
        }
        assert_eq!(seen(400, 300, rolling(10_000)), 10);
        assert!((10..=20).contains(&seen(400, 300, fixed(10_000, 0))));
    }

    #[test]
    fn what_others_sent_and_the_server_forgets_is_not_taken_for_ours() {
        // They sent a hundred, half a minute before our first, which are forgotten one by one.
        let ours = rolling(60_000);
        let counts = move |came: &[u64]| {
            let now = came[came.len() - 1];
            ours(came) + (0..100).filter(|other| 30_000 + other * 100 > now).count()
        };
        assert_eq!(seen(200, 400, counts), 60);
    }

    #[test]
    fn a_refusal_makes_it_a_minute_again() {
        let (mut stated, now) = (Stated::new(), Instant::now());
        stated.period = Duration::from_secs(1);
        stated.refused();
        assert_eq!(stated.period(), MINUTE);
        stated.heed(Counted { count: 1, told: None, before: 0, left: now }, now);
        assert_eq!(stated.period(), MINUTE);
    }
}
