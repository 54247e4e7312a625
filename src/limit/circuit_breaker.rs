//! The circuit breaker: while the server fails for everyone, nothing is sent but one probe now and then. Pure.
//!
//! Closed: requests are sent. Open: nothing is. Half-open: one probe is in flight; any answer closes the circuit.

use std::time::{Duration, Instant};

/// This many failures in a row open it, of any rows. Where one request in five fails at random, that happens once in three
/// thousand requests and costs the first gap; and it is fewer than the attempts of a row.
const FAILURES: u32 = 5;
/// The first gap before a probe, and the longest.
const GAP_MIN: Duration = Duration::from_secs(1);
const GAP_MAX: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    /// Failures since the last answer; none before the first: a server that never answered is not down but wrong.
    failures: Option<u32>,
    /// The last failure, for a person.
    why: String,
    /// Since when it is open.
    opened: Option<Instant>,
    gap: Duration,
}

/// What to do while it is open, and the last failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Probing {
    /// Send a probe after this time.
    After(Duration, String),
    /// It has been open for too long.
    GiveUp(Duration, String),
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self { failures: None, why: String::new(), opened: None, gap: GAP_MIN }
    }
}

impl CircuitBreaker {
    /// The server answered.
    pub(crate) fn answered(&mut self) {
        self.failures = Some(0);
        self.opened = None;
        self.gap = GAP_MIN;
    }

    /// It did not, or only to say that it cannot; then it is there at least.
    pub(crate) fn failed(&mut self, why: String, is_there: bool, now: Instant) {
        if is_there {
            self.failures.get_or_insert(0);
        }
        let Some(failures) = &mut self.failures else { return };
        *failures += 1;
        self.why = why;
        if *failures >= FAILURES && self.opened.is_none() {
            self.opened = Some(now);
        }
    }

    /// Whether nothing but a probe may leave.
    pub(crate) fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// What to do now, if it is open; it may be open for `longest`.
    pub(crate) fn probing(&mut self, longest: Duration, now: Instant) -> Option<Probing> {
        let passed = now.duration_since(self.opened?);
        let left = longest.saturating_sub(passed);
        if left.is_zero() {
            return Some(Probing::GiveUp(passed, self.why.clone()));
        }
        let gap = self.gap.min(left);
        self.gap = (self.gap * 2).min(GAP_MAX);
        Some(Probing::After(gap, self.why.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_hours(2);

    fn fails(breaker: &mut CircuitBreaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.failed("503".to_owned(), true, now);
        }
    }

    /// The gaps until the end, in seconds.
    fn gaps(breaker: &mut CircuitBreaker, longest: u64, mut now: Instant) -> Vec<u64> {
        let mut gaps = Vec::new();
        loop {
            match breaker.probing(Duration::from_secs(longest), now) {
                Some(Probing::After(gap, _)) => {
                    gaps.push(gap.as_secs());
                    now += gap;
                    breaker.failed("503".to_owned(), true, now);
                }
                Some(Probing::GiveUp(..)) | None => return gaps,
            }
        }
    }

    #[test]
    fn it_opens_after_some_failures_in_a_row() {
        let now = Instant::now();
        let mut breaker = CircuitBreaker::default();
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
        assert_eq!(breaker.probing(LONGEST, now), None);
    }

    #[test]
    fn a_server_that_never_answered_is_not_waited_for() {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..100 {
            breaker.failed("connection refused".to_owned(), false, Instant::now());
        }
        assert!(!breaker.is_open());
        fails(&mut breaker, FAILURES, Instant::now());
        assert!(breaker.is_open(), "it is there, and says that it cannot");
    }

    #[test]
    fn gaps_grow_to_a_minute_and_end_with_the_longest_wait() {
        let now = Instant::now();
        let mut breaker = CircuitBreaker::default();
        breaker.answered();
        fails(&mut breaker, FAILURES, now);
        assert_eq!(gaps(&mut breaker, 200, now), [1, 2, 4, 8, 16, 32, 60, 60, 17]);
        let mut breaker = CircuitBreaker::default();
        breaker.answered();
        fails(&mut breaker, FAILURES, now);
        assert_eq!(gaps(&mut breaker, 0, now), [0; 0]);
    }
}
