//! Estimates how long rows with guests take if a limited number of new guests may be invited per period. Pure.
//!
//! Rows are packed into periods in their order; the rows of a period leave together.

use std::time::{Duration, Instant};

use super::guest_limit::KnownGuests;
use super::rate::Rate;
use crate::model::{Event, GuestWait};

/// The new guests of rows that are not sent yet, packed into periods.
#[derive(Debug)]
pub struct GuestForecast {
    rate: Rate,
    known: KnownGuests,
    rows: u64,
    guests: u64,
    most: u64,
    periods: u64,
    /// Guests in the last period, and rows before it.
    last: u64,
    rows_before_last: u64,
}

/// What is left while rows with guests are sent.
#[derive(Debug, Default)]
pub(super) struct GuestEstimate {
    rows: u64,
    done: u64,
    /// How many rows leave in a period, on average, and how long it is.
    per_period: u64,
    period: Duration,
    /// When the current period began, and how many rows were done by then.
    current: Option<(Instant, u64)>,
    /// Until when rows wait, as reported.
    wait_until: Option<Instant>,
    is_reported: bool,
}

impl GuestForecast {
    /// At this rate, for an organization that knows these guests.
    #[must_use]
    pub fn new(rate: Rate, known: &[String]) -> Self {
        let mut guests = KnownGuests::default();
        guests.add(known);
        Self::with_known(rate, guests)
    }

    pub(super) fn with_known(rate: Rate, known: KnownGuests) -> Self {
        Self { rate, known, rows: 0, guests: 0, most: 0, periods: 0, last: 0, rows_before_last: 0 }
    }

    /// Adds the guests of the next row.
    pub fn add(&mut self, guests: &[String]) {
        let count = self.known.add(guests) as u64;
        self.rows += 1;
        self.guests += count;
        self.most = self.most.max(count);
        self.last += count;
        if self.periods == 0 || count > 0 && self.last > count && self.last > u64::from(self.rate.requests.get()) {
            self.periods += 1;
            self.last = count;
            self.rows_before_last = self.rows - 1;
        }
    }

    /// How many guests are new.
    #[must_use]
    pub fn guests(&self) -> u64 {
        self.guests
    }

    /// The most new guests of one row.
    #[must_use]
    pub fn most(&self) -> u64 {
        self.most
    }

    /// How long it takes until the last row leaves: the rows of the first period leave at once.
    #[must_use]
    pub fn time(&self) -> Duration {
        times(self.rate.period, self.periods.saturating_sub(1))
    }

    /// The estimate at the start of sending.
    pub(super) fn estimate(&self) -> GuestEstimate {
        let per_period = match self.periods {
            0 | 1 => self.rows,
            periods => self.rows_before_last.div_ceil(periods - 1),
        };
        GuestEstimate { rows: self.rows, per_period, period: self.rate.period, ..GuestEstimate::default() }
    }
}

impl GuestEstimate {
    /// Reports the estimate from now on.
    pub(super) fn report(&mut self, now: Instant) -> Event {
        self.is_reported = true;
        self.event(now)
    }

    /// One more row is done.
    pub(super) fn done(&mut self, now: Instant) -> Option<Event> {
        // Earlier ones belong to the period before.
        if self.current.is_none_or(|(began, _)| now >= began + self.period / 2) {
            self.current = Some((now, self.done));
        }
        self.done += 1;
        self.is_reported.then(|| self.event(now))
    }

    /// No more rows with guests are sent in this run.
    pub(super) fn end(&mut self) -> Option<Event> {
        let is_reported = std::mem::take(&mut self.is_reported);
        is_reported.then_some(Event::GuestsTake { rows: 0, time: Duration::ZERO })
    }

    /// The next row waits until then.
    pub(super) fn wait(&mut self, until: Instant, why: GuestWait, now: Instant) -> Vec<Event> {
        if self.wait_until.is_some_and(|reported| until <= reported) {
            return Vec::new();
        }
        self.wait_until = Some(until);
        vec![Event::GuestsPaused { time: until.saturating_duration_since(now), why }, self.report(now)]
    }

    fn event(&self, now: Instant) -> Event {
        Event::GuestsTake { rows: self.rows.saturating_sub(self.done), time: self.time_left(now) }
    }

