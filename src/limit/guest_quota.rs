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
use super::server_failure;
use super::window::{Room, Window};
use crate::journal::SentGuests;

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
        let new: HashSet<u64> = guests.iter().map(|guest| hash(guest)).filter(|hash| !self.0.contains(hash)).collect();
        new.len()
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

#[derive(Debug)]
pub(crate) struct GuestLimit {
    /// `--guest-rate`
    rate: Option<Rate>,
    /// The longest time that it may take until a row is accepted again.
    wait_max: Duration,
    known: KnownGuests,
    /// New guests of the last period.
    window: Window,
    /// The most rows in flight, how many of this round were accepted, and how many are in flight.
    width: usize,
    accepted: usize,
    in_flight: usize,
    /// How often the quota closed, and how often since a row was accepted.
    closings: u32,
    in_vain: u32,
    /// When it closed first since a row was accepted, and until when no row is sent.
    closed: Option<(Instant, Instant)>,
    /// Whether a row was refused again after the time that the server named: it is not believed any more.
    names_too_short: bool,
    /// The quota would hold rows back for this long: none is sent in this run.
    shut: Option<Duration>,
}

/// A row in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GuestDeparture {
    /// How often the quota had closed when the row left.
    closings: u32,
    /// Places held for its new guests.
    places: usize,
}

/// Whether a row may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuestAdmission {
    Open,
    /// Not before then.
    At(Instant),
    /// Once another row is answered.
    AfterAnswer,
    /// Not in this run: the quota would hold rows back for this long.
    Shut(Duration),
}

/// What a response says about the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestResponse {
    /// The row was accepted.
    Accepted,
    /// The quota refused the row, perhaps half-admission, and named this time.
    Refused(Option<Duration>),
    /// The row may have been accepted.
    InDoubt,
    /// The row was refused for another reason, or never left.
    NotInvited,
}

impl GuestLimit {
    pub(crate) fn new(rate: Option<Rate>, wait_max: Duration) -> Self {
        let Rate { requests, period } = rate.unwrap_or(GUEST_CAP);
        Self {
            rate,
            wait_max,
            known: KnownGuests::default(),
            window: Window::new(requests.get(), period),
            width: 1,
            accepted: 0,
            in_flight: 0,
            closings: 0,
            in_vain: 0,
            closed: None,
            names_too_short: false,
            shut: None,
        }
    }

    pub(crate) fn known(&mut self) -> &mut KnownGuests {
        &mut self.known
    }

    /// Adds guests that an earlier run sent: the new ones count.
    pub(crate) fn remember(&mut self, sent: &SentGuests, now: Instant) {
        let count = self.known.new_among(&sent.guests);
        if sent.are_known {
            self.known.add(&sent.guests);
        }
        if let (1.., Some(left)) = (count, self.window.period().checked_sub(sent.age)) {
            self.window.hold(count, now + left);
        }
    }

    /// Whether one more row may leave.
    pub(crate) fn admission(&self, now: Instant) -> GuestAdmission {
        match (self.shut, self.closed) {
            (Some(time), _) => GuestAdmission::Shut(time),
            (None, Some((_, until))) if now < until => GuestAdmission::At(until),
            _ if self.in_flight >= self.width => GuestAdmission::AfterAnswer,
            _ => GuestAdmission::Open,
        }
    }

    /// One row is to leave.
    pub(crate) fn leave(&mut self) -> GuestDeparture {
        self.in_flight += 1;
        GuestDeparture { closings: self.closings, places: 0 }
    }

    /// Holds places for the new ones among the guests of a row that is to leave, if there are places. More new guests than
    /// the rate allows at once are sent alone.
    pub(crate) fn charge(&mut self, departure: &mut GuestDeparture, guests: &[String], now: Instant) -> GuestAdmission {
        // The quota may have closed since the row was let in.
        match self.admission(now) {
            GuestAdmission::Open | GuestAdmission::AfterAnswer => {}
            admission => return admission,
        }
        let count = self.known.new_among(guests);
        let room = if self.rate.is_some() && count > 0 { self.window.room(count, now) } else { Room::Now };
        match room {
            Room::Now => {
                self.window.leave(count);
                *departure = GuestDeparture { closings: self.closings, places: count };
                GuestAdmission::Open
            }
            Room::At(until) => GuestAdmission::At(until),
            Room::AfterAnswer => GuestAdmission::AfterAnswer,
        }
    }

