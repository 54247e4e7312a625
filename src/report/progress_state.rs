//! Everything the progress shows, folded from events. Pure: the caller says what time it is.

use std::time::{Duration, Instant};

use super::estimate::Estimate;
use crate::model::{Event, GuestWait, Status, StatusCounts, Undone, Wait};

/// A wait that is at least this long is reported when it begins.
const LONG: Duration = Duration::from_secs(10);

/// A wait of this length has no end.
const FOREVER: Duration = Duration::from_hours(24 * 365 * 100);

/// The events so far.
#[derive(Debug, Default)]
pub(super) struct ProgressState {
    /// Rows read.
    pub(super) read: u64,
    /// Pages of the list of groups that are read, and all of them; 0 while that is unknown.
    pub(super) pages: Option<(u64, u64)>,
    /// Whether groups are deleted, not created.
    pub(super) is_deleting: bool,
    pub(super) settled: StatusCounts<Status>,
    pub(super) undone: StatusCounts<Undone>,
    /// Since sending began.
    pub(super) estimate: Option<Estimate>,
    /// Until when nothing is sent.
    pub(super) pause: Option<(Instant, Wait)>,
    /// Until when no rows with guests are sent.
    pub(super) guest_pause: Option<(Instant, GuestWait)>,
    /// Rows per second, at most.
    planned: Option<f64>,
}

impl ProgressState {
    /// Adds an event that happens now. Tells whether a long wait begins.
    pub(super) fn add(&mut self, event: Event, now: Instant) -> bool {
        self.is_deleting |= matches!(event, Event::Deleting { .. });
        match event {
            Event::Read(rows) => self.read = rows,
            Event::Forecast(forecast) => self.planned = forecast.rows_per_second(),
            Event::Listed { page, pages } => self.pages = Some((page, pages)),
            Event::Sending { done, total } | Event::Deleting { done, total } => {
                let mut estimate = Estimate::new(done, total, self.planned, now);
                self.pause.iter().for_each(|(until, _)| estimate.pause(*until, now));
                self.estimate = Some(estimate);
            }
            Event::Settled(status) => {
                self.settled.add(status);
                self.estimate.iter_mut().for_each(|estimate| estimate.row_done(now));
            }
            Event::Undone(status) => {
                self.undone.add(status);
                self.estimate.iter_mut().for_each(|estimate| estimate.row_done(now));
            }
            Event::Resumed => {
                self.pause = None;
                self.estimate.iter_mut().for_each(|estimate| estimate.resume(now));
            }
            Event::Paused { time, why } => {
                let until = now + time.min(FOREVER);
                self.estimate.iter_mut().for_each(|estimate| estimate.pause(until, now));
                return lengthen(&mut self.pause, until, why, now);
            }
            Event::GuestsPaused { time, why } => {
                let until = now + time.min(FOREVER);
                return lengthen(&mut self.guest_pause, until, why, now);
            }
            Event::GuestsTake { rows, time } => {
                let until = now + time.min(FOREVER);
                self.estimate.iter_mut().for_each(|estimate| estimate.expect_guests(rows, until, now));
            }
            Event::Rate(per_second) => {
                self.planned = Some(per_second);
                self.estimate.iter_mut().for_each(|estimate| estimate.planned = Some(per_second));
            }
        }
        false
    }
}

/// Several requests may report one wait. Tells whether it became longer by a long time.
fn lengthen<T>(wait: &mut Option<(Instant, T)>, until: Instant, why: T, now: Instant) -> bool {
    let before = wait.as_ref().map(|(before, _)| *before);
    if before.is_none_or(|before| before < until) {
        *wait = Some((until, why));
    }
    until.saturating_duration_since(before.map_or(now, |before| before.max(now))) >= LONG
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_long_wait_is_reported_once_when_it_begins() {
        let (mut state, now) = (ProgressState::default(), Instant::now());
        let paused = |seconds: u32, why: Wait| Event::Paused { time: SECOND * seconds, why };
        let guests_paused = || Event::GuestsPaused { time: SECOND * 720, why: GuestWait::Capped };
        let mut is_long = |event: Event, at: u32| state.add(event, now + SECOND * at);
        assert!(!is_long(paused(4, Wait::Asked), 0));
        assert!(is_long(paused(30, Wait::Asked), 0));
        assert!(!is_long(paused(30, Wait::Asked), 1), "another worker reports it");
        assert!(is_long(paused(60, Wait::Asked), 2), "it became longer");
        assert!(!is_long(Event::Resumed, 3));
        assert!(is_long(paused(12, Wait::Down(String::new())), 4));
        assert!(is_long(guests_paused(), 5));
        assert!(!is_long(guests_paused(), 6));
    }
}
