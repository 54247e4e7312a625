//! The time that is left, from how many rows are done at which moment. Pure.
//!
//! The speed is that of the last minute of work: the slope of the straight line that fits it best, which neither rows that
//! come in swarms nor some that come late can turn. Time in which nothing is sent is no work.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far the speed looks back, in seconds of work.
const LATELY: f64 = 60.0;
/// It looks back further, if need be, to see so many steps.
const STEPS_MIN: usize = 10;
/// Rows done within so many seconds of work are one step, so that a minute has few of them.
const STEP: f64 = 0.5;
/// After so many seconds of work the planned speed counts no more, unless it has rows come slower than that.
const PLAN_FADES: f64 = 5.0;
/// So many seconds of work without a row done mean nothing, and as many until the first.
const LATE: f64 = 3.0;
const FIRST_MAX: f64 = 10.0;
/// While guests wait, so long without a row done means that only their rows are left.
const QUIET: Duration = Duration::from_secs(5);

/// Pauses that come again and again are known by the last cycles, so many at most.
const CYCLES_MAX: usize = 4;

/// So many rows were done.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// After so many seconds of work.
    worked: f64,
    done: f64,
}

/// The beginnings of pauses, and how many rows were done by then: from one to the next is a cycle.
#[derive(Debug, Default)]
struct Cycles(VecDeque<(Instant, u64)>);

impl Cycles {
    fn begin(&mut self, done: u64, now: Instant) {
        // An outage may be several pauses with hardly a row between them.
        if self.0.back().is_some_and(|(_, before)| done < before + STEPS_MIN as u64) {
            return;
        }
        self.0.push_back((now, done));
        if self.0.len() > CYCLES_MAX + 1 {
            self.0.pop_front();
        }
    }

    /// How long the rest takes if there are pauses as before; none if they seem to be over.
    fn left(&self, total: u64, paused_until: Instant, now: Instant) -> Option<Duration> {
        let ((first, before), (last, done)) = (self.0.front()?, self.0.back()?);
        let cycles = u32::try_from(self.0.len() - 1).ok().filter(|cycles| *cycles > 0)?;
        let time = last.saturating_duration_since(*first);
        if now.saturating_duration_since(paused_until) > time / cycles * 2 {
            return None;
        }
        let share = precise(total.saturating_sub(*done)) / precise(done - before);
        let left = Duration::try_from_secs_f64(time.as_secs_f64() * share).ok()?;
        left.checked_sub(now.saturating_duration_since(*last))
    }
}

/// The course of the rows, from the moment on at which the sending began.
#[derive(Debug)]
pub(super) struct Eta {
    total: u64,
    done: u64,
    /// Rows in a second, at most.
    planned: Option<f64>,
    /// When the first row was done, in seconds of work: what it waited for its answer says nothing of the speed.
    first: Option<f64>,
    /// Those of the last minute, and the one before.
    steps: VecDeque<Step>,
    /// Seconds of work until `seen_at`.
    worked: f64,
    seen_at: Instant,
    stepped_at: Instant,
    paused_until: Instant,
    guests_until: Instant,
    /// Rows with guests of which it is known when the last is expected, and when that is.
    guests: (u64, Instant),
    cycles: Cycles,
}

impl Eta {
    /// `total` rows are to be done from now on, not more than `planned` in a second.
    pub(super) fn new(total: u64, planned: Option<f64>, now: Instant) -> Self {
        Self {
            total,
            done: 0,
            planned,
            first: None,
            steps: VecDeque::new(),
            worked: 0.0,
            seen_at: now,
            stepped_at: now,
            paused_until: now,
            guests_until: now,
            guests: (0, now),
            cycles: Cycles::default(),
        }
    }

    /// Nothing is sent until that moment; how far it is was told before.
    pub(super) fn pause(&mut self, until: Instant, now: Instant) {
        self.work_until(now);
        if !self.is_paused(now) {
            self.cycles.begin(self.done, now);
        }
        self.paused_until = self.paused_until.max(until);
    }

    fn is_paused(&self, now: Instant) -> bool {
        self.paused_until > now
    }

    /// Whatever held it up is over.
    pub(super) fn resume(&mut self, now: Instant) {
        self.work_until(now);
        self.paused_until = now;
    }

    /// No rows with guests are sent until that moment.
    pub(super) fn hold_guests(&mut self, until: Instant, now: Instant) {
        self.work_until(now);
        self.guests_until = self.guests_until.max(until);
    }

    /// The last of so many rows with guests is expected at that moment.
    pub(super) fn expect_guests(&mut self, rows: u64, until: Instant) {
        self.guests = (rows, until);
    }

