//! When rows with guests may be sent: `--guest-rate`, and what is known about the organization's guest quota. Pure.
//!
//! The quota shows only by refusals, and each costs a lookup. So one row goes first, and more and more at once while
//! they are accepted. After a refusal no row with guests is sent for a while, and then again
//! one row first.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::rate::Rate;
use super::server_failure::with_grace;
use super::window::{Room, Window};
use crate::journal::SentGuests;

/// After this many rows without a refusal, several times the documented cap, the organization has no cap.
const UNCAPPED: usize = 200;

/// What the API documents: Guest Invite, 30 per hour per organization.
pub const GUEST_CAP: Rate = Rate { requests: NonZeroU32::MIN.saturating_add(29), period: Duration::from_hours(1) };

/// The pause after a refusal if the server names none, or named one that was too short. Invites count for an hour: a row
/// that is sent alone, again and again, is accepted within its attempts.
const PAUSE: Duration = Duration::from_mins(10);

/// Addresses that the organization knows: they count in no quota.
///
/// They are hashes, so that memory stays small. If two addresses share a hash, the second is not counted: at worst the
/// server refuses a row, which then waits.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownGuests(HashSet<u64>);

impl KnownGuests {
    /// How many of these addresses are new, each counted once.
    pub(crate) fn new_among(&self, guests: &[String]) -> usize {
        guests.iter().map(|guest| hash(guest)).collect::<HashSet<_>>().difference(&self.0).count()
    }

    /// Adds these addresses; gives how many of them were new.
    pub(crate) fn add(&mut self, guests: &[String]) -> usize {
        guests.iter().filter(|guest| self.0.insert(hash(guest))).count()
    }

    pub(crate) fn remove(&mut self, guests: &[String]) {
        for guest in guests {
            self.0.remove(&hash(guest));
        }
    }
}

/// For the API, addresses that differ only in case are the same.
fn hash(address: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.to_lowercase().hash(&mut hasher);
    hasher.finish()
}

/// When rows with guests may leave.
#[derive(Debug)]
pub(crate) struct GuestQuota {
    /// `--guest-rate`
    pub(super) rate: Option<Rate>,
    /// The longest time that it may take until a row is accepted again.
    wait_max: Duration,
    pub(super) known: KnownGuests,
    /// New guests of the last period.
    window: Window,
    /// Rows accepted since it closed last, and rows in flight.
    accepted: usize,
    in_flight: usize,
    /// How often the quota closed, and how often since a row was accepted.
    closings: u32,
    refusals: u32,
    /// When it closed first since a row was accepted, and until when no row is sent.
    closed: Option<(Instant, Instant)>,
    /// Whether a row was refused again after the time that the server named: it is not believed any more.
    names_too_short: bool,
    /// No row is sent any more in this run: the quota would hold rows back for this long.
    pub(super) shut: Option<Duration>,
}

/// A row in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GuestDeparture {
    /// How often the quota had closed when the row left.
    closings: u32,
    /// Places held for its new guests.
    places: usize,
}

/// What a response says about the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestResponse {
    /// The row was accepted.
    Accepted,
    /// The quota refused the row, perhaps half-way, and named this time.
    Refused(Option<Duration>),
    /// The row may have been accepted.
    InDoubt,
    /// The row was refused for another reason, or never left.
    NotInvited,
}

impl GuestQuota {
    pub(crate) fn new(rate: Option<Rate>, wait_max: Duration) -> Self {
        Self {
            rate,
            wait_max,
            known: KnownGuests::default(),
            window: Window::new(rate.unwrap_or(GUEST_CAP)),
            accepted: 0,
            in_flight: 0,
            closings: 0,
            refusals: 0,
            closed: None,
            names_too_short: false,
            shut: None,
        }
    }

    /// Adds guests that an earlier run sent: the new ones count.
    pub(crate) fn remember(&mut self, sent: &SentGuests, now: Instant) {
        self.window.hold(self.known.new_among(&sent.guests), now, sent.age);
        if sent.are_known {
            self.known.add(&sent.guests);
        }
    }

