//! Servers that count requests, each in its own way and written apart from the limiter; the ways to them; and a client that
//! sends through the limiter in paused time. Hours pass in milliseconds.
#![allow(dead_code, reason = "each program uses its part")]

pub(crate) mod client;
pub(crate) mod server;

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

/// How long a request is on its way, and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ways {
    /// Always so long.
    Constant(Duration),
    /// Anything between the two.
    Uniform(Duration, Duration),
    /// So long, and now and then many times as long, up to the other: a Pareto tail.
    HeavyTailed(Duration, Duration),
}

impl Ways {
    pub(crate) fn draw(self, dice: &mut StdRng) -> Duration {
        match self {
            Self::Constant(time) => time,
            Self::Uniform(least, most) => least + most.saturating_sub(least).mul_f64(dice.random()),
            Self::HeavyTailed(least, most) => {
                // Of a hundred, ten take more than four times as long, one more than twenty times.
                let part: f64 = dice.random_range(f64::EPSILON..1.0);
                least.mul_f64(part.powf(-0.65).min(10_000.0)).min(most)
            }
        }
    }

    pub(crate) fn longest(self) -> Duration {
        match self {
            Self::Constant(time) => time,
            Self::Uniform(_, most) | Self::HeavyTailed(_, most) => most,
        }
    }
}

/// A number of milliseconds.
pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
