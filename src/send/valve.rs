//! The safety valve: when the server fails for everyone, nothing is sent but one probe now and then. Pure.

use std::time::{Duration, Instant};

/// So many failures in a row, whoever sent: where one request in five fails at random, that is one run in three thousand,
/// and it costs the first gap; and it is fewer than a row's attempts.
const RUN: u32 = 5;
/// The first gap before a probe, and the longest.
const GAP_MIN: Duration = Duration::from_secs(1);
const GAP_MAX: Duration = Duration::from_mins(1);

/// Open while the server answers.
#[derive(Debug)]
pub(super) struct Valve {
    /// Failures since the last answer; none before the first: a server that never answered is not down but wrong.
    failures: Option<u32>,
    /// Answers since the last failure.
    answers: u32,
    /// The last failure, for a person.
    why: String,
    /// Since when it is closed.
    closed: Option<Instant>,
    gap: Duration,
}

/// What is to be done while it is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ValveCourse {
    /// Wait for so long, then probe.
    Probe(Duration, String),
    /// It has been closed for too long.
    GiveUp(Duration, String),
}

impl Default for Valve {
    fn default() -> Self {
        Self { failures: None, answers: 0, why: String::new(), closed: None, gap: GAP_MIN }
    }
}

impl Valve {
    /// The server answered.
    pub(super) fn answered(&mut self) {
        self.failures = Some(0);
        self.closed = None;
        self.answers = self.answers.saturating_add(1);
        // One lucky answer is no recovery: a server that goes on failing is asked less and less often.
        if self.answers >= RUN {
            self.gap = GAP_MIN;
        }
    }

    /// It did not, or only to say that it cannot; then it is there at least.
    pub(super) fn failed(&mut self, why: String, is_there: bool, now: Instant) {
        if is_there {
            self.failures.get_or_insert(0);
        }
        let Some(failures) = &mut self.failures else { return };
        *failures += 1;
        self.answers = 0;
        self.why = why;
        if *failures >= RUN && self.closed.is_none() {
            self.closed = Some(now);
        }
    }

    /// Whether nothing but a probe may leave.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// What is to be done now, if it is closed; it may be closed for `longest`.
    pub(super) fn course(&mut self, longest: Duration, now: Instant) -> Option<ValveCourse> {
        let passed = now.duration_since(self.closed?);
        let left = longest.saturating_sub(passed);
        if left.is_zero() {
            return Some(ValveCourse::GiveUp(passed, self.why.clone()));
        }
        let gap = self.gap.min(left);
        self.gap = (self.gap * 2).min(GAP_MAX);
        Some(ValveCourse::Probe(gap, self.why.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_hours(2);

    fn fails(valve: &mut Valve, times: u32, now: Instant) {
        for _ in 0..times {
            valve.failed("503".to_owned(), true, now);
        }
    }

    /// The gaps until the end, in seconds.
    fn gaps(valve: &mut Valve, longest: u64, mut now: Instant) -> Vec<u64> {
        let mut gaps = Vec::new();
        loop {
            match valve.course(Duration::from_secs(longest), now) {
                Some(ValveCourse::Probe(gap, _)) => {
                    gaps.push(gap.as_secs());
                    now += gap;
                    valve.failed("503".to_owned(), true, now);
                }
                Some(ValveCourse::GiveUp(..)) | None => return gaps,
            }
        }
    }

    #[test]
    fn it_closes_after_a_run_of_failures_that_no_answer_breaks() {
        let now = Instant::now();
        let mut valve = Valve::default();
        valve.answered();
        for _ in 0..10 {
            fails(&mut valve, RUN - 1, now);
            assert!(!valve.is_closed());
            valve.answered();
        }
        fails(&mut valve, RUN, now);
        assert!(valve.is_closed());
        valve.answered();
        assert!(!valve.is_closed());
        assert_eq!(valve.course(LONGEST, now), None);
    }

    #[test]
    fn a_server_that_never_answered_is_not_waited_for() {
        let mut valve = Valve::default();
        for _ in 0..100 {
            valve.failed("connection refused".to_owned(), false, Instant::now());
        }
        assert!(!valve.is_closed());
        fails(&mut valve, RUN, Instant::now());
        assert!(valve.is_closed(), "it is there, and says that it cannot");
    }

    #[test]
    fn gaps_grow_to_a_minute_and_end_with_the_longest_wait() {
        let now = Instant::now();
        let mut valve = Valve::default();
        valve.answered();
        fails(&mut valve, RUN, now);
        assert_eq!(gaps(&mut valve, 200, now), [1, 2, 4, 8, 16, 32, 60, 60, 17]);
        let mut valve = Valve::default();
        valve.answered();
        fails(&mut valve, RUN, now);
        assert_eq!(gaps(&mut valve, 0, now), [0; 0]);
    }

    #[test]
    fn gaps_go_on_growing_until_the_server_has_recovered() {
        let now = Instant::now();
        let mut valve = Valve::default();
        valve.answered();
        fails(&mut valve, RUN, now);
        assert_eq!(gaps(&mut valve, 10, now), [1, 2, 4, 3]);
        valve.answered();
        fails(&mut valve, RUN, now);
        assert_eq!(gaps(&mut valve, 20, now), [16, 4]);
        for _ in 0..RUN {
            valve.answered();
        }
        fails(&mut valve, RUN, now);
        assert_eq!(gaps(&mut valve, 1, now), [1]);
    }
}
