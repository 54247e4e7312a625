//! Classifies the responses to a delete request, and to the read of the group before it. Pure.

use bytes::Bytes;

use super::judge::{Verdict, halt, judge_read, refusal, trouble, unanswered};
use crate::model::Trouble;
use crate::tallyfy::{Answer, Lost};

/// What became of a group that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    Deleted,
    /// It does not exist.
    NotThere,
}

/// Classifies the response to a delete request.
#[must_use]
pub(super) fn judge_delete(answer: Result<Answer, Lost>) -> Verdict<Deletion> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(lost) => return unanswered(lost),
    };
    let refusal = refusal(&answer);
    match answer.status {
        204 => Verdict::Done(Deletion::Deleted),
        404 if refusal.is_of_resource() => Verdict::Done(Deletion::NotThere),
        404 if !refusal.is_of_endpoint() => Verdict::InDoubt(trouble(&answer)),
        300..=399 | 401 => Verdict::Halt(halt(&answer)),
        429 => Verdict::Again(trouble(&answer)),
        // A 200 may be a proxy's page.
        408 | 100..=299 | 500.. => Verdict::InDoubt(trouble(&answer)),
        _ => Verdict::Refused(trouble(&answer)),
    }
}

/// Classifies the response to a read of one group: its body, parsed, or `None` if the group does not exist.
#[must_use]
pub(super) fn judge_look<T>(
    answer: Result<Answer, Lost>,
    parse: impl FnOnce(&Bytes) -> Result<T, Trouble>,
) -> Verdict<Option<T>> {
    if let Ok(answer) = &answer
        && answer.status == 404
    {
        let refusal = refusal(answer);
        if refusal.is_of_resource() {
            return Verdict::Done(None);
        }
        if !refusal.is_of_endpoint() {
            return Verdict::Again(trouble(answer));
        }
    }
    judge_read(answer, |body| parse(body).map(Some))
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
                Verdict::Done(Deletion::Deleted) => "deleted",
                Verdict::Done(Deletion::NotThere) => "not there",
                Verdict::Refused(_) => "refused",
                Verdict::Again(_) => "again",
                Verdict::InDoubt(_) => "doubt",
                Verdict::Halt(_) => "halt",
                Verdict::Held => "held",
                other => panic!("{other:?}"),
            };
            assert_eq!(word, expected, "{shown}");
        }
    }

    #[test]
    fn a_look_finds_the_group_or_that_it_is_not_there_and_takes_no_other_404_for_that() {
        let word = |given| match judge_look(given, |_| Ok(())) {
            Verdict::Done(Some(())) => "there",
            Verdict::Done(None) => "not there",
            Verdict::Again(_) | Verdict::InDoubt(_) => "again",
            Verdict::Refused(_) => "refused",
            Verdict::Halt(_) => "halt",
            Verdict::Held => "held",
            other => panic!("{other:?}"),
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
