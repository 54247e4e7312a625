//! Durations for people. Pure.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A duration in one or two units: 95 s, 3 min 20 s, 42 min, 7 h 10 min, 3 days 4 h.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs().saturating_add((time.subsec_millis() >= 500).into()).max(1);
    let (step, large, name, small, small_name) = match seconds {
        ..120 => return format!("{seconds} s"),
        120..1200 => (10, MINUTE, "min", 1, "s"),
        1200..172_800 => (MINUTE, HOUR, "h", MINUTE, "min"),
        172_800..=3_153_600_000 => (HOUR, DAY, "days", HOUR, "h"),
        _ => return "more than 100 years".to_owned(),
    };
    let rounded = (seconds + step / 2) / step * step;
    match (rounded / large, rounded % large / small) {
        (0, rest) => format!("{rest} {small_name}"),
        (whole, 0) => format!("{whole} {name}"),
        (whole, rest) => format!("{whole} {name} {rest} {small_name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "1 s"),
            (95, "95 s"),
            (119, "119 s"),
            (120, "2 min"),
            (184, "3 min"),
            (186, "3 min 10 s"),
            (1199, "20 min"),
            (2530, "42 min"),
            (3569, "59 min"),
            (3570, "1 h"),
            (4000, "1 h 7 min"),
            (7199, "2 h"),
            (25_800, "7 h 10 min"),
            (86_399, "24 h"),
            (86_401, "24 h"),
            (100_000, "27 h 47 min"),
            (273_600, "3 days 4 h"),
            (900_000, "10 days 10 h"),
            (62_000_000, "717 days 14 h"),
            (3_153_600_000, "36500 days"),
            (3_153_600_001, "more than 100 years"),
            (u64::MAX, "more than 100 years"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text, "{seconds}");
        }
        assert_eq!(span(Duration::from_millis(27_600)), "28 s");
        assert_eq!(span(Duration::MAX), "more than 100 years");
    }
}
