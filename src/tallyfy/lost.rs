//! A request without an answer: is it known that the server did not read it? Pure.

use super::exchange::Lost;

/// HTTP/2's code for a stream that was refused before anything was done with it (RFC 9113, 7 and 8.7).
const REFUSED_STREAM: u32 = 7;

/// What is known of how a request ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Loss {
    /// It could not be put together.
    pub(super) is_malformed: bool,
    /// No connection came about.
    pub(super) is_unconnected: bool,
    /// Time ran out.
    pub(super) is_late: bool,
    /// The code with which the server, not this program, reset the HTTP/2 stream.
    pub(super) reset: Option<u32>,
}

impl Loss {
    /// Sorts it. Whatever does not prove that the server did not read the request is in doubt: a GOAWAY too, because
    /// which streams it spares is not told to each of them.
    pub(super) fn sorted(self, message: String) -> Lost {
        if self.is_malformed || self.is_unconnected || self.reset == Some(REFUSED_STREAM) {
            return Lost::Undelivered(message);
        }
        Lost::InDoubt { code: if self.is_late { "timeout" } else { "connection-lost" }, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_proves_that_nothing_was_read_is_undelivered() {
        let known = Loss::default();
        for (loss, expected) in [
            (Loss { is_malformed: true, ..known }, None),
            (Loss { is_unconnected: true, ..known }, None),
            (Loss { is_unconnected: true, is_late: true, ..known }, None),
            (Loss { reset: Some(7), ..known }, None),
            (known, Some("connection-lost")),
            (Loss { is_late: true, ..known }, Some("timeout")),
            // NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, STREAM_CLOSED, CANCEL, ENHANCE_YOUR_CALM, HTTP_1_1_REQUIRED.
            (Loss { reset: Some(0), ..known }, Some("connection-lost")),
            (Loss { reset: Some(1), ..known }, Some("connection-lost")),
            (Loss { reset: Some(2), ..known }, Some("connection-lost")),
            (Loss { reset: Some(5), ..known }, Some("connection-lost")),
            (Loss { reset: Some(8), ..known }, Some("connection-lost")),
            (Loss { reset: Some(11), ..known }, Some("connection-lost")),
            (Loss { reset: Some(13), ..known }, Some("connection-lost")),
        ] {
            let code = match loss.sorted("why".to_owned()) {
                Lost::Undelivered(message) => {
                    assert_eq!(message, "why");
                    None
                }
                Lost::InDoubt { code, message } => {
                    assert_eq!(message, "why");
                    Some(code)
                }
                Lost::Held => panic!("{loss:?} was not held"),
            };
            assert_eq!(code, expected, "{loss:?}");
        }
    }
}
