//! What the server tells of its limit, and what it does not tell: the period.

use std::time::{Duration, Instant};

use super::super::stated::MINUTE;
use super::evidence::Limit;
use super::{Finder, Phase, SECOND, START};

/// How long to look whether it counts a second: that long, and a slow answer.
const LOOK: Duration = Duration::from_millis(1400);

/// `X-RateLimit-Limit` and `-Remaining` of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::send) struct Header {
    pub(in crate::send) limit: u32,
    pub(in crate::send) remaining: Option<u32>,
    /// The period of the limit, or a longer one.
    pub(in crate::send) period: Duration,
    /// How many of ours had been answered when the request left.
    pub(in crate::send) before: u64,
    /// How many of ours a window of a second may count at most, if more were sent by a run before this one.
    pub(in crate::send) recent: Option<u64>,
}

impl Header {
    /// Whether what an earlier run sent is counted still: then the period is a long one, and maybe hardly anything remains
    /// to look with.
    fn remembers(self) -> bool {
        let counted = |remaining: u32| u64::from(self.limit.saturating_sub(remaining));
        self.remaining.zip(self.recent).is_some_and(|(remaining, recent)| counted(remaining) > recent)
    }

    /// Whether some of ours are not counted any more: the period is shorter than the time since the first of them left.
    fn has_forgotten(self) -> bool {
        self.remaining.is_some_and(|remaining| u64::from(self.limit.saturating_sub(remaining)) <= self.before)
    }
}

impl Finder {
    /// A header is believed as long as nothing was refused. What it counts is seen from what it forgets, if it tells
    /// what remains: requests follow one another evenly, so that the first is forgotten a period after it left. Until
    /// that is seen it is taken for one of a minute, which is what the API's own counts. If it tells no more than the limit,
    /// and is of a shorter period, that is too slow until the first climb, a minute later, which then is a fast one; to
    /// try sooner would be to break a limit that the server has stated. After a refusal only its changes count, in proportion.
    pub(super) fn heed(&mut self, header: Option<Header>, left: Instant, now: Instant) {
        let Some(header) = header.filter(|header| header.limit > 0) else { return };
        let count = f64::from(header.limit);
        self.told_at = header.remaining.map(|_| now).or(self.told_at);
        let first = *self.first_left.get_or_insert(left);
        let age = left.saturating_duration_since(first);
        match self.header.replace(header.limit) {
            None if self.phase == Phase::Seek && self.event.is_none() => {
                let (phase, limit) = match header.remaining {
                    // Not all that it allows is spent on looking.
                    Some(_) if !header.remembers() => {
                        (Phase::Look, Limit { count: START.min(count / 2.0), period: SECOND })
                    }
                    _ => (Phase::Hold, Limit { count, period: MINUTE }),
                };
                self.limit = limit;
                self.enter(phase, now);
            }
            Some(before) if before != header.limit => {
                let ratio = count / f64::from(before);
                self.limit.count *= ratio;
                self.best *= ratio;
            }
            Some(_) if self.phase == Phase::Look && header.has_forgotten() => {
                self.limit = Limit { count, period: SECOND * u32::try_from(age.as_secs().max(1)).unwrap_or(u32::MAX) };
                self.enter(Phase::Hold, now);
            }
            Some(_) if self.is_of_header() && header.period < self.limit.period => {
                self.limit = Limit { count, period: header.period };
                self.enter(Phase::Hold, now);
            }
            Some(_) if self.phase == Phase::Look && age >= LOOK => {
                self.limit = Limit { count, period: MINUTE };
                self.enter(Phase::Hold, now);
            }
            _ => {}
        }
    }

    /// Whether more than the limit would be more than the server states, as it always was right so far.
    pub(super) fn is_told(&self, now: Instant) -> bool {
        !self.is_confirmed && self.told_at.is_some_and(|at| now.saturating_duration_since(at) < MINUTE)
    }

    fn is_of_header(&self) -> bool {
        !self.is_confirmed && self.event.is_none() && matches!(self.phase, Phase::Look | Phase::Hold)
    }
}
