//! When rows with guests may be sent: `--guest-rate`, and what is known about the organization's guest quota. Pure.
//!
//! The quota shows only by refusals, and each costs a lookup. So one row goes first, and more and more at once while
//! they are accepted. After a refusal no row with guests is sent for a while, and then again
//! one row first.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::guest_forecast::{GuestForecast, KnownGuests};
use super::window::Window;
use crate::journal::SentGuests;
use crate::model::{Event, GuestWait, Rate, span};

/// After this many rows without a refusal, several times the documented cap, the organization has no cap.
const UNCAPPED: usize = 200;

/// What the API documents: Guest Invite, 30 per hour per organization.
pub const GUEST_CAP: Rate = Rate { requests: NonZeroU32::MIN.saturating_add(29), period: Duration::from_hours(1) };

/// The pause after a refusal if the server names none, or named one that was too short. Invites count for an hour: a row
/// that is sent alone, again and again, is accepted within its attempts.
const PAUSE: Duration = Duration::from_mins(10);

/// When rows with guests may leave.
#[derive(Debug)]
pub(crate) struct GuestQuota {
    /// `--guest-rate`
    pub(super) rate: Option<Rate>,
    /// The longest time that it may take until a row is accepted again.
    wait_max: Duration,
    pub(super) known: KnownGuests,
    pub(super) forecast: GuestForecast,
    /// New guests of the last period.
    window: Window,
    /// Rows accepted since the last refusal, and rows in flight.
    accepted: usize,
    in_flight: usize,
    /// No row leaves before. Those that left earlier say nothing about the quota after it.
    open_at: Option<Instant>,
    /// Rows that wait to be sent again.
    pub(super) repeats: usize,
    /// When the first row was refused since one was accepted.
    refused_since: Option<Instant>,
    /// Whether a row was refused again after the time that the server named: it is not believed any more.
    names_too_short: bool,
    /// No row is sent any more in this run: the quota would hold rows back for this long.
    pub(super) shut: Option<Duration>,
}

