//! Counts requests that fail one after another: whether the server takes no writes at all, how long everything backs off, and when
//! the run gives up. Pure.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Requests refused in a row that are more than an accident of one row.
const REFUSED: u32 = 5;
/// Rows failed in a row that prove the server to fail. Fewer may have a problem of their own: several rows of a file may hold
/// what a server cannot digest.
const FAILED: usize = 20;
/// A row that failed this often, with others accepted in between, has a problem of its own.
const AT_FAULT: u32 = 2;
/// The first pause while the server takes nothing, and the longest.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Failures {
    longest: Duration,
    reads: Streak,
    writes: Streak,
    /// What failed, and how often others were accepted after that.
    suspects: HashMap<u64, u32>,
}

/// Requests that failed since the last one that succeeded.
#[derive(Debug, Default)]
struct Streak {
    since: Option<Instant>,
    /// Those that the server refused because it accepts no request now.
    refused: u32,
    /// What the others were to change.
    failed: HashSet<u64>,
    /// The shortest pause: zero until they are too many to be chance.
    pause: Duration,
    /// When the last pause began: what left before it failed for the same reason.
    paused: Option<Instant>,
}

/// A request that failed for now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedRequest {
    pub(crate) is_write: bool,
    /// What it was to change.
    pub(crate) subject: u64,
    /// Whether the server refused it for a reason that is not its own.
    pub(crate) is_refusal: bool,
    pub(crate) left: Instant,
    /// How long everything waits because of it, at least; zero if nothing does.
    pub(crate) pause: Duration,
    /// Whether the server named that time.
    pub(crate) is_named: bool,
}

/// The server would have everything wait for longer than the user allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooLong {
    /// In one pause, of this length.
    Pause(Duration),
    /// In all pauses since the last request that succeeded, for so long by now.
    InAll(Duration),
}

impl Failures {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, reads: Streak::default(), writes: Streak::default(), suspects: HashMap::new() }
    }

    /// A request succeeded. A read says nothing about writes.
    pub(crate) fn succeeded(&mut self, is_write: bool) {
        self.reads = Streak::default();
        if is_write {
            for failed in std::mem::take(&mut self.writes).failed {
                *self.suspects.entry(failed).or_default() += 1;
            }
        }
    }

    /// For how long no write has succeeded, if that is neither chance nor the fault of some rows.
    pub(crate) fn refuses_writes(&self, now: Instant) -> Option<Duration> {
        let since = self.writes.since.filter(|_| self.writes.is_of_all())?;
        Some(now.saturating_duration_since(since))
    }

    /// A request failed; returns how long everything waits.
    pub(crate) fn failed(&mut self, failure: FailedRequest, now: Instant) -> Result<Duration, TooLong> {
        let FailedRequest { subject, pause, is_named, .. } = failure;
        let streak = if failure.is_write { &mut self.writes } else { &mut self.reads };
        if failure.is_refusal {
            streak.refused = streak.refused.saturating_add(1);
        } else if self.suspects.get(&subject).is_none_or(|count| *count < AT_FAULT) {
            streak.failed.insert(subject);
        }
        let passed = now.saturating_duration_since(*streak.since.get_or_insert(now));
        let is_of_all = streak.is_of_all();
        if pause.is_zero() && !is_of_all {
            return Ok(Duration::ZERO);
        }
        let left = self.longest.saturating_sub(passed);
        if is_named && pause > self.longest {
            return Err(TooLong::Pause(pause));
        }
        if left.is_zero() || is_named && pause > left {
            return Err(TooLong::InAll(passed));
        }
        if streak.paused.is_none_or(|paused| failure.left > paused) {
            streak.paused = Some(now);
            if is_of_all {
                streak.pause = (streak.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
            }
        }
        Ok(pause.max(streak.pause).min(left))
    }
}

