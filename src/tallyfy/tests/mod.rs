//! Every way a request can end, on real sockets: what the server does, what the transport makes of it, how that is
//! classified, and how many requests the server read. It never sends a request twice.

mod connecting;
mod ends;
mod http2;
mod kept;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{Answer, BaseUrl, BodyError, Call, Credentials, Http, Method, Token, Transport, TransportError};
use crate::execute::{RequestKind, classify};
use server::{Act, Server};

/// For what does not end in a timeout: only a defect takes so long.
const LONG: Duration = Duration::from_secs(30);
/// For what does: long enough for a request to arrive on a busy machine.
const SHORT: Duration = Duration::from_secs(3);

/// An answer to a create request that is whole.
const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 24\r\n\r\n{\"data\":{\"id\":\"group1\"}}";

fn base(scheme: &str, address: SocketAddr) -> BaseUrl {
    BaseUrl::parse(&format!("{scheme}://{address}")).unwrap()
}

fn credentials() -> Arc<Credentials> {
    Arc::new(Credentials::fixed(Token::simulated()))
}

fn http(scheme: &str, address: SocketAddr, timeout: Duration) -> Http {
    Http::new(base(scheme, address), credentials(), timeout, &[]).unwrap()
}

/// How a create request ends: in the transport's words, and classified.
async fn create(http: &Http) -> (String, String) {
    let body = Bytes::from_static(b"{\"name\":\"A\"}");
    let call = Call { method: Method::POST, path: "/organizations/o/groups".to_owned(), body: Some(body) };
    let ended = http.send(call).await;
    (told(&ended), class(&ended))
}

fn told(ended: &Result<Answer, TransportError>) -> String {
    match ended {
        Ok(Answer { status, body: Ok(_), .. }) => status.to_string(),
        Ok(Answer { status, body: Err(BodyError::CutOff), .. }) => format!("{status} cut off"),
        Ok(Answer { status, body: Err(BodyError::TooLong), .. }) => format!("{status} too long"),
        Err(TransportError::Undelivered(_)) => "undelivered".to_owned(),
        Err(TransportError::InDoubt { code, .. }) => (*code).to_owned(),
    }
}

/// The name of its class.
fn class(ended: &Result<Answer, TransportError>) -> String {
    let parse = |_, body: &Bytes| super::created(body).ok_or_else(String::new);
    let class = classify(RequestKind::Create, ended, parse, str::to_owned, SystemTime::UNIX_EPOCH).class;
    format!("{class:?}").split(|letter: char| !letter.is_alphanumeric()).next().unwrap().to_owned()
}
