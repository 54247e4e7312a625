//! `--guest-rate`: which guests are new to the organization, and when they may be invited. Pure.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::rate::Rate;
use super::window::{Room, Window};
use crate::journal::SentGuests;

/// What the API documents: Guest Invite, 30 per hour per organization.
pub const GUEST_CAP: Rate = Rate { requests: NonZeroU32::MIN.saturating_add(29), period: Duration::from_hours(1) };

/// The known addresses, and the window of recent invites.
#[derive(Debug, Clone)]
pub(super) struct Invites {
    rate: Rate,
    window: Window,
    /// Hashes, so that memory stays small. If two addresses share a hash, the second is not counted: at worst the server's
    /// cap refuses a row, which then waits.
    known: HashSet<u64>,
}

impl Invites {
    /// No recent invites and no known addresses.
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, window: Window::new(rate.requests.get(), rate.period), known: HashSet::new() }
    }

    /// The most new guests in any window.
    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// How many of these addresses are new, each counted once.
    pub(super) fn new_among(&self, guests: &[String]) -> usize {
        let new: HashSet<u64> =
            guests.iter().map(|guest| hash(guest)).filter(|hash| !self.known.contains(hash)).collect();
        new.len()
    }

    /// Adds known addresses.
    pub(super) fn greet(&mut self, guests: &[String]) {
        self.known.extend(guests.iter().map(|guest| hash(guest)));
    }

    /// Adds guests that an earlier run sent: the new ones count in the window.
    pub(super) fn remember(&mut self, sent: &SentGuests, now: Instant) {
        let count = self.new_among(&sent.guests);
        if sent.are_known {
            self.greet(&sent.guests);
        }
        if let (1.., Some(left)) = (count, self.window.period().checked_sub(sent.age)) {
            self.window.hold(count, now + left);
        }
    }

    /// When this number of new guests may be sent; more than the rate are sent alone.
    pub(super) fn room(&mut self, count: usize, now: Instant) -> Room {
        if count == 0 { Room::Now } else { self.window.room(count, now) }
    }

    /// This number is sent now.
    pub(super) fn leave(&mut self, count: usize) {
        self.window.leave(count);
    }

    /// This number was sent and may have been invited by now.
    pub(super) fn answer(&mut self, count: usize, now: Instant) {
        if count > 0 {
            self.window.answer(count, now);
        }
    }

    /// This number is known not to have been invited.
    pub(super) fn forgo(&mut self, count: usize) {
        self.window.forgo(count);
    }
}

/// For the API, addresses that differ only in case are the same.
fn hash(address: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.to_lowercase().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn invites(rate: &str) -> Invites {
        Invites::new(Rate::parse(rate).unwrap())
    }

    fn guests(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_row_costs_the_addresses_that_are_not_known_whatever_their_case() {
        let mut invites = invites("3/h");
        assert_eq!(invites.new_among(&guests("a@x.org A@x.org b@x.org")), 2);
        invites.greet(&guests("A@X.org"));
        assert_eq!(invites.new_among(&guests("a@x.org b@x.org")), 1);
        assert_eq!(invites.new_among(&guests("a@x.org")), 0);
    }

    #[test]
    fn no_more_than_the_rate_are_new_in_any_hour_and_known_ones_cost_nothing() {
        let (mut invites, now) = (invites("3/h"), Instant::now());
        invites.leave(2);
        assert_eq!(invites.room(1, now), Room::Now);
        assert_eq!(invites.room(2, now), Room::AfterAnswer);
        assert_eq!(invites.room(0, now), Room::Now);
        invites.answer(2, now + Duration::from_secs(5));
        assert_eq!(invites.room(2, now), Room::At(now + Duration::from_secs(5) + HOUR));
        // More than the rate at once: alone.
        assert_eq!(invites.room(4, now), Room::At(now + Duration::from_secs(5) + HOUR));
        assert_eq!(invites.room(4, now + Duration::from_secs(5) + HOUR), Room::Now);
    }

    #[test]
    fn what_was_not_invited_gives_its_places_back() {
        let (mut invites, now) = (invites("3/h"), Instant::now() + 2 * HOUR);
        invites.leave(3);
        invites.forgo(3);
        assert_eq!(invites.room(3, now), Room::Now);
    }

    #[test]
    fn what_was_sent_before_is_known_and_holds_its_places_for_what_is_left_of_the_period() {
        let (mut invites, now) = (invites("3/h"), Instant::now());
        let minutes = Duration::from_mins;
        for (text, age, are_known) in [
            ("old@x.org", minutes(90), true),
            ("a@x.org b@x.org old@x.org", minutes(40), true),
            ("a@x.org c@x.org", Duration::ZERO, false),
        ] {
            invites.remember(&SentGuests { guests: guests(text), age, are_known }, now);
        }
        assert_eq!(invites.new_among(&guests("old@x.org a@x.org b@x.org")), 0);
        assert_eq!(invites.new_among(&guests("c@x.org")), 1, "its outcome is unknown");
        assert_eq!(invites.room(1, now), Room::At(now + minutes(20)));
        assert_eq!(invites.room(3, now), Room::At(now + minutes(60)));
    }
}
