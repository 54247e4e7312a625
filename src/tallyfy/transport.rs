//! The seam to the network: one HTTP request in, one answer out.

use std::future::Future;
use std::time::SystemTime;

use bytes::Bytes;
use reqwest::Method;

/// One request, below the base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Escaped path and query, from the slash after the base URL on.
    pub path: String,
    /// The JSON body.
    pub body: Option<Bytes>,
}

/// Why the body of a response is missing, although its head came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// The connection ended, or time ran out, before the last byte.
    CutOff,
    /// It is longer than any response should be.
    TooLong,
}

/// What the headers of a response tell about the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hints {
    /// `Retry-After`, as it stood.
    pub retry_after: Option<String>,
    /// `X-RateLimit-Limit`: how many requests are allowed in the server's period.
    pub limit: Option<u32>,
    /// `X-RateLimit-Remaining`: how many of them were left when the server took this one.
    pub remaining: Option<u32>,
    /// `Date`: when the server wrote it, to the second before.
    pub date: Option<SystemTime>,
}

impl Hints {
    /// Reads them from the headers of an answer, by name.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let number = |name| header(name).and_then(|text| text.trim().parse().ok());
        Self {
            retry_after: header("retry-after").map(str::to_owned),
            limit: number("x-ratelimit-limit"),
            remaining: number("x-ratelimit-remaining"),
            date: header("date").and_then(|text| httpdate::parse_http_date(text).ok()),
        }
    }
}

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Its headers.
    pub hints: Hints,
    /// The whole body, if it came.
    pub body: Result<Bytes, BodyError>,
}

/// No answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportError {
    /// No byte of it left, or the server says that it did not read it: why, for a person.
    Undelivered(String),
    /// It may have been received, and applied.
    InDoubt {
        /// `timeout` or `connection-lost`.
        code: &'static str,
        /// What happened, for a person.
        message: String,
    },
}

/// Sends one HTTP request and returns its response. Never repeats a request that may have been applied, and never follows a
/// redirect.
pub trait Transport: Send + Sync + 'static {
    /// Sends it.
    fn send(&self, call: Call) -> impl Future<Output = Result<Answer, TransportError>> + Send;
}
