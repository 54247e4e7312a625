//! Classifies the responses to a delete request, and to the read of the group before it. Pure.

use bytes::Bytes;

use super::judge::{Reading, When, halt, judge_read, refusal, trouble, undelivered, when};
use crate::model::{Halt, Trouble};
use crate::tallyfy::{Answer, Lost};

/// What the response to a delete request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DeletionVerdict {
    /// The group is deleted; with the status of the answer.
    Deleted(u16),
    /// The group does not exist.
    NotThere(u16),
    /// The server refused it.
    Refused(Trouble),
    /// It was not applied: send it again.
    Again(Trouble, When),
    /// It may have been applied: read whether the group still exists.
    InDoubt(Trouble, When),
    /// The run must stop; this request was not applied.
    Halt(Halt),
    /// It was not sent, because the run stops.
    Held,
}

/// Classifies the response to a delete request.
#[must_use]
pub(super) fn judge_delete(answer: Result<Answer, Lost>) -> DeletionVerdict {
    let answer = match answer {
        Ok(answer) => answer,
        Err(Lost::Held) => return DeletionVerdict::Held,
        Err(Lost::Undelivered(message)) => return DeletionVerdict::Again(undelivered(&message), When::BackedOff),
        Err(Lost::InDoubt { code, message }) => {
            return DeletionVerdict::InDoubt(
                Trouble { code: code.to_owned(), message, http_status: None },
                When::BackedOff,
            );
        }
    };
    let refusal = refusal(&answer);
    match answer.status {
        204 => DeletionVerdict::Deleted(204),
        404 if refusal.is_of_resource() => DeletionVerdict::NotThere(404),
        404 if !refusal.is_of_endpoint() => DeletionVerdict::InDoubt(trouble(&answer), when(&answer)),
        300..=399 | 401 => DeletionVerdict::Halt(halt(&answer)),
        429 => DeletionVerdict::Again(trouble(&answer), When::Allowed),
        // A 200 may be a proxy's page.
        408 | 100..=299 | 500.. => DeletionVerdict::InDoubt(trouble(&answer), when(&answer)),
        _ => DeletionVerdict::Refused(trouble(&answer)),
    }
}

/// Classifies the response to a read of one group: its body, or `None` if the group does not exist.
#[must_use]
pub(super) fn judge_look(answer: Result<Answer, Lost>) -> Reading<Option<Bytes>> {
    if let Ok(answer) = &answer
        && answer.status == 404
    {
        let refusal = refusal(answer);
        if refusal.is_of_resource() {
            return Reading::Body(None);
        }
        if !refusal.is_of_endpoint() {
            return Reading::Again(trouble(answer), when(answer));
        }
    }
    judge_read(answer).and_then(|body| Ok(Some(body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tallyfy::{BodyFault, Hints};

    const GONE: &str = r#"{"error":true,"message":"The requested resource was not found","code":"RESOURCE_NOT_FOUND"}"#;
    const NO_ENDPOINT: &str = r#"{"error":true,"message":"API endpoint not found","code":"ENDPOINT_NOT_FOUND"}"#;

    #[expect(clippy::unnecessary_wraps, reason = "tables mix it with lost answers")]
    fn answer(status: u16, body: &str) -> Result<Answer, Lost> {
        Ok(Answer { status, hints: Hints::default(), body: Ok(Bytes::copy_from_slice(body.as_bytes())) })
    }

    fn lost() -> Result<Answer, Lost> {
        Err(Lost::InDoubt { code: "timeout", message: String::new() })
    }

    #[test]
    fn every_end_of_a_delete_request_is_classified() {
        for (given, expected) in [
            (answer(204, ""), "deleted"),
            (answer(200, r#"{"data":null}"#), "doubt"),
            (answer(200, "<html>"), "doubt"),
            (answer(202, ""), "doubt"),
            (answer(404, GONE), "not there"),
            (answer(404, r#"{"message":"No query results"}"#), "not there"),
            (answer(404, NO_ENDPOINT), "refused"),
            (answer(404, "<html>"), "doubt"),
            (answer(404, ""), "doubt"),
            (Ok(Answer { status: 404, hints: Hints::default(), body: Err(BodyFault::CutOff) }), "doubt"),
            (answer(307, ""), "halt"),
            (answer(401, ""), "halt"),
            (answer(403, ""), "refused"),
            (answer(400, ""), "refused"),
            (answer(405, ""), "refused"),
            (answer(409, ""), "refused"),
            (answer(422, "{}"), "refused"),
            (answer(408, ""), "doubt"),
            (answer(429, ""), "again"),
            (answer(500, ""), "doubt"),
            (answer(502, "<html>"), "doubt"),
            (Err(Lost::Undelivered(String::new())), "again"),
            (Err(Lost::Held), "held"),
            (lost(), "doubt"),
        ] {
            let shown = format!("{given:?}");
            let word = match judge_delete(given) {
                DeletionVerdict::Deleted(_) => "deleted",
                DeletionVerdict::NotThere(_) => "not there",
                DeletionVerdict::Refused(_) => "refused",
                DeletionVerdict::Again(..) => "again",
                DeletionVerdict::InDoubt(..) => "doubt",
                DeletionVerdict::Halt(_) => "halt",
                DeletionVerdict::Held => "held",
            };
            assert_eq!(word, expected, "{shown}");
        }
    }

    #[test]
    fn a_look_finds_the_group_or_that_it_is_not_there_and_takes_no_other_404_for_that() {
        let word = |given| match judge_look(given) {
            Reading::Body(Some(_)) => "there",
            Reading::Body(None) => "not there",
            Reading::Again(..) => "again",
            Reading::Refused(_) => "refused",
            Reading::Halt(_) => "halt",
            Reading::Held => "held",
        };
        assert_eq!(word(answer(200, "{}")), "there");
        assert_eq!(word(answer(404, GONE)), "not there");
        assert_eq!(word(answer(404, NO_ENDPOINT)), "refused");
        assert_eq!(word(answer(404, "<html>")), "again");
        assert_eq!(word(answer(401, "")), "halt");
        assert_eq!(word(answer(403, "")), "refused");
        assert_eq!(word(answer(500, "")), "again");
        assert_eq!(word(lost()), "again");
        assert_eq!(word(Err(Lost::Held)), "held");
    }
}
