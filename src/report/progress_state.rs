//! Everything the progress shows, folded from events. Pure: the caller says what time it is.

use std::time::{Duration, Instant};

use super::estimate::{Estimate, end_of};
use crate::model::{Event, GuestWait, StatusCounts, Wait};

/// A wait that is at least this long is reported when it begins.
const LONG: Duration = Duration::from_secs(10);

/// The events so far.
#[derive(Debug, Default)]
pub(super) struct ProgressState {
    /// Rows read.
    pub(super) read: u64,
    /// Pages of the list of groups that are read, and all of them; 0 while that is unknown.
    pub(super) pages: Option<(u64, u64)>,
    /// Whether groups are deleted, not created.
    pub(super) is_deleting: bool,
    /// The outcomes of this run.
    pub(super) counts: StatusCounts,
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
        if let Some(estimate) = &mut self.estimate {
            estimate.add(&event, now);
        }
        self.is_deleting |= matches!(event, Event::Deleting { .. });
        match event {
            Event::Read(rows) => self.read = rows,
            Event::Forecast(forecast) => {
                self.planned = forecast.rate.map(|(count, period)| f64::from(count) / period.as_secs_f64());
            }
            Event::Listed { page, pages } => self.pages = Some((page, pages)),
            Event::Sending { done, total } | Event::Deleting { done, total } => {
                let paused_until = self.pause.as_ref().map(|(until, _)| *until);
                self.estimate = Some(Estimate::new((done, total), self.planned, paused_until, now));
            }
            Event::Settled(status) => self.counts.add(status),
            Event::Resumed => self.pause = None,
            Event::Paused { time, why } => return lengthen(&mut self.pause, end_of(time, now), why, now),
            Event::GuestsPaused { time, why } => return lengthen(&mut self.guest_pause, end_of(time, now), why, now),
            Event::Rate(per_second) => self.planned = Some(per_second),
            Event::GuestsTake { .. } => {}
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
