//! Everything the progress shows, folded from events, with an estimate of the time left. Pure: the caller says what time it is.
//!
//! The speed is that of the last minute of working time, which excludes pauses. Until enough was seen it is the planned rate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::{Event, GuestWait, StatusCounts, Wait};

/// The speed is measured over this working time,
const WINDOW: Duration = Duration::from_mins(1);
/// or over this many steps if they take longer.
const STEPS_MIN: u32 = 10;
/// There is at most one step in this many seconds.
const STEP_S: f64 = 0.5;
/// The planned rate counts for this many seconds, or until `STEPS_MIN` rows are due.
const PLANNED_S: f64 = 5.0;
/// A wait of this length has no end.
const FOREVER: Duration = Duration::from_hours(24 * 365 * 100);

/// The events so far.
#[derive(Debug, Default)]
pub(super) struct ProgressState {
    /// Rows read.
    pub(super) read: u64,
    /// What is listed, how many pages of it are read, and all of them; 0 while that is unknown.
    pub(super) pages: Option<(&'static str, u64, u64)>,
    /// Whether groups are deleted, not created.
    pub(super) is_deleting: bool,
    /// Rows that are settled, also by earlier runs.
    pub(super) done: u64,
    /// All rows.
    pub(super) total: u64,
    /// The outcomes of this run.
    pub(super) counts: StatusCounts,
    /// Until when nothing is sent.
    pub(super) pause: Option<(Instant, Wait)>,
    /// Until when no rows with guests are sent.
    pub(super) guest_pause: Option<(Instant, GuestWait)>,
    /// Rows per second, at most.
    pub(super) planned: Option<f64>,
    /// The seconds of working time since sending began, and until when they are counted.
    worked: Option<(f64, Instant)>,
    /// Seconds of working time, and the rows done by then; the first step begins the window.
    steps: VecDeque<(f64, u64)>,
    /// Rows with guests that are left, and when the last of them is expected.
    guests: Option<(u64, Instant)>,
}

impl ProgressState {
    /// Adds an event that happens now.
    pub(super) fn add(&mut self, event: Event, now: Instant) {
        let worked_s = self.worked_s(now);
        self.worked = self.worked.map(|(_, until)| (worked_s, until.max(now)));
        let end_of = |time: Duration| now + time.min(FOREVER);
        match event {
            Event::Read(rows) => self.read = rows,
            Event::Listed { what, page, pages } => self.pages = Some((what, page, pages)),
            Event::Started { is_deleting, done, total } => {
                (self.is_deleting, self.done, self.total) = (is_deleting, done, total);
                self.worked = Some((0.0, now));
            }
            Event::Settled(status) => {
                self.counts.add(status);
                self.add_step(worked_s);
            }
            Event::Resumed => self.pause.iter_mut().for_each(|(until, _)| *until = now.min(*until)),
            Event::Paused { time, why } => lengthen(&mut self.pause, end_of(time), why),
            Event::GuestsPaused { time, why } => lengthen(&mut self.guest_pause, end_of(time), why),
            Event::Rate(per_second) => self.planned = Some(per_second),
            Event::GuestsTake { rows, time } => self.guests = Some((rows, end_of(time))),
        }
    }

    fn add_step(&mut self, worked_s: f64) {
        self.done += 1;
        if self.steps.back().is_none_or(|(since_s, _)| worked_s - since_s >= STEP_S) {
            self.steps.push_back((worked_s, self.done));
        }
        while self.steps.len() > STEPS_MIN as usize && self.steps[1].0 <= worked_s - WINDOW.as_secs_f64() {
            self.steps.pop_front();
        }
    }

    /// Whether sending has begun.
    pub(super) fn is_sending(&self) -> bool {
        self.worked.is_some()
    }

    /// Whether nothing is sent now.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        let only_guests_wait = self.guests.is_some_and(|(rows, until)| until > now && self.left_rows() <= rows);
        only_guests_wait || self.paused_until() > Some(now)
    }

