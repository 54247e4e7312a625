//! What `X-RateLimit-Remaining` allows. Pure.
//!
//! It tells of other users of the same token. Some servers say always that nothing remains: that is believed less and less,
//! until a request is refused.

use std::time::{Duration, Instant};

/// The least part of the time that is waited when nothing remains: a millionth.
const HALVINGS_MAX: u32 = 20;

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Remaining {
    told: Option<Told>,
    /// Requests in a row that were taken although nothing had remained, after which again nothing remains.
    beyond: u32,
    /// Requests from this one on left after the last of them was counted.
    counted_before: u64,
    /// One of them was refused: it is right.
    is_right: bool,
}

/// What an answer tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// The request's number.
    pub(super) by: u64,
    /// All of ours that the server may have counted by then.
    pub(super) counted: u64,
    /// What is left.
    pub(super) remaining: u32,
    /// The number of the next request, if this one left although nothing had remained.
    pub(super) next: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    /// The request whose answer said it.
    by: u64,
    /// The most places that may be held.
    most: usize,
    /// It may be otherwise from then on.
    until: Instant,
    is_nothing: bool,
}

impl Remaining {
    /// Whether a newer request than this was told something: answers come out of order.
    pub(super) fn knows_newer(&self, number: u64) -> bool {
        self.told.is_some_and(|told| number < told.by)
    }

    /// The most places that may be held, and until when that holds.
    pub(super) fn most(&self, now: Instant) -> Option<(usize, Instant)> {
        self.told.filter(|told| now < told.until).map(|told| (told.most, told.until))
    }

    /// Whether a request that leaves now does so although nothing remained when that was told last.
    pub(super) fn is_beyond(&self, now: Instant) -> bool {
        self.told.is_some_and(|told| told.is_nothing && told.until <= now)
    }

    /// A request was told that; the server forgets within `period`.
    pub(super) fn heed(&mut self, Word { by, counted, remaining, next }: Word, period: Duration, now: Instant) {
        let is_nothing = remaining == 0;
        if !is_nothing || self.is_right {
            self.beyond = 0;
        } else if let Some(next) = next.filter(|_| by >= self.counted_before) {
            // Several may have left at once: they count as one.
            self.beyond = (self.beyond + 1).min(HALVINGS_MAX);
            self.counted_before = next;
        }
        let most = usize::try_from(counted.saturating_add(remaining.into())).unwrap_or(usize::MAX);
        self.told = Some(Told { by, most, until: now + period / (1 << self.beyond), is_nothing });
    }

    /// A request was refused.
    pub(super) fn refused(&mut self) {
        self.is_right |= self.beyond > 0;
    }
}
