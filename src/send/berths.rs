//! How many requests are in flight: no more than the rate needs. Pure.

use std::time::{Duration, Instant};

use super::rate::Rate;
use super::window::Room;

/// Fewer answers say nothing of how it goes.
const ENOUGH: u32 = 100;

/// Places for requests in flight.
#[derive(Debug)]
pub(super) struct Berths {
    /// The most there are.
    most: usize,
    latency: Duration,
    /// How long all that were answered were under way, and how many those were.
    flown: Duration,
    answered: u32,
}

impl Berths {
    pub(super) fn new(most: usize) -> Self {
        Self { most, latency: Duration::ZERO, flown: Duration::ZERO, answered: 0 }
    }

    /// How long the server takes to answer when it is slow: the longest time seen, which fades over some hundred faster answers.
    pub(super) fn latency(&self) -> Duration {
        self.latency
    }

    /// One was given up or answered after this time.
    pub(super) fn answered(&mut self, time: Duration, is_answer: bool) {
        self.flown = self.flown.saturating_add(time);
        self.answered = self.answered.saturating_add(1);
        if is_answer {
            self.latency = time.max(self.latency / 64 * 63);
        }
    }

    /// Whether one more may leave, whatever the rate.
    pub(super) fn room(&self, in_flight: usize) -> Room {
        if in_flight < self.most { Room::Now } else { Room::AfterAnswer }
    }

    /// Whether one more may leave: as many as leave at the rate while the slowest is answered, and one. `oldest` is when the
    /// first of those in flight left.
    pub(super) fn room_at(&self, rate: Rate, in_flight: usize, oldest: Option<Instant>, now: Instant) -> Room {
        let (Some(oldest), Some(others)) = (oldest, in_flight.checked_sub(1)) else { return Room::Now };
        if in_flight >= self.most {
            return Room::AfterAnswer;
        }
        let needed_from = rate.spacing().saturating_mul(u32::try_from(others).unwrap_or(u32::MAX));
        let slowest = self.latency.max(now.duration_since(oldest));
        if slowest >= needed_from { Room::Now } else { Room::At(oldest + needed_from) }
    }

    /// Whether there are fewer than the rate needs with the answers so far: on average as many are in flight as leave in
    /// the time of one (Little's law).
    pub(super) fn are_too_few(&self, rate: Rate) -> bool {
        let most = f64::from(u32::try_from(self.most).unwrap_or(u32::MAX));
        self.answered >= ENOUGH && rate.per_second() * (self.flown / self.answered).as_secs_f64() > most
    }
}
