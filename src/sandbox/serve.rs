//! Real sockets around [`Simulation::handle`]: carries out its replies and decides nothing.

use std::error::Error;
use std::future::{Future, pending};
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Simulation;
use super::message::{Reply, Request, Response, TimedReply};

/// The most a request's body may hold, in bytes.
const BODY_MAX: usize = 1024 * 1024;

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
    let (began, stood) = (Instant::now(), simulation.lock().now());
    let handle = move |request: &Request| simulation.lock().handle(request, stood + began.elapsed());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    let ended = loop {
        tokio::select! {
            () = &mut stop => break Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => _ = connections.spawn(attend(stream, handle.clone())),
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {
                    tracing::debug!(%error, "a connection ended before it was accepted");
                }
                Err(error) => break Err(error),
            },
            Some(_) = connections.join_next() => {}
        }
    };
    connections.shutdown().await;
    ended
}

/// Serves one connection to its end.
async fn attend(stream: TcpStream, handle: impl Fn(&Request) -> TimedReply) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(async |request| respond(reply(request, &handle).await).await);
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = (&mut connection).await {
        let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        if cause.is_some_and(|cause| cause.kind() == ErrorKind::ConnectionReset) {
            // Closes with a reset, so that the client does not see an orderly end.
            let _ = connection.into_parts().io.into_inner().set_zero_linger();
        }
        tracing::debug!(%error, "a connection ended");
    }
}

/// Reads a request, and waits for the simulation's reply to it.
async fn reply(request: hyper::Request<Incoming>, handle: impl Fn(&Request) -> TimedReply) -> Reply {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => body.to_bytes().into(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Reply::Answer(Response::error(413, "The request body is too large."));
        }
        Err(_) => return Reply::Drop,
    };
    let TimedReply { delay, reply } = handle(&Request::from_parts(head, body));
    // tokio rounds every sleep up to a whole millisecond.
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    reply
}

/// The response that carries a reply out. A reset ends the connection without a response, any other error in the middle of one.
async fn respond(reply: Reply) -> io::Result<hyper::Response<UnsyncBoxBody<Bytes, io::Error>>> {
    let (status, headers, body) = match reply {
        Reply::Refuse | Reply::Drop => return Err(ErrorKind::ConnectionReset.into()),
        Reply::Hang => return pending().await,
        Reply::Answer(Response { status, headers, body }) => {
            (status, headers, Full::from(body).map_err(|never| match never {}).boxed_unsync())
        }
        Reply::Cut(Response { status, mut headers, mut body }) => {
            headers.push(("Content-Length", body.len().to_string()));
            body.truncate(body.len() / 2);
            let end = async {
                // hyper writes out what it holds while the body has no frame; an error would discard it.
                tokio::task::yield_now().await;
                Err(ErrorKind::UnexpectedEof.into())
            };
            let frames = stream::iter([Ok(Frame::data(body.into()))]).chain(stream::once(end));
            (status, headers, StreamBody::new(frames).boxed_unsync())
        }
        Reply::Endless(Response { status, headers, body }) => {
            let body = Bytes::from(body);
            let frames = stream::repeat_with(move || Ok(Frame::data(body.clone())));
            (status, headers, StreamBody::new(frames).boxed_unsync())
        }
    };
    let head = hyper::Response::builder().status(status);
    let head = headers.into_iter().fold(head, |head, (name, value)| head.header(name, value));
    let response = head.body(body).inspect_err(|error| tracing::error!(%error, "an answer that HTTP cannot carry"));
    response.map_err(|_| ErrorKind::ConnectionReset.into())
}
