//! What the limiter knows: who holds a place, how fast answers come, what the server told of its limit. Pure.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::auto::{Finder, Header};
use super::berths::Berths;
use super::rate::{Rate, Speed};
use super::remaining::{Remaining, Word};
use super::sign::pause;
use super::stated::{Counted, Stated};
use super::window::{Room, Window};
use crate::tallyfy::Hints;

/// No window of a second counts what was answered so long ago.
const OLD: Duration = Duration::from_secs(2);

/// The limiter's book.
#[derive(Debug)]
pub(super) struct Meter {
    plan: Plan,
    rate: Option<Rate>,
    window: Option<Window>,
    berths: Berths,
    /// Whether one was too many.
    is_refused: bool,
    /// Whether the server said that its limit is lower than the user's.
    is_lowered: bool,
    flights: BTreeMap<u64, Flight>,
    /// Places taken so far; the next request's number.
    taken: u64,
    remaining: Remaining,
    /// What the newest answer said that the server counted.
    counted: Option<u32>,
    stated: Stated,
    /// When the last requests of earlier runs were answered, while the period in which they count is still to be found.
    earlier: Vec<Instant>,
    /// How many of them no window of a second counts any more.
    old: u64,
}

/// What decides on the rate.
#[derive(Debug)]
enum Plan {
    Unpaced,
    /// The user, and the server where its limit is lower.
    Fixed(Rate),
    /// What is found out about the server.
    Found(Box<Finder>),
}

