//! The requests that still count: never more than the rate allows in any window of the period, as the server counts. Pure.
//!
//! The server counts a request at some moment between its departure and its response. So a request holds its place from the
//! moment it leaves until a period after its response, and nothing leaves while all places are held.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most places that are kept account of one by one.
const PLACES_MAX: u32 = 4096;

/// The places of a rate.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    most: usize,
    period: Duration,
    /// Held by requests that are not answered.
    in_flight: usize,
    /// When places become free, the next first, and how many.
    leaving: VecDeque<(Instant, usize)>,
    /// How many of those there are.
    answered: usize,
}

/// Whether there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is.
    Now,
    /// There will be, at this moment or sooner.
    At(Instant),
    /// Only once something in flight is answered.
    AfterAnswer,
}

/// Into how many parts a rate is cut: no more than a part of the requests in a part of the period is never more than all of
/// them in the whole.
pub(crate) fn parts(most: u32) -> u32 {
    most.div_ceil(PLACES_MAX).max(1)
}

impl Window {
    /// At most `most` in any window of `period`, and at least one.
    pub(crate) fn new(most: u32, period: Duration) -> Self {
        let mut window = Self { most: 0, period: Duration::ZERO, in_flight: 0, leaving: VecDeque::new(), answered: 0 };
        window.resize(most, period);
        window
    }

    /// Another rate from now on; what is held stays held for as long as it was to be.
    pub(crate) fn resize(&mut self, most: u32, period: Duration) {
        let parts = parts(most);
        self.most = usize::try_from(most / parts).unwrap_or(usize::MAX).max(1);
        self.period = period / parts;
    }

    /// How long a place is held after the answer.
    pub(crate) fn period(&self) -> Duration {
        self.period
    }

    /// How many places are held at this moment.
    pub(crate) fn held(&mut self, now: Instant) -> usize {
        while let Some(&(free_at, count)) = self.leaving.front()
            && free_at <= now
        {
            self.leaving.pop_front();
            self.answered -= count;
        }
        self.in_flight + self.answered
    }

    /// Whether `count` more may leave; more at once than there are places may leave alone.
    pub(crate) fn room(&mut self, count: usize, now: Instant) -> Room {
        let mut surplus = (self.held(now) + count).saturating_sub(self.most).min(self.in_flight + self.answered);
        if surplus == 0 {
            return Room::Now;
        }
        for &(free_at, freed) in &self.leaving {
            if freed >= surplus {
                return Room::At(free_at);
            }
            surplus -= freed;
        }
        Room::AfterAnswer
    }

    /// When the next place of an answered request becomes free.
    pub(crate) fn next_free(&mut self, now: Instant) -> Option<Instant> {
        self.held(now);
        self.leaving.front().map(|(free_at, _)| *free_at)
    }

    /// `count` requests leave now.
    pub(crate) fn leave(&mut self, count: usize) {
        self.in_flight += count;
    }

    /// `count` requests that had left are answered, or given up.
    pub(crate) fn answer(&mut self, count: usize, now: Instant) {
        self.in_flight -= count;
        self.hold(count, now + self.period);
    }

    /// `count` requests that were to leave never did.
    pub(crate) fn cancel(&mut self, count: usize) {
        self.in_flight -= count;
    }

    /// `count` places are held until then.
    pub(crate) fn hold(&mut self, count: usize, until: Instant) {
        self.answered += count;
        // Mostly the last; a period that got shorter, and what an earlier run left, come before others.
        let at = self.leaving.partition_point(|(free_at, _)| *free_at <= until);
        self.leaving.insert(at, (until, count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_mins(1);

    #[test]
    fn a_place_is_held_until_a_period_after_the_answer() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut window = Window::new(2, PERIOD);
        for now in [0, 1] {
            assert_eq!(window.room(1, at(now)), Room::Now);
            window.leave(1);
        }
        assert_eq!(window.room(1, at(2)), Room::AfterAnswer);
        // Answers come out of order.
        window.answer(1, at(5));
        assert_eq!(window.room(1, at(5)), Room::At(at(65)));
        assert_eq!(window.room(2, at(5)), Room::AfterAnswer);
        window.answer(1, at(7));
        assert_eq!(window.room(2, at(5)), Room::At(at(67)));
        assert_eq!(window.room(1, at(64)), Room::At(at(65)));
        assert_eq!(window.room(1, at(65)), Room::Now);
        assert_eq!(window.held(at(65)), 1);
        assert_eq!(window.next_free(at(65)), Some(at(67)));
    }

    #[test]
    fn what_is_too_many_for_any_window_leaves_when_nothing_else_is_held() {
        let now = Instant::now();
        let mut window = Window::new(3, PERIOD);
        assert_eq!(window.room(5, now), Room::Now);
        window.leave(1);
        assert_eq!(window.room(5, now), Room::AfterAnswer);
        window.answer(1, now);
        assert_eq!(window.room(5, now), Room::At(now + PERIOD));
    }

    #[test]
    fn what_is_held_from_before_is_let_go_in_its_own_time_also_if_it_is_more_than_the_rate() {
        let now = Instant::now();
        let mut window = Window::new(2, PERIOD);
        for seconds in [30, 10, 20] {
            window.hold(1, now + Duration::from_secs(seconds));
        }
        assert_eq!(window.room(1, now), Room::At(now + Duration::from_secs(20)));
        window.resize(3, PERIOD);
        assert_eq!(window.room(1, now), Room::At(now + Duration::from_secs(10)));
    }

    #[test]
    fn a_great_rate_is_kept_in_parts() {
        let window = Window::new(1_000_000, Duration::from_hours(1));
        assert!(window.most <= 4096);
        let part = |most: usize, period: Duration| f64::from(u32::try_from(most).unwrap()) / period.as_secs_f64();
        let rate = part(window.most, window.period()) * 3600.0;
        assert!(rate <= 1_000_000.0 && rate > 999_000.0, "{rate}");
    }
}