    /// How long it takes until the last row leaves: the rest of this period, or a longer wait, and the periods after that.
    fn time_left(&self, now: Instant) -> Duration {
        let per_period = self.per_period.max(1);
        let (began, before) = self.current.unwrap_or((now, 0));
        let period_end = began + self.period;
        let wait_until = self.wait_until.filter(|until| *until > now);
        // A wait for about a whole period is for the next one.
        let is_in_period = wait_until.map_or(now, |until| until + self.period / 2) < period_end;
        let free = if is_in_period { per_period.saturating_sub(self.done - before) } else { 0 };
        let later = self.rows.saturating_sub(self.done + free);
        if later == 0 {
            let is_done = self.rows <= self.done;
            return wait_until.filter(|_| !is_done).unwrap_or(now).saturating_duration_since(now);
        }
        let next = wait_until.unwrap_or(now).max(period_end).saturating_duration_since(now);
        next.saturating_add(times(self.period, later.div_ceil(per_period) - 1))
    }
}

fn times(period: Duration, count: u64) -> Duration {
    period.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// Rows with these numbers of new guests.
    fn forecast(rate: &str, rows: &[usize]) -> GuestForecast {
        let mut forecast = GuestForecast::new(Rate::parse(rate).unwrap(), &[]);
        for (row, count) in rows.iter().enumerate() {
            forecast.add(&(0..*count).map(|guest| format!("g{guest}@r{row}.org")).collect::<Vec<_>>());
        }
        forecast
    }

    #[test]
    fn the_first_guests_leave_at_once_and_the_others_in_the_periods_after() {
        for (guests, hours) in [(0, 0), (1, 0), (30, 0), (31, 1), (60, 1), (61, 2), (300, 9)] {
            let forecast = forecast("30/h", &vec![1; guests]);
            assert_eq!((forecast.guests(), forecast.time()), (guests as u64, hours * HOUR), "{guests}");
        }
    }

    #[test]
    fn a_row_is_not_split_over_periods_and_known_guests_do_not_count() {
        assert_eq!(forecast("30/h", &[20; 10]).time(), 9 * HOUR);
        // A row with more guests than the rate allows leaves alone.
        let wide = forecast("30/h", &[1, 40, 1]);
        assert_eq!((wide.time(), wide.most()), (2 * HOUR, 40));
        assert_eq!(forecast("30/h", &[40, 0, 0]).time(), Duration::ZERO);
        let mut known = GuestForecast::new(Rate::parse("2/h").unwrap(), &[]);
        for guests in [&["a@x.org", "b@x.org"][..], &["A@x.org"], &["b@x.org", "a@x.org"]] {
            known.add(&guests.iter().map(|guest| (*guest).to_owned()).collect::<Vec<_>>());
        }
        assert_eq!((known.guests(), known.time()), (2, Duration::ZERO));
        let mut listed = GuestForecast::new(Rate::parse("1/h").unwrap(), &["A@x.org".to_owned()]);
        listed.add(&["a@X.org".to_owned(), "b@x.org".to_owned()]);
        assert_eq!((listed.guests(), listed.most(), listed.time()), (1, 1, Duration::ZERO));
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
        let mut estimate = forecast("30/h", &[1; 70]).estimate();
        assert!((0..30).all(|_| estimate.done(start).is_none()));
        assert_eq!(left(&estimate.wait(start + HOUR, GuestWait::Capped, start)), 2 * HOUR);
        assert_eq!(estimate.wait(start + HOUR, GuestWait::Capped, start), [], "it is no news");
        assert!(estimate.end().is_some() && estimate.end().is_none());
    }

    #[test]
    fn pauses_shorter_than_the_period_do_not_shorten_the_estimate() {
        let start = Instant::now();
        let mut estimate = forecast("30/h", &[1; 70]).estimate();
        (0..30).for_each(|_| drop(estimate.done(start)));
        for minutes in [0, 10, 20, 30, 40, 50] {
            let now = start + Duration::from_mins(minutes);
            let events = estimate.wait(now + Duration::from_mins(10), GuestWait::Capped, now);
            assert_eq!(left(&events), Duration::from_mins(120 - minutes));
        }
    }

    #[test]
    fn at_a_rate_the_estimate_falls_to_nothing_with_the_last_period() {
        let start = Instant::now();
        let mut estimate = forecast("30/h", &[1; 70]).estimate();
        assert_eq!(estimate.report(start), Event::GuestsTake { rows: 70, time: 2 * HOUR });
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
        let mut estimate = forecast("30/h", &[1; 60]).estimate();
        (0..30).for_each(|_| drop(estimate.done(start)));
        assert_eq!(left(&estimate.wait(start + 5 * HOUR, GuestWait::Capped, start)), 5 * HOUR);
    }
}
