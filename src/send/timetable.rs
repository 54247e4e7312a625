//! When rows with guests can be expected to leave, if so many new guests go in a period: how long the rest takes. Pure.

use std::time::{Duration, Instant};

use super::invites::Invites;
use super::rate::Rate;
use super::window::Room;
use crate::model::{Event, GuestWait};

/// Plays the sending of all rows with guests, one after the other, each as soon as its new guests have their places.
#[derive(Debug)]
pub struct Rehearsal {
    invites: Invites,
    began: Instant,
    now: Instant,
    guests: u64,
    most: usize,
    table: Timetable,
}

/// When each row leaves.
#[derive(Debug, Default)]
struct Timetable {
    rows: usize,
    /// From that row on they leave then, after the first; many leave at once.
    steps: Vec<(usize, Duration)>,
}

/// How far the rows with guests are in their timetable, or how the server's own cap has them go.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    table: Timetable,
    /// Rows that are done with.
    done: usize,
    /// How many were when the rows went on last, and when that was.
    went_on: Option<(usize, Instant)>,
    is_held_up: bool,
    cycles: Cycles,
    /// Whether anything of it was told.
    is_told: bool,
    /// Until when the rows wait, as far as it was told.
    told_until: Option<Instant>,
}

/// From one closing of the cap to the next.
#[derive(Debug, Default)]
struct Cycles {
    count: u32,
    /// How many rows were done by then, and when it was.
    first: Option<(usize, Instant)>,
    last: Option<(usize, Instant)>,
}

impl Rehearsal {
    /// At this rate, into an organization that knows none of the guests.
    #[must_use]
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self::after(Invites::new(rate), now)
    }

    /// After what was sent already.
    pub(super) fn after(invites: Invites, now: Instant) -> Self {
        Self { invites, began: now, now, guests: 0, most: 0, table: Timetable::default() }
    }

    /// The next row has these guests.
    pub fn add(&mut self, guests: &[String]) {
        let count = self.invites.new_among(guests);
        while let Room::At(then) = self.invites.room(count, self.now) {
            self.now = then;
        }
        self.invites.leave(count);
        self.invites.answer(count, self.now);
        self.invites.greet(guests);
        self.guests += count as u64;
        self.most = self.most.max(count);
        self.table.add(self.now.duration_since(self.began));
    }

    /// How many guests are new.
    #[must_use]
    pub fn guests(&self) -> u64 {
        self.guests
    }

    /// The most new guests of one row.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// How long it takes until the last row leaves.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.table.end()
    }

    /// What is to be expected from now on.
    pub(super) fn outlook(self) -> Outlook {
        Outlook { table: self.table, ..Outlook::default() }
    }
}

impl Timetable {
    fn add(&mut self, after: Duration) {
        if self.end() < after || self.steps.is_empty() {
            self.steps.push((self.rows, after));
        }
        self.rows += 1;
    }

    fn end(&self) -> Duration {
        self.steps.last().map_or(Duration::ZERO, |(_, after)| *after)
    }

    /// When this row leaves; the end, if there is none.
    fn at(&self, row: usize) -> Duration {
        let begun = self.steps.partition_point(|(first, _)| *first <= row);
        begun.checked_sub(1).map_or(Duration::ZERO, |step| self.steps[step].1)
    }
}

impl Outlook {
    /// What is expected before anything is known.
    pub(super) fn first(&mut self, now: Instant) -> [Event; 1] {
        self.is_told = true;
        [self.take(now, now)]
    }

    /// One more row is done with; tells what is expected now, if anything was told before.
    pub(super) fn done(&mut self, now: Instant) -> Option<Event> {
        if self.told_until.is_some_and(|until| now < until) {
            // It left before.
            self.cycles.late();
        } else if self.is_held_up || self.went_on.is_none() {
            self.went_on = Some((self.done, now));
            self.is_held_up = false;
        }
        self.done += 1;
        self.is_told.then(|| self.take(now, now))
    }

    /// None of the rest is sent in this run.
    pub(super) fn end(&mut self) -> Option<Event> {
        let is_told = std::mem::take(&mut self.is_told);
        is_told.then_some(Event::GuestsTake { rows: 0, time: Duration::ZERO })
    }

