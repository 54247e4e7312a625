//! Classifies a response, once: what it means for its own request, and for all requests after it. Pure.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::limit::{FailureKind, GuestResponse, ServerFailure, named_pause};
use crate::model::{RequestError, StopReason};
use crate::tallyfy::{Answer, BodyError, Refusal, TransportError, is_web_page};

/// What a request does, which decides what its response means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// Creates a group.
    Create,
    /// Replaces a group that existed a moment ago.
    Update,
    /// Deletes a group.
    Delete,
    /// Reads one group.
    Read,
    /// Reads a page of a list.
    List,
}

/// What a response means for its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class<T> {
    /// It had its effect, or was read.
    Applied(T),
    /// The group does not exist.
    NotThere,
    /// The server refused it: sending it again does not help.
    Refused(RequestError),
    /// The name is taken by another group or by our earlier attempt.
    NameTaken(RequestError),
    /// The server refused it, perhaps because the name is taken: its words are not known.
    MaybeTaken(RequestError),
    /// It was not applied: it is safe to send it again.
    NotApplied(RequestError),
    /// It may have been applied: it must be looked up before it is sent again. A read may be repeated.
    Ambiguous(RequestError),
    /// The guest quota refused it, perhaps after creating the group: it must be looked up before it is sent again, and no row with
    /// guests may be sent before the time that the server names.
    GuestQuota(RequestError, Option<Duration>),
    /// The run must stop; this request was not applied.
    Stop(StopReason),
    /// It was not sent, because the run stops.
    Held,
}

/// A classified response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified<T> {
    /// For its request.
    pub class: Class<T>,
    /// For all requests.
    pub failure: Option<ServerFailure>,
}

/// Classifies a response, or its absence. `parse` reads the body of a success; `hide` removes secrets from the server's words;
/// `now` is needed where the server names a date.
pub fn classify<T>(
    kind: RequestKind,
    answer: &Result<Answer, TransportError>,
    parse: impl FnOnce(u16, &Bytes) -> Result<T, String>,
    hide: impl Fn(&str) -> String,
    now: SystemTime,
) -> Classified<T> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return unanswered(error),
    };
    let unreadable = match (&answer.body, kind.is_success(answer.status)) {
        (Ok(body), true) => match parse(answer.status, body) {
            Ok(value) => return Classified { class: Class::Applied(value), failure: None },
            Err(why) => Some(why),
        },
        (Err(BodyError::CutOff), true) => Some("the answer says success and was cut off".to_owned()),
        (Err(BodyError::TooLong), true) => Some("the answer says success and does not end".to_owned()),
        (_, false) => None,
    };
    let refusal = answer.body.as_ref().map(|body| Refusal::parse(body, hide)).unwrap_or_default();
    let named = named_pause(&answer.hints, now);
    let error = match unreadable.filter(|_| !refusal.is_error) {
        Some(message) => {
            RequestError { code: "answer-unreadable".to_owned(), message, http_status: Some(answer.status) }
        }
        None => refused(answer, &refusal),
    };
    let failure = failure(answer, &refusal).map(|kind| ServerFailure { kind, why: error.message.clone(), named });
    Classified { class: class(kind, answer, &refusal, error, named), failure }
}

impl<T> Class<T> {
    /// What it means for the guest quota.
    pub(super) fn of_guests(&self) -> GuestResponse {
        match self {
            Self::Applied(_) => GuestResponse::Accepted,
            Self::GuestQuota(_, named) => GuestResponse::Refused(*named),
            Self::Ambiguous(_) => GuestResponse::InDoubt,
            _ => GuestResponse::NotInvited,
        }
    }
}

impl RequestKind {
    fn is_success(self, status: u16) -> bool {
        match self {
            Self::Create | Self::Update => matches!(status, 200 | 201),
            Self::Delete => status == 204,
            Self::Read | Self::List => status == 200,
        }
    }

    pub(super) fn is_read(self) -> bool {
        matches!(self, Self::Read | Self::List)
    }
}