impl Streak {
    /// Whether the server takes nothing, as far as this shows.
    fn is_of_all(&self) -> bool {
        self.refused >= REFUSED || self.failed.len() >= FAILED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_hours(2);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A write that is refused.
    fn refused(pause: u64, is_named: bool, left: Instant) -> FailedRequest {
        FailedRequest { is_write: true, subject: 1, is_refusal: true, left, pause: seconds(pause), is_named }
    }

    /// A write that fails for a reason that may be its own.
    fn failed(subject: u64, left: Instant) -> FailedRequest {
        FailedRequest { subject, is_refusal: false, ..refused(0, false, left) }
    }

    /// The pauses of a server that refuses everything, and how they end.
    fn pauses(longest: Duration, pause: u64, is_named: bool) -> (Vec<u64>, TooLong) {
        let (mut failures, mut now, mut pauses) = (Failures::new(longest), Instant::now(), Vec::new());
        loop {
            let left = now;
            now += Duration::from_millis(1);
            match failures.failed(refused(pause, is_named, left), now) {
                Ok(pause) => {
                    pauses.push(pause.as_secs());
                    now += pause;
                }
                Err(too_long) => return (pauses, too_long),
            }
        }
    }

    #[test]
    fn pauses_in_a_row_grow_and_end_with_the_longest_wait() {
        let (pauses, end) = pauses(LONGEST, 2, true);
        assert_eq!(pauses[..12], [2, 2, 2, 2, 2, 2, 4, 8, 16, 32, 60, 60]);
        let TooLong::InAll(time) = end else { panic!("{end:?}") };
        assert!((7139..=7200).contains(&time.as_secs()), "{time:?}");
    }

    #[test]
    fn one_pause_beyond_the_longest_wait_is_refused_at_once_where_the_server_named_it() {
        assert_eq!(pauses(seconds(60), 61, true), (vec![], TooLong::Pause(seconds(61))));
        assert_eq!(pauses(seconds(60), 60, true).0, [60]);
        let (pauses, end) = pauses(seconds(3), 5, false);
        assert_eq!(pauses[0], 3);
        assert!(matches!(end, TooLong::InAll(_)));
    }

    #[test]
    fn no_write_is_taken_when_some_in_a_row_were_refused_whatever_becomes_of_reads() {
        let (mut failures, start) = (Failures::new(LONGEST), Instant::now());
        for number in 0..8 {
            assert_eq!(failures.refuses_writes(start), None);
            if number == 3 {
                failures.succeeded(true);
            }
            failures.failed(refused(0, false, start), start).unwrap();
            failures.succeeded(false);
        }
        assert_eq!(failures.refuses_writes(start + seconds(9)), Some(seconds(9)));
        failures.succeeded(true);
        assert_eq!(failures.refuses_writes(start), None);
    }

    #[test]
    fn rows_that_fail_again_and_again_are_no_sign_that_all_do_unless_they_are_many() {
        let (mut failures, now) = (Failures::new(LONGEST), Instant::now());
        let fail = |failures: &mut Failures, subjects: std::ops::Range<u64>| {
            let pauses = subjects.map(|subject| failures.failed(failed(subject, now), now).unwrap());
            pauses.last().is_some_and(|pause| !pause.is_zero()) && failures.refuses_writes(now).is_some()
        };
        assert!((0..5).all(|_| !fail(&mut failures, 0..19)));
        assert!(fail(&mut failures, 19..20));
        // Others are taken, and they fail once more: so may all, after that.
        failures.succeeded(true);
        assert!(fail(&mut failures, 0..20));
        // Others are taken again: now it is their own fault.
        failures.succeeded(true);
        assert!((0..5).all(|_| !fail(&mut failures, 0..20)));
        assert!(fail(&mut failures, 20..40), "now all fail");
    }

    #[test]
    fn refusals_of_what_left_before_the_pause_are_of_the_same_pause() {
        let (mut failures, start) = (Failures::new(LONGEST), Instant::now());
        for number in 0..100 {
            let now = start + Duration::from_millis(number);
            assert_eq!(failures.failed(refused(2, true, start), now), Ok(seconds(2)));
        }
    }

    #[test]
    fn what_succeeds_ends_the_pauses_but_no_read_ends_those_of_writes() {
        let (mut failures, start) = (Failures::new(seconds(10)), Instant::now());
        let write = refused(5, false, start);
        let read = FailedRequest { is_write: false, ..write };
        assert_eq!(failures.failed(read, start), Ok(seconds(5)));
        failures.succeeded(false);
        assert_eq!(failures.failed(read, start + seconds(20)), Ok(seconds(5)));
        assert_eq!(failures.failed(write, start + seconds(20)), Ok(seconds(5)));
        failures.succeeded(false);
        assert_eq!(failures.failed(write, start + seconds(31)), Err(TooLong::InAll(seconds(11))));
        failures.succeeded(true);
        assert_eq!(failures.failed(write, start + seconds(40)), Ok(seconds(5)));
    }
}