    /// The next row has to wait until then; tells that, and what is expected now, if it is news.
    pub(super) fn hold_up(&mut self, until: Instant, why: GuestWait, now: Instant) -> Vec<Event> {
        if self.told_until.is_some_and(|told| until <= told) {
            return Vec::new();
        }
        if why == GuestWait::Capped {
            self.cycles.close(self.done, now);
        }
        (self.is_held_up, self.is_told, self.told_until) = (true, true, Some(until));
        let time = until.saturating_duration_since(now);
        vec![Event::GuestsPaused { time, why }, self.take(until, now)]
    }

    fn take(&self, until: Instant, now: Instant) -> Event {
        let rows = self.table.rows.saturating_sub(self.done) as u64;
        Event::GuestsTake { rows, time: self.left(until, now) }
    }

    /// How long it takes from now on until the last row leaves, if none does before `until`.
    fn left(&self, until: Instant, now: Instant) -> Duration {
        let (due, after) = match self.cycles.usual() {
            Some(cycle) => self.by(cycle),
            None => self.by_table(),
        };
        let begun = self.went_on.and_then(|(_, then)| then.checked_add(due));
        let next = begun.map_or(until, |due| due.max(until)).saturating_duration_since(now);
        if self.done < self.table.rows { next.saturating_add(after) } else { Duration::ZERO }
    }

    /// When the next rows go after the last time that rows went on, and when the last ones after them.
    fn by_table(&self) -> (Duration, Duration) {
        let step = self.table.at(self.done);
        let before = self.went_on.map_or(step, |(row, _)| self.table.at(row));
        (step.saturating_sub(before), self.table.end().saturating_sub(step))
    }

    /// The same, where so many rows go in each cycle.
    fn by(&self, (rows, time): (usize, Duration)) -> (Duration, Duration) {
        let gone = self.went_on.filter(|_| !self.is_held_up).map(|(row, _)| self.done.saturating_sub(row));
        let now = gone.map_or(0, |gone| rows.saturating_sub(gone));
        let later = self.table.rows.saturating_sub(self.done + now);
        match u32::try_from(later.div_ceil(rows)).unwrap_or(u32::MAX).checked_sub(1) {
            None => (Duration::ZERO, Duration::ZERO),
            Some(cycles) => (time, time.saturating_mul(cycles)),
        }
    }
}

impl Cycles {
    fn close(&mut self, done: usize, now: Instant) {
        self.first.get_or_insert((done, now));
        if self.last.is_none_or(|(before, _)| done > before) {
            self.count += u32::from(self.last.is_some());
            self.last = Some((done, now));
        }
    }

    /// One more was done by the last closing.
    fn late(&mut self) {
        let is_first = self.count == 0;
        for (done, _) in self.last.iter_mut().chain(self.first.iter_mut().filter(|_| is_first)) {
            *done += 1;
        }
    }

