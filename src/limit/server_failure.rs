//! What a response says about the server rather than about its request. Pure.

use std::time::{Duration, SystemTime};

use crate::tallyfy::Hints;

/// A `Retry-After` counts whole seconds and can be up to one short.
const GRACE: Duration = Duration::from_secs(1);

/// A request that failed for a reason that is not its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFailure {
    /// How.
    pub kind: FailureKind,
    /// For a person.
    pub why: String,
    /// How long the server asks everybody to wait, with a second of grace.
    pub named: Option<Duration>,
}

/// How the server fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It got too many requests.
    TooMany,
    /// It says that it is not able to take anything now.
    Unable,
    /// It is there, and fails.
    Failing,
    /// It, or the way to it, is not there.
    Unreachable,
}

/// How long the server asks to wait, with a second of grace. RFC 9110, 10.2.3: seconds or a date.
pub(crate) fn named_pause(hints: &Hints, now: SystemTime) -> Option<Duration> {
    let text = hints.retry_after.as_deref()?.trim();
    let named = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(named.saturating_add(GRACE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str, now: SystemTime) -> Option<u64> {
        named_pause(&Hints { retry_after: Some(text.to_owned()), ..Hints::default() }, now).map(|time| time.as_secs())
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date_with_a_second_of_grace_and_what_is_neither_is_none() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(seconds("0", now), Some(1));
        assert_eq!(seconds(" 120 ", now), Some(121));
        assert_eq!(seconds("99999999999999999999999999", now), Some(u64::MAX));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT", now), Some(31));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(1));
        for bad in ["", "soon", "-1", "1.5", "+1"] {
            assert_eq!(seconds(bad, now), None, "{bad}");
        }
    }
}
