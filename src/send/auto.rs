//! `--rate auto`: finds the limit of a server that does not say it, keeps to it, and follows it. Pure.

mod counts;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use self::counts::Counts;
use super::rate::Rate;

/// A second: the window that is assumed until a refusal names a wait of two seconds or more.
const SECOND: Duration = Duration::from_secs(1);

/// The first rate, a second.
const START: f64 = 10.0;

/// The rate doubles in this time while the limit is sought.
const DOUBLING: f64 = 0.2;

/// While the limit is sought the rate is at most so many times what was taken in the last second.
const LEAD: f64 = 8.0;

const RECOVERY: f64 = 5.0;
const PATIENCE: f64 = 60.0;
const PATIENCE_MAX: f64 = 960.0;
const MARGIN: f64 = 0.98;
const CLIMB: f64 = 0.02;
const SLOWER: f64 = 2.0;
const FIRST: Duration = Duration::from_millis(980);
const LATE: Duration = Duration::from_millis(250);
const PLACES_MAX: f64 = 4096.0;

/// What is believed: so many in any window of the period.
#[derive(Debug, Clone, Copy)]
struct Limit {
    count: f64,
    period: Duration,
}

impl Limit {
    fn per_second(self) -> f64 {
        self.count / self.period.as_secs_f64()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// Faster and faster, until the first refusal.
    Seek,
    /// After a wait, until something is taken.
    Trial,
    Hold,
    /// Up from the limit again.
    Climb,
}

/// Refusals of requests that left before the wait they caused was over.
#[derive(Debug, Clone, Copy)]
struct Event {
    /// When the first of them left, and at what rate a second.
    left: Instant,
    rate: f64,
    at: Instant,
    until: Instant,
    refused: u32,
    /// Left later than the first refused one, and were taken.
    passed: u32,
}

/// Finds the limit.
#[derive(Debug)]
pub(super) struct Finder {
    zero: Instant, //TR
    limit: Limit,
    phase: Phase,
    /// Since when.
    since: Instant,
    /// When sending began, at first or after a wait, and what was taken from then on.
    began: Instant,
    taken: f64,
    first: f64,
    exact: bool,
    event: Option<Event>,
    /// When the first refused one of the event before left, and what was taken since.
    mark: Instant,
    marked: f64,
    counts: Counts,
    /// The greatest rate (a second) that was held for a while.
    best: f64,
    /// Climbs that ended in a refusal, one after another.
    failed: i32,
    /// Losses one after another.
    losses: i32,
    header: Option<u32>,
    doubling: f64,
    again: bool,
}

impl Finder {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            zero: now, //TR
            limit: Limit { count: START, period: SECOND },
            phase: Phase::Seek,
            since: now,
            began: now,
            taken: 0.0,
            first: 0.0,
            exact: false,
            event: None,
            mark: now,
            marked: 0.0,
            counts: Counts::new(now),
            best: 0.0,
            failed: 0,
            losses: 0,
            header: None,
            doubling: DOUBLING,
            again: false,
        }
    }

    /// The rate to keep now: at most `requests` in any window of `period`, spaced evenly inside that.
    pub(super) fn rate(&mut self, now: Instant) -> Rate {
        if let Some(event) = self.event
            && now >= event.until
            && self.phase != Phase::Trial
        {
            self.settle(event);
            self.enter(Phase::Trial, now);
        }
        if self.phase == Phase::Hold && (now - self.since).as_secs_f64() >= self.patience() {
            self.enter(Phase::Climb, now);
        }
        self.level(now).rate()
    }

    pub(super) fn taken(&mut self, left: Instant, now: Instant, limit: Option<u32>) {
        self.counts.add(left);
        if let Some(limit) = limit {
            self.heed(limit, now);
        }
        if self.phase == Phase::Trial && left >= self.since {
            self.mark = self.event.map_or(self.mark, |event| event.left);
            self.marked = self.event.map_or(0.0, |event| f64::from(event.passed));
            self.event = None;
            (self.began, self.taken, self.first) = (left, 0.0, 0.0);
            let again = std::mem::take(&mut self.again);
            self.enter(if again { Phase::Seek } else { Phase::Hold }, now);
        }
        self.marked += 1.0;
        match &mut self.event {
            Some(event) if now > event.at + LATE => {}
            Some(event) => {
                self.taken += 1.0;
                self.first += f64::from(u8::from(left <= event.left.max(self.began + FIRST)));
                event.passed += u32::from(left > event.left);
            }
            None => {
                self.taken += 1.0;
                self.first += f64::from(u8::from(left <= self.began + SECOND));
            }
        }
    }

    pub(super) fn refused(
        &mut self,
        left: Instant,
        now: Instant,
        named: Option<Duration>,
        limit: Option<u32>,
    ) -> Duration {
        if let Some(limit) = limit {
            self.heed(limit, now);
        }
        let named = named.unwrap_or_default();
        // A wait may be named up to a second too short; one that would be over in a second is waited in full.
        let wait = if named > SECOND { named + SECOND } else { SECOND };
        match &mut self.event {
            Some(event) if self.phase == Phase::Trial && left >= self.since => {
                // The wait was too short.
                let before = event.until - event.at;
                event.until = now + wait.max(before * 2);
                event.refused += 1;
                self.phase = Phase::Hold;
            }
            Some(event) => {
                event.refused += 1;
                if event.until > now {
                    event.until = event.until.max(left + wait);
                }
            }
            None if left < self.began => return Duration::ZERO,
            None => {
                let rate = self.level(left).per_second();
                self.event = Some(Event { left, rate, at: now, until: now + wait, refused: 1, passed: 0 });
            }
        }
        self.event.map_or(Duration::ZERO, |event| event.until.saturating_duration_since(now))
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
    }

    fn patience(&self) -> f64 {
        if self.limit.per_second() < 0.9 * self.best {
            (RECOVERY * 1.5_f64.powi(self.failed)).min(PATIENCE)
        } else {
            (PATIENCE * 2.0_f64.powi(self.failed.min(10))).min(PATIENCE_MAX)
        }
    }

    fn recent(&self, now: Instant) -> f64 {
        f64::from(self.counts.since(now.checked_sub(SECOND).unwrap_or(now)))
    }

    fn level(&self, now: Instant) -> Limit {
        let time = now.saturating_duration_since(self.since).as_secs_f64();
        let Limit { count, period } = self.limit;
        match self.phase {
            Phase::Seek => {
                let count = (count * (time / self.doubling).exp2()).min(START + LEAD * self.recent(now));
                Limit { count, period: SECOND }
            }
            Phase::Trial if period == SECOND => Limit { count: (count / 4.0).max(count.min(START)), period },
            Phase::Trial | Phase::Hold => self.limit,
            Phase::Climb => {
                let unit = (period.as_secs_f64() / 4.0).max(1.0);
                let best = self.best * period.as_secs_f64();
                let t = time / unit;
                let to = if best > 1.1 * count && t < 5.0 {
                    best - (best - count) * (1.0 - t / 5.0).powi(3)
                } else if best > 1.1 * count {
                    best * (1.0 + CLIMB * (t - 5.0).powi(3))
                } else {
                    count * (1.0 + CLIMB * t.powi(3))
                };
                Limit { count: to.min(100_000.0 * period.as_secs_f64()), period }
            }
        }
    }

    fn heed(&mut self, limit: u32, now: Instant) {
        let Some(before) = self.header.replace(limit) else {
            self.limit = Limit { count: f64::from(limit.max(1)), period: Duration::from_mins(1) };
            if self.phase == Phase::Seek {
                self.enter(Phase::Hold, now);
            }
            return;
        };
        if before != limit {
            self.limit.count *= f64::from(limit.max(1)) / f64::from(before.max(1));
            self.best = self.limit.per_second();
        }
    }

    /// The limit, by what a refusal tells.
    fn settle(&mut self, event: Event) {
        let age = event.left.saturating_duration_since(self.began);
        if std::env::var("TRACE").is_ok() { println!("  settle {:?} t={:?} age={age:?} taken={} r={:.0} k={} m={} limit={:.1}", self.phase, event.left-self.zero, self.taken, event.rate, event.passed, event.refused, self.limit.count); } //TR
        let wait = event.until - event.at;
        let held = self.phase == Phase::Hold && event.left.saturating_duration_since(self.since).as_secs_f64() > RECOVERY;
        if held {
            self.best = self.best.max(self.limit.per_second());
            self.losses = 0;
        }
        let climbed = self.phase == Phase::Climb;
        if wait > 2 * SECOND - Duration::from_millis(1) {
            let period = snapped(age + wait);
            if self.limit.period == SECOND || age + wait <= 2 * self.limit.period {
                self.limit = Limit { count: self.taken, period };
            } else if !climbed {
                self.limit.count *= MARGIN;
            }
            return;
        }
        let through = f64::from(event.passed) / f64::from(event.passed + event.refused) * event.rate;
        let last = f64::from(self.counts.since(event.left.checked_sub(SECOND).unwrap_or(event.left)));
        if self.limit.period > SECOND {
            if age <= SECOND && self.taken >= 3.0 {
                self.limit = Limit { count: self.taken, period: SECOND };
            } else if !climbed {
                self.limit.count *= MARGIN;
            }
            return;
        }
        let average = (self.marked) / event.left.saturating_duration_since(self.mark).as_secs_f64().max(0.1);
        let count = self.limit.count;
        if self.phase == Phase::Seek && self.doubling == DOUBLING && (event.refused <= 2 || through >= 0.95 * last) {
            self.doubling = SLOWER;
            self.again = true;
        }
        let slightly = (0.97 * count).min(last);
        let lowered = (count * (1.0 - 0.03 * 2.0_f64.powi(self.losses.min(4)))).max(average).min(slightly);
        let window = f64::from(self.counts.since(self.began + Duration::from_secs(age.as_secs())));
        let leaking = 3 * event.passed >= event.refused && event.passed + event.refused >= 6;
        let exact = self.exact;
        self.exact |= age <= SECOND;
        self.limit.count = match self.phase {
            Phase::Seek if self.again && event.passed + event.refused < 20 => last,
            Phase::Seek if self.again => last.max(0.8 * through),
            Phase::Seek if self.doubling > DOUBLING => last * MARGIN,
            Phase::Seek if age <= SECOND => self.first,
            Phase::Seek => last * MARGIN,
            Phase::Climb => count.max(MARGIN * last),
            _ if age <= SECOND => if leaking && age < 4 * SECOND / 5 { (1.04 * average).max(0.3 * count).min(lowered) } else { self.first },
            _ if age > 3 * SECOND => lowered,
            _ if window > 0.75 * count => window.min(lowered),
            _ if age < Duration::from_millis(1150) => slightly,
            _ if leaking && through > 0.7 * average || exact && self.losses > 0 => (1.04 * average).max(0.9 * through).max(0.5 * count).min(lowered),
            _ => lowered,
        }.max(1.0);
        if std::env::var("TRACE").is_ok() { println!("   -> {:.1} last={last} avg={average:.1} through={through:.1}", self.limit.count); } //TR
        if climbed { self.failed += 1; } else if self.phase != Phase::Seek { self.losses += 1; }
    }
}

impl Limit {
    fn rate(self) -> Rate {
        let parts = (self.count / PLACES_MAX).ceil().max(1.0);
        let requests = (self.count / parts) as u32;
        Rate { requests: NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN), period: self.period.div_f64(parts) }
    }
}

fn snapped(period: Duration) -> Duration {
    let seconds = period.as_secs_f64();
    for unit in [3600.0, 60.0, 10.0, 5.0] {
        let whole = (seconds / unit).round() * unit;
        if whole > 0.0 && (whole - seconds).abs() <= 2.0 {
            return Duration::from_secs_f64(whole);
        }
    }
    Duration::from_secs_f64(seconds.ceil())
}

#[cfg(test)]
mod servers;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
