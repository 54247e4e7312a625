//! Real sockets around [`Simulation::handle`]: carries out its replies and decides nothing.

use std::error::Error;
use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Simulation;
use super::message::{Reply, Request, Response};

/// The most a request's body may hold, in bytes.
const BODY_MAX: usize = 1024 * 1024;

/// The body of a response.
type SentBody = UnsyncBoxBody<Bytes, ConnectionEnd>;

/// A fault ends the connection here.
#[derive(Debug, Error)]
enum ConnectionEnd {
    /// Without an answer.
    #[error("the connection is torn down")]
    Unanswered,
    /// In the middle of one.
    #[error("the answer is cut off")]
    Cut,
}

/// The simulation and its clock.
#[derive(Clone)]
struct Shared {
    simulation: Arc<Mutex<Simulation>>,
    began: Instant,
    stood: Duration,
}

/// Serves `simulation` on `listener` until `stop` is done, then ends every connection and returns.
///
/// The simulation's clock goes on from where it stood, so one may be served again. On a socket a refused
/// connection looks like a dropped one: the request must be read to know which fault applies to it.
///
/// # Errors
/// When no more connections can be accepted.
pub async fn serve(
    listener: TcpListener,
    simulation: Arc<Mutex<Simulation>>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let stood = lock(&simulation).now();
    let shared = Shared { simulation, began: Instant::now(), stood };
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    let ended = loop {
        tokio::select! {
            () = &mut stop => break Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(attend(stream, shared.clone()));
                }
                Err(error) if is_the_clients(&error) => tracing::debug!(%error, "a connection ended before it was accepted"),
                Err(error) => break Err(error),
            },
            Some(_) = connections.join_next() => {}
        }
    };
    connections.shutdown().await;
    ended
}

fn is_the_clients(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// Serves one connection to its end.
async fn attend(stream: TcpStream, shared: Shared) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, &shared));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = (&mut connection).await {
        let torn = error.source().and_then(|source| source.downcast_ref::<ConnectionEnd>());
        if matches!(torn, Some(ConnectionEnd::Unanswered)) {
            // Closes with a reset, so that the client does not see an orderly end.
            let _ = connection.into_parts().io.into_inner().set_zero_linger();
        }
        tracing::debug!(%error, "a connection ended");
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    shared: &Shared,
) -> Result<hyper::Response<SentBody>, ConnectionEnd> {
    let Some(request) = read(request).await? else {
        return send(Response::error(413, "The request body is too large."), whole);
    };
    let outcome = lock(&shared.simulation).handle(&request, shared.stood + shared.began.elapsed());
    // tokio rounds every sleep up to a whole millisecond.
    if !outcome.delay.is_zero() {
        tokio::time::sleep(outcome.delay).await;
    }
    match outcome.reply {
        Reply::Answer(answer) => send(answer, whole),
        Reply::Refuse | Reply::Drop => Err(ConnectionEnd::Unanswered),
        Reply::Hang => pending().await,
        Reply::Cut { answer, bytes } => {
            let length = answer.body.len();
            let mut response = send(answer, |body| cut(body.slice(..bytes.min(length))))?;
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
            Ok(response)
        }
        Reply::Endless(answer) => send(answer, |body| {
            StreamBody::new(stream::repeat_with(move || Ok(Frame::data(body.clone())))).boxed_unsync()
        }),
    }
}

fn whole(body: Bytes) -> SentBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

/// A body that breaks off. hyper writes out what it holds while the body has no frame; an error would discard it.
fn cut(body: Bytes) -> SentBody {
    let end = async {
        tokio::task::yield_now().await;
        Err(ConnectionEnd::Cut)
    };
    StreamBody::new(stream::iter([Ok(Frame::data(body))]).chain(stream::once(end))).boxed_unsync()
}

/// Converts the request; `None` if its body is too large.
async fn read(request: hyper::Request<Incoming>) -> Result<Option<Request>, ConnectionEnd> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => body.to_bytes().into(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(None),
        Err(_) => return Err(ConnectionEnd::Unanswered),
    };
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Ok(Some(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers,
        body,
    }))
}

fn send(answer: Response, body: impl FnOnce(Bytes) -> SentBody) -> Result<hyper::Response<SentBody>, ConnectionEnd> {
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(body(answer.body.into())).map_err(|error| {
        tracing::error!(%error, "an answer that HTTP cannot carry");
        ConnectionEnd::Unanswered
    })
}

/// A panic of another thread leaves the simulation usable.
fn lock(simulation: &Mutex<Simulation>) -> MutexGuard<'_, Simulation> {
    simulation.lock().unwrap_or_else(PoisonError::into_inner)
}
