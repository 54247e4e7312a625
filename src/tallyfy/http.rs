//! The transport over real sockets: exact headers, bounded time, bounded bodies, no hidden retries or redirects.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, StatusCode};
use url::{Host, Url};

use super::credentials::Credentials;
use super::transport::{Answer, BodyError, Call, Hints, Transport, TransportError};

/// Below any server's idle limit: a connection that idles longer can carry a stale answer.
const IDLE: Duration = Duration::from_secs(4);
/// What to do about a certificate of an authority that the system does not know.
const UNKNOWN_ISSUER: &str = "; if your company inspects connections, name the certificate of its authority with --ca-file PATH or SSL_CERT_FILE";
/// The longest success, in bytes: a page of 100 groups with all their members.
const SUCCESS_MAX: usize = 16 * 1024 * 1024;
/// The longest refusal, in bytes.
const REFUSAL_MAX: usize = 64 * 1024;

/// Where the API is: `https`, or `http` on this machine; it may carry a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    url: Url,
    /// Whether the server is on this machine.
    pub is_loopback: bool,
}

impl BaseUrl {
    /// Reads a base URL.
    ///
    /// # Errors
    /// If it is not a base URL, or plain http to another machine.
    pub fn parse(text: &str) -> Result<Self, String> {
        let not_a_url = || format!("`{}` is not a URL such as https://api.tallyfy.com", crate::model::shortened(text));
        let url = Url::parse(text.trim()).map_err(|_| not_a_url())?;
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(not_a_url()),
        };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err("the base URL may hold a host and a path, and no user, query or fragment".to_owned());
        }
        match url.scheme() {
            "http" if !is_loopback => {
                let why = "would send the token unprotected: use https (plain http is allowed to this machine only)";
                Err(format!("{url} {why}"))
            }
            "http" | "https" => Ok(Self { url, is_loopback }),
            _ => Err(not_a_url()),
        }
    }
}

/// The transport by reqwest.
pub struct Http {
    pub(super) client: reqwest::Client,
    pub(super) base: BaseUrl,
    pub(super) credentials: Arc<Credentials>,
}

impl Http {
    /// Requests go to `base` and nowhere else, with the token then in use, each in `timeout` at most. The certificates of
    /// further authorities are PEM.
    ///
    /// # Errors
    /// If the certificates cannot be used.
    pub fn new(
        base: BaseUrl,
        credentials: Arc<Credentials>,
        timeout: Duration,
        authorities: &[u8],
    ) -> Result<Self, reqwest::Error> {
        let authorities = reqwest::Certificate::from_pem_bundle(authorities)?;
        Ok(Self { client: builder(&base, timeout).tls_certs_merge(authorities).build()?, base, credentials })
    }
}

pub(super) fn builder(base: &BaseUrl, timeout: Duration) -> reqwest::ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static("x-tallyfy-client"), HeaderValue::from_static("APIClient"));
    let builder = reqwest::Client::builder()
        .default_headers(headers)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(timeout)
        // Shorter: only a failure to connect proves that nothing was sent.
        .connect_timeout(timeout / 4 * 3)
        .pool_idle_timeout(IDLE)
        .referer(false);
    if base.is_loopback { builder.no_proxy() } else { builder.https_only(true) }
}

impl Transport for Http {
    async fn send(&self, call: Call) -> Result<Answer, TransportError> {
        let token = self.credentials.token();
        // The host is not parsed again.
        let path = format!("{}{}", self.base.url.path().trim_end_matches('/'), call.path);
        let url = self.base.url.join(&path).map_err(|reason| TransportError::Undelivered(reason.to_string()))?;
        let mut request = self.client.request(call.method.clone(), url).header(AUTHORIZATION, token.header());
        if let Some(body) = call.body {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
        }
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            self.credentials.refuse(&token);
        }
        tracing::debug!(method = ?call.method, path = call.path, status = status.as_u16(), "answered");
        let hints = Hints::read(|name| response.headers().get(name).and_then(|value| value.to_str().ok()));
        let most = if status.is_success() { SUCCESS_MAX } else { REFUSAL_MAX };
        let body = match Limited::new(Body::from(response), most).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLong),
            Err(_) => Err(BodyError::CutOff),
        };
        Ok(Answer { status: status.as_u16(), hints, body })
    }
}

/// Sorts an error of the connection. Whatever does not prove that the server did not read the request is in doubt: a GOAWAY
/// too, because which streams it spares is not known for each of them.
fn lost(error: reqwest::Error) -> TransportError {
    // The URL is known.
    let error = error.without_url();
    // The innermost cause says most.
    let mut message = causes(&error).last().map(|cause| crate::model::shown(&cause.to_string())).unwrap_or_default();
    if message.contains("UnknownIssuer") {
        message.push_str(UNKNOWN_ISSUER);
    }
    // Refused by the server, not by this program, before it was processed (RFC 9113, 7 and 8.7).
    let is_refused = causes(&error)
        .filter_map(|cause| cause.downcast_ref::<h2::Error>())
        .any(|error| error.is_reset() && error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM));
    if error.is_builder() || error.is_connect() || is_refused {
        return TransportError::Undelivered(message);
    }
    TransportError::InDoubt { code: if error.is_timeout() { "timeout" } else { "connection-lost" }, message }
}

/// The error, what caused it, what caused that, and so on.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_may_carry_a_path() {
        for (text, expected) in [
            ("https://api.tallyfy.com", "https://api.tallyfy.com/"),
            (" https://go.tallyfy.com/api/ ", "https://go.tallyfy.com/api/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://[::1]:80/x", "http://[::1]/x"),
            ("http://localhost:1/", "http://localhost:1/"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().url.as_str(), expected);
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
            assert!(BaseUrl::parse(text).unwrap_err().contains("unprotected"), "{text}");
        }
        for text in
            ["ftp://a", "api.tallyfy.com", "", "https://u:p@a.example", "https://a.example?x=1", "https://a.example/#f"]
        {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
