//! How many were taken lately, by when they left. Pure; of one size whatever the rate.

use std::time::{Duration, Instant};

/// A hundredth of the second that is looked at: an edge is off by one in a hundred at most.
const SLICE: Duration = Duration::from_millis(10);

/// Slices that are kept: two seconds, because the second before a refused request is asked for when its answer is there.
const SLICES: usize = 200;

/// Counts of the last two seconds.
#[derive(Debug)]
pub(super) struct Counts {
    start: Instant,
    /// The newest slice, counted from the start.
    newest: usize,
    /// A ring: slice `n` is at `n % SLICES`.
    slices: [u32; SLICES],
}

impl Counts {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, newest: 0, slices: [0; SLICES] }
    }

    /// One that left then was taken; too long ago is not counted.
    pub(super) fn add(&mut self, left: Instant) {
        let slice = self.slice(left);
        self.advance(slice);
        if slice + SLICES > self.newest {
            self.slices[slice % SLICES] += 1;
        }
    }

    /// How many left since then; of the slice it lies in none.
    pub(super) fn since(&self, then: Instant) -> u32 {
        let oldest = (self.newest + 1).saturating_sub(SLICES);
        let first = if then <= self.start { 0 } else { self.slice(then) + 1 };
        (first.max(oldest)..=self.newest).map(|slice| self.slices[slice % SLICES]).sum()
    }

    fn slice(&self, at: Instant) -> usize {
        let slices = at.saturating_duration_since(self.start).as_nanos() / SLICE.as_nanos();
        usize::try_from(slices).unwrap_or(usize::MAX / 2)
    }

    fn advance(&mut self, newest: usize) {
        if newest >= self.newest + SLICES {
            self.slices = [0; SLICES];
        } else {
            for slice in self.newest + 1..=newest {
                self.slices[slice % SLICES] = 0;
            }
        }
        self.newest = self.newest.max(newest);
    }
}
