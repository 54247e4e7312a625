//! The requests that still count: never more than the rate allows in any window of the period, as the server counts. Pure.
//!
//! The server counts a request at some moment between its departure and its response. So a request holds its place from the
//! moment it leaves until a period after its response, and nothing leaves while all places are held.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::Rate;

/// Room for a request; or when there will be, at this moment or sooner; or `None`: not before a response.
pub(crate) type Room = Result<(), Option<Instant>>;

/// The places of a rate.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    most: usize,
    period: Duration,
    /// Held by requests that are not answered.
    pub(crate) in_flight: usize,
    /// When the places of the others become free, the next first.
    leaving: VecDeque<Instant>,
}

impl Window {
    /// Without a limit.
    pub(crate) fn unlimited() -> Self {
        Self { most: usize::MAX, period: Duration::ZERO, in_flight: 0, leaving: VecDeque::new() }
    }

    /// At most this many requests in any window of the period.
    pub(crate) fn new(rate: Rate) -> Self {
        let mut window = Self::unlimited();
        window.resize(rate);
        window
    }

    /// Another rate from now on; what is held stays held for as long as it was to be.
    pub(crate) fn resize(&mut self, rate: Rate) {
        let part = rate.part();
        self.most = usize::try_from(part.requests.get()).unwrap_or(usize::MAX);
        self.period = part.period;
    }

    /// How many places are held at this moment.
    pub(crate) fn held(&mut self, now: Instant) -> usize {
        let free = self.leaving.partition_point(|free_at| *free_at <= now);
        self.leaving.drain(..free);
        self.in_flight + self.leaving.len()
    }

    /// Whether `count` more may leave; more at once than there are places may leave alone.
    pub(crate) fn room(&mut self, count: usize, now: Instant) -> Room {
        let held = self.held(now);
        match (held + count).saturating_sub(self.most).min(held) {
            0 => Ok(()),
            surplus => Err(self.leaving.get(surplus - 1).copied()),
        }
    }

    /// When the next place of an answered request becomes free.
    pub(crate) fn next_free(&mut self, now: Instant) -> Option<Instant> {
        self.held(now);
        self.leaving.front().copied()
    }

    /// `count` requests leave now.
    pub(crate) fn leave(&mut self, count: usize) {
        self.in_flight += count;
    }

    /// `count` requests that had left are answered, or given up.
    pub(crate) fn answer(&mut self, count: usize, now: Instant) {
        self.in_flight -= count;
        self.hold(count, now, Duration::ZERO);
    }

    /// `count` requests that were to leave never did.
    pub(crate) fn cancel(&mut self, count: usize) {
        self.in_flight -= count;
    }

    /// Requests that were answered so long ago hold the places that still count.
    pub(crate) fn hold(&mut self, count: usize, now: Instant, age: Duration) {
        let Some(left) = self.period.checked_sub(age) else { return };
        // Mostly the last; a period that got shorter, and what an earlier run left, come before others.
        let at = self.leaving.partition_point(|free_at| *free_at <= now + left);
        (0..count).for_each(|_| self.leaving.insert(at, now + left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_mins(1);

    fn window(most: u32) -> Window {
        Window::new(Rate::of(most, PERIOD).unwrap())
    }

    #[test]
    fn a_place_is_held_until_a_period_after_the_answer() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut window = window(2);
        for now in [0, 1] {
            assert_eq!(window.room(1, at(now)), Ok(()));
            window.leave(1);
        }
        assert_eq!(window.room(1, at(2)), Err(None));
        // Answers come out of order.
        window.answer(1, at(5));
        assert_eq!(window.room(1, at(5)), Err(Some(at(65))));
        assert_eq!(window.room(2, at(5)), Err(None));
        window.answer(1, at(7));
        assert_eq!(window.room(2, at(5)), Err(Some(at(67))));
        assert_eq!(window.room(1, at(64)), Err(Some(at(65))));
        assert_eq!(window.room(1, at(65)), Ok(()));
        assert_eq!(window.held(at(65)), 1);
        assert_eq!(window.next_free(at(65)), Some(at(67)));
    }

    #[test]
    fn what_is_too_many_for_any_window_leaves_when_nothing_else_is_held() {
        let now = Instant::now();
        let mut window = window(3);
        assert_eq!(window.room(5, now), Ok(()));
        window.leave(1);
        assert_eq!(window.room(5, now), Err(None));
        window.answer(1, now);
        assert_eq!(window.room(5, now), Err(Some(now + PERIOD)));
    }

    #[test]
    fn what_is_held_from_before_is_let_go_in_its_own_time_also_if_it_is_more_than_the_rate() {
        let now = Instant::now();
        let mut window = window(2);
        for age in [30, 50, 40] {
            window.hold(1, now, Duration::from_secs(age));
        }
        assert_eq!(window.room(1, now), Err(Some(now + Duration::from_secs(20))));
        window.resize(Rate::of(3, PERIOD).unwrap());
        assert_eq!(window.room(1, now), Err(Some(now + Duration::from_secs(10))));
    }

    #[test]
    fn a_great_rate_is_kept_in_parts() {
        let window = Window::new(Rate::parse("1000000/h").unwrap());
        assert!(window.most <= 4096);
        let part = |most: usize, period: Duration| f64::from(u32::try_from(most).unwrap()) / period.as_secs_f64();
        let rate = part(window.most, window.period) * 3600.0;
        assert!(rate <= 1_000_000.0 && rate > 999_000.0, "{rate}");
    }
}
