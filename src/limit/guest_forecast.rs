//! Which guests are new, and how long rows with guests take if a limited number of new guests may be invited per period: as many
//! rows leave in each period as are allowed on average, those of the first at once. Pure.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::model::{Event, GuestWait, Rate, hash};

/// Addresses that the organization knows: they count in no quota.
///
/// They are hashes, so that memory stays small. If two addresses share a hash, the second is not counted: at worst the
/// server refuses a row, which then waits.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownGuests(HashSet<u64>);

impl KnownGuests {
    /// How many of these addresses are new, each counted once.
    pub(crate) fn new_among(&self, guests: &[String]) -> usize {
        guests.iter().map(|guest| key(guest)).collect::<HashSet<_>>().difference(&self.0).count()
    }

    /// Adds these addresses; gives how many of them were new.
    pub(crate) fn add(&mut self, guests: &[String]) -> usize {
        guests.iter().filter(|guest| self.0.insert(key(guest))).count()
    }

    pub(crate) fn remove(&mut self, guests: &[String]) {
        for guest in guests {
            self.0.remove(&key(guest));
        }
    }
}

/// For the API, addresses that differ only in case are the same.
fn key(address: &str) -> u64 {
    hash(address.to_lowercase())
}

/// The rows with guests of a run, and when the last of them leaves.
#[derive(Debug)]
pub struct GuestForecast {
    rate: Rate,
    known: KnownGuests,
    rows: u64,
    done: u64,
    /// How many guests are new.
    pub guests: u64,
    /// The most new guests of one row.
    pub most: u64,
    /// Until when rows wait, or when they began to leave, and when the last row leaves; none until that is reported.
    reported: Option<(Instant, Instant)>,
}

impl GuestForecast {
    /// At this rate, for an organization that knows these guests.
    pub(crate) fn new(rate: Rate, known: KnownGuests) -> Self {
        Self { rate, known, rows: 0, done: 0, guests: 0, most: 0, reported: None }
    }

    /// Adds the guests of the next row.
    pub fn add(&mut self, guests: &[String]) {
        let count = self.known.add(guests) as u64;
        self.rows += 1;
        self.guests += count;
        self.most = self.most.max(count);
    }

    /// How long it takes until the last row leaves, if the next one leaves now.
    pub fn time(&self) -> Duration {
        let allowed = self.rows.saturating_mul(self.rate.requests.get().into());
        let per_period = allowed.checked_div(self.guests).unwrap_or(self.rows).max(1);
        let periods = (self.rows - self.done).div_ceil(per_period).saturating_sub(1);
        self.rate.period.saturating_mul(u32::try_from(periods).unwrap_or(u32::MAX))
    }

    /// The rows begin to leave. Reports that.
    pub(crate) fn begin(&mut self, now: Instant) -> Option<Event> {
        self.reported = Some((now, now));
        self.event(now)
    }

    /// One more row is done. Reports that, once the forecast is reported.
    pub(crate) fn done(&mut self, now: Instant) -> Option<Event> {
        self.done = self.rows.min(self.done + 1);
        self.event(now)
    }

    /// No more rows with guests are sent in this run. Reports that, once.
    pub(crate) fn end(&mut self, now: Instant) -> Option<Event> {
        self.done = self.rows;
        let event = self.event(now);
        self.reported = None;
        event
    }

    /// The next row waits until then. Reports that, if it is news.
    pub(crate) fn wait(&mut self, until: Instant, why: GuestWait, now: Instant) -> Vec<Event> {
        if self.reported.is_some_and(|(reported, _)| reported >= until) {
            return Vec::new();
        }
        let end = self.reported.map_or(until, |(_, end)| end);
        self.reported = Some((until, end));
        let paused = Event::GuestsPaused { time: until.saturating_duration_since(now), why };
        [paused].into_iter().chain(self.event(now)).collect()
    }

