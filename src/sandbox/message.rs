//! Requests, responses and replies, independent of an HTTP library and of the API's rules.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

/// The headers of a request, by lower-cased name.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Adds a header; its name is lower-cased here.
    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_ascii_lowercase(), value.into()));
    }

    /// The first value of the header `name`, which is asked for in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.add(name.as_ref(), value);
        }
        headers
    }
}

/// One HTTP request as it arrived. It carries a token, so it does not implement `Debug`.
#[derive(Clone)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path, still percent-encoded.
    pub path: String,
    /// What followed the `?`, still percent-encoded.
    pub query: Option<String>,
    /// The headers.
    pub headers: Headers,
    /// The body, empty where there was none.
    pub body: Vec<u8>,
}

/// One HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, without those of the transport (`Content-Length`, `Date`).
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The header `name`, without regard to case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json".to_owned())],
            // These types always serialize: no map has keys that are not strings.
            body: serde_json::to_vec(body).unwrap_or_default(),
        }
    }

    pub(super) fn data(status: u16, data: &impl Serialize) -> Self {
        #[derive(Serialize)]
        struct DataEnvelope<'a, T> {
            data: &'a T,
        }
        Self::json(status, &DataEnvelope { data })
    }

    pub(super) fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"error": true, "message": message}))
    }

    pub(super) fn coded(status: u16, message: &str, code: &str) -> Self {
        let body: Value = json!({"error": true, "message": message, "code": code});
        Self::json(status, &body)
    }

    pub(super) fn message(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"message": message}))
    }

    /// A proxy's page.
    pub(super) fn html(status: u16) -> Self {
        let title = title(status);
        let page = format!(
            "<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n<center><h1>{status} {title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self { status, headers: vec![("Content-Type", "text/html".to_owned())], body: page.into_bytes() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
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
    /// The answer's head and `bytes` of its body, fewer than were promised; then the connection is closed.
    Cut {
        /// The answer that was meant.
        answer: Response,
        /// How many bytes of its body are sent.
        bytes: usize,
    },
    /// The answer's head, and then its body again and again without end.
    Endless(Response),
}

impl Reply {
    /// Half of `answer`; the connection is dropped if it has no body.
    pub(super) fn cut(answer: Response) -> Self {
        if answer.body.is_empty() {
            return Self::Drop;
        }
        let bytes = answer.body.len() / 2;
        Self::Cut { answer, bytes }
    }
}

fn title(status: u16) -> &'static str {
    match status {
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        200..=299 => "Welcome",
        _ => "Error",
    }
}
