//! Every way a request can end, on real sockets: what the server does, what the exchange makes of it, what the judge
//! makes of that, and how many requests the server read. One exchange is never more than one request.

mod connecting;
mod ends;
mod http2;
mod kept;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Answer, BaseUrl, BodyFault, Call, Credentials, Exchange, Http, Lost, Method, Token};
use crate::send::judge_create;
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

/// How a create request ends: in the exchange's words, and in the judge's.
async fn create(http: &Http) -> (String, String) {
    let body = Bytes::from_static(b"{\"name\":\"A\"}");
    let call = Call { method: Method::POST, path: "/organizations/o/groups".to_owned(), body: Some(body) };
    let ended = http.exchange(call).await;
    (told(&ended), judged(ended))
}

fn told(ended: &Result<Answer, Lost>) -> String {
    match ended {
        Ok(Answer { status, body: Ok(_), .. }) => status.to_string(),
        Ok(Answer { status, body: Err(BodyFault::CutOff), .. }) => format!("{status} cut off"),
        Ok(Answer { status, body: Err(BodyFault::TooLong), .. }) => format!("{status} too long"),
        Err(Lost::Undelivered(_)) => "undelivered".to_owned(),
        Err(Lost::InDoubt { code, .. }) => (*code).to_owned(),
        Err(Lost::Held) => "held".to_owned(),
    }
}

/// The verdict's name.
fn judged(ended: Result<Answer, Lost>) -> String {
    let verdict = format!("{:?}", judge_create(ended));
    verdict.split(|letter: char| !letter.is_alphanumeric()).next().unwrap().to_owned()
}
