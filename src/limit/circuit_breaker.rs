//! The circuit breaker: while the server fails for everyone, nothing is sent but one probe now and then. Pure.
//!
//! Closed: requests are sent. Open: nothing is. Half-open: one probe is in flight; any answer closes the circuit.

use std::time::{Duration, Instant};

use super::server_failure::{FailureKind, ServerFailure};
use super::window::Room;
use crate::model::StopReason;

/// This many failures in a row open it, of any rows. Where one request in five fails at random, that happens once in three
/// thousand requests and costs the first gap; and it is fewer than the attempts of a row.
const FAILURES: u32 = 5;
/// The first gap before a probe, and the longest.
const GAP_MIN: Duration = Duration::from_secs(1);
const GAP_MAX: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    /// How long it may be open.
    longest: Duration,
    /// Failures since the last answer; none before the first: a server that never answered is not down but wrong.
    failures: Option<u32>,
    /// Since when it is open.
    opened: Option<Instant>,
    /// When the next probe is due; none while one is in flight.
    pub(super) probe_at: Option<Instant>,
    gap: Duration,
}

impl CircuitBreaker {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, failures: None, opened: None, probe_at: None, gap: GAP_MIN }
    }

    /// The server answered.
    pub(crate) fn answered(&mut self) {
        (self.failures, self.opened, self.probe_at, self.gap) = (Some(0), None, None, GAP_MIN);
    }

    /// It did not, or only to say that it cannot; then it is there at least. Gives how long it is to the next probe, or why the run
    /// stops.
    pub(crate) fn failed(
        &mut self,
        failure: &ServerFailure,
        is_probe: bool,
        now: Instant,
    ) -> Result<Option<Duration>, StopReason> {
        if failure.kind != FailureKind::Unreachable {
            self.failures.get_or_insert(0);
        }
        let Some(failures) = &mut self.failures else { return Ok(None) };
        *failures += 1;
        // While it is open, requests that left before say nothing new.
        if *failures < FAILURES || self.is_open() && !is_probe {
            return Ok(None);
        }
        let time = now.duration_since(*self.opened.get_or_insert(now));
        let left = self.longest.saturating_sub(time);
        if left.is_zero() {
            return Err(StopReason::Down { time, why: failure.why.clone() });
        }
        let gap = self.gap.min(left);
        self.gap = (self.gap * 2).min(GAP_MAX);
        self.probe_at = Some(now + gap);
        Ok(Some(gap))
    }

    /// Whether nothing but a probe may leave.
    pub(crate) fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// If it is open: whether a probe may leave.
    pub(crate) fn room(&self, now: Instant) -> Room {
        if self.is_open() && self.probe_at.is_none_or(|probe_at| now < probe_at) { Err(self.probe_at) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_hours(2);

    fn failure(kind: FailureKind) -> ServerFailure {
        ServerFailure { kind, why: "503".to_owned(), named: None }
    }

    fn fails(breaker: &mut CircuitBreaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.failed(&failure(FailureKind::Unable), false, now).unwrap();
        }
    }

    /// The gaps until it was open for too long, in seconds.
    fn gaps(longest: u64) -> Vec<u64> {
        let (mut now, mut gaps, longest) = (Instant::now(), Vec::new(), Duration::from_secs(longest));
        let mut breaker = CircuitBreaker::new(longest);
        breaker.answered();
        fails(&mut breaker, FAILURES - 1, now);
        let reason = loop {
            match breaker.failed(&failure(FailureKind::Unable), breaker.is_open(), now) {
                Ok(gap) => gaps.push(gap.unwrap().as_secs()),
                Err(reason) => break reason,
            }
            fails(&mut breaker, 10, now);
            assert_eq!(breaker.room(now), Err(breaker.probe_at));
            now = breaker.probe_at.unwrap();
            assert_eq!(breaker.room(now), Ok(()));
            breaker.probe_at = None;
            assert_eq!(breaker.room(now), Err(None));
        };
        assert_eq!(reason, StopReason::Down { time: longest, why: "503".to_owned() });
        gaps
    }

    #[test]
    fn it_opens_after_some_failures_in_a_row() {
        let now = Instant::now();
        let mut breaker = CircuitBreaker::new(LONGEST);
        breaker.answered();
        for _ in 0..10 {
            fails(&mut breaker, FAILURES - 1, now);
            assert!(!breaker.is_open());
            breaker.answered();
        }
        fails(&mut breaker, FAILURES, now);
        assert!(breaker.is_open());
        breaker.answered();
        assert!(!breaker.is_open());
        assert_eq!(breaker.room(now), Ok(()));
    }

    #[test]
    fn a_server_that_never_answered_is_not_waited_for() {
        let mut breaker = CircuitBreaker::new(LONGEST);
        for _ in 0..100 {
            assert_eq!(breaker.failed(&failure(FailureKind::Unreachable), false, Instant::now()), Ok(None));
        }
        assert!(!breaker.is_open());
        fails(&mut breaker, FAILURES, Instant::now());
        assert!(breaker.is_open(), "it is there, and says that it cannot");
    }

    #[test]
    fn gaps_grow_to_a_minute_and_end_with_the_longest_wait() {
        assert_eq!(gaps(200), [1, 2, 4, 8, 16, 32, 60, 60, 17]);
        assert_eq!(gaps(0), [0; 0]);
    }
}
