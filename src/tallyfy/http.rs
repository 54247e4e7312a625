//! The exchange over real sockets: exact headers, bounded time, bounded bodies, nothing behind our back.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use url::{Host, Url};

use super::exchange::{Answer, BodyFault, Call, Exchange, Lost, Method};

/// Below any server's idle limit: a connection that idles longer can carry a stale answer.
const IDLE: Duration = Duration::from_secs(4);
/// The longest answer to a create request, in bytes.
const CREATED_MAX: usize = 4 * 1024 * 1024;
/// The longest page of a list, in bytes: 100 groups with all their members.
const PAGE_MAX: usize = 16 * 1024 * 1024;
/// The longest refusal, in bytes.
const REFUSAL_MAX: usize = 64 * 1024;

/// Where the API is: `https`, or `http` on this machine; it may carry a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    is_loopback: bool,
}

/// A base URL that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// It is no URL.
    #[error("`{0}` is no URL; https://api.tallyfy.com is one")]
    NotAUrl(String),
    /// It would send the token in the clear.
    #[error("{0} would send the token unprotected: use https (plain http is allowed to this machine only)")]
    Unprotected(String),
    /// It holds what a base URL must not hold.
    #[error("the base URL may hold a host and a path, and no user, query or fragment")]
    Surplus,
}

impl BaseUrl {
    /// Reads a base URL.
    ///
    /// # Errors
    /// If it is none, or plain http to another machine.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let not_a_url = || BaseUrlError::NotAUrl(crate::model::shortened(text));
        let url = Url::parse(text.trim()).map_err(|_| not_a_url())?;
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(not_a_url()),
        };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Surplus);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            "http" => return Err(BaseUrlError::Unprotected(url.to_string())),
            _ => return Err(not_a_url()),
        }
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), is_loopback })
    }

    /// Whether the server is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The access token: shown nowhere, not even by `Debug`.
#[derive(Clone)]
pub struct Token(HeaderValue);

/// A token that cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is nothing in it.
    #[error("the token is empty")]
    Empty,
    /// It holds characters that cannot stand in a header.
    #[error(
        "the token holds characters that no token has (a line break, a control character, or one that is not ASCII)"
    )]
    Unprintable,
}

impl Token {
    /// Takes a token, without the white space around it.
    ///
    /// # Errors
    /// If it is empty or cannot stand in a header.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Unprintable);
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| TokenError::Unprintable)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// What a server says may be shown; if it repeats the token, that is taken out.
    fn hide_in(&self, body: Bytes) -> Bytes {
        let Some(token) = self.0.as_bytes().strip_prefix(b"Bearer ") else { return body };
        if !body.windows(token.len()).any(|window| window == token) {
            return body;
        }
        let text = String::from_utf8_lossy(&body);
        text.replace(&*String::from_utf8_lossy(token), "(the token)").into_bytes().into()
    }

    /// What the simulated organization is given: it takes any.
    #[must_use]
    pub fn simulated() -> Self {
        Self(HeaderValue::from_static("Bearer simulated"))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The HTTP client cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct HttpError(#[from] reqwest::Error);

/// The exchange by reqwest.
#[derive(Debug)]
pub struct Http {
    client: reqwest::Client,
    base: BaseUrl,
    token: Token,
}

impl Http {
    /// Requests go to `base` and nowhere else, with this token, each in `timeout` at most.
    ///
    /// # Errors
    /// If the system's certificates cannot be used.
    pub fn new(base: BaseUrl, token: &Token, timeout: Duration) -> Result<Self, HttpError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, token.0.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("x-tallyfy-client"), HeaderValue::from_static("APIClient"));
        let mut builder = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(timeout)
            .connect_timeout(timeout)
            .pool_idle_timeout(IDLE)
            .referer(false);
        if base.is_loopback {
            builder = builder.no_proxy();
        } else {
            builder = builder.https_only(true);
        }
        Ok(Self { client: builder.build()?, base, token: token.clone() })
    }

    fn request(&self, call: &Call) -> reqwest::RequestBuilder {
        let url = format!("{}{}", self.base.text, call.path);
        let request = match call.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
            Method::Delete => self.client.delete(url),
        };
        match call.body.clone() {
            Some(body) => request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body),
            None => request,
        }
    }
}

impl Exchange for Http {
    async fn exchange(&self, call: Call) -> Result<Answer, Lost> {
        let created_max = if call.method == Method::Post { CREATED_MAX } else { PAGE_MAX };
        let response = self.request(&call).send().await.map_err(lost)?;
        let status = response.status().as_u16();
        tracing::debug!(method = ?call.method, path = call.path, status, "answered");
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if response.status().is_success() {
            return Ok(Answer { status, retry_after, body: body(response, created_max).await });
        }
        let body = body(response, REFUSAL_MAX).await;
        Ok(Answer { status, retry_after, body: body.map(|body| self.token.hide_in(body)) })
    }
}

async fn body(mut response: reqwest::Response, most: usize) -> Result<Bytes, BodyFault> {
    let mut whole = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if whole.len() + chunk.len() > most => return Err(BodyFault::TooLong),
            Ok(Some(chunk)) => whole.extend_from_slice(&chunk),
            Ok(None) => return Ok(whole.freeze()),
            Err(_) => return Err(BodyFault::CutOff),
        }
    }
}

/// Only an error of connecting proves that nothing was sent.
fn lost(error: reqwest::Error) -> Lost {
    if error.is_connect() || error.is_builder() {
        return Lost::NotSent(reasons(error));
    }
    let code = if error.is_timeout() { "timeout" } else { "connection-lost" };
    Lost::InDoubt { code, message: reasons(error) }
}

/// The innermost reason says most; the URL is known.
fn reasons(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    crate::model::shown(&inner.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_may_carry_a_path_and_loses_its_last_slash() {
        for (text, expected) in [
            ("https://api.tallyfy.com", "https://api.tallyfy.com"),
            (" https://go.tallyfy.com/api/ ", "https://go.tallyfy.com/api"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:80/x", "http://[::1]/x"),
            ("http://localhost:1/", "http://localhost:1"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn the_token_leaves_this_machine_only_over_https() {
        for text in [
            "http://api.tallyfy.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
        ] {
            assert!(matches!(BaseUrl::parse(text), Err(BaseUrlError::Unprotected(_))), "{text}");
        }
        for text in
            ["ftp://a", "api.tallyfy.com", "", "https://u:p@a.example", "https://a.example?x=1", "https://a.example/#f"]
        {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new(" secret-token\n").unwrap();
        assert!(!format!("{token:?} {:?}", token.0).contains("secret"));
        let told = token.hide_in(Bytes::from_static(b"bad header: Bearer secret-token!"));
        assert_eq!(told, "bad header: Bearer (the token)!");
        assert_eq!(Token::new(" ").unwrap_err(), TokenError::Empty);
        assert_eq!(Token::new("a\nb").unwrap_err(), TokenError::Unprintable);
    }
}