/// What an answer says of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// The request was taken; with the headers of its answer, if one came.
    Taken(Option<&'a Hints>),
    /// It was one too many: with the time the server named.
    TooMany(&'a Hints, Option<Duration>),
}

/// A request under way.
#[derive(Debug, Clone, Copy)]
struct Flight {
    since: Instant,
    /// Places that were free again when it left.
    freed: u64,
    /// Requests that had been taken when it left.
    before: u64,
    /// What had been told by then that the server counted.
    counted: Option<u32>,
    /// Whether it left although nothing remained when that was told last.
    is_beyond: bool,
}

/// A request that left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

impl Flight {
    /// `recent`: requests so far, without the old ones of earlier runs, where there are such.
    fn header(&self, hints: &Hints, period: Duration, recent: Option<u64>) -> Option<Header> {
        let (remaining, before) = (hints.remaining, self.before);
        hints.limit.map(|limit| Header { limit, remaining, period, before, recent })
    }
}

impl Meter {
    /// Nothing is held; `found` is the limit that was found by a run before, not long ago.
    pub(super) fn new(speed: Speed, found: Option<Rate>, lanes: usize, now: Instant) -> Self {
        let finder = || found.map_or_else(|| Finder::new(now), |rate| Finder::found_before(rate, now));
        let plan = match speed {
            Speed::Unpaced => Plan::Unpaced,
            Speed::At(rate) => Plan::Fixed(rate),
            Speed::Auto => Plan::Found(Box::new(finder())),
        };
        let mut meter = Self {
            plan,
            rate: None,
            window: None,
            berths: Berths::new(lanes),
            is_refused: false,
            is_lowered: false,
            flights: BTreeMap::new(),
            taken: 0,
            remaining: Remaining::default(),
            counted: None,
            stated: Stated::new(),
            earlier: Vec::new(),
            old: 0,
        };
        if let Speed::At(rate) = speed {
            meter.keep(rate, now);
        }
        meter
    }

    /// The rate that is kept now; none sends unpaced.
    pub(super) fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// The limit that was found out about the server, if it was to be.
    pub(super) fn found(&self) -> Option<Rate> {
        let Plan::Found(finder) = &self.plan else { return None };
        finder.found()
    }

    /// The rate to be expected from now on, as far as it is known.
    pub(super) fn expected(&self, now: Instant) -> Option<Rate> {
        match &self.plan {
            Plan::Unpaced => None,
            Plan::Fixed(wanted) => Some(self.rate.unwrap_or(*wanted)),
            Plan::Found(finder) => finder.expected(now),
        }
    }

    /// How long the server takes to answer when it is slow: the longest time seen, which fades over some hundred faster answers.
    pub(super) fn latency(&self) -> Duration {
        self.berths.latency()
    }

    /// A request of an earlier run was answered that long ago.
    pub(super) fn remember(&mut self, age: Duration, now: Instant) {
        match (&mut self.window, &self.plan) {
            (Some(window), _) => {
                if let Some(left) = window.period().checked_sub(age) {
                    window.hold(1, now + left);
                    self.taken += 1;
                }
            }
            (None, Plan::Found(_)) => {
                self.earlier.push(now.checked_sub(age).unwrap_or(now));
                self.taken += 1;
                self.old += u64::from(age > OLD);
            }
            (None, _) => {}
        }
    }

    /// Whether it is the most that may be in flight, rather than the rate, that decides how fast it goes.
    pub(super) fn is_cramped(&self) -> bool {
        !self.is_refused && self.rate.is_some_and(|rate| self.berths.are_too_few(rate))
    }

    /// Whether one more may leave.
    pub(super) fn room(&mut self, now: Instant) -> Room {
        if let Plan::Found(finder) = &mut self.plan {
            let rate = finder.rate(now);
            self.keep(rate, now);
        }
        let (Some(window), Some(rate)) = (&mut self.window, self.rate) else {
            return self.berths.room(self.flights.len());
        };
        let told = self.remaining.most(now);
        match (window.room(1, told.map_or(usize::MAX, |(most, _)| most), now), told) {
            (Room::Now, _) => {
                let oldest = self.flights.values().next().map(|flight| flight.since);
                self.berths.room_at(rate, self.flights.len(), oldest, now)
            }
            (Room::At(free_at), Some((_, until))) => Room::At(free_at.min(until)),
            (room, _) => room,
        }
    }

    /// One leaves now.
    pub(super) fn leave(&mut self, now: Instant) -> Ticket {
        let mut freed = self.taken;
        if let Some(window) = &mut self.window {
            freed -= window.held(now) as u64;
            window.leave(1);
        }
        let number = self.taken;
        self.taken += 1;
        let is_beyond = self.remaining.is_beyond(now);
        let flight = Flight { since: now, freed, before: self.stated.answered(), counted: self.counted, is_beyond };
        self.flights.insert(number, flight);
        Ticket(number)
    }

    /// It never left.
    pub(super) fn forgo(&mut self, Ticket(number): Ticket) {
        if self.flights.remove(&number).is_some()
            && let Some(window) = &mut self.window
        {
            window.forgo(1);
        }
    }

    /// It is answered, or given up without an answer; gives how long everybody is to wait, if it was one too many.
    pub(super) fn answer(&mut self, Ticket(number): Ticket, said: Said<'_>, now: Instant) -> Option<Duration> {
        let flight = self.flights.remove(&number)?;
        if let Some(window) = &mut self.window {
            window.answer(1, now);
        }
        self.berths.answered(now.duration_since(flight.since), !matches!(said, Said::Taken(None)));
        if let Said::TooMany(..) = said {
            self.remaining.refused();
            self.is_refused = true;
        }
        if let Said::Taken(Some(hints)) | Said::TooMany(hints, _) = said {
            self.heed(number, flight, hints, now);
        }
        match said {
            Said::Taken(_) => self.stated.taken(flight.since),
            Said::TooMany(..) => self.stated.refused(),
        }
        let period = self.stated.period();
        let recent = (self.old > 0).then(|| self.taken - self.old);
        match (&mut self.plan, said) {
            (Plan::Found(finder), Said::Taken(hints)) => {
                finder.taken(flight.since, now, hints.and_then(|hints| flight.header(hints, period, recent)));
                None
            }
            (Plan::Found(finder), Said::TooMany(hints, named)) => {
                Some(finder.refused(flight.since, now, named, flight.header(hints, period, recent)))
            }
            (_, Said::TooMany(_, named)) => Some(pause(named)),
            (_, Said::Taken(_)) => None,
        }
    }

    /// What the newest request was told goes: answers come out of order.
    fn heed(&mut self, number: u64, flight: Flight, hints: &Hints, now: Instant) {
        if self.remaining.knows_newer(number) {
            return;
        }
        if let Some(remaining) = hints.remaining {
            // All that may have been counted when this was said. More than that was somebody else.
            let counted = self.taken - flight.freed;
            // In a longer period of ours the server's begins anew many times.
            let period = self.window.as_ref().map_or(Duration::ZERO, Window::period).min(self.stated.period());
            let next = flight.is_beyond.then_some(self.taken);
            self.remaining.heed(Word { by: number, counted, remaining, next }, period, now);
        }
        self.counted = hints.limit.zip(hints.remaining).map(|(limit, remaining)| limit.saturating_sub(remaining));
        if let Some(count) = self.counted {
            let Flight { counted: told, before, since: left, .. } = flight;
            self.stated.heed(Counted { count, told, before, left }, now);
        }
        if let (Some(limit), Plan::Fixed(wanted)) = (hints.limit.and_then(NonZeroU32::new), &self.plan) {
            let rate = self.stated.at_most(*wanted, limit);
            if rate != *wanted && !std::mem::replace(&mut self.is_lowered, true) {
                tracing::warn!("the server lets no more than {rate}, which is less than --rate");
            }
            self.keep(rate, now);
        }
    }

    fn keep(&mut self, rate: Rate, now: Instant) {
        if self.rate == Some(rate) {
            return;
        }
        let is_of_same_period = self.rate.is_some_and(|before| before.period == rate.period);
        self.rate = Some(rate);
        tracing::debug!("keeping to {rate}");
        match &mut self.window {
            Some(window) if is_of_same_period => window.resize(rate.requests.get(), rate.period),
            // What was answered was held by another measure.
            window => {
                let window = window.insert(Window::new(rate.requests.get(), rate.period));
                window.leave(self.flights.len());
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

    fn meter(rate: &str, lanes: usize) -> (Meter, Instant) {
        let now = Instant::now();
        (Meter::new(Speed::parse(rate).unwrap(), None, lanes, now), now)
    }

    fn hints(limit: Option<u32>, remaining: Option<u32>) -> Hints {
        Hints { limit, remaining, ..Hints::default() }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn what_remains_for_all_users_of_the_token_is_heeded_and_only_from_the_newest_request() {
        let (mut meter, now) = meter("10/min", 16);
        let first = meter.leave(now);
        let second = meter.leave(now);
        // Two of ours and six of somebody else's.
        meter.answer(second, Said::Taken(Some(&hints(None, Some(2)))), now + ms(50));
        meter.answer(first, Said::Taken(Some(&hints(None, Some(9)))), now + ms(60));
        for _ in 0..2 {
            assert_eq!(meter.room(now + ms(100)), Room::Now);
            meter.leave(now + ms(100));
        }
        assert_ne!(meter.room(now + ms(100)), Room::Now);
        // A period later nobody knows.
        assert_eq!(meter.room(now + ms(60_060)), Room::Now);
    }

    #[test]
    fn what_remained_matters_no_longer_than_the_server_counts_however_long_our_period_is() {
        let (mut meter, now) = meter("4000/h", 16);
        let first = meter.leave(now);
        meter.answer(first, Said::Taken(Some(&hints(None, Some(0)))), now + ms(50));
        // The place itself is held for an hour.
        assert_eq!(meter.room(now + ms(900)), Room::At(now + ms(60_050)));
        assert_eq!(meter.room(now + ms(60_050)), Room::Now);
    }

    #[test]
    fn a_server_that_says_always_that_nothing_remains_is_believed_less_and_less_until_it_refuses() {
        let waits = |refuses_at: Option<usize>| {
            let (mut meter, mut now) = meter("600/min", 16);
            let mut waits = Vec::new();
            for number in 0..10 {
                let sent = now;
                while let Room::At(then) = meter.room(now) {
                    now = then;
                }
                waits.push(now.duration_since(sent).as_secs());
                let ticket = meter.leave(now);
                let hints = hints(None, Some(0));
                let said =
                    if refuses_at == Some(number) { Said::TooMany(&hints, None) } else { Said::Taken(Some(&hints)) };
                meter.answer(ticket, said, now);
            }
            waits
        };
        assert_eq!(waits(None), [0, 60, 30, 15, 7, 3, 1, 0, 0, 0]);
        // Three in a minute were taken: so many go on.
        assert_eq!(waits(Some(3)), [0, 60, 30, 15, 15, 30, 15, 15, 30, 15]);
    }

    #[test]
    fn our_own_requests_are_not_taken_for_somebody_elses_however_late_answers_come() {
        let (mut meter, now) = meter("10/min", 16);
        let tickets: Vec<_> = (0..8).map(|_| meter.leave(now)).collect();
        // The server counted all eight before it took the first.
        for ticket in tickets {
            meter.answer(ticket, Said::Taken(Some(&hints(Some(10), Some(2)))), now + ms(50));
        }
        for _ in 0..2 {
            assert_eq!(meter.room(now + ms(60)), Room::Now);
            meter.leave(now + ms(60));
        }
    }

    #[test]
    fn a_lower_limit_that_the_server_tells_is_kept_and_a_higher_one_is_not_used() {
        for (rate, limit, kept) in [
            ("600/min", 300, "300/min"),
            ("600/min", 6000, "600/min"),
            ("600/min", 0, "600/min"),
            ("10/s", 600, "10/s"),
            ("1200/2min", 300, "300/min"),
            ("30000/h", 600, "30000/h"),
            ("60000/h", 600, "600/min"),
            ("20/s", 300, "300/min"),
        ] {
            let (mut meter, now) = meter(rate, 16);
            let ticket = meter.leave(now);
            meter.answer(ticket, Said::Taken(Some(&hints(Some(limit), None))), now);
            assert_eq!(meter.rate(), Some(Rate::parse(kept).unwrap()), "{rate}, told {limit}");
        }
        // And it is followed when it rises again.
        let (mut meter, now) = meter("600/min", 16);
        for (limit, kept) in [(300, "300/min"), (450, "450/min"), (900, "600/min")] {
            let ticket = meter.leave(now);
            meter.answer(ticket, Said::Taken(Some(&hints(Some(limit), None))), now);
            assert_eq!(meter.rate(), Some(Rate::parse(kept).unwrap()));
        }
    }

    #[test]
    fn no_more_are_in_flight_than_the_rate_needs() {
        let (mut meter, now) = meter("10/s", 4);
        let first = meter.leave(now);
        assert_eq!(meter.room(now), Room::Now);
        meter.leave(now);
        // Two in flight are enough until one takes longer than the time between two.
        assert_eq!(meter.room(now + ms(20)), Room::At(now + ms(100)));
        assert_eq!(meter.room(now + ms(100)), Room::Now);
        meter.answer(first, Said::Taken(Some(&Hints::default())), now + ms(250));
        for _ in 0..2 {
            assert_eq!(meter.room(now + ms(250)), Room::Now);
            meter.leave(now + ms(250));
        }
        // Answers take 250 ms: four would be needed, and a fifth is beyond the lanes.
        assert_eq!(meter.room(now + ms(260)), Room::Now);
        meter.leave(now + ms(260));
        assert_eq!(meter.room(now + ms(900)), Room::AfterAnswer);
    }

    #[test]
    fn it_is_known_when_more_in_flight_would_be_faster() {
        for (lanes, is_cramped) in [(4, true), (9, true), (12, false), (32, false)] {
            let (mut meter, mut now) = meter("100/s", lanes);
            let mut flights = std::collections::VecDeque::new();
            for _ in 0..600 {
                // Answers take 100 ms: ten in flight are needed.
                while meter.room(now) != Room::Now || flights.back().is_some_and(|(_, left)| *left + ms(10) > now) {
                    now += ms(1);
                    if flights.front().is_some_and(|(_, left)| *left + ms(100) <= now) {
                        let (ticket, _) = flights.pop_front().unwrap();
                        meter.answer(ticket, Said::Taken(Some(&Hints::default())), now);
                    }
                }
                flights.push_back((meter.leave(now), now));
            }
            assert_eq!(meter.is_cramped(), is_cramped, "{lanes}");
            let ticket = meter.leave(now);
            meter.answer(ticket, Said::TooMany(&Hints::default(), None), now);
            assert!(!meter.is_cramped(), "it is the server that lets no more");
        }
    }

    #[test]
    fn one_in_flight_is_enough_for_a_slow_rate() {
        let (mut meter, mut now) = meter("10/min", 1);
        for _ in 0..600 {
            let ticket = meter.leave(now);
            meter.answer(ticket, Said::Taken(Some(&Hints::default())), now + ms(50));
            now += ms(6000);
        }
        assert!(!meter.is_cramped());
    }

    #[test]
    fn without_a_rate_only_the_lanes_bound_what_is_in_flight() {
        let (mut meter, now) = meter("none", 2);
        let first = meter.leave(now);
        meter.leave(now);
        assert_eq!(meter.room(now), Room::AfterAnswer);
        meter.answer(first, Said::Taken(None), now);
        assert_eq!(meter.room(now), Room::Now);
    }

    #[test]
    fn what_an_earlier_run_sent_holds_its_place() {
        let (mut meter, now) = meter("2/min", 16);
        meter.remember(ms(59_000), now);
        meter.remember(ms(61_000), now);
        meter.remember(ms(0), now);
        assert_eq!(meter.room(now), Room::At(now + ms(1000)));
        assert_eq!(meter.room(now + ms(1000)), Room::Now);
    }
}
