//! Requests, responses and replies, independent of the API's rules.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

/// One HTTP request as it arrived.
pub type Request = hyper::Request<Vec<u8>>;

/// The value of a header; empty if there is none.
pub(super) fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Refuses a request whose header `name` does not name JSON.
pub(super) fn expect_json(request: &Request, name: &str, status: u16) -> Result<(), Response> {
    let mut kinds = header(request, name).split([',', ';']);
    if kinds.any(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Response::error(status, &format!("The {name} header must be application/json.")))
}

/// One HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, without that of the transport (`Content-Length`).
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        // These types always serialize: no map has keys that are not strings.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { body, ..Self::empty(status) }.with("Content-Type", Some("application/json"))
    }

    pub(super) fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"error": true, "message": message}))
    }

    /// The refusal of fields, with messages by field. It has two forms: with or without `"error": true`.
    pub(super) fn invalid(errors: impl Serialize, with_error: bool) -> Self {
        let mut body = json!({"message": "The given data was invalid.", "errors": errors});
        if with_error {
            body["error"] = true.into();
        }
        Self::json(422, &body)
    }

    /// The refusal of a request beyond the limit.
    pub(super) fn too_many(retry_after: impl ToString) -> Self {
        Self::json(429, &json!({"message": "Too Many Attempts."})).with("Retry-After", Some(retry_after))
    }

    /// An error in the newer form: `{"error": {"code", "message", "details"}}`. Other responses stay as they are.
    pub(super) fn modern(self) -> Self {
        let code = match self.status {
            ..=399 => return self,
            401 => "UNAUTHENTICATED",
            422 => "VALIDATION_ERROR",
            429 => "RATE_LIMIT_EXCEEDED",
            _ => "ERROR",
        };
        let Ok(Value::Object(mut body)) = serde_json::from_slice(&self.body) else { return self };
        let [code_given, message, details] = ["code", "message", "errors"].map(|key| body.remove(key));
        let error = json!({"code": code_given.unwrap_or(code.into()), "message": message, "details": details});
        Self { body: json!({ "error": error }).to_string().into_bytes(), ..self }
    }

    /// A proxy's page.
    pub(super) fn html(status: u16) -> Self {
        let page = format!(
            "<html>\r\n<head><title>{status} Error</title></head>\r\n<body>\r\n<center><h1>{status} Error</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self { body: page.into_bytes(), ..Self::empty(status) }.with("Content-Type", Some("text/html"))
    }

    /// Adds a header, if it has a value.
    pub(super) fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.headers.extend(value.map(|value| (name, value.to_string())));
        self
    }
}

/// What happens to a request, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedReply {
    /// How long after the request's arrival the reply happens.
    pub delay: Duration,
    /// What happens.
    pub reply: Reply,
}

/// What the client sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The answer, whole.
    Answer(Response),
    /// The connection is closed before the request is read: it is not applied.
    Refuse,
    /// The connection is closed without an answer.
    Drop,
    /// No answer, ever, on a connection that stays open.
    Hang,
    /// The answer's head and half of the body that it promises; then the connection is closed.
    Cut(Response),
    /// The answer's head, and then its body again and again without end.
    Endless(Response),
}
