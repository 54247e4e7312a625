//! No connection comes about: then nothing was sent.

use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Act::{Close, Reset, Say};
use super::*;

/// A certificate that no authority has signed, and its key, which opens nothing else.
const CERTIFICATE: &[u8] = include_bytes!("untrusted.certificate.der");
const KEY: &[u8] = include_bytes!("untrusted.key.der");

fn undelivered() -> (String, String) {
    ("undelivered".to_owned(), "NotApplied".to_owned())
}

/// A port on which nobody listens, and that nobody else gets while it is held.
fn socket() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[tokio::test]
async fn a_connection_that_is_refused() {
    let (_held, address) = socket();
    assert_eq!(create(&http("http", address, LONG)).await, undelivered());
}

/// Linux lets a connection wait when the queue of the listener is full; others refuse it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_does_not_come_about_in_time() {
    let (socket, address) = socket();
    let listener = socket.listen(1).unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queue.push(stream);
    }
    assert_eq!(create(&http("http", address, SHORT)).await, undelivered());
    drop((queue, listener));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls() {
    for acts in [&[Say("HTTP/1.1 400 Bad Request\r\n\r\n"), Close][..], &[Close], &[Reset]] {
        let server = Server::start(acts).await;
        let http = http("https", server.address, LONG);
        assert_eq!(create(&http).await, undelivered(), "{acts:?}");
        drop(http);
        assert_eq!(server.end().await, 0, "{acts:?}");
    }
}

/// Connects by TLS; gives what the client makes of it, and why the server ended the handshake.
async fn handshake(authorities: &[u8]) -> (TransportError, Option<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = base("https", listener.local_addr().unwrap());
    let http = Http::new(base, credentials(), LONG, authorities).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(KEY));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let accept =
        async { acceptor.accept(listener.accept().await.unwrap().0).await.err().map(|error| error.to_string()) };
    let call = Call { method: Method::GET, path: "/".to_owned(), body: None };
    let (answer, ended) = tokio::join!(http.send(call), accept);
    (answer.err().unwrap(), ended)
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_until_its_authority_is_named() {
    let (lost, ended) = handshake(&[]).await;
    assert!(
        matches!(&lost, TransportError::Undelivered(message) if message.contains("UnknownIssuer; if your company")),
        "{lost:?}"
    );
    let ended = ended.unwrap();
    assert!(ended.contains("UnknownCA") || ended.contains("BadCertificate"), "{ended}");
    let (lost, ended) = handshake(include_bytes!("untrusted.certificate.pem")).await;
    assert!(
        matches!(lost, TransportError::InDoubt { .. }) && ended.is_none(),
        "the server answers nothing: {lost:?} {ended:?}"
    );
}
