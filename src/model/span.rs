//! Durations for people. Pure.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// A duration in one or two units, off by at most 5 %: 95 s, 3 min 20 s, 42 min, 7 h 10 min, 3 days 4 h.
#[must_use]
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs().saturating_add((time.subsec_millis() >= 500).into());
    let (step, units) = match seconds {
        ..120 => (1, (1, "s", 1, "")),
        120..1200 => (10, (MINUTE, "min", 1, "s")),
        1200..3570 => (MINUTE, (MINUTE, "min", 1, "s")),
        3570..7200 => (MINUTE, (HOUR, "h", MINUTE, "min")),
        7200..86_400 => (10 * MINUTE, (HOUR, "h", MINUTE, "min")),
        86_400..172_800 => (HOUR, (HOUR, "h", MINUTE, "min")),
        172_800..864_000 => (HOUR, (DAY, "days", HOUR, "h")),
        864_000..63_072_000 => (DAY, (DAY, "days", HOUR, "h")),
        63_072_000..=3_153_600_000 => (5 * DAY, (YEAR, "years", DAY, "days")),
        _ => return "more than 100 years".to_owned(),
    };
    let (large, name, small, small_name) = units;
    let rounded = seconds.max(1).saturating_add(step / 2) / step * step;
    let rest = rounded % large / small;
    let whole = format!("{} {name}", rounded / large);
    if rest == 0 { whole } else { format!("{whole} {rest} {small_name}") }
}

/// A duration that the user chose, exactly: 6 s, 90 s, 15 min, 1.5 s.
#[must_use]
pub fn exact_span(time: Duration) -> String {
    match time.as_secs() {
        _ if time.subsec_nanos() > 0 => format!("{} s", time.as_secs_f64()),
        hours if hours >= HOUR && hours.is_multiple_of(HOUR) => format!("{} h", hours / HOUR),
        minutes if minutes >= MINUTE && minutes.is_multiple_of(MINUTE) => format!("{} min", minutes / MINUTE),
        seconds => format!("{seconds} s"),
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
            (100_000, "28 h"),
            (273_600, "3 days 4 h"),
            (900_000, "10 days"),
            (62_000_000, "718 days"),
            (70_000_000, "2 years 80 days"),
            (3_153_600_000, "100 years"),
            (3_153_600_001, "more than 100 years"),
            (u64::MAX, "more than 100 years"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text, "{seconds}");
        }
        assert_eq!(span(Duration::from_millis(27_600)), "28 s");
        assert_eq!(span(Duration::MAX), "more than 100 years");
    }

    #[test]
    fn a_chosen_duration_is_exact() {
        for (millis, text) in
            [(6000, "6 s"), (90_000, "90 s"), (900_000, "15 min"), (7_200_000, "2 h"), (1500, "1.5 s")]
        {
            assert_eq!(exact_span(Duration::from_millis(millis)), text);
        }
    }
}