/// A row in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GuestDeparture {
    left: Instant,
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
        let limit = rate.unwrap_or(GUEST_CAP);
        Self {
            rate,
            wait_max,
            known: KnownGuests::default(),
            forecast: GuestForecast::new(limit, KnownGuests::default()),
            window: Window::new(limit),
            accepted: 0,
            in_flight: 0,
            open_at: None,
            repeats: 0,
            refused_since: None,
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

    /// Lets a row with these guests leave; or gives the moment when it may, if that does not depend on a response. More new
    /// guests than the rate allows at once are sent alone.
    pub(crate) fn admit(&mut self, guests: &[String], now: Instant) -> Result<GuestDeparture, Option<Instant>> {
        // A refusal costs a lookup of every row in flight, so about one more is let in after each round that was accepted.
        let most = (2 * self.accepted).isqrt().max(1);
        if self.shut.is_some() || self.in_flight >= most && self.accepted <= UNCAPPED {
            return Err(None);
        }
        if let Some(open_at) = self.open_at.filter(|open_at| now < *open_at) {
            return Err(Some(open_at));
        }
        let places = self.known.new_among(guests);
        if self.rate.is_some() && places > 0 {
            self.window.room(places, now)?;
        }
        self.window.leave(places);
        self.in_flight += 1;
        Ok(GuestDeparture { left: now, places })
    }

    /// A row that had left is answered. Returns what is to be reported.
    pub(crate) fn answer(&mut self, departure: GuestDeparture, response: GuestResponse, now: Instant) -> Vec<Event> {
        self.in_flight -= 1;
        match response {
            GuestResponse::NotInvited => self.window.cancel(departure.places),
            GuestResponse::Refused(_) if self.rate.is_none() => self.window.cancel(departure.places),
            // Of a refused row, the guests that still fitted may be invited.
            _ => self.window.answer(departure.places, now),
        }
        let is_late = self.open_at > Some(departure.left);
        match response {
            GuestResponse::Accepted => {
                self.refused_since = None;
                self.accepted += usize::from(!is_late);
            }
            GuestResponse::Refused(named) if !is_late => return self.close(named, now),
            _ => {}
        }
        Vec::new()
    }

    /// Closes the quota for the time that the server names, or that our own count gives; for good if that is too long.
    fn close(&mut self, named: Option<Duration>, now: Instant) -> Vec<Event> {
        self.accepted = 0;
        let is_again = self.refused_since.is_some();
        self.names_too_short |= is_again;
        let time_refused = now.duration_since(*self.refused_since.get_or_insert(now));
        let wait_left = self.wait_max.saturating_sub(time_refused);
        let time = match named {
            Some(named) if !self.names_too_short => named,
            _ => {
                // Until the oldest of our invites does not count any more, if there are any.
                let least = if is_again { PAUSE } else { Duration::ZERO };
                let own = self.window.next_free(now).map_or(PAUSE, |free_at| (free_at - now).max(least));
                named.unwrap_or_default().max(own.min(wait_left))
            }
        };
        let Some(open_at) = now.checked_add(time).filter(|_| time <= wait_left && !wait_left.is_zero()) else {
            self.shut = Some(named.unwrap_or(time_refused));
            return self.forecast.end(now).into_iter().collect();
        };
        self.open_at = Some(open_at);
        tracing::warn!("the organization's cap on guest invites is reached: rows with guests wait for {}", span(time));
        self.forecast.wait(open_at, GuestWait::Capped, now)
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::super::window::Room;
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
        iter::from_fn(|| limit.admit(&[], now).ok()).collect()
    }

    /// A row with these guests leaves.
    fn charged(limit: &mut GuestQuota, text: &str, now: Instant) -> GuestDeparture {
        limit.admit(&guests(text), now).unwrap()
    }

    /// Whether a row with these guests may leave.
    fn admission(limit: &mut GuestQuota, text: &str, now: Instant) -> Room {
        let departure = limit.admit(&guests(text), now)?;
        limit.answer(departure, GuestResponse::NotInvited, now);
        Ok(())
    }

    /// A row is answered; how long no row is sent from now on, if that is news.
    fn answer(
        limit: &mut GuestQuota,
        departure: GuestDeparture,
        response: GuestResponse,
        now: Instant,
    ) -> Option<Duration> {
        match limit.answer(departure, response, now)[..] {
            [Event::GuestsPaused { time, why: GuestWait::Capped }, Event::GuestsTake { .. }] => Some(time),
            // No row is waited for any more, once it is shut.
            [] | [Event::GuestsTake { rows: 0, .. }] => None,
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn more_and_more_rows_may_be_in_flight_while_they_are_accepted() {
        let (mut limit, now) = (GuestQuota::new(None, WAIT_MAX), Instant::now());
        let mut widths = Vec::new();
        for _ in 0..8 {
            let left = all(&mut limit, now);
            widths.push(left.len());
            assert_eq!(admission(&mut limit, "", now), Err(None));
            for departure in left {
                assert_eq!(answer(&mut limit, departure, GuestResponse::Accepted, now), None);
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
        let refused = GuestResponse::Refused(Some(seconds(61)));
        assert_eq!(answer(&mut limit, left[0], refused, now), Some(seconds(61)));
        // The others are of the same closing; what was accepted after it says nothing.
        assert_eq!(answer(&mut limit, left[1], refused, now + seconds(1)), None);
        assert_eq!(answer(&mut limit, left[2], GuestResponse::Accepted, now + seconds(2)), None);
        let open = now + seconds(61);
        assert_eq!(admission(&mut limit, "", now + seconds(2)), Err(Some(open)));
        let first = all(&mut limit, open);
        assert_eq!((first.len(), admission(&mut limit, "", open)), (1, Err(None)));
        assert_eq!(answer(&mut limit, first[0], GuestResponse::Accepted, open), None);
        assert_eq!(admission(&mut limit, "", open), Ok(()));
    }

    /// The pauses until it is shut, when every first row is refused, and for how long it is shut.
    fn pauses(wait_max: Duration, named: Option<Duration>) -> (Vec<u64>, Duration) {
        let (mut limit, mut now) = (GuestQuota::new(None, wait_max), Instant::now());
        let mut pauses = Vec::new();
        loop {
            match limit.admit(&guests("a@x.org"), now) {
                _ if limit.shut.is_some() => return (pauses, limit.shut.unwrap()),
                Ok(departure) => {
                    let pause = answer(&mut limit, departure, GuestResponse::Refused(named), now);
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
        let (pauses, shut) = pauses(WAIT_MAX, Some(seconds(1)));
        assert_eq!(pauses[..7], [1, 600, 600, 600, 600, 600, 600]);
        assert_eq!((pauses.iter().sum::<u64>(), shut), (WAIT_MAX.as_secs(), seconds(1)));
    }

    #[test]
    fn where_our_own_invites_fill_the_quota_nobody_leaves_before_the_oldest_counts_no_more() {
        for (named, expected) in [(None, &[3600, 3600][..]), (Some(seconds(1)), &[1, 3599, 3600])] {
            let (mut limit, mut now) = (GuestQuota::new(None, WAIT_MAX), Instant::now());
            let mut pauses = Vec::new();
            for hour in 0..2 {
                // What is accepted first is all for an hour.
                let (first, until) = (charged(&mut limit, &format!("a{hour}@x.org"), now), now + HOUR);
                limit.answer(first, GuestResponse::Accepted, now);
                while now < until {
                    let departure = charged(&mut limit, "b@x.org", now);
                    let pause = answer(&mut limit, departure, GuestResponse::Refused(named), now).unwrap();
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
        assert_eq!(pauses(WAIT_MAX, Some(day)), (vec![], day));
        assert_eq!(pauses(seconds(3601), Some(seconds(3601))).0[0], 3601);
        assert_eq!(pauses(seconds(3600), Some(seconds(3601))), (vec![], seconds(3601)));
        // No clock goes that far, whatever the user would wait.
        assert_eq!(pauses(Duration::MAX, Some(Duration::MAX)), (vec![], Duration::MAX));
    }

    fn rated(rate: &str) -> (GuestQuota, Instant) {
        let limit = GuestQuota::new(Some(Rate::parse(rate).unwrap()), WAIT_MAX);
        // Enough rows were accepted that several may be in flight.
        (GuestQuota { accepted: 10, ..limit }, Instant::now() + 3 * HOUR)
    }

    #[test]
    fn a_row_costs_the_addresses_that_are_not_known_whatever_their_case() {
        let mut known = KnownGuests::default();
        assert_eq!(known.new_among(&guests("a@x.org A@x.org b@x.org")), 2);
        known.add(&guests("A@X.org"));
        assert_eq!(known.new_among(&guests("a@x.org b@x.org")), 1);
        assert_eq!(known.new_among(&guests("a@x.org")), 0);
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