    fn event(&mut self, now: Instant) -> Option<Event> {
        let (until, before) = self.reported?;
        let mut end = until + self.time();
        // A wait for most of a period is for the next one; a shorter one does not bring the end nearer.
        if until.saturating_duration_since(now) < self.rate.period / 2 {
            end = end.max(before);
        }
        self.reported = Some((until, end));
        let rows = self.rows - self.done;
        let time = if rows > 0 { end.saturating_duration_since(now) } else { Duration::ZERO };
        Some(Event::GuestsTake { rows, time })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// Rows with these numbers of new guests.
    fn forecast(rate: &str, rows: &[usize]) -> GuestForecast {
        let mut forecast = GuestForecast::new(Rate::parse(rate).unwrap(), KnownGuests::default());
        for (row, count) in rows.iter().enumerate() {
            forecast.add(&(0..*count).map(|guest| format!("g{guest}@r{row}.org")).collect::<Vec<_>>());
        }
        forecast
    }

    #[test]
    fn the_first_guests_leave_at_once_and_the_others_in_the_periods_after() {
        for (guests, hours) in [(0, 0), (1, 0), (30, 0), (31, 1), (60, 1), (61, 2), (300, 9)] {
            let forecast = forecast("30/h", &vec![1; guests]);
            assert_eq!((forecast.guests, forecast.time()), (guests as u64, hours * HOUR), "{guests}");
        }
    }

    #[test]
    fn a_row_is_not_split_over_periods_and_known_guests_do_not_count() {
        assert_eq!(forecast("30/h", &[20; 10]).time(), 9 * HOUR);
        assert_eq!(forecast("30/h", &[1, 40, 1]).most, 40);
        assert_eq!(forecast("30/h", &[40; 3]).time(), 2 * HOUR, "each leaves alone");
        let mut known = GuestForecast::new(Rate::parse("2/h").unwrap(), KnownGuests::default());
        for guests in [&["a@x.org", "b@x.org"][..], &["A@x.org"], &["b@x.org", "a@x.org"]] {
            known.add(&guests.iter().map(|guest| (*guest).to_owned()).collect::<Vec<_>>());
        }
        assert_eq!((known.guests, known.time()), (2, Duration::ZERO));
        let mut known = KnownGuests::default();
        known.add(&["A@x.org".to_owned()]);
        let mut listed = GuestForecast::new(Rate::parse("1/h").unwrap(), known);
        listed.add(&["a@X.org".to_owned(), "b@x.org".to_owned()]);
        assert_eq!((listed.guests, listed.most, listed.time()), (1, 1, Duration::ZERO));
    }

    fn left(events: &[Event]) -> Duration {
        match events {
            [.., Event::GuestsTake { time, .. }] => *time,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_reported_under_the_cap_of_the_server_until_it_refuses_a_row() {
        let start = Instant::now();
        let mut estimate = forecast("30/h", &[1; 70]);
        assert!((0..30).all(|_| estimate.done(start).is_none()));
        assert_eq!(left(&estimate.wait(start + HOUR, GuestWait::Capped, start)), 2 * HOUR);
        assert_eq!(estimate.wait(start + HOUR, GuestWait::Capped, start), [], "it is no news");
        assert!(estimate.end(start).is_some() && estimate.end(start).is_none());
    }

    #[test]
    fn at_a_rate_the_estimate_falls_to_nothing_with_the_last_period() {
        let start = Instant::now();
        let mut estimate = forecast("30/h", &[1; 70]);
        assert_eq!(estimate.begin(start), Some(Event::GuestsTake { rows: 70, time: 2 * HOUR }));
        for (hour, rows) in [(0, 30), (1, 30), (2, 10)] {
            let now = start + hour * HOUR;
            let last = (0..rows).filter_map(|_| estimate.done(now)).last().unwrap();
            assert_eq!(left(&[last]), (2 - hour) * HOUR);
            estimate.wait(now + HOUR, GuestWait::Rated, now);
        }
    }

    #[test]
    fn a_longer_wait_lengthens_the_estimate() {
        let start = Instant::now();
        let mut estimate = forecast("30/h", &[1; 60]);
        (0..30).for_each(|_| drop(estimate.done(start)));
        assert_eq!(left(&estimate.wait(start + 5 * HOUR, GuestWait::Capped, start)), 5 * HOUR);
    }
}
