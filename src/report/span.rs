//! Counts, times and rates as people are told them. Pure.

use std::time::Duration;

use super::grouped;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// So many of something: 1 guest, 1,820 guests.
pub(super) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A time in one or two units, never wrong by more than 5 of 100: 95 s, 3 min 20 s, 42 min, 7 h 10 min, 3 days 4 h.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs().saturating_add((time.subsec_millis() >= 500).into());
    let (step, units) = match seconds {
        ..120 => (1, (1, "s", 1, "")),
        120..1200 => (10, (MINUTE, "min", 1, "s")),
        1200..3570 => (MINUTE, (MINUTE, "min", 1, "s")),
        3570..7200 => (MINUTE, (HOUR, "h", MINUTE, "min")),
        7200..86_400 => (10 * MINUTE, (HOUR, "h", MINUTE, "min")),
        86_400..172_800 => (HOUR, (HOUR, "h", MINUTE, "min")),
        172_800.. => (HOUR, (DAY, "days", HOUR, "h")),
    };
    let (large, name, small, small_name) = units;
    let rounded = seconds.max(1).saturating_add(step / 2) / step * step;
    let rest = rounded % large / small;
    let whole = format!("{} {name}", grouped(rounded / large));
    if rest == 0 { whole } else { format!("{whole} {rest} {small_name}") }
}

/// So many in a period: 600 a minute, 100 in 6s.
pub(super) fn per((count, period): (u32, Duration)) -> String {
    let count = grouped(count.into());
    let period = match period.as_secs() {
        _ if period.subsec_nanos() > 0 => return format!("{count} in {}", humantime::format_duration(period)),
        1 => "a second",
        MINUTE => "a minute",
        HOUR => "an hour",
        DAY => "a day",
        _ => return format!("{count} in {}", humantime::format_duration(period)),
    };
    format!("{count} {period}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!((counted(1, "guest"), counted(2000, "guest")), ("1 guest".to_owned(), "2,000 guests".to_owned()));
    }

    #[test]
    fn times_are_told_in_two_units_at_most() {
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
            (100_000, "28 h"),
            (273_600, "3 days 4 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text, "{seconds}");
        }
        assert_eq!(span(Duration::from_millis(27_600)), "28 s");
        assert!(span(Duration::MAX).contains("days"));
    }

    #[test]
    fn a_rate_is_told_in_words() {
        let minute = Duration::from_mins(1);
        assert_eq!(per((600, minute)), "600 a minute");
        assert_eq!(per((1500, Duration::from_hours(1))), "1,500 an hour");
        assert_eq!(per((100, Duration::from_secs(6))), "100 in 6s");
        assert_eq!(per((1, Duration::from_millis(1500))), "1 in 1s 500ms");
    }
}