    /// Not more than so many rows can be done in a second.
    pub(super) fn plan(&mut self, per_second: f64) {
        self.planned = Some(per_second);
    }

    /// Whether nothing is sent at this moment, or nothing could be but rows with guests, which wait.
    pub(super) fn is_held_up(&self, now: Instant) -> bool {
        self.is_paused(now) || self.only_guests_are_left(now)
    }

    /// So many rows are done at this moment; to be told every second or more often.
    pub(super) fn see(&mut self, done: u64, now: Instant) {
        self.work_until(now);
        if done <= self.done {
            return;
        }
        (self.done, self.stepped_at) = (done, now);
        let step = Step { worked: self.worked, done: precise(done) };
        self.first.get_or_insert(self.worked);
        let has_several = self.steps.len() > 1;
        match self.steps.back_mut() {
            Some(last) if has_several && self.worked - last.worked < STEP => last.done = step.done,
            _ => self.steps.push_back(step),
        }
        let from = self.from();
        while self.steps.get(1).is_some_and(|second| second.worked <= from) {
            self.steps.pop_front();
        }
    }

    /// How long the rest will take from now on; none while nothing is known.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let (guest_rows, guests_done) = self.guests;
        let guests = self.guests_until.max(guests_done).saturating_duration_since(now);
        let pause = self.paused_until.saturating_duration_since(now);
        let rows = self.total.saturating_sub(self.done);
        let others = match rows.saturating_sub(guest_rows) {
            0 => Duration::ZERO,
            others => Duration::try_from_secs_f64(precise(others) / self.speed()?).ok()?.max(self.silence()),
        };
        let wait = if guest_rows == 0 && self.only_guests_are_left(now) { pause.max(guests) } else { pause };
        let again = self.cycles.left(self.total, self.paused_until, now).unwrap_or_default();
        Some(wait.checked_add(others)?.max(guests).max(again))
    }

    /// How long no row has been done, if that is unusual: who is late already will be for as long again.
    fn silence(&self) -> Duration {
        let Some(last) = self.steps.back() else { return Duration::ZERO };
        let silence = self.worked - last.worked;
        let usual = LATE + self.speed().map_or(0.0, |speed| 3.0 / speed);
        if silence > usual { Duration::from_secs_f64(silence) } else { Duration::ZERO }
    }

    /// Rows in a second of work; none while nothing is known.
    pub(super) fn speed(&self) -> Option<f64> {
        let speed = match self.planned {
            Some(planned) => {
                // An answer may take its time, but not for ever.
                let seen = self.worked - self.first.unwrap_or(FIRST_MAX);
                let known = (seen / PLAN_FADES.max(precise(STEPS_MIN as u64) / planned)).clamp(0.0, 1.0).powi(2);
                // Every row takes a request.
                planned * (1.0 - known) + self.slope().min(planned) * known
            }
            None => self.slope(),
        };
        Some(speed).filter(|speed| *speed > 0.0)
    }

    fn work_until(&mut self, now: Instant) {
        if !self.only_guests_are_left(now) {
            let since = self.seen_at.max(self.paused_until);
            self.worked += now.saturating_duration_since(since).as_secs_f64();
        }
        self.seen_at = self.seen_at.max(now);
    }

    fn only_guests_are_left(&self, now: Instant) -> bool {
        self.guests_until > now && now.saturating_duration_since(self.stepped_at) > QUIET
    }

    /// Where the last minute begins, in seconds of work.
    fn from(&self) -> f64 {
        let back = self.steps.len().saturating_sub(STEPS_MIN + 1);
        let step = self.steps.get(back).map_or(0.0, |step| step.worked);
        step.min((self.worked - LATELY).max(self.first.unwrap_or_default()))
    }

    /// Rows in a second of the last minute: least squares over the stairs that the steps make.
    fn slope(&self) -> f64 {
        let (from, mut to) = (self.from(), self.worked);
        let (length, middle) = (to - from, f64::midpoint(from, to));
        let base = self.steps.front().map_or(0.0, |step| step.done);
        let mut moment = 0.0;
        for step in self.steps.iter().rev() {
            let start = step.worked.max(from);
            moment += (step.done - base) * ((to - middle).powi(2) - (start - middle).powi(2)) / 2.0;
            to = start;
        }
        if length > 0.0 { moment * 12.0 / length.powi(3) } else { 0.0 }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time to show needs no more than 52 bits")]
fn precise(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: f64 = 10.0;
    const FRAME: Duration = Duration::from_millis(100);

    /// What happens to the sending, at so many seconds.
    #[derive(Debug, Clone, Copy)]
    enum Held {
        Pause(f64, f64),
        Resume(f64),
        Guests(f64, f64),
    }

    impl Held {
        fn at(self) -> f64 {
            match self {
                Self::Pause(at, _) | Self::Resume(at) | Self::Guests(at, _) => at,
            }
        }
    }

    /// Played to its end: what was told in each frame, in seconds.
    struct Course {
        told: Vec<(f64, Option<f64>)>,
        end: f64,
    }

    impl Course {
        /// Rows are done at these seconds.
        fn play(planned: Option<f64>, mut done_at: Vec<f64>, held: &[Held]) -> Self {
            done_at.sort_by(f64::total_cmp);
            let start = Instant::now();
            let moment = |seconds: f64| start + Duration::from_secs_f64(seconds);
            let mut eta = Eta::new(done_at.len() as u64, planned, start);
            let (end, mut held, mut told) = (*done_at.last().unwrap(), held.iter().peekable(), Vec::new());
            let done = |at: f64| done_at.partition_point(|done| *done <= at) as u64;
            for now in (1..).map(|frame| FRAME * frame).take_while(|now| now.as_secs_f64() < end) {
                while let Some(event) = held.next_if(|event| event.at() <= now.as_secs_f64()) {
                    let at = moment(event.at());
                    eta.see(done(event.at()), at);
                    match *event {
                        Held::Pause(at_s, time) => eta.pause(moment(at_s + time), at),
                        Held::Resume(_) => eta.resume(at),
                        Held::Guests(at_s, time) => eta.hold_guests(moment(at_s + time), at),
                    }
                }
                eta.see(done(now.as_secs_f64()), start + now);
                told.push((now.as_secs_f64(), eta.left(start + now).map(|left| left.as_secs_f64())));
                assert!(eta.steps.len() < 150, "what it remembers is bounded");
            }
            Self { told, end }
        }

        #[track_caller]
        fn told(&self, at: f64) -> f64 {
            let frame = self.told.partition_point(|(now, _)| now + 0.001 < at);
            self.told[frame].1.unwrap()
        }

        /// What is told at these seconds is within 10 of 100 of what happens then, or 2 seconds.
        #[track_caller]
        fn assert_honest(&self, moments: &[f64]) {
            for at in moments {
                let (told, then) = (self.told(*at), self.end - at);
                assert!(
                    (told - then).abs() <= (then / 10.0).max(2.0),
                    "at {at} s: {told} s left, and it took {then} s"
                );
            }
        }

        /// At these parts of 100 of the whole course.
        #[track_caller]
        fn assert_honest_at(&self, parts: &[f64]) {
            self.assert_honest(&each(parts, |part| self.end * part / 100.0));
        }
    }

    /// The same seconds, changed.
    fn each(seconds: &[f64], change: impl Fn(f64) -> f64) -> Vec<f64> {
        seconds.iter().map(|second| change(*second)).collect()
    }

    const QUARTERS: [f64; 5] = [10.0, 25.0, 50.0, 75.0, 90.0];

    /// So many rows, one after the other.
    fn steady(count: u32, per_second: f64) -> Vec<f64> {
        (1..=count).map(|row| f64::from(row) / per_second).collect()
    }

    #[test]
    fn at_the_limit_it_is_right_from_the_first_second() {
        for latency in [0.05, 1.5] {
            let course = Course::play(Some(LIMIT), each(&steady(1000, LIMIT), |at| at + latency), &[]);
            course.assert_honest(&[0.1, 1.0, 2.0, 5.0]);
            course.assert_honest_at(&QUARTERS);
        }
        // One row in two minutes, and two hundred in a blink.
        let course = Course::play(Some(30.0 / 3600.0), steady(60, 30.0 / 3600.0), &[]);
        course.assert_honest_at(&QUARTERS);
        let course = Course::play(None, steady(60_000, 2000.0), &[]);
        course.assert_honest_at(&QUARTERS);
    }

    #[test]
    fn a_pause_counts_down_and_leaves_no_trace() {
        let after = |at: f64| if at <= 50.0 { at } else { at + 60.0 };
        let course = Course::play(Some(LIMIT), each(&steady(1000, LIMIT), after), &[Held::Pause(50.0, 60.0)]);
        course.assert_honest(&[51.0, 60.0, 80.0, 109.0, 110.5, 112.0, 130.0, 150.0]);
        for second in 51..109 {
            let (now, next) = (course.told(f64::from(second)), course.told(f64::from(second + 1)));
            assert!((now - next - 1.0).abs() < 0.01, "it counts down: {now} s, {next} s");
        }
    }

    #[test]
    fn a_pause_that_is_cut_short_is_over() {
        let after = |at: f64| if at <= 50.0 { at } else { at + 10.0 };
        let held = [Held::Pause(50.0, 60.0), Held::Resume(60.0)];
        let course = Course::play(Some(LIMIT), each(&steady(1000, LIMIT), after), &held);
        course.assert_honest(&[60.0, 61.0, 70.0, 80.0, 100.0]);
    }

    #[test]
    fn a_pause_that_grows_is_one_pause() {
        let after = |at: f64| if at <= 50.0 { at } else { at + 60.0 };
        let held = [Held::Pause(50.0, 58.0), Held::Pause(50.5, 59.5), Held::Pause(51.0, 30.0)];
        let course = Course::play(Some(LIMIT), each(&steady(1000, LIMIT), after), &held);
        course.assert_honest(&[51.0, 80.0, 109.0, 111.0, 130.0]);
    }

    #[test]
    fn pauses_that_come_again_and_again_are_reckoned_with_until_they_cease() {
        // Six hundred rows in two seconds, and a pause for the rest of the minute: eleven times, then no more.
        let burst = |minute: u32| (0..600).map(move |row| f64::from(minute * 60) + f64::from(row) / 300.0);
        let mut done_at: Vec<f64> = (0..11).flat_map(burst).collect();
        let pauses = |count: u32| (0..count).map(|minute| Held::Pause(f64::from(minute * 60) + 2.0, 58.0));
        let course = Course::play(None, done_at.clone(), &pauses(10).collect::<Vec<_>>());
        course.assert_honest(&[63.0, 100.0, 150.0, 300.0, 450.0, 540.0, 590.0]);
        done_at.extend(each(&steady(90_000, 300.0), |at| 602.0 + at));
        let course = Course::play(None, done_at, &pauses(10).collect::<Vec<_>>());
        course.assert_honest(&[725.0, 800.0, 890.0]);
    }

    #[test]
    fn a_server_much_slower_than_the_limit_is_believed_more_than_the_limit() {
        Course::play(Some(LIMIT), steady(600, LIMIT / 10.0), &[]).assert_honest_at(&QUARTERS);
        Course::play(Some(LIMIT), steady(60, LIMIT / 10.0), &[]).assert_honest_at(&QUARTERS);
        Course::play(None, steady(60, LIMIT / 10.0), &[]).assert_honest_at(&QUARTERS);
        // Sixteen lanes whose answers take 16 seconds each: they come in swarms.
        let swarms = (0..3600).map(|row| 16.0 + f64::from(row / 16) * 16.0 + f64::from(row % 16) / LIMIT);
        Course::play(Some(LIMIT), swarms.collect(), &[]).assert_honest_at(&QUARTERS);
    }

    #[test]
    fn a_speed_that_changes_is_known_within_a_minute() {
        for (before, after) in [(10.0, 2.0), (2.0, 10.0), (10.0, 7.0)] {
            let mut done_at = steady(1000, before);
            let change = *done_at.last().unwrap();
            done_at.extend(each(&steady(1000, after), |at| change + at));
            let course = Course::play(Some(LIMIT), done_at, &[]);
            let rest = course.end - change - 60.0;
            course.assert_honest(&[0.0, 25.0, 50.0, 75.0, 90.0].map(|part| change + 60.0 + rest * part / 100.0));
        }
    }

    #[test]
    fn rows_that_settle_late_do_not_make_it_jump() {
        let late = |row: u32| if row.is_multiple_of(20) { 8.0 } else { 0.3 };
        let done_at: Vec<f64> = (1..=12_000).map(|row| f64::from(row) / LIMIT + late(row)).collect();
        let course = Course::play(Some(LIMIT), done_at, &[]);
        course.assert_honest_at(&QUARTERS);
        for second in 1..1190 {
            let (now, next) = (course.told(f64::from(second)), course.told(f64::from(second + 1)));
            assert!((now - next - 1.0).abs() <= (now / 50.0).max(1.0), "at {second} s: {now} s, {next} s");
        }
    }

    #[test]
    fn while_only_guests_wait_it_is_their_time_that_is_left() {
        let others = steady(200, LIMIT);
        let guests = each(&steady(30, LIMIT), |at| 620.0 + at);
        let course = Course::play(Some(LIMIT), [others, guests].concat(), &[Held::Guests(10.0, 610.0)]);
        course.assert_honest(&[11.0, 20.0, 30.0, 100.0, 300.0, 600.0, 621.0]);
    }

    #[test]
    fn without_a_plan_nothing_is_told_before_anything_is_done() {
        let start = Instant::now();
        let mut eta = Eta::new(10, None, start);
        assert_eq!(eta.left(start), None);
        eta.see(0, start + FRAME);
        assert_eq!(eta.left(start + FRAME), None);
        let eta = Eta::new(10, Some(10.0), start);
        assert_eq!(eta.left(start), Some(Duration::from_secs(1)));
    }
}