    fn left_rows(&self) -> u64 {
        self.total.saturating_sub(self.done)
    }

    fn paused_until(&self) -> Option<Instant> {
        self.pause.as_ref().map(|(until, _)| *until)
    }

    /// Rows per second of working time; `None` if unknown.
    pub(super) fn speed(&self, now: Instant) -> Option<f64> {
        let enough_s = self.planned.map_or(1.0, |planned| PLANNED_S.max(f64::from(STEPS_MIN) / planned));
        let (since_s, before) = self.steps.front().copied().unwrap_or((0.0, self.done));
        let seen_s = self.worked_s(now) - since_s;
        if seen_s < enough_s {
            return self.planned;
        }
        let measured = precise(self.done - before) / seen_s;
        Some(self.planned.map_or(measured, |planned| planned.min(measured))).filter(|speed| *speed > 0.0)
    }

    /// The time left; `None` if unknown.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let time_until = |until: Instant| until.saturating_duration_since(now);
        let pause = self.paused_until().map_or(Duration::ZERO, time_until);
        let (guest_rows, guests) = self.guests.map_or((0, Duration::ZERO), |(rows, until)| (rows, time_until(until)));
        let waiting = if guests.is_zero() { 0 } else { guest_rows };
        let work = match self.left_rows().saturating_sub(waiting) {
            0 => Duration::ZERO,
            // Without a planned rate the server decides how often it pauses.
            _ if self.planned.is_none() && self.paused_until() > now.checked_sub(WINDOW) => return None,
            rows => Duration::try_from_secs_f64(precise(rows) / self.speed(now)?).ok()?,
        };
        Some(pause.checked_add(work)?.max(guests))
    }

    fn worked_s(&self, now: Instant) -> f64 {
        let Some((worked_s, until)) = self.worked else { return 0.0 };
        let since = self.paused_until().map_or(until, |paused| paused.max(until));
        worked_s + if self.is_idle(now) { 0.0 } else { now.saturating_duration_since(since).as_secs_f64() }
    }
}

