//! Counts requests that are refused or fail one after another: how long everything pauses after a 429 or a refusal, and when the run
//! gives up. Pure.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::server_failure::{FailureKind, ServerFailure};
use crate::model::{StopReason, Wait};

/// Requests refused in a row that are more than an accident of one row.
const REFUSED: u32 = 5;
/// Rows failed in a row that prove the server to fail. Fewer may have a problem of their own: several rows of a file may hold
/// what a server cannot digest.
const FAILED: usize = 20;
/// A row that failed this often, with others accepted in between, has a problem of its own.
const AT_FAULT: u32 = 2;
/// The pause after a 429 that names none: bursts are throttled for a few seconds.
const PAUSE_UNNAMED: Duration = Duration::from_secs(5);
/// The first pause while the server takes nothing, and the longest.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct FailureStreaks {
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

impl FailureStreaks {
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

    /// A request that left at `left` to change the `subject` failed. `limit_pause` is how long everything waits for a limit that
    /// is to be found. Returns how long everything waits, and why, if it does; or why the run stops.
    pub(crate) fn failed(
        &mut self,
        is_write: bool,
        subject: u64,
        left: Instant,
        failure: ServerFailure,
        limit_pause: Option<Duration>,
        now: Instant,
    ) -> Result<Option<(Duration, Wait)>, StopReason> {
        let unnamed = (failure.kind == FailureKind::TooMany).then_some(PAUSE_UNNAMED);
        let pause = limit_pause.or(failure.named).or(unnamed);
        if !is_write && pause.is_none() {
            // It is repeated by itself.
            return Ok(None);
        }
        let pause = pause.unwrap_or_default();
        let streak = if is_write { &mut self.writes } else { &mut self.reads };
        if matches!(failure.kind, FailureKind::TooMany | FailureKind::Unable) {
            streak.refused = streak.refused.saturating_add(1);
        } else if self.suspects.get(&subject).is_none_or(|count| *count < AT_FAULT) {
            streak.failed.insert(subject);
        }
        let time = now.saturating_duration_since(*streak.since.get_or_insert(now));
        let is_of_all = streak.is_of_all();
        if pause.is_zero() && !is_of_all {
            return Ok(None);
        }
        let wait_left = self.longest.saturating_sub(time);
        // A pause of our own may be cut short; one that the server asks for may not.
        let is_asked = failure.named == Some(pause);
        if is_asked && (pause > self.longest || now.checked_add(pause).is_none()) {
            return Err(StopReason::PauseTooLong(pause));
        }
        if wait_left.is_zero() || is_asked && pause > wait_left {
            return Err(StopReason::Refusing { time, why: failure.why });
        }
        if streak.paused.is_none_or(|paused| left > paused) {
            streak.paused = Some(now);
            if is_of_all {
                streak.pause = (streak.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
            }
        }
        let pause = pause.max(streak.pause).min(wait_left);
        Ok(Some((pause, if failure.named == Some(pause) { Wait::Asked } else { Wait::Refused })))
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

    /// A failure of this kind that names this pause.
    fn failure(kind: FailureKind, pause: Option<u64>) -> ServerFailure {
        ServerFailure { kind, why: String::new(), named: pause.map(seconds) }
    }

    /// A write fails.
    fn fail(
        streaks: &mut FailureStreaks,
        subject: u64,
        (failure, pause): (&ServerFailure, u64),
        left: Instant,
        now: Instant,
    ) -> Result<Duration, StopReason> {
        streaks
            .failed(true, subject, left, failure.clone(), Some(seconds(pause)), now)
            .map(|pause| pause.map_or(Duration::ZERO, |(time, _)| time))
    }

    /// The pauses of a server that refuses everything, and how they end.
    fn pauses(longest: Duration, pause: u64, is_named: bool) -> (Vec<u64>, StopReason) {
        let (mut streaks, mut now, mut pauses) = (FailureStreaks::new(longest), Instant::now(), Vec::new());
        let failure = failure(FailureKind::TooMany, is_named.then_some(pause));
        loop {
            let left = now;
            now += Duration::from_millis(1);
            match fail(&mut streaks, 1, (&failure, pause), left, now) {
                Ok(pause) => {
                    pauses.push(pause.as_secs());
                    now += pause;
                }
                Err(reason) => return (pauses, reason),
            }
        }
    }

    #[test]
    fn everything_waits_where_the_server_names_a_time_or_gets_too_many_requests() {
        let wait = |is_write, kind, named| {
            let (now, mut streaks) = (Instant::now(), FailureStreaks::new(LONGEST));
            streaks.failed(is_write, 1, now, failure(kind, named), None, now).unwrap()
        };
        for is_write in [false, true] {
            for kind in [FailureKind::TooMany, FailureKind::Failing] {
                assert_eq!(wait(is_write, kind, Some(8)), Some((seconds(8), Wait::Asked)));
            }
            assert_eq!(wait(is_write, FailureKind::TooMany, None), Some((seconds(5), Wait::Refused)));
            assert_eq!(wait(is_write, FailureKind::Failing, None), None, "it may be chance");
        }
    }

    #[test]
    fn pauses_in_a_row_grow_and_end_with_the_longest_wait() {
        let (pauses, end) = pauses(LONGEST, 2, true);
        assert_eq!(pauses[..12], [2, 2, 2, 2, 2, 2, 4, 8, 16, 32, 60, 60]);
        let StopReason::Refusing { time, .. } = end else { panic!("{end:?}") };
        assert!((7139..=7200).contains(&time.as_secs()), "{time:?}");
    }

    #[test]
    fn one_pause_beyond_the_longest_wait_is_refused_at_once_where_the_server_named_it() {
        assert_eq!(pauses(seconds(60), 61, true), (vec![], StopReason::PauseTooLong(seconds(61))));
        assert_eq!(pauses(seconds(60), 60, true).0, [60]);
        let (pauses, end) = pauses(seconds(3), 5, false);
        assert_eq!(pauses[0], 3);
        assert!(matches!(end, StopReason::Refusing { .. }));
    }

    #[test]
    fn no_write_is_taken_when_some_in_a_row_were_refused_whatever_becomes_of_reads() {
        let (mut streaks, start) = (FailureStreaks::new(LONGEST), Instant::now());
        let failure = failure(FailureKind::Unable, None);
        for number in 0..8 {
            assert_eq!(streaks.refuses_writes(start), None);
            if number == 3 {
                streaks.succeeded(true);
            }
            fail(&mut streaks, 1, (&failure, 0), start, start).unwrap();
            streaks.succeeded(false);
        }
        assert_eq!(streaks.refuses_writes(start + seconds(9)), Some(seconds(9)));
        streaks.succeeded(true);
        assert_eq!(streaks.refuses_writes(start), None);
    }

    #[test]
    fn rows_that_fail_again_and_again_are_no_sign_that_all_do_unless_they_are_many() {
        let (mut streaks, now) = (FailureStreaks::new(LONGEST), Instant::now());
        let failure = failure(FailureKind::Failing, None);
        let all_fail = |streaks: &mut FailureStreaks, subjects: std::ops::Range<u64>| {
            let pauses = subjects.map(|subject| fail(streaks, subject, (&failure, 0), now, now).unwrap());
            pauses.last().is_some_and(|pause| !pause.is_zero()) && streaks.refuses_writes(now).is_some()
        };
        assert!((0..5).all(|_| !all_fail(&mut streaks, 0..19)));
        assert!(all_fail(&mut streaks, 19..20));
        // Others are taken, and they fail once more: so may all, after that.
        streaks.succeeded(true);
        assert!(all_fail(&mut streaks, 0..20));
        // Others are taken again: now it is their own fault.
        streaks.succeeded(true);
        assert!((0..5).all(|_| !all_fail(&mut streaks, 0..20)));
        assert!(all_fail(&mut streaks, 20..40), "now all fail");
    }

    #[test]
    fn refusals_of_what_left_before_the_pause_are_of_the_same_pause() {
        let (mut streaks, start) = (FailureStreaks::new(LONGEST), Instant::now());
        let failure = failure(FailureKind::TooMany, Some(2));
        for number in 0..100 {
            let now = start + Duration::from_millis(number);
            assert_eq!(fail(&mut streaks, 1, (&failure, 2), start, now), Ok(seconds(2)));
        }
    }

    #[test]
    fn what_succeeds_ends_the_pauses_but_no_read_ends_those_of_writes() {
        let (mut streaks, start) = (FailureStreaks::new(seconds(10)), Instant::now());
        let failure = failure(FailureKind::TooMany, None);
        let fail = |streaks: &mut FailureStreaks, is_write, after| {
            let failed = streaks.failed(is_write, 1, start, failure.clone(), None, start + seconds(after));
            failed.map(|pause| pause.map_or(Duration::ZERO, |(time, _)| time))
        };
        assert_eq!(fail(&mut streaks, false, 0), Ok(seconds(5)));
        streaks.succeeded(false);
        assert_eq!(fail(&mut streaks, false, 20), Ok(seconds(5)));
        assert_eq!(fail(&mut streaks, true, 20), Ok(seconds(5)));
        streaks.succeeded(false);
        let reason = StopReason::Refusing { time: seconds(11), why: String::new() };
        assert_eq!(fail(&mut streaks, true, 31), Err(reason));
        streaks.succeeded(true);
        assert_eq!(fail(&mut streaks, true, 40), Ok(seconds(5)));
    }
}
