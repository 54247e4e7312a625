//! The ways in which servers count.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// How a server counts; `most` in a `period` is what its documentation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// At most this many in any window: the strictest.
    Rolling,
    /// At most this many from the first hit until the period is over, then again from the next hit: Laravel.
    Fixed,
    /// A bucket of that size, which empties evenly within a period.
    Leaky,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rolling => "rolling window",
            Self::Fixed => "fixed window",
            Self::Leaky => "leaky bucket",
        })
    }
}

/// What a server says of a request that is too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// `Retry-After`, rounded up.
    Up,
    /// `Retry-After`, rounded down: up to a second short.
    Down,
    /// Nothing.
    Nothing,
}

/// A server's count.
#[derive(Debug)]
pub(crate) struct Count {
    pub(crate) kind: Kind,
    pub(crate) most: usize,
    pub(crate) period: Duration,
    taken: VecDeque<Duration>,
    window: Option<(Duration, usize)>,
    level: f64,
    level_at: Duration,
}

impl Count {
    pub(crate) fn new(kind: Kind, most: usize, period: Duration) -> Self {
        Self { kind, most, period, taken: VecDeque::new(), window: None, level: 0.0, level_at: Duration::ZERO }
    }

    /// Whether a request that arrives now is taken; else how long until one would be. What is refused is not counted.
    pub(crate) fn arrive(&mut self, now: Duration) -> Result<(), Duration> {
        match self.kind {
            Kind::Rolling => self.roll(now),
            Kind::Fixed => self.fix(now),
            Kind::Leaky => self.leak(now),
        }
    }

    /// How many it counts now.
    pub(crate) fn held(&self, now: Duration) -> usize {
        match self.kind {
            Kind::Rolling => self.taken.iter().filter(|taken| now.saturating_sub(**taken) < self.period).count(),
            Kind::Fixed => {
                self.window.filter(|(since, _)| now.saturating_sub(*since) < self.period).map_or(0, |(_, count)| count)
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "limits are small")]
            Kind::Leaky => self.level.ceil() as usize,
        }
    }

    fn roll(&mut self, now: Duration) -> Result<(), Duration> {
        while self.taken.front().is_some_and(|taken| now.saturating_sub(*taken) >= self.period) {
            self.taken.pop_front();
        }
        if self.taken.len() >= self.most {
            return Err((self.taken[self.taken.len() - self.most] + self.period).saturating_sub(now));
        }
        self.taken.push_back(now);
        Ok(())
    }

    fn fix(&mut self, now: Duration) -> Result<(), Duration> {
        match &mut self.window {
            Some((since, count)) if now.saturating_sub(*since) < self.period => {
                if *count >= self.most {
                    return Err((*since + self.period).saturating_sub(now));
                }
                *count += 1;
            }
            window => *window = Some((now, 1)),
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "limits are small")]
    fn leak(&mut self, now: Duration) -> Result<(), Duration> {
        let a_second = self.most as f64 / self.period.as_secs_f64();
        self.level = (self.level - now.saturating_sub(self.level_at).as_secs_f64() * a_second).max(0.0);
        self.level_at = now;
        let surplus = self.level + 1.0 - self.most as f64;
        if surplus > 1e-9 {
            return Err(Duration::from_secs_f64(surplus / a_second));
        }
        self.level += 1.0;
        Ok(())
    }
}

/// The most that any window of the period holds.
pub(crate) fn most_within(arrivals: &[Duration], period: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, arrival) in arrivals.iter().enumerate() {
        while arrival.saturating_sub(arrivals[first]) >= period {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}