    /// How many rows go in a cycle, and how long it is.
    fn usual(&self) -> Option<(usize, Duration)> {
        let ((before, first), (done, last)) = (self.first?, self.last?);
        let rows = (done - before).checked_div(self.count as usize)?.max(1);
        Some((rows, last.duration_since(first) / self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// Rows with so many new guests each.
    fn rehearsal(rate: &str, rows: &[usize], now: Instant) -> Rehearsal {
        let mut rehearsal = Rehearsal::new(Rate::parse(rate).unwrap(), now);
        for (row, count) in rows.iter().enumerate() {
            rehearsal.add(&(0..*count).map(|guest| format!("g{guest}@r{row}.org")).collect::<Vec<_>>());
        }
        rehearsal
    }

    #[test]
    fn the_first_guests_go_at_once_and_the_others_in_the_hours_after() {
        for (guests, hours) in [(0, 0), (30, 0), (31, 1), (57, 1), (60, 1), (61, 2), (300, 9)] {
            let rehearsal = rehearsal("30/h", &vec![1; guests], Instant::now());
            assert_eq!((rehearsal.guests(), rehearsal.time()), (guests as u64, hours * HOUR), "{guests}");
        }
    }

    #[test]
    fn guests_that_do_not_fit_into_what_is_left_of_an_hour_wait_for_the_next_and_known_ones_do_not_count() {
        let now = Instant::now();
        assert_eq!(rehearsal("30/h", &[20; 10], now).time(), 9 * HOUR);
        // More than the rate at once: alone.
        let odd = rehearsal("30/h", &[1, 40, 1], now);
        assert_eq!((odd.time(), odd.most()), (2 * HOUR, 40));
        let mut known = Rehearsal::new(Rate::parse("2/h").unwrap(), now);
        for guests in [&["a@x.org", "b@x.org"][..], &["A@x.org"], &["b@x.org", "a@x.org"]] {
            known.add(&guests.iter().map(|guest| (*guest).to_owned()).collect::<Vec<_>>());
        }
        assert_eq!((known.guests(), known.time()), (2, Duration::ZERO));
    }

    /// So many more are done with; gives what was told at last.
    fn all_done(outlook: &mut Outlook, count: usize, now: Instant) -> Option<Event> {
        (0..count).map(|_| outlook.done(now)).last().flatten()
    }

    /// How long it takes, as it is told with a wait.
    fn held_up(outlook: &mut Outlook, until: Instant, now: Instant) -> Duration {
        match outlook.hold_up(until, GuestWait::Capped, now)[..] {
            [Event::GuestsPaused { time, .. }, Event::GuestsTake { time: left, .. }] if time == until - now => left,
            ref other => panic!("{other:?}"),
        }
    }

    /// 300 rows under a cap of so many an hour; gives what was told at each closing, in hours, and what was true.
    fn told(cap: usize) -> Vec<(f64, f64)> {
        let start = Instant::now();
        let mut outlook = rehearsal("30/h", &[1; 300], start).outlook();
        let hours = 300_usize.div_ceil(cap) - 1;
        let closings = (0..hours).map(|hour| {
            let now = start + HOUR * u32::try_from(hour).unwrap();
            all_done(&mut outlook, cap, now);
            let left = held_up(&mut outlook, now + HOUR, now);
            (left.as_secs_f64() / 3600.0, f64::from(u32::try_from(hours - hour).unwrap()))
        });
        closings.collect()
    }

    #[test]
    fn the_cap_of_the_timetable_is_told_rightly_at_once_and_another_from_the_second_closing_on() {
        for (told, then) in told(30) {
            assert!((told - then).abs() < 0.01, "{told} h, and it was {then} h");
        }
        for cap in [7, 15, 20, 60, 100] {
            for (told, then) in told(cap).into_iter().skip(1) {
                assert!((told - then).abs() <= (then / 10.0).max(1.0), "a cap of {cap}: {told} h, and it was {then} h");
            }
        }
    }

    #[test]
    fn short_pauses_that_do_not_end_it_do_not_make_it_shorter() {
        let start = Instant::now();
        let mut outlook = rehearsal("30/h", &[1; 70], start).outlook();
        assert_eq!(all_done(&mut outlook, 30, start), None, "nothing is known of a cap");
        for minutes in [0, 10, 20, 30, 40, 50] {
            let now = start + Duration::from_mins(minutes);
            let left = held_up(&mut outlook, now + Duration::from_mins(10), now);
            assert_eq!(left, Duration::from_mins(120 - minutes));
        }
        all_done(&mut outlook, 30, start + HOUR);
        let left = held_up(&mut outlook, start + HOUR + Duration::from_mins(10), start + HOUR);
        assert_eq!(left, HOUR);
        assert_eq!(
            all_done(&mut outlook, 10, start + 2 * HOUR),
            Some(Event::GuestsTake { rows: 0, time: Duration::ZERO })
        );
    }

    #[test]
    fn without_a_cap_nothing_is_left_when_the_last_is_done() {
        let now = Instant::now();
        let mut outlook = rehearsal("30/h", &[1; 300], now).outlook();
        assert_eq!(outlook.first(now), [Event::GuestsTake { rows: 300, time: 9 * HOUR }]);
        assert_eq!(all_done(&mut outlook, 300, now), Some(Event::GuestsTake { rows: 0, time: Duration::ZERO }));
        assert_eq!(Outlook::default().left(now, now), Duration::ZERO);
    }
}