    /// Whether one more row may leave.
    pub(crate) fn room(&self, now: Instant) -> Room {
        self.open(now)?;
        // A refusal costs a lookup of every row in flight, so about one more is let in after each round that was accepted.
        let most = (2 * self.accepted).isqrt().max(1);
        if self.in_flight < most || self.accepted > UNCAPPED { Ok(()) } else { Err(None) }
    }

    fn open(&self, now: Instant) -> Room {
        match self.closed {
            _ if self.shut.is_some() => Err(None),
            Some((_, until)) if now < until => Err(Some(until)),
            _ => Ok(()),
        }
    }

    /// One row is to leave.
    pub(crate) fn leave(&mut self) -> GuestDeparture {
        self.in_flight += 1;
        GuestDeparture { closings: self.closings, places: 0 }
    }

    /// Holds places for the new ones among the guests of a row that is to leave, if there are places. More new guests than
    /// the rate allows at once are sent alone.
    pub(crate) fn charge(&mut self, departure: &mut GuestDeparture, guests: &[String], now: Instant) -> Room {
        // The quota may have closed since the row was let in.
        self.open(now)?;
        let places = self.known.new_among(guests);
        if self.rate.is_some() && places > 0 {
            self.window.room(places, now)?;
        }
        self.window.leave(places);
        *departure = GuestDeparture { closings: self.closings, places };
        Ok(())
    }

    /// A row that had left is answered. Returns for how long no row is sent from now on, if that is news.
    pub(crate) fn answer(
        &mut self,
        departure: GuestDeparture,
        response: GuestResponse,
        now: Instant,
    ) -> Option<Duration> {
        self.in_flight -= 1;
        match response {
            GuestResponse::NotInvited => self.window.cancel(departure.places),
            GuestResponse::Refused(_) if self.rate.is_none() => self.window.cancel(departure.places),
            // Of a refused row, the guests that still fitted may be invited.
            _ => self.window.answer(departure.places, now),
        }
        // Rows that left before it closed say nothing about it.
        let is_late = departure.closings != self.closings;
        match response {
            GuestResponse::Accepted => {
                self.refusals = 0;
                if !is_late {
                    self.closed = None;
                    self.accepted += 1;
                }
                None
            }
            GuestResponse::Refused(named) if !is_late => self.close(named, now),
            _ => None,
        }
    }

    /// Closes the quota; returns for how long, unless that is too long.
    fn close(&mut self, named: Option<Duration>, now: Instant) -> Option<Duration> {
        self.accepted = 0;
        self.closings += 1;
        self.refusals += 1;
        self.names_too_short |= self.refusals > 1;
        let since = self.closed.map_or(now, |(since, _)| since);
        let left = self.wait_max.saturating_sub(now.duration_since(since));
        let named = named.map(with_grace);
        let time = match named {
            Some(named) if !self.names_too_short => named,
            _ => named.unwrap_or_default().max(self.usual(now).min(left)),
        };
        let open_at = now.checked_add(time).filter(|_| time <= left && !left.is_zero());
        match open_at {
            Some(open_at) => self.closed = Some((since, open_at)),
            None => self.shut = Some(named.unwrap_or(now.duration_since(since))),
        }
        open_at.map(|_| time)
    }

