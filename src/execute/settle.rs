//! How long to look for a group whose answer was lost, before it counts as absent. Pure.

use std::time::Duration;

/// How often a group is looked up.
pub(super) const LOOKUPS: usize = 3;

/// Assume that a created group becomes visible within this many times the slowest response time.
const LATENCIES: u32 = 6;

/// No server is waited for longer than this, unless it was asked for.
const SETTLE_MAX: Duration = Duration::from_mins(1);

/// How long to wait before each lookup; together the time for which a group must be absent.
///
/// A commit may still be on its way when its answer is lost, and lists may lag behind the commit, both the longer
/// the slower the server is: the time grows with the latency seen, and with the time for which the lost answer itself
/// was waited, from `least` up to a bound.
pub(super) fn lookup_delays(least: Duration, latency: Duration, waited: Duration) -> [Duration; LOOKUPS] {
    let whole = latency.saturating_mul(LATENCIES).max(waited).min(SETTLE_MAX).max(least);
    [whole / 6, whole / 3, whole / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_grows_with_the_latency_seen_and_is_bounded() {
        let seconds = Duration::from_secs;
        let none = Duration::ZERO;
        let whole = |latency| lookup_delays(seconds(6), latency, none).iter().sum::<Duration>();
        assert_eq!(lookup_delays(seconds(6), none, none), [seconds(1), seconds(2), seconds(3)]);
        assert_eq!(whole(Duration::from_millis(900)), seconds(6));
        assert_eq!(whole(seconds(2)), seconds(12));
        assert_eq!(whole(seconds(600)), seconds(60));
        assert_eq!(lookup_delays(seconds(120), seconds(600), none).iter().sum::<Duration>(), seconds(120));
        // An answer that did not come in half a minute may still be half a minute away.
        assert_eq!(lookup_delays(seconds(6), none, seconds(30)).iter().sum::<Duration>(), seconds(30));
        assert_eq!(lookup_delays(seconds(6), none, seconds(600)).iter().sum::<Duration>(), seconds(60));
    }
}