    /// A row that had left is answered. Returns for how long no row is sent from now on, if that is news.
    pub(crate) fn answer(
        &mut self,
        departure: GuestDeparture,
        response: GuestResponse,
        now: Instant,
    ) -> Option<Duration> {
        self.in_flight -= 1;
        // Of a refused row, the guests that still fitted may be invited.
        let may_be_invited = match response {
            GuestResponse::Accepted | GuestResponse::InDoubt => true,
            GuestResponse::Refused(_) => self.rate.is_some(),
            GuestResponse::NotInvited => false,
        };
        match departure.places {
            0 => {}
            places if may_be_invited => self.window.answer(places, now),
            places => self.window.cancel(places),
        }
        if response == GuestResponse::Accepted {
            self.in_vain = 0;
        }
        // Rows that left before it closed say nothing about it.
        if departure.closings != self.closings {
            return None;
        }
        match response {
            GuestResponse::Accepted => {
                self.closed = None;
                self.accepted += 1;
                if self.accepted > self.width {
                    (self.width, self.accepted) = (self.width + 1, 0);
                }
                None
            }
            GuestResponse::Refused(named) => self.close(named, now),
            _ => None,
        }
    }

    /// Closes the quota; returns for how long, unless that is too long.
    fn close(&mut self, named: Option<Duration>, now: Instant) -> Option<Duration> {
        (self.width, self.accepted) = (1, 0);
        self.closings += 1;
        self.in_vain += 1;
        self.names_too_short |= self.in_vain > 1;
        let (since, _) = self.closed.unwrap_or((now, now));
        let left = self.wait_max.saturating_sub(now.duration_since(since));
        let named = named.map(|named| server_failure::pause(Some(named)));
        let pause = match named {
            Some(named) if !self.names_too_short => named,
            _ => named.unwrap_or_default().max(self.usual(now).min(left)),
        };
        let open_at = now.checked_add(pause).filter(|_| pause <= left && !left.is_zero());
        match open_at {
            Some(open_at) => self.closed = Some((since, open_at)),
            None => self.shut = Some(named.unwrap_or(now.duration_since(since))),
        }
        open_at.map(|_| pause)
    }

