//! Everything the progress shows, folded from events. Pure: the caller says what time it is.

use std::time::Instant;

use super::estimate::{Estimate, end_of};
use crate::model::{Event, GuestWait, StatusCounts, Wait};

/// The events so far.
#[derive(Debug, Default)]
pub(super) struct ProgressState {
    /// Rows read.
    pub(super) read: u64,
    /// What is listed, how many pages of it are read, and all of them; 0 while that is unknown.
    pub(super) pages: Option<(&'static str, u64, u64)>,
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
    pub(super) planned: Option<f64>,
}

impl ProgressState {
    /// Adds an event that happens now.
    pub(super) fn add(&mut self, event: Event, now: Instant) {
        if let Some(estimate) = &mut self.estimate {
            estimate.add(&event, now);
        }
        match event {
            Event::Read(rows) => self.read = rows,
            Event::Listed { what, page, pages } => self.pages = Some((what, page, pages)),
            Event::Started { is_deleting, done, total } => {
                self.is_deleting = is_deleting;
                let paused_until = self.pause.as_ref().map(|(until, _)| *until);
                self.estimate = Some(Estimate::new((done, total), self.planned, paused_until, now));
            }
            Event::Settled(status) => self.counts.add(status),
            Event::Resumed => self.pause = None,
            Event::Paused { time, why } => lengthen(&mut self.pause, end_of(time, now), why),
            Event::GuestsPaused { time, why } => lengthen(&mut self.guest_pause, end_of(time, now), why),
            Event::Rate(per_second) => self.planned = Some(per_second),
            Event::GuestsTake { .. } => {}
        }
    }
}

/// Several requests may report one wait.
fn lengthen<T>(wait: &mut Option<(Instant, T)>, until: Instant, why: T) {
    if wait.as_ref().is_none_or(|(before, _)| *before < until) {
        *wait = Some((until, why));
    }
}
