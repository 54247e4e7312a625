//! Classifies responses: what a response means for its request. Pure.

use std::time::Duration;

use bytes::Bytes;

use super::sign::is_guest_cap;
use crate::model::{Halt, Tag, Trouble};
use crate::tallyfy::{self, Answer, BodyFault, Hints, Lost, Refusal};

/// The first backoff, and the longest.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// What the end of a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<T> {
    /// It had its effect, or was read.
    Done(T),
    /// The server refused it: sending it again does not help.
    Refused(Trouble),
    /// The name is taken by another group, or by our earlier attempt.
    NameTaken(Trouble),
    /// It was not applied: it is safe to send it again.
    Again(Trouble),
    /// It may have been applied: it must be looked up before it is sent again. A read may be repeated.
    InDoubt(Trouble),
    /// The organization's guest quota refused it, perhaps after creating the group: it must be looked up before
    /// it is sent again, and no row with guests may be sent before the time that the headers name.
    GuestCap(Trouble, Hints),
    /// The run must stop; this request was not applied.
    Halt(Halt),
    /// It was not sent, because the run stops.
    Held,
}

/// A group that was created or updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The group.
    pub group: Tag,
    /// The status of the answer.
    pub http_status: u16,
}

/// Classifies the response to a create request.
#[must_use]
pub fn judge_create(answer: Result<Answer, Lost>) -> Verdict<Created> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(lost) => return unanswered(lost),
    };
    if matches!(answer.status, 200 | 201) {
        return created(&answer);
    }
    let refusal = refusal(&answer);
    match answer.status {
        300..=399 | 401 => Verdict::Halt(halt(&answer)),
        403 | 404 => Verdict::Refused(trouble(&answer)),
        429 if is_guest_cap(&answer) => Verdict::GuestCap(trouble(&answer), answer.hints),
        // It may be the guest quota, which may refuse after the group is created.
        429 if answer.body.is_err() => Verdict::InDoubt(trouble(&answer)),
        429 => Verdict::Again(trouble(&answer)),
        422 if refusal.is_name_taken() => {
            Verdict::NameTaken(Trouble { code: "name-taken".to_owned(), ..trouble(&answer) })
        }
        408 | 100..=299 | 500.. => Verdict::InDoubt(trouble(&answer)),
        // The body would have said whether the name is taken, perhaps by our own group.
        _ if answer.body.is_err() => Verdict::Again(trouble(&answer)),
        _ => Verdict::Refused(trouble(&answer)),
    }
}

/// Classifies the response to an update of a group that existed a moment ago: a 404 may mean that it was deleted.
#[must_use]
pub(super) fn judge_update(answer: Result<Answer, Lost>) -> Verdict<Created> {
    match answer {
        Ok(answer) if answer.status == 404 && !refusal(&answer).is_of_endpoint() => Verdict::Again(trouble(&answer)),
        answer => judge_create(answer),
    }
}

/// Classifies the response to a read, which is safe to repeat; a body that cannot be parsed is requested again.
#[must_use]
pub fn judge_read<T>(answer: Result<Answer, Lost>, parse: impl FnOnce(&Bytes) -> Result<T, Trouble>) -> Verdict<T> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(lost) => return unanswered(lost),
    };
    match (answer.status, &answer.body) {
        (200, Ok(body)) => parse(body).map_or_else(Verdict::Again, Verdict::Done),
        (300..=399 | 401, _) => Verdict::Halt(halt(&answer)),
        (403 | 404, _) => Verdict::Refused(trouble(&answer)),
        _ => Verdict::Again(trouble(&answer)),
    }
}

/// What a request means that got no answer.
pub(super) fn unanswered<T>(lost: Lost) -> Verdict<T> {
    match lost {
        Lost::Held => Verdict::Held,
        Lost::Undelivered(message) => {
            let message = format!("not delivered: {message}");
            Verdict::Again(Trouble { code: "connect".to_owned(), message, http_status: None })
        }
        Lost::InDoubt { code, message } => {
            Verdict::InDoubt(Trouble { code: code.to_owned(), message, http_status: None })
        }
    }
}

