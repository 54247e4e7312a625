//! Real sockets around [`Simulation::handle`]: carries out its replies and decides nothing.

use std::error::Error;
use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Simulation;
use super::body::{ConnectionEnd, SentBody};
use super::message::{Headers, Reply, Request, Response};

/// The most a request's body may hold, in bytes.
const BODY_MAX: usize = 1024 * 1024;

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
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(|request| answer(request, &shared));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = (&mut connection).await {
        let torn = error.source().and_then(|source| source.downcast_ref::<ConnectionEnd>());
        if matches!(torn, Some(ConnectionEnd::Unanswered)) {
            reset(&connection.into_parts().io.into_inner());
        }
        tracing::debug!(%error, "a connection ended");
    }
}

/// Closes `stream` with a reset, so that the client does not see an orderly end.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "the connection cannot be reset");
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    shared: &Shared,
) -> Result<hyper::Response<SentBody>, ConnectionEnd> {
    let Some(request) = read(request).await? else {
        return send(Response::error(413, "The request body is too large."), SentBody::Whole);
    };
    let outcome = shared.handle(&request);
    // tokio rounds every sleep up to a whole millisecond.
    if !outcome.delay.is_zero() {
        tokio::time::sleep(outcome.delay).await;
    }
    match outcome.reply {
        Reply::Answer(answer) => send(answer, SentBody::Whole),
        Reply::Refuse | Reply::Drop => Err(ConnectionEnd::Unanswered),
        Reply::Hang => pending().await,
        Reply::Cut { answer, bytes } => send(answer, |whole| SentBody::Cut {
            bytes: whole.slice(..bytes.min(whole.len())),
            promised: whole.len() as u64,
            flushed: false,
        }),
        Reply::Endless(answer) => send(answer, SentBody::Endless),
    }
}

impl Shared {
    fn handle(&self, request: &Request) -> super::TimedReply {
        let mut simulation = lock(&self.simulation);
        let now = self.stood + self.began.elapsed();
        simulation.handle(request, now)
    }
}

/// Converts the request; `None` if its body is too large.
async fn read(request: hyper::Request<Incoming>) -> Result<Option<Request>, ConnectionEnd> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => body.to_bytes().into(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(None),
        Err(_) => return Err(ConnectionEnd::Unanswered),
    };
    let headers: Headers =
        head.headers.iter().map(|(name, value)| (name, String::from_utf8_lossy(value.as_bytes()))).collect();
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
