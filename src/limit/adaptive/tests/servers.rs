//! Servers that keep a limit, each in its own way, for the simulation. They know nothing of `Window`.

use std::collections::VecDeque;
use std::time::Duration;

/// How a server counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// At most this many in any window.
    Rolling,
    /// A window begins with the first request after the last one's end.
    Fixed,
    /// A bucket that leaks the limit evenly and holds this part of it.
    Leaky(f64),
}

/// A server with a limit of `most` a `period` (seconds); moments are seconds since the start.
pub(super) struct Server {
    kind: Kind,
    pub(super) most: u32,
    period: f64,
    /// When those of the window were taken, the oldest first.
    seen: VecDeque<f64>,
    /// When the window began.
    opened: f64,
    /// How many the window or the bucket holds, and since when it leaks.
    level: f64,
    last: f64,
}

impl Server {
    pub(super) fn new(kind: Kind, most: u32, period: f64) -> Self {
        Self { kind, most, period, seen: VecDeque::new(), opened: f64::NEG_INFINITY, level: 0.0, last: 0.0 }
    }

    /// Takes the request that arrives at `now`, or says in how many seconds it might.
    pub(super) fn arrive(&mut self, now: f64) -> Result<(), f64> {
        match self.kind {
            Kind::Rolling => {
                while self.seen.front().is_some_and(|first| first + self.period <= now) {
                    self.seen.pop_front();
                }
                let over = self.seen.len().checked_sub(usize::try_from(self.most).unwrap());
                if let Some(over) = over {
                    return Err(self.seen[over] + self.period - now);
                }
                self.seen.push_back(now);
            }
            Kind::Fixed => {
                if now >= self.opened + self.period {
                    (self.opened, self.level) = (now, 0.0);
                }
                if self.level >= f64::from(self.most) {
                    return Err(self.opened + self.period - now);
                }
                self.level += 1.0;
            }
            Kind::Leaky(part) => {
                let leak = f64::from(self.most) / self.period;
                self.level = (self.level - (now - self.last) * leak).max(0.0);
                self.last = now;
                let size = (f64::from(self.most) * part).max(1.0);
                if self.level + 1.0 > size {
                    return Err((self.level + 1.0 - size) / leak);
                }
                self.level += 1.0;
            }
        }
        Ok(())
    }
}

/// How a refusal rounds the seconds until the next is taken, to which the client adds one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum After {
    Absent,
    Up,
    Down,
    Zero,
}

impl After {
    pub(super) fn named(self, wait: f64) -> Option<Duration> {
        match self {
            Self::Absent => None,
            Self::Up => Some(Duration::from_secs_f64(wait.ceil() + 1.0)),
            Self::Down => Some(Duration::from_secs_f64(wait.floor() + 1.0)),
            Self::Zero => Some(Duration::from_secs(1)),
        }
    }
}
