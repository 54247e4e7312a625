//! `--rate auto`: finds the limit of a server that does not say it, keeps to it, and follows it. Pure.
//!
//! First the rate is doubled, again and again, until a request is refused (seek); what was taken until then is the limit, or
//! near it ([`evidence`]). After the wait a few go ahead (trial), then the limit is kept (hold) for a long time before
//! the rate grows again, slowly at first (climb): sooner if more was held before, for others may have used it in between.
//!
//! The figures in the comments are of the simulation in the tests.

mod counts;
mod course;
mod evidence;
mod header;

use std::time::{Duration, Instant};

use self::counts::Counts;
use self::evidence::{Evidence, Limit};
pub(super) use self::header::Header;
use super::rate::Rate;

/// The window that is assumed until the server shows that it is longer, and the shortest wait.
const SECOND: Duration = Duration::from_secs(1);

/// No run waits longer: nothing is learned from it.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// The first rate, a second: what the API documents.
const START: f64 = 10.0;

/// In a window of a second that began with the first request, more may be taken from here on, as the first ones go out of it.
const FIRST: Duration = Duration::from_millis(980);

/// Answers that come later than that (and than a round trip) after the first refusal are not heeded: what they tell of was
/// slow on its way there, and may have been taken after the window.
const LATE: Duration = Duration::from_millis(250);

/// How long less than the best is held before more is tried; also how long a rate must be held to be the best.
const RECOVERY: Duration = Duration::from_secs(6);

/// So often more is tried before the best is given up.
const RECOVERIES: i32 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Faster and faster, until the first refusal.
    Seek,
    /// What a header counts is looked at.
    Look,
    /// As in seek, but slowly.
    Creep,
    /// After a wait, until something is taken.
    Trial,
    /// The limit.
    Hold,
    /// More and more than the limit.
    Climb,
}

/// Refusals of requests that left before the wait they caused was over.
#[derive(Debug, Clone, Copy)]
struct AutoEvent {
    /// When the first of them left, and at what rate a second.
    left: Instant,
    rate: f64,
    /// When it was answered, and when the wait is over.
    at: Instant,
    until: Instant,
    refused: u32,
    /// Left later than the first refused one, and were taken.
    passed: u32,
}

/// Finds the limit.
#[derive(Debug)]
pub(super) struct Finder {
    limit: Limit,
    /// Whether a refusal was ever seen: what a header says may be of another period.
    is_confirmed: bool,
    /// Whether the limit was counted from the start of a window.
    is_exact: bool,
    phase: Phase,
    /// When the phase began, and what had been taken by then.
    since: Instant,
    taken_before: u32,
    /// What comes after the trial.
    next: Phase,
    /// When sending began, at first or after a wait, and how many of what left since were taken.
    began: Instant,
    taken: u32,
    /// Of those, the ones within a second of the first.
    first: u32,
    event: Option<AutoEvent>,
    /// When the first refused request of the event before left, and what was taken since.
    mark: Instant,
    marked: u32,
    counts: Counts,
    /// The greatest rate (a second) that was held for a while.
    best: f64,
    /// The rate (a second) from which it was climbed last.
    base: f64,
    /// Climbs that ended in a refusal and left nothing that could be held.
    failed: i32,
    /// Refusals while holding, one after another.
    losses: i32,
    header: Option<u32>,
    /// When the first request left whose answer had one.
    first_left: Option<Instant>,
    /// When a header last told what remains.
    told_at: Option<Instant>,
}

