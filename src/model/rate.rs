//! How fast requests may leave, as the user says it. Pure.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use humantime::format_duration;

use crate::model::{grouped, shortened};

/// The longest period of a rate.
const PERIOD_MAX: Duration = Duration::from_hours(24);
/// The most requests whose times are kept one by one.
const PART_MAX: u32 = 4096;

/// A number of requests in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The most requests in any window of the period.
    pub requests: NonZeroU32,
    /// The period.
    pub period: Duration,
}

/// `--rate`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// As fast as it goes.
    Unpaced,
    /// At this rate.
    At(Rate),
    /// As fast as the server allows, which is to be found.
    Auto,
}

impl Speed {
    /// Reads `N/PERIOD`, `none` or `auto`.
    ///
    /// # Errors
    /// If it is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "none" => Ok(Self::Unpaced),
            "auto" => Ok(Self::Auto),
            text => Rate::parse(text).map(Self::At).map_err(|why| why + "; or none, or auto"),
        }
    }

    /// How long a request matters for those after it, once it is answered.
    pub fn memory(self) -> Duration {
        match self {
            Self::Unpaced => Duration::ZERO,
            Self::At(rate) => rate.part().period,
            // What limits mostly speak of.
            Self::Auto => Duration::from_mins(1),
        }
    }
}

impl Rate {
    /// A number of requests in a period; `None` for no requests.
    pub(crate) fn of(requests: u32, period: Duration) -> Option<Self> {
        NonZeroU32::new(requests).map(|requests| Self { requests, period })
    }

    /// The same rate in a shorter period, of fewer requests: what keeps it keeps the whole rate too.
    pub(crate) fn part(self) -> Self {
        let parts = self.requests.get().div_ceil(PART_MAX);
        Self::of(self.requests.get() / parts, self.period / parts).unwrap_or(self)
    }

    /// Reads `N/PERIOD`.
    ///
    /// # Errors
    /// If it is something else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read = || {
            let (requests, period) = text.split_once('/')?;
            let requests = requests.trim().parse().ok()?;
            let is_sound = |period: &Duration| !period.is_zero() && *period <= PERIOD_MAX;
            let period = match period.trim() {
                "s" | "sec" => Duration::from_secs(1),
                "min" | "m" => Duration::from_mins(1),
                "h" => Duration::from_hours(1),
                other => humantime::parse_duration(other).ok().filter(is_sound)?,
            };
            Some(Self { requests, period })
        };
        let text = shortened(text);
        read().ok_or(format!("`{text}` is not a rate; write for example 600/min, 10/s, 30/h or 100/6s"))
    }

    /// The time from one request to the next, if they are spaced evenly.
    pub fn spacing(self) -> Duration {
        (self.period / self.requests.get()).max(Duration::from_nanos(1))
    }

    /// The number of requests in a second, on average.
    pub fn per_second(self) -> f64 {
        f64::from(self.requests.get()) / self.period.as_secs_f64()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = grouped(self.requests.get().into());
        match format_duration(self.period).to_string().as_str() {
            "1s" => write!(f, "{count} a second"),
            "1m" => write!(f, "{count} a minute"),
            "1h" => write!(f, "{count} an hour"),
            "1day" => write!(f, "{count} a day"),
            other => write!(f, "{count} in {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_written_in_words() {
        let words = |text: &str| Rate::parse(text).unwrap().to_string();
        assert_eq!(words("600/min"), "600 a minute");
        assert_eq!(words("1500/h"), "1,500 an hour");
        assert_eq!(words("100/6s"), "100 in 6s");
        assert_eq!(words("1/1500ms"), "1 in 1s 500ms");
    }

    #[test]
    fn a_rate_is_a_number_and_a_period() {
        let rate = |requests, seconds| {
            Ok(Rate { requests: NonZeroU32::new(requests).unwrap(), period: Duration::from_secs(seconds) })
        };
        assert_eq!(Rate::parse("600/min"), rate(600, 60));
        assert_eq!(Rate::parse("10/s"), rate(10, 1));
        assert_eq!(Rate::parse(" 30 / h "), rate(30, 3600));
        assert_eq!(Rate::parse("100/6s"), rate(100, 6));
        for bad in ["", "600", "0/s", "-1/s", "1/", "1/0s", "x/s", "1/fortnight", "1/600years", "none", "auto"] {
            assert!(Rate::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Speed::parse("none"), Ok(Speed::Unpaced));
        assert_eq!(Speed::parse("auto"), Ok(Speed::Auto));
        assert_eq!(Speed::parse("10/s"), Rate::parse("10/s").map(Speed::At));
        assert!(Speed::parse("fast").is_err());
    }
}