    /// How long to wait by our own count: until the oldest of our invites does not count any more, if there are any.
    fn usual(&mut self, now: Instant) -> Duration {
        let least = if self.refusals > 1 { PAUSE } else { Duration::ZERO };
        self.window.next_free(now).map_or(PAUSE, |free_at| free_at.saturating_duration_since(now).max(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT_MAX: Duration = Duration::from_hours(2);
    const HOUR: Duration = Duration::from_hours(1);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn guests(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// As many leave as may.
    fn all(limit: &mut GuestQuota, now: Instant) -> Vec<GuestDeparture> {
        let mut left = Vec::new();
        while limit.room(now).is_ok() {
            left.push(limit.leave());
        }
        left
    }

    /// A row with these guests leaves.
    fn charged(limit: &mut GuestQuota, text: &str, now: Instant) -> GuestDeparture {
        let mut departure = limit.leave();
        assert_eq!(limit.charge(&mut departure, &guests(text), now), Ok(()), "{text}");
        departure
    }

    #[test]
    fn more_and_more_rows_may_be_in_flight_while_they_are_accepted() {
        let (mut limit, now) = (GuestQuota::new(None, WAIT_MAX), Instant::now());
        let mut widths = Vec::new();
        for _ in 0..8 {
            let left = all(&mut limit, now);
            widths.push(left.len());
            assert_eq!(limit.room(now), Err(None));
            for departure in left {
                assert_eq!(limit.answer(departure, GuestResponse::Accepted, now), None);
            }
        }
        assert_eq!(widths, [1, 1, 2, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn what_says_nothing_about_the_quota_makes_the_next_round_neither_wider_nor_narrower() {
        let (mut limit, now) = (GuestQuota::new(None, WAIT_MAX), Instant::now());
        for departure in (0..10).flat_map(|_| all(&mut limit, now)).collect::<Vec<_>>() {
            limit.answer(departure, GuestResponse::NotInvited, now);
        }
        assert_eq!(all(&mut limit, now).len(), 1);
    }

    #[test]
    fn after_a_refusal_no_row_leaves_for_the_time_named_and_then_one_row_first() {
        let (mut limit, now) = (GuestQuota::new(None, WAIT_MAX), Instant::now());
        for _ in 0..4 {
            for departure in all(&mut limit, now) {
                limit.answer(departure, GuestResponse::Accepted, now);
            }
        }
        let left = all(&mut limit, now);
        assert_eq!(left.len(), 3);
        let refused = GuestResponse::Refused(Some(seconds(60)));
        assert_eq!(limit.answer(left[0], refused, now), Some(seconds(61)));
        // The others are of the same closing; what was accepted after it says nothing.
        assert_eq!(limit.answer(left[1], refused, now + seconds(1)), None);
        assert_eq!(limit.answer(left[2], GuestResponse::Accepted, now + seconds(2)), None);
        let open = now + seconds(61);
        assert_eq!(limit.room(now + seconds(2)), Err(Some(open)));
        let first = all(&mut limit, open);
        assert_eq!((first.len(), limit.room(open)), (1, Err(None)));
        assert_eq!(limit.answer(first[0], GuestResponse::Accepted, open), None);
        assert_eq!(limit.room(open), Ok(()));
    }

    /// The pauses until it is shut, when every first row is refused, and for how long it is shut.
    fn pauses(wait_max: Duration, named: Option<Duration>) -> (Vec<u64>, Duration) {
        let (mut limit, mut now) = (GuestQuota::new(None, wait_max), Instant::now());
        let mut pauses = Vec::new();
        loop {
            match limit.room(now) {
                _ if limit.shut.is_some() => return (pauses, limit.shut.unwrap()),
                Ok(()) => {
                    let departure = charged(&mut limit, "a@x.org", now);
                    let pause = limit.answer(departure, GuestResponse::Refused(named), now);
                    pauses.extend(pause.map(|time| time.as_secs()));
                }
                Err(Some(until)) => now = until,
                Err(None) => panic!("none is under admission"),
            }
        }
    }

    #[test]
    fn where_no_time_is_named_or_one_too_short_an_hour_is_fewer_pauses_than_a_row_has_attempts() {
        assert_eq!(pauses(WAIT_MAX, None), (vec![600; 12], WAIT_MAX));
        assert_eq!(pauses(seconds(900), None), (vec![600, 300], seconds(900)));
        assert_eq!(pauses(Duration::ZERO, None), (vec![], Duration::ZERO));
        let (pauses, shut) = pauses(WAIT_MAX, Some(Duration::ZERO));
        assert_eq!(pauses[..7], [1, 600, 600, 600, 600, 600, 600]);
        assert_eq!((pauses.iter().sum::<u64>(), shut), (WAIT_MAX.as_secs(), seconds(1)));
    }

    #[test]
    fn where_our_own_invites_fill_the_quota_nobody_leaves_before_the_oldest_counts_no_more() {
        for (named, expected) in [(None, &[3600, 3600][..]), (Some(Duration::ZERO), &[1, 3599, 3600])] {
            let (mut limit, mut now) = (GuestQuota::new(None, WAIT_MAX), Instant::now());
            let mut pauses = Vec::new();
            for hour in 0..2 {
                // What is accepted first is all for an hour.
                let (first, until) = (charged(&mut limit, &format!("a{hour}@x.org"), now), now + HOUR);
                limit.answer(first, GuestResponse::Accepted, now);
                while now < until {
                    let departure = charged(&mut limit, "b@x.org", now);
                    let pause = limit.answer(departure, GuestResponse::Refused(named), now).unwrap();
                    pauses.push(pause.as_secs());
                    now += pause;
                }
            }
            assert_eq!(pauses, expected);
        }
    }

    #[test]
    fn a_time_beyond_the_longest_wait_shuts_it_for_good() {
        let day = Duration::from_hours(24);
        assert_eq!(pauses(WAIT_MAX, Some(day)), (vec![], day + seconds(1)));
        assert_eq!(pauses(seconds(3601), Some(seconds(3600))).0[0], 3601);
        assert_eq!(pauses(seconds(3600), Some(seconds(3600))), (vec![], seconds(3601)));
        // No clock goes that far, whatever the user would wait.
        assert_eq!(pauses(Duration::MAX, Some(Duration::MAX)), (vec![], Duration::MAX));
    }

    fn rated(rate: &str) -> (GuestQuota, Instant) {
        (GuestQuota::new(Some(Rate::parse(rate).unwrap()), WAIT_MAX), Instant::now() + 3 * HOUR)
    }

    #[test]
    fn a_row_costs_the_addresses_that_are_not_known_whatever_their_case() {
        let mut known = KnownGuests::default();
        assert_eq!(known.new_among(&guests("a@x.org A@x.org b@x.org")), 2);
        known.add(&guests("A@X.org"));
        assert_eq!(known.new_among(&guests("a@x.org b@x.org")), 1);
        assert_eq!(known.new_among(&guests("a@x.org")), 0);
    }

    /// Whether a row with these guests may leave.
    fn admission(limit: &mut GuestQuota, text: &str, now: Instant) -> Room {
        let mut departure = limit.leave();
        let admission = limit.charge(&mut departure, &guests(text), now);
        limit.answer(departure, GuestResponse::NotInvited, now);
        admission
    }

    #[test]
    fn no_more_than_the_rate_are_new_in_any_hour_and_known_ones_cost_nothing() {
        let (mut limit, now) = rated("3/h");
        limit.known.add(&guests("known@x.org"));
        let departure = charged(&mut limit, "a@x.org b@x.org", now);
        assert_eq!(admission(&mut limit, "c@x.org", now), Ok(()));
        assert_eq!(admission(&mut limit, "c@x.org d@x.org", now), Err(None));
        assert_eq!(admission(&mut limit, "known@x.org", now), Ok(()));
        limit.answer(departure, GuestResponse::Accepted, now + seconds(5));
        let free_at = now + seconds(5) + HOUR;
        assert_eq!(admission(&mut limit, "c@x.org d@x.org", now + seconds(5)), Err(Some(free_at)));
        // More than the rate at once: alone.
        let many = "c@x.org d@x.org e@x.org f@x.org";
        assert_eq!(admission(&mut limit, many, now + seconds(5)), Err(Some(free_at)));
        assert_eq!(admission(&mut limit, many, free_at), Ok(()));
    }

    #[test]
    fn what_was_sent_before_is_known_and_holds_its_places_for_what_is_left_of_the_period() {
        let (mut limit, now) = rated("3/h");
        let minutes = Duration::from_mins;
        for (text, age, are_known) in [
            ("old@x.org", minutes(90), true),
            ("a@x.org b@x.org old@x.org", minutes(40), true),
            ("a@x.org c@x.org", Duration::ZERO, false),
        ] {
            limit.remember(&SentGuests { guests: guests(text), age, are_known }, now);
        }
        assert_eq!(admission(&mut limit, "old@x.org a@x.org b@x.org", now), Ok(()));
        assert_eq!(admission(&mut limit, "c@x.org", now), Err(Some(now + minutes(20))), "its outcome is unknown");
        assert_eq!(admission(&mut limit, "c@x.org d@x.org e@x.org", now), Err(Some(now + minutes(60))));
    }
}