impl Finder {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            limit: Limit { count: START, period: SECOND },
            is_confirmed: false,
            is_exact: false,
            phase: Phase::Seek,
            since: now,
            taken_before: 0,
            next: Phase::Hold,
            began: now,
            taken: 0,
            first: 0,
            event: None,
            mark: now,
            marked: 0,
            counts: Counts::new(now),
            best: 0.0,
            base: 0.0,
            failed: 0,
            losses: 0,
            header: None,
            first_left: None,
            told_at: None,
        }
    }

    /// The limit was found a moment ago, by a run before this one.
    pub(super) fn found_before(rate: Rate, now: Instant) -> Self {
        let limit = Limit { count: rate.requests.get().into(), period: rate.period };
        Self { limit, is_confirmed: true, phase: Phase::Hold, ..Self::new(now) }
    }

    /// The limit that refusals showed; where headers tell it, they will again.
    pub(super) fn found(&self) -> Option<Rate> {
        (self.is_confirmed && self.header.is_none()).then(|| self.limit.rate())
    }

    /// The rate to keep now: at most `requests` in any window of `period`, spaced evenly inside that.
    pub(super) fn rate(&mut self, now: Instant) -> Rate {
        match self.event {
            None => self.advance(now),
            Some(event) if now >= event.until && self.phase != Phase::Trial => {
                self.settle(event);
                self.enter(Phase::Trial, now);
            }
            Some(_) => {}
        }
        self.level(now).rate()
    }

    /// The rate to be expected, once the limit is known or told.
    pub(super) fn expected(&self, now: Instant) -> Option<Rate> {
        match self.event {
            Some(event) if self.phase != Phase::Trial => Some(self.evidence(event).limit().rate()),
            Some(_) => Some(self.limit.rate()),
            None => (self.is_confirmed || self.header.is_some()).then(|| self.level(now).rate()),
        }
    }

    /// A request that left at `left` was taken, or its answer was lost.
    pub(super) fn taken(&mut self, left: Instant, now: Instant, header: Option<Header>) {
        self.counts.add(left);
        self.heed(header, left, now);
        if self.phase == Phase::Trial && left >= self.since {
            self.begin(left, now);
        }
        self.marked = self.marked.saturating_add(1);
        let mut first_until = self.began + SECOND;
        if let Some(event) = &mut self.event {
            if now > event.at + LATE.max((event.at - event.left) * 5 / 4) {
                return;
            }
            event.passed += u32::from(left > event.left);
            first_until = event.left.max(self.began + FIRST);
        }
        self.taken = self.taken.saturating_add(1);
        self.first += u32::from(left <= first_until);
    }

    /// A request that left at `left` was refused for its pace. `named` is `Retry-After`, which may be up to a second short. Gives how long everybody is to wait from now.
    pub(super) fn refused(
        &mut self,
        left: Instant,
        now: Instant,
        named: Option<Duration>,
        header: Option<Header>,
    ) -> Duration {
        self.heed(header, left, now);
        // In a second, a window of a second has passed, whatever is named; a longer one has a second to spare.
        let wait = named.filter(|named| *named > SECOND).map_or(SECOND, |named| named.saturating_add(SECOND));
        if wait > WAIT_MAX {
            return wait;
        }
        match &mut self.event {
            Some(event) if self.phase == Phase::Trial && left >= self.since => {
                // It was too short: half as long again, so that an unnamed period is found no more than that too long.
                event.until = now + wait.max((now - event.at) * 3 / 2);
                self.phase = Phase::Hold;
            }
            Some(event) => {
                event.refused += 1;
                // What was refused at once but told late is not waited for again.
                event.until = event.until.max(left + wait);
            }
            None if left < self.began => {}
            None => {
                let rate = self.level(left).per_second();
                self.event = Some(AutoEvent { left, rate, at: now, until: now + wait, refused: 1, passed: 0 });
            }
        }
        self.event.map_or(Duration::ZERO, |event| event.until.saturating_duration_since(now))
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
        self.taken_before = self.taken;
    }

    /// The wait was long enough: what left at `left` was taken.
    fn begin(&mut self, left: Instant, now: Instant) {
        if let Some(event) = self.event.take() {
            (self.mark, self.marked) = (event.left, event.passed);
        }
        (self.began, self.taken, self.first) = (left, 0, 0);
        self.enter(self.next, now);
    }

    /// The limit, by what the event tells.
    fn settle(&mut self, event: AutoEvent) {
        let held = event.left.saturating_duration_since(self.since);
        if self.phase == Phase::Hold && held > RECOVERY {
            self.best = self.best.max(self.limit.per_second());
            self.losses = 0;
        }
        let evidence = self.evidence(event);
        let was_below_best = self.is_below_best();
        self.limit = evidence.limit();
        self.is_exact |= evidence.counts_exactly();
        self.is_confirmed = true;
        self.next = if evidence.is_too_low() { Phase::Creep } else { Phase::Hold };
        match self.phase {
            Phase::Climb => self.failed += 1,
            Phase::Trial | Phase::Hold => self.losses += 1,
            Phase::Seek | Phase::Look | Phase::Creep => {}
        }
        if self.is_below_best() && !was_below_best {
            self.failed = 0;
        } else if self.is_below_best() && self.failed >= RECOVERIES {
            (self.best, self.failed) = (0.0, 0);
        }
    }

    fn evidence(&self, event: AutoEvent) -> Evidence {
        let age = event.left.saturating_duration_since(self.began);
        let counted = |from: Option<Instant>| f64::from(self.counts.since(from.unwrap_or(self.began)));
        let average = |count: u32, from: Instant| {
            let time = event.left.saturating_duration_since(from).max(SECOND / 10);
            f64::from(count) / time.as_secs_f64()
        };
        Evidence {
            limit: self.limit,
            phase: self.phase,
            age,
            wait: event.until - event.at,
            rate: event.rate,
            taken: f64::from(self.taken),
            first: f64::from(self.first),
            last: counted(event.left.checked_sub(SECOND)),
            newest: counted(self.began.checked_add(Duration::from_secs(age.as_secs()))),
            average: average(self.marked, self.mark),
            climbed: average(self.taken.saturating_sub(self.taken_before), self.since),
            refused: event.refused,
            passed: event.passed,
            losses: self.losses,
            is_confirmed: self.is_confirmed,
            is_exact: self.is_exact,
        }
    }
}

#[cfg(test)]
mod tests;