fn unanswered<T>(error: &TransportError) -> Classified<T> {
    let (class, why) = match error {
        TransportError::Undelivered(why) => {
            (Class::NotApplied(RequestError::new("connect", format!("not delivered: {why}"))), why)
        }
        TransportError::InDoubt { code, message } => (Class::Ambiguous(RequestError::new(code, message)), message),
    };
    let failure = ServerFailure { kind: FailureKind::Unreachable, why: why.clone(), named: None };
    Classified { class, failure: Some(failure) }
}

/// A response that is no success.
fn class<T>(
    kind: RequestKind,
    answer: &Answer,
    refusal: &Refusal,
    error: RequestError,
    named: Option<Duration>,
) -> Class<T> {
    let is_unread = answer.body.is_err();
    match answer.status {
        401 => Class::Stop(StopReason::TokenRefused(error.message)),
        status @ 300..=399 => Class::Stop(StopReason::Redirected(status)),
        200..=299 if refusal.is_error => Class::Refused(error),
        403 => Class::Refused(error),
        404 => match kind {
            RequestKind::Delete | RequestKind::Read if refusal.is_of_resource() => Class::NotThere,
            RequestKind::Create | RequestKind::List => Class::Refused(error),
            _ if refusal.is_of_endpoint() => Class::Refused(error),
            RequestKind::Delete => Class::Ambiguous(error),
            RequestKind::Update | RequestKind::Read => Class::NotApplied(error),
        },
        _ if kind.is_read() => Class::NotApplied(error),
        429 if refusal.is_guest_cap() => Class::GuestQuota(error, named),
        // It may be the guest quota, which may refuse after the group is created.
        429 if is_unread && kind != RequestKind::Delete => Class::Ambiguous(error),
        429 => Class::NotApplied(error),
        408 | 100..=299 | 500.. => Class::Ambiguous(error),
        // The body would have said whether the name is taken, perhaps by our own group.
        _ if is_unread => Class::NotApplied(error),
        400 | 409 | 422 if refusal.is_name_taken() => {
            Class::NameTaken(RequestError { code: "name-taken".to_owned(), ..error })
        }
        400 | 409 | 422 if kind == RequestKind::Create && refusal.may_be_about_name() => Class::MaybeTaken(error),
        _ => Class::Refused(error),
    }
}

/// What a response says about the server.
fn failure(answer: &Answer, refusal: &Refusal) -> Option<FailureKind> {
    match answer.status {
        // The guest quota stops the rows with guests, and no others.
        429 if refusal.is_guest_cap() => None,
        429 => Some(FailureKind::TooMany),
        503 => Some(FailureKind::Unable),
        408 => Some(FailureKind::Unreachable),
        500.. => Some(FailureKind::Failing),
        200..=299 if answer.body.as_ref().is_ok_and(|body| is_web_page(body)) => Some(FailureKind::Unreachable),
        _ => None,
    }
}