/// Several requests may report one wait.
fn lengthen<T>(wait: &mut Option<(Instant, T)>, until: Instant, why: T) {
    if wait.as_ref().is_none_or(|(before, _)| *before < until) {
        *wait = Some((until, why));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time to show needs no more than 52 bits")]
fn precise(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Status;

    const LIMIT: f64 = 10.0;
    const QUARTERS: [f64; 5] = [10.0, 25.0, 50.0, 75.0, 90.0];

    fn started(planned: Option<f64>, (done, total): (u64, u64), start: Instant) -> ProgressState {
        let mut state = ProgressState { planned, ..ProgressState::default() };
        state.add(Event::Started { is_deleting: false, done, total }, start);
        state
    }

    /// Something that happens after this many seconds.
    #[derive(Clone, Copy)]
    enum Change {
        Done,
        Pause(f64),
        Resume,
        /// Rows with guests that are left, and seconds until the last of them.
        Guests(u64, f64),
    }

    /// A run that was played to its end: what was shown every tenth of a second.
    struct Run {
        shown: Vec<Option<f64>>,
        end: f64,
    }

    impl Run {
        /// Plays rows that are done after these seconds, and whatever else happens.
        fn play(planned: Option<f64>, done_at: &[f64], others: &[(f64, Change)]) -> Self {
            let mut steps: Vec<(f64, Change)> = done_at.iter().map(|at| (*at, Change::Done)).collect();
            steps.extend(others);
            steps.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            let start = Instant::now();
            let moment = |seconds: f64| start + Duration::from_secs_f64(seconds);
            let mut state = started(planned, (0, done_at.len() as u64), start);
            let (end, mut shown) = (steps.last().unwrap().0, Vec::new());
            let mut steps = steps.into_iter().peekable();
            for now in (0..).map(|frame| f64::from(frame) / 10.0).take_while(|now| *now < end) {
                while let Some((at, step)) = steps.next_if(|(at, _)| *at <= now) {
                    let event = match step {
                        Change::Done => Event::Settled(Status::Created),
                        Change::Pause(seconds) => {
                            Event::Paused { time: Duration::from_secs_f64(seconds), why: Wait::Asked }
                        }
                        Change::Resume => Event::Resumed,
                        Change::Guests(rows, seconds) => {
                            Event::GuestsTake { rows, time: Duration::from_secs_f64(seconds) }
                        }
                    };
                    state.add(event, moment(at));
                }
                assert!(state.steps.len() < 150, "its memory is bounded");
                shown.push(state.left(moment(now)).map(|left| left.as_secs_f64()));
            }
            Self { shown, end }
        }

        #[track_caller]
        fn shown(&self, at: f64) -> f64 {
            self.shown[index(at)].unwrap()
        }

        /// What is shown after these seconds is off by at most 10 %, or 2 seconds.
        #[track_caller]
        fn assert_honest(&self, moments: &[f64]) {
            for at in moments {
                let (shown, then) = (self.shown(*at), self.end - at);
                assert!(
                    (shown - then).abs() <= (then / 10.0).max(2.0),
                    "after {at} s: {shown} s left, and it took {then} s"
                );
            }
        }

        /// The same at these percentages of the whole run.
        #[track_caller]
        fn assert_honest_at(&self, percentages: &[f64]) {
            self.assert_honest(&each(percentages, |part| self.end * part / 100.0));
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the seconds of a short run")]
    fn index(at: f64) -> usize {
        (at * 10.0).ceil() as usize
    }

    fn each(seconds: &[f64], change: impl Fn(f64) -> f64) -> Vec<f64> {
        seconds.iter().map(|second| change(*second)).collect()
    }

    /// Rows one after the other.
    fn steady(count: u32, per_second: f64) -> Vec<f64> {
        (1..=count).map(|row| f64::from(row) / per_second).collect()
    }

    #[test]
    fn at_the_limit_it_is_right_from_the_first_second() {
        for latency in [0.05, 1.5] {
            let run = Run::play(Some(LIMIT), &each(&steady(1000, LIMIT), |at| at + latency), &[]);
            run.assert_honest(&[0.1, 1.0, 2.0, 5.0]);
            run.assert_honest_at(&QUARTERS);
        }
        // One row in two minutes, and two thousand in a second.
        Run::play(Some(30.0 / 3600.0), &steady(60, 30.0 / 3600.0), &[]).assert_honest_at(&QUARTERS);
        Run::play(None, &steady(60_000, 2000.0), &[]).assert_honest_at(&QUARTERS);
    }

    #[test]
    fn a_known_pause_counts_down_and_leaves_no_trace() {
        let rows = each(&steady(1000, LIMIT), |at| if at <= 50.0 { at } else { at + 60.0 });
        let run = Run::play(Some(LIMIT), &rows, &[(50.0, Change::Pause(60.0))]);
        run.assert_honest(&[51.0, 60.0, 80.0, 109.0, 110.5, 112.0, 130.0, 150.0]);
        for second in 51..109 {
            let (now, next) = (run.shown(f64::from(second)), run.shown(f64::from(second + 1)));
            assert!((now - next - 1.0).abs() < 0.01, "it counts down: {now} s, {next} s");
        }
        // Several requests report it, each with its own end.
        let pauses = [(50.0, Change::Pause(58.0)), (50.5, Change::Pause(59.5)), (51.0, Change::Pause(30.0))];
        Run::play(Some(LIMIT), &rows, &pauses).assert_honest(&[51.0, 80.0, 109.0, 111.0, 130.0]);
    }

    #[test]
    fn a_pause_that_ends_early_is_over() {
        let rows = each(&steady(1000, LIMIT), |at| if at <= 50.0 { at } else { at + 10.0 });
        let run = Run::play(Some(LIMIT), &rows, &[(50.0, Change::Pause(60.0)), (60.0, Change::Resume)]);
        run.assert_honest(&[60.0, 61.0, 70.0, 80.0, 100.0]);
    }

    #[test]
    fn without_a_planned_rate_nothing_is_shown_while_the_server_pauses_again_and_again() {
        // 600 rows in two seconds and a pause for the rest of the minute, eleven times; then no pauses.
        let burst = |minute: u32| (0..600).map(move |row| f64::from(minute * 60) + f64::from(row) / 300.0);
        let mut rows: Vec<f64> = (0..11).flat_map(burst).collect();
        rows.extend(each(&steady(90_000, 300.0), |at| 602.0 + at));
        let pauses: Vec<_> = (0..10).map(|minute| (f64::from(minute * 60) + 2.0, Change::Pause(58.0))).collect();
        let run = Run::play(None, &rows, &pauses);
        assert!(run.shown[index(2.1)..index(659.0)].iter().all(Option::is_none));
        run.assert_honest(&[725.0, 800.0, 890.0]);
    }

    #[test]
    fn a_server_much_slower_than_the_limit_is_believed_after_some_seconds() {
        for (count, planned) in [(600, Some(LIMIT)), (60, Some(LIMIT)), (60, None)] {
            Run::play(planned, &steady(count, LIMIT / 10.0), &[]).assert_honest_at(&QUARTERS);
        }
        // The server stops answering.
        let run = Run::play(Some(LIMIT), &[0.5, 200.0], &[]);
        assert!(run.shown(3.0) < 1.0 && run.shown[index(30.0)..].iter().all(Option::is_none), "unknown");
        let run = Run::play(Some(LIMIT), &[60.0, 61.0], &[]);
        assert!(run.shown[index(10.1)..index(59.9)].iter().all(Option::is_none), "unknown");
    }

    #[test]
    fn a_speed_that_changes_is_known_within_a_minute() {
        for (before, after) in [(10.0, 2.0), (2.0, 10.0), (10.0, 7.0)] {
            let mut rows = steady(1000, before);
            let change = *rows.last().unwrap();
            rows.extend(each(&steady(1000, after), |at| change + at));
            let run = Run::play(Some(LIMIT), &rows, &[]);
            let rest = run.end - change - 60.0;
            run.assert_honest(&[0.0, 25.0, 50.0, 75.0, 90.0].map(|part| change + 60.0 + rest * part / 100.0));
        }
    }

    #[test]
    fn rows_that_settle_late_do_not_make_it_jump() {
        let late = |row: u32| if row.is_multiple_of(20) { 8.0 } else { 0.3 };
        let rows: Vec<f64> = (1..=12_000).map(|row| f64::from(row) / LIMIT + late(row)).collect();
        let run = Run::play(Some(LIMIT), &rows, &[]);
        run.assert_honest_at(&QUARTERS);
        for second in 1..1190 {
            let (now, next) = (run.shown(f64::from(second)), run.shown(f64::from(second + 1)));
            assert!((now - next - 1.0).abs() <= (now / 25.0).max(1.0), "after {second} s: {now} s, {next} s");
        }
    }

    #[test]
    fn while_only_guests_wait_their_time_is_left() {
        let rows = [steady(200, LIMIT), each(&steady(30, LIMIT), |at| 620.0 + at)].concat();
        let run = Run::play(Some(LIMIT), &rows, &[(10.0, Change::Guests(30, 613.0))]);
        run.assert_honest(&[11.0, 20.0, 30.0, 100.0, 300.0, 600.0, 621.0]);
    }

    #[test]
    fn nothing_is_shown_before_anything_is_known() {
        let start = Instant::now();
        let mut state = started(None, (40, 50), start);
        assert_eq!(state.left(start), None);
        assert_eq!(state.left(start + Duration::from_secs(1)), None);
        state.planned = Some(10.0);
        assert_eq!(state.left(start), Some(Duration::from_secs(1)), "what earlier runs did is not left");
    }
}
