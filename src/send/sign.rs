//! Classifies what a response, or its absence, means for all requests. Pure.

use std::time::{Duration, SystemTime};

use crate::tallyfy::{Answer, Hints, Lost, Refusal, is_web_page};

/// A `Retry-After` counts whole seconds and can be up to one short.
const GRACE: Duration = Duration::from_secs(1);
/// The pause after a 429 that names none: bursts are throttled for a few seconds.
const PAUSE_UNNAMED: Duration = Duration::from_secs(5);

/// What a response means for the requests after it, beside what it means for its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    /// Go on.
    Fine,
    /// Too many requests; with the time the server named.
    TooMany(Option<Duration>),
    /// The server says that it is not able to take anything now: how, for a person; with the time it named.
    Unable(String, Option<Duration>),
    /// The server, or the way to it, fails: how, for a person; with the time it named.
    Failing(String, Option<Duration>),
}

impl Sign {
    /// How long the server asks everybody to wait.
    pub(super) fn named(&self) -> Option<Duration> {
        match *self {
            Self::Fine => None,
            Self::TooMany(named) | Self::Unable(_, named) | Self::Failing(_, named) => named,
        }
    }

    /// Whether the server said that it takes nothing now: nothing about the request itself.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::TooMany(_) | Self::Unable(..))
    }
}

/// Reads the sign. `now` is needed where the server names a date.
pub(super) fn sign(answer: &Result<Answer, Lost>, now: SystemTime) -> Sign {
    let answer = match answer {
        Ok(answer) => answer,
        Err(Lost::Held) => return Sign::Fine,
        Err(Lost::Undelivered(message) | Lost::InDoubt { message, .. }) => {
            return Sign::Failing(message.clone(), None);
        }
    };
    let named = named_pause(&answer.hints, now);
    match answer.status {
        // The guest quota stops the rows with guests, and no others.
        429 if is_guest_cap(answer) => Sign::Fine,
        429 => Sign::TooMany(named),
        503 => Sign::Unable("the server answered 503".to_owned(), named),
        status @ (408 | 500..) => Sign::Failing(format!("the server answered {status}"), named),
        200..=299 if answer.body.as_ref().is_ok_and(|body| is_web_page(body)) => {
            Sign::Failing("a web page came instead of JSON".to_owned(), named)
        }
        _ => Sign::Fine,
    }
}

/// How long everybody is to wait after a 429.
pub(super) fn pause(named: Option<Duration>) -> Duration {
    named.map_or(PAUSE_UNNAMED, |named| named.saturating_add(GRACE))
}

/// RFC 9110, 10.2.3: seconds or a date.
pub(super) fn named_pause(hints: &Hints, now: SystemTime) -> Option<Duration> {
    let text = hints.retry_after.as_deref()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Whether the guest quota refused it, and not the rate limit.
pub(super) fn is_guest_cap(answer: &Answer) -> bool {
    answer.body.as_ref().is_ok_and(|body| Refusal::parse(body).is_guest_cap())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn seconds(text: &str, now: SystemTime) -> Option<u64> {
        named_pause(&Hints { retry_after: Some(text.to_owned()), ..Hints::default() }, now).map(|time| time.as_secs())
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date_and_what_is_neither_is_none() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(seconds("0", now), Some(0));
        assert_eq!(seconds(" 120 ", now), Some(120));
        assert_eq!(seconds("99999999999999999999999999", now), Some(u64::MAX));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT", now), Some(30));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(0));
        for bad in ["", "soon", "-1", "1.5", "+1"] {
            assert_eq!(seconds(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn a_pause_has_a_second_of_grace_and_one_that_names_no_time_is_of_a_few_seconds() {
        assert_eq!(pause(Some(Duration::ZERO)), Duration::from_secs(1));
        assert_eq!(pause(Some(Duration::from_secs(7))), Duration::from_secs(8));
        assert_eq!(pause(None), Duration::from_secs(5));
        assert!(pause(Some(Duration::from_secs(u64::MAX))) > Duration::from_hours(1_000_000));
    }

    #[test]
    fn every_answer_gives_its_sign() {
        let answer = |status, body: &str| {
            let hints = Hints { retry_after: Some("3".to_owned()), ..Hints::default() };
            Ok(Answer { status, hints, body: Ok(Bytes::copy_from_slice(body.as_bytes())) })
        };
        let named = Some(Duration::from_secs(3));
        let cap = r#"{"message":"You've reached the hourly limit for Guest Invite (30 per hour per organization).","code":"RATE_LIMIT_EXCEEDED"}"#;
        let word = |given| match sign(&given, SystemTime::UNIX_EPOCH) {
            Sign::Fine => "fine",
            Sign::TooMany(time) if time == named => "too many",
            Sign::Unable(_, time) if time == named => "unable",
            Sign::Failing(_, time) if time == named => "failing, named",
            Sign::Failing(_, None) => "failing",
            other => panic!("{other:?}"),
        };
        for (given, expected) in [
            (answer(201, "{}"), "fine"),
            (answer(204, ""), "fine"),
            (answer(200, " <html>"), "failing, named"),
            (answer(401, ""), "fine"),
            (answer(404, "<html>"), "fine"),
            (answer(408, ""), "failing, named"),
            (answer(422, "{}"), "fine"),
            (answer(429, "{}"), "too many"),
            (answer(429, cap), "fine"),
            (answer(500, ""), "failing, named"),
            (answer(503, "<html>"), "unable"),
            (Err(Lost::Undelivered(String::new())), "failing"),
            (Err(Lost::InDoubt { code: "timeout", message: String::new() }), "failing"),
            (Err(Lost::Held), "fine"),
        ] {
            let shown = format!("{given:?}");
            assert_eq!(word(given), expected, "{shown}");
        }
    }
}