/// The error of a response, with the server's own words.
fn refused(answer: &Answer, refusal: &Refusal) -> RequestError {
    let said = match &answer.body {
        Ok(_) => refusal.said.as_str(),
        Err(BodyError::CutOff) => "the answer was cut off",
        Err(BodyError::TooLong) => "the answer is too long",
    };
    let message = match answer.status {
        401 => refusal.said.clone(),
        413 => format!("the group has more text and people than the server takes in one request (413) {said}"),
        status if said.is_empty() => format!("the server answered {status}"),
        status => format!("the server answered {status}: {said}"),
    };
    RequestError { code: format!("http-{}", answer.status), message, http_status: Some(answer.status) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tallyfy::{Hints, created};

    const GONE: &str = r#"{"error":true,"message":"The requested resource was not found","code":"RESOURCE_NOT_FOUND"}"#;
    const NO_ENDPOINT: &str = r#"{"error":true,"message":"API endpoint not found","code":"ENDPOINT_NOT_FOUND"}"#;
    const ID: &str = r#"{"data":{"id":"g1"}}"#;
    const TAKEN: &str = r#"{"errors":{"name":["The name has already been taken."]}}"#;
    const QUOTA: &str =
        r#"{"message":"You've reached the hourly limit for Guest Invite","code":"RATE_LIMIT_EXCEEDED"}"#;

    type Ended = Result<Answer, TransportError>;

    #[expect(clippy::unnecessary_wraps, reason = "tables mix it with lost answers")]
    fn answer(status: u16, body: &str) -> Ended {
        let hints = Hints { retry_after: Some("3".to_owned()), ..Hints::default() };
        Ok(Answer { status, hints, body: Ok(Bytes::copy_from_slice(body.as_bytes())) })
    }

    fn no_body(status: u16, fault: BodyError) -> Ended {
        answer(status, "").map(|answer| Answer { body: Err(fault), ..answer })
    }

    fn cut_off(status: u16) -> Ended {
        no_body(status, BodyError::CutOff)
    }

    fn too_long(status: u16) -> Ended {
        no_body(status, BodyError::TooLong)
    }

    fn undelivered() -> Ended {
        Err(TransportError::Undelivered(String::new()))
    }

    fn lost() -> Ended {
        Err(TransportError::InDoubt { code: "timeout", message: String::new() })
    }

    fn classified(kind: RequestKind, ended: &Ended) -> Classified<String> {
        let parse = |_, body: &Bytes| match kind {
            RequestKind::Create | RequestKind::Update => {
                created(body).map(|group_ref| group_ref.id).ok_or_else(|| "no group".to_owned())
            }
            RequestKind::Delete => Ok(String::new()),
            RequestKind::Read | RequestKind::List if body.starts_with(b"{") => Ok(String::new()),
            _ => Err("no group".to_owned()),
        };
        classify(kind, ended, parse, str::to_owned, SystemTime::UNIX_EPOCH)
    }

    fn word(kind: RequestKind, ended: &Ended) -> &'static str {
        match classified(kind, ended).class {
            Class::Applied(_) => "applied",
            Class::NotThere => "not there",
            Class::Refused(_) => "refused",
            Class::NameTaken(_) => "taken",
            Class::MaybeTaken(_) => "maybe taken",
            Class::NotApplied(_) => "not applied",
            Class::Ambiguous(_) => "ambiguous",
            Class::GuestQuota(_, named) => {
                assert_eq!(named, Some(Duration::from_secs(4)));
                "quota"
            }
            Class::Stop(_) => "stop",
            Class::Held => "held",
        }
    }

    #[test]
    fn every_end_of_a_request_is_classified_for_each_kind() {
        use RequestKind::{Create, Delete, List, Read};
        for (ended, create, delete, read, list) in [
            (answer(200, ID), "applied", "ambiguous", "applied", "applied"),
            (answer(201, ID), "applied", "ambiguous", "not applied", "not applied"),
            (answer(204, ""), "ambiguous", "applied", "not applied", "not applied"),
            (answer(200, ""), "ambiguous", "ambiguous", "not applied", "not applied"),
            (answer(201, "<html>"), "ambiguous", "ambiguous", "not applied", "not applied"),
            (answer(202, ID), "ambiguous", "ambiguous", "not applied", "not applied"),
            (answer(201, r#"{"error":true,"message":"no"}"#), "refused", "refused", "refused", "refused"),
            (cut_off(200), "ambiguous", "ambiguous", "not applied", "not applied"),
            (too_long(201), "ambiguous", "ambiguous", "not applied", "not applied"),
            (cut_off(204), "ambiguous", "ambiguous", "not applied", "not applied"),
            (answer(404, GONE), "refused", "not there", "not there", "refused"),
            (answer(404, r#"{"message":"No query results"}"#), "refused", "not there", "not there", "refused"),
            (answer(404, NO_ENDPOINT), "refused", "refused", "refused", "refused"),
            (answer(404, "<html>"), "refused", "ambiguous", "not applied", "refused"),
            (cut_off(404), "refused", "ambiguous", "not applied", "refused"),
            (answer(307, ""), "stop", "stop", "stop", "stop"),
            (cut_off(401), "stop", "stop", "stop", "stop"),
            (cut_off(403), "refused", "refused", "refused", "refused"),
            (answer(422, TAKEN), "taken", "taken", "not applied", "not applied"),
            (answer(409, TAKEN), "taken", "taken", "not applied", "not applied"),
            (answer(400, TAKEN), "taken", "taken", "not applied", "not applied"),
            (answer(422, "{}"), "maybe taken", "refused", "not applied", "not applied"),
            (answer(409, ""), "maybe taken", "refused", "not applied", "not applied"),
            (
                answer(422, r#"{"errors":{"name":["Der Name ist vergeben."]}}"#),
                "maybe taken",
                "refused",
                "not applied",
                "not applied",
            ),
            (
                answer(422, r#"{"errors":{"members.0":["No such user"]}}"#),
                "refused",
                "refused",
                "not applied",
                "not applied",
            ),
            (answer(429, QUOTA), "quota", "quota", "not applied", "not applied"),
            (answer(429, ""), "not applied", "not applied", "not applied", "not applied"),
            (cut_off(429), "ambiguous", "not applied", "not applied", "not applied"),
            (cut_off(422), "not applied", "not applied", "not applied", "not applied"),
            (answer(408, ""), "ambiguous", "ambiguous", "not applied", "not applied"),
            (answer(500, ""), "ambiguous", "ambiguous", "not applied", "not applied"),
            (cut_off(502), "ambiguous", "ambiguous", "not applied", "not applied"),
            (undelivered(), "not applied", "not applied", "not applied", "not applied"),
            (lost(), "ambiguous", "ambiguous", "ambiguous", "ambiguous"),
        ] {
            let words = [Create, Delete, Read, List].map(|kind| word(kind, &ended));
            assert_eq!(words, [create, delete, read, list], "{ended:?}");
        }
    }

    #[test]
    fn every_status_without_a_useful_body_is_classified() {
        for status in 100..=999 {
            let (create, list) = match status {
                300..=399 | 401 => ("stop", "stop"),
                403 | 404 => ("refused", "refused"),
                429 => ("not applied", "not applied"),
                400 | 409 | 422 => ("maybe taken", "not applied"),
                402..=407 | 410..=499 => ("refused", "not applied"),
                _ => ("ambiguous", "not applied"),
            };
            let create = if status == 408 { "ambiguous" } else { create };
            assert_eq!(word(RequestKind::Create, &answer(status, "")), create, "{status}");
            assert_eq!(word(RequestKind::List, &answer(status, "")), list, "{status}");
        }
    }

    #[test]
    fn an_update_of_a_group_that_was_deleted_meanwhile_does_not_stop_the_run() {
        let update = |ended: Ended| word(RequestKind::Update, &ended);
        for body in [GONE, "<html>", ""] {
            assert_eq!(update(answer(404, body)), "not applied", "{body}");
        }
        assert_eq!(update(answer(404, NO_ENDPOINT)), "refused");
        for other in [answer(201, "{}"), answer(401, ""), answer(403, ""), lost()] {
            assert_eq!(update(other.clone()), word(RequestKind::Create, &other));
        }
    }

    #[test]
    fn every_response_says_whether_the_server_fails_and_for_how_long() {
        let failure =
            |ended: Ended| classified(RequestKind::Create, &ended).failure.map(|failure| (failure.kind, failure.named));
        let named = Some(Duration::from_secs(4));
        for (ended, expected) in [
            (answer(201, ID), None),
            (answer(201, "{}"), None),
            (answer(200, " <html>"), Some((FailureKind::Unreachable, named))),
            (answer(401, ""), None),
            (answer(404, "<html>"), None),
            (answer(408, ""), Some((FailureKind::Unreachable, named))),
            (answer(422, "{}"), None),
            (answer(429, "{}"), Some((FailureKind::TooMany, named))),
            (answer(429, QUOTA), None),
            (answer(500, ""), Some((FailureKind::Failing, named))),
            (answer(503, "<html>"), Some((FailureKind::Unable, named))),
            (undelivered(), Some((FailureKind::Unreachable, None))),
            (lost(), Some((FailureKind::Unreachable, None))),
        ] {
            assert_eq!(failure(ended.clone()), expected, "{ended:?}");
        }
    }

    #[test]
    fn an_error_at_200_is_shown_in_the_servers_words() {
        let ended = answer(200, r#"{"error":true,"message":"Plan limit reached"}"#);
        let Class::Refused(error) = classified(RequestKind::Create, &ended).class else { panic!("not refused") };
        assert_eq!(error.message, "the server answered 200: Plan limit reached");
    }
}
