//! One request over HTTP/2.

use std::sync::atomic::{AtomicUsize, Ordering};

use h2::server::{Connection, SendResponse};
use h2::{Ping, PingPong, Reason, SendStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use super::*;
use crate::tallyfy::http::builder;

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// The stream is reset.
    Reset(Reason),
    /// The head of the answer, and then a reset.
    HeadAndReset(Reason),
    /// The connection ends before it is read.
    GoAwayUnread,
    /// The connection ends after it was read.
    GoAwayRead,
    /// It is answered, and the connection ends after that.
    AnswerAndGoAway,
}

/// Serves every connection alike; counts the requests whose head arrived.
async fn serve(ending: Ending, requests: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(attend(stream, ending, Arc::clone(&requests)));
        }
    });
    address
}

async fn attend(stream: TcpStream, ending: Ending, requests: Arc<AtomicUsize>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let pings = Arc::new(Mutex::new(connection.ping_pong().unwrap()));
    if matches!(ending, Ending::GoAwayUnread) {
        connection.abrupt_shutdown(Reason::NO_ERROR);
    }
    while let Some(Ok((_, respond))) = connection.accept().await {
        requests.fetch_add(1, Ordering::Relaxed);
        answer(&mut connection, respond, ending, &pings);
    }
}

/// Resets the stream once the client has the head.
async fn reset(mut body: SendStream<Bytes>, pings: Arc<Mutex<PingPong>>, reason: Reason) {
    pings.lock().await.ping(Ping::opaque()).await.unwrap();
    body.send_reset(reason);
}

fn answer(
    connection: &mut Connection<TcpStream, Bytes>,
    mut respond: SendResponse<Bytes>,
    ending: Ending,
    pings: &Arc<Mutex<PingPong>>,
) {
    let created = hyper::Response::builder().status(201).body(()).unwrap();
    match ending {
        Ending::Reset(reason) => respond.send_reset(reason),
        Ending::HeadAndReset(reason) => {
            let body = respond.send_response(created, false).unwrap();
            tokio::spawn(reset(body, Arc::clone(pings), reason));
        }
        Ending::GoAwayUnread => {}
        Ending::GoAwayRead => connection.abrupt_shutdown(Reason::NO_ERROR),
        Ending::AnswerAndGoAway => {
            let mut body = respond.send_response(created, false).unwrap();
            body.send_data(Bytes::from_static(b"{\"data\":{\"id\":\"group1\"}}"), true).unwrap();
            connection.graceful_shutdown();
        }
    }
}

#[tokio::test]
async fn only_a_refused_stream_was_not_read_and_nothing_is_made_again() {
    for (ending, told, class, read) in [
        (Ending::Reset(Reason::REFUSED_STREAM), "undelivered", "NotApplied", 1),
        (Ending::Reset(Reason::CANCEL), "connection-lost", "Ambiguous", 1),
        (Ending::Reset(Reason::INTERNAL_ERROR), "connection-lost", "Ambiguous", 1),
        (Ending::Reset(Reason::NO_ERROR), "connection-lost", "Ambiguous", 1),
        (Ending::HeadAndReset(Reason::REFUSED_STREAM), "201 cut off", "Ambiguous", 1),
        (Ending::HeadAndReset(Reason::INTERNAL_ERROR), "201 cut off", "Ambiguous", 1),
        (Ending::GoAwayUnread, "connection-lost", "Ambiguous", 0),
        (Ending::GoAwayRead, "connection-lost", "Ambiguous", 1),
        (Ending::AnswerAndGoAway, "201", "Applied", 1),
    ] {
        let requests = Arc::new(AtomicUsize::new(0));
        let address = serve(ending, Arc::clone(&requests)).await;
        let base = base("http", address);
        // Without TLS.
        let client = builder(&base, LONG).http2_prior_knowledge().build().unwrap();
        let http = Http { client, base, credentials: credentials() };
        // Over the same connection, unless it ended.
        for round in 1..=2 {
            let ended = create(&http).await;
            assert_eq!((ended.0.as_str(), ended.1.as_str()), (told, class), "{ending:?}, {round}");
            assert_eq!(requests.load(Ordering::Relaxed), read * round, "{ending:?}, {round}");
        }
    }
}