/// How long to wait before the next attempt: exponential, with full jitter; `random` is from 0 to 1.
#[must_use]
pub(super) fn backoff(sends: u32, random: f64) -> Duration {
    let doubled = BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(sends.saturating_sub(1)));
    doubled.min(BACKOFF_MAX).mul_f64(random.clamp(0.0, 1.0))
}

fn created(answer: &Answer) -> Verdict<Created> {
    let message = match &answer.body {
        Ok(body) => match tallyfy::created(body) {
            Some(group) => return Verdict::Done(Created { group, http_status: answer.status }),
            None => "the answer says success and names no group",
        },
        Err(BodyFault::CutOff) => "the answer says success and was cut off",
        Err(BodyFault::TooLong) => "the answer says success and does not end",
    };
    let http_status = Some(answer.status);
    Verdict::InDoubt(Trouble { code: "answer-unreadable".to_owned(), message: message.to_owned(), http_status })
}

/// The error body of an answer; empty if it cannot be read.
pub(super) fn refusal(answer: &Answer) -> Refusal {
    answer.body.as_ref().map(|body| Refusal::parse(body)).unwrap_or_default()
}

/// Why a run stops at a redirect or a 401.
pub(super) fn halt(answer: &Answer) -> Halt {
    match answer.status {
        401 => Halt::TokenRefused(answer.body.as_ref().map(|body| tallyfy::error_text(body)).unwrap_or_default()),
        status => Halt::Redirected(status),
    }
}