    /// How long to wait by our own count: until the oldest of our invites does not count any more, if there are any.
    fn usual(&mut self, now: Instant) -> Duration {
        let oldest = self.window.next_free(now).map(|free_at| free_at.saturating_duration_since(now));
        let least = if self.in_vain > 1 { PAUSE } else { Duration::ZERO };
        oldest.unwrap_or(PAUSE).max(least)
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
    fn all(limit: &mut GuestLimit, now: Instant) -> Vec<GuestDeparture> {
        let mut left = Vec::new();
        while limit.admission(now) == GuestAdmission::Open {
            left.push(limit.leave());
        }
        left
    }

    /// A row with these guests leaves.
    fn charged(limit: &mut GuestLimit, text: &str, now: Instant) -> GuestDeparture {
        let mut departure = limit.leave();
        assert_eq!(limit.charge(&mut departure, &guests(text), now), GuestAdmission::Open, "{text}");
        departure
    }

    #[test]
    fn more_and_more_rows_may_be_in_flight_while_they_are_accepted() {
        let (mut limit, now) = (GuestLimit::new(None, WAIT_MAX), Instant::now());
        let mut widths = Vec::new();
        for _ in 0..8 {
            let left = all(&mut limit, now);
            widths.push(left.len());
            assert_eq!(limit.admission(now), GuestAdmission::AfterAnswer);
            for departure in left {
                assert_eq!(limit.answer(departure, GuestResponse::Accepted, now), None);
            }
        }
        assert_eq!(widths, [1, 1, 2, 2, 3, 4, 4, 5]);
    }

    #[test]
    fn what_says_nothing_about_the_quota_makes_the_next_round_neither_wider_nor_narrower() {
        let (mut limit, now) = (GuestLimit::new(None, WAIT_MAX), Instant::now());
        for departure in (0..10).flat_map(|_| all(&mut limit, now)).collect::<Vec<_>>() {
            limit.answer(departure, GuestResponse::NotInvited, now);
        }
        assert_eq!(all(&mut limit, now).len(), 1);
    }

    #[test]
    fn after_a_refusal_no_row_leaves_for_the_time_named_and_then_one_row_first() {
        let (mut limit, now) = (GuestLimit::new(None, WAIT_MAX), Instant::now());
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
        assert_eq!(limit.admission(now + seconds(2)), GuestAdmission::At(open));
        let first = all(&mut limit, open);
        assert_eq!((first.len(), limit.admission(open)), (1, GuestAdmission::AfterAnswer));
        assert_eq!(limit.answer(first[0], GuestResponse::Accepted, open), None);
        assert_eq!(limit.admission(open), GuestAdmission::Open);
    }

    /// The pauses until it is shut, when every first row is refused, and for how long it is shut.
    fn pauses(wait_max: Duration, named: Option<Duration>) -> (Vec<u64>, Duration) {
        let (mut limit, mut now) = (GuestLimit::new(None, wait_max), Instant::now());
        let mut pauses = Vec::new();
        loop {
            match limit.admission(now) {
                GuestAdmission::Open => {
                    let departure = charged(&mut limit, "a@x.org", now);
                    let pause = limit.answer(departure, GuestResponse::Refused(named), now);
                    pauses.extend(pause.map(|time| time.as_secs()));
                }
                GuestAdmission::At(until) => now = until,
                GuestAdmission::AfterAnswer => panic!("none is under admission"),
                GuestAdmission::Shut(time) => return (pauses, time),
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
            let (mut limit, mut now) = (GuestLimit::new(None, WAIT_MAX), Instant::now());
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

    fn rated(rate: &str) -> (GuestLimit, Instant) {
        (GuestLimit::new(Some(Rate::parse(rate).unwrap()), WAIT_MAX), Instant::now() + 3 * HOUR)
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
    fn admission(limit: &mut GuestLimit, text: &str, now: Instant) -> GuestAdmission {
        let mut departure = limit.leave();
        let admission = limit.charge(&mut departure, &guests(text), now);
        limit.answer(departure, GuestResponse::NotInvited, now);
        admission
    }

    #[test]
    fn no_more_than_the_rate_are_new_in_any_hour_and_known_ones_cost_nothing() {
        let (mut limit, now) = rated("3/h");
        limit.known().add(&guests("known@x.org"));
        let departure = charged(&mut limit, "a@x.org b@x.org", now);
        assert_eq!(admission(&mut limit, "c@x.org", now), GuestAdmission::Open);
        assert_eq!(admission(&mut limit, "c@x.org d@x.org", now), GuestAdmission::AfterAnswer);
        assert_eq!(admission(&mut limit, "known@x.org", now), GuestAdmission::Open);
        limit.answer(departure, GuestResponse::Accepted, now + seconds(5));
        let free_at = now + seconds(5) + HOUR;
        assert_eq!(admission(&mut limit, "c@x.org d@x.org", now + seconds(5)), GuestAdmission::At(free_at));
        // More than the rate at once: alone.
        let many = "c@x.org d@x.org e@x.org f@x.org";
        assert_eq!(admission(&mut limit, many, now + seconds(5)), GuestAdmission::At(free_at));
        assert_eq!(admission(&mut limit, many, free_at), GuestAdmission::Open);
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
        assert_eq!(admission(&mut limit, "old@x.org a@x.org b@x.org", now), GuestAdmission::Open);
        assert_eq!(
            admission(&mut limit, "c@x.org", now),
            GuestAdmission::At(now + minutes(20)),
            "its outcome is unknown"
        );
        assert_eq!(admission(&mut limit, "c@x.org d@x.org e@x.org", now), GuestAdmission::At(now + minutes(60)));
    }
}
