//! Counts and rates for people. Pure.

use std::time::Duration;

use super::grouped;
use crate::model::exact_span;

/// A number and what it counts: 1 guest, 1,820 guests.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A rate: 600 a minute, 100 in 6 s.
pub(super) fn per((count, period): (u32, Duration)) -> String {
    let count = grouped(count.into());
    match exact_span(period).as_str() {
        "1 s" => format!("{count} a second"),
        "1 min" => format!("{count} a minute"),
        "1 h" => format!("{count} an hour"),
        "24 h" => format!("{count} a day"),
        other => format!("{count} in {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!((counted(1, "guest"), counted(2000, "guest")), ("1 guest".to_owned(), "2,000 guests".to_owned()));
    }

    #[test]
    fn a_rate_is_written_in_words() {
        let minute = Duration::from_mins(1);
        assert_eq!(per((600, minute)), "600 a minute");
        assert_eq!(per((1500, Duration::from_hours(1))), "1,500 an hour");
        assert_eq!(per((100, Duration::from_secs(6))), "100 in 6 s");
        assert_eq!(per((1, Duration::from_millis(1500))), "1 in 1.5 s");
    }
}