/// The error of an answer, with the server's own words.
pub(super) fn trouble(answer: &Answer) -> Trouble {
    let said = match &answer.body {
        Ok(body) => tallyfy::error_text(body),
        Err(BodyFault::CutOff) => "the answer was cut off".to_owned(),
        Err(BodyFault::TooLong) => "the answer is too long".to_owned(),
    };
    let message = match answer.status {
        413 => format!("the group has more text and people than the server takes in one request (413) {said}"),
        status if said.is_empty() => format!("the server answered {status}"),
        status => format!("the server answered {status}: {said}"),
    };
    Trouble { code: format!("http-{}", answer.status), message, http_status: Some(answer.status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "tables mix it with lost answers")]
    fn answer(status: u16, body: &str) -> Result<Answer, Lost> {
        Ok(Answer { status, hints: Hints::default(), body: Ok(Bytes::copy_from_slice(body.as_bytes())) })
    }

    #[expect(clippy::unnecessary_wraps, reason = "tables mix it with lost answers")]
    fn no_body(status: u16, fault: BodyFault) -> Result<Answer, Lost> {
        Ok(Answer { status, hints: Hints::default(), body: Err(fault) })
    }

    fn cut_off(status: u16) -> Result<Answer, Lost> {
        no_body(status, BodyFault::CutOff)
    }

    fn too_long(status: u16) -> Result<Answer, Lost> {
        no_body(status, BodyFault::TooLong)
    }

    fn lost(code: &'static str) -> Result<Answer, Lost> {
        Err(Lost::InDoubt { code, message: String::new() })
    }

    fn word<T>(verdict: &Verdict<T>) -> &'static str {
        match verdict {
            Verdict::Done(_) => "done",
            Verdict::Refused(_) => "refused",
            Verdict::NameTaken(_) => "taken",
            Verdict::Again(_) => "again",
            Verdict::InDoubt(_) => "doubt",
            Verdict::GuestCap(..) => "cap",
            Verdict::Halt(_) => "halt",
            Verdict::Held => "held",
        }
    }

    fn read(given: Result<Answer, Lost>) -> &'static str {
        word(&judge_read(given, |body| Ok(body.clone())))
    }

    #[test]
    fn every_end_of_a_request_is_classified_as_a_create_and_as_a_read() {
        let id = r#"{"data":{"id":"g1"}}"#;
        let taken = r#"{"errors":{"name":["The name has already been taken."]}}"#;
        let cap = r#"{"message":"You've reached the hourly limit for Guest Invite"}"#;
        for (given, create, as_read) in [
            (answer(200, id), "done", "done"),
            (answer(201, id), "done", "again"),
            (answer(200, ""), "doubt", "done"),
            (answer(201, ""), "doubt", "again"),
            (answer(200, "<html>"), "doubt", "done"),
            (answer(200, r#"{"data":{}}"#), "doubt", "done"),
            (answer(202, id), "doubt", "again"),
            (answer(204, ""), "doubt", "again"),
            (answer(299, id), "doubt", "again"),
            (cut_off(200), "doubt", "again"),
            (too_long(200), "doubt", "again"),
            (cut_off(201), "doubt", "again"),
            (too_long(201), "doubt", "again"),
            (answer(422, "{}"), "refused", "again"),
            (answer(422, taken), "taken", "again"),
            (answer(409, taken), "refused", "again"),
            (answer(429, cap), "cap", "again"),
            (cut_off(401), "halt", "halt"),
            (cut_off(403), "refused", "refused"),
            (too_long(404), "refused", "refused"),
            (cut_off(302), "halt", "halt"),
            (cut_off(408), "doubt", "again"),
            (cut_off(429), "doubt", "again"),
            (cut_off(500), "doubt", "again"),
            (answer(502, "<html>"), "doubt", "again"),
            (Err(Lost::Undelivered(String::new())), "again", "again"),
            (Err(Lost::Held), "held", "held"),
            (lost("timeout"), "doubt", "doubt"),
            (lost("connection-lost"), "doubt", "doubt"),
        ] {
            assert_eq!(word(&judge_create(given.clone())), create, "{given:?}");
            assert_eq!(read(given.clone()), as_read, "{given:?}");
        }
    }

    #[test]
    fn every_status_without_a_useful_body_is_classified() {
        for status in 100..=999 {
            let (create, as_read) = match status {
                200 => ("doubt", "done"),
                300..=399 | 401 => ("halt", "halt"),
                403 | 404 => ("refused", "refused"),
                429 => ("again", "again"),
                400..=407 | 409..=499 => ("refused", "again"),
                _ => ("doubt", "again"),
            };
            assert_eq!(word(&judge_create(answer(status, ""))), create, "{status}");
            assert_eq!(read(answer(status, "")), as_read, "{status}");
        }
    }

    #[test]
    fn a_refusal_whose_body_cannot_be_read_is_requested_again() {
        for status in (400..=499).filter(|status| ![401, 403, 404, 408, 429].contains(status)) {
            for given in [cut_off(status), too_long(status)] {
                assert_eq!(word(&judge_create(given.clone())), "again", "{given:?}");
            }
        }
    }

    #[test]
    fn the_backoff_doubles_up_to_a_bound_and_jitters_down_to_nothing() {
        let most: Vec<u128> = (1..=8).map(|sends| backoff(sends, 1.0).as_millis()).collect();
        assert_eq!(most, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(backoff(8, 0.0), Duration::ZERO);
        assert_eq!(backoff(u32::MAX, 0.5), Duration::from_secs(15));
    }

    #[test]
    fn an_update_of_a_group_that_was_deleted_meanwhile_does_not_stop_the_run() {
        let gone = r#"{"error":true,"message":"The requested resource was not found","code":"RESOURCE_NOT_FOUND"}"#;
        let no_endpoint = r#"{"error":true,"message":"API endpoint not found","code":"ENDPOINT_NOT_FOUND"}"#;
        for body in [gone, "<html>", ""] {
            assert!(matches!(judge_update(answer(404, body)), Verdict::Again(_)), "{body}");
        }
        assert!(matches!(judge_update(answer(404, no_endpoint)), Verdict::Refused(_)));
        for other in [answer(201, "{}"), answer(401, ""), answer(422, "{}"), lost("timeout")] {
            assert_eq!(judge_update(other.clone()), judge_create(other));
        }
    }
}
