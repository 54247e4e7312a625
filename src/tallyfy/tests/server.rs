//! A server that does to every connection what a test asks, and counts the requests it has read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// What is done to a connection, one after the other. After the last it only listens until the client has gone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Reads one whole request.
    Read,
    /// Reads the head of one, and leaves its body.
    ReadHead,
    Say(&'static str),
    /// Says it again and again until the client has gone.
    SayOn(&'static str),
    /// Says no more, in order.
    Close,
    /// Ends the connection at once.
    Reset,
}

/// The server, under way.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    /// A permit for each connection that is over.
    over: Arc<Semaphore>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(acts: impl Into<Vec<Act>>) -> Self {
        let acts: Arc<[Act]> = acts.into().into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (stop, mut stopped) = oneshot::channel();
        let attend = {
            let (requests, over) = (Arc::clone(&requests), Arc::clone(&over));
            move |stream| {
                let connection = Connection { stream, heard: Vec::new(), requests: Arc::clone(&requests) };
                let (acts, over) = (Arc::clone(&acts), Arc::clone(&over));
                async move {
                    connection.run(&acts).await;
                    over.add_permits(1);
                }
            }
        };
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => connections.spawn(attend(accepted.unwrap().0)),
                    _ = &mut stopped => break,
                };
            }
            // A connection counts although the client has gone since.
            let listener = listener.into_std().unwrap();
            while let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(true).unwrap();
                connections.spawn(attend(TcpStream::from_std(stream).unwrap()));
            }
            connections.join_all().await;
        });
        Self { address, requests, over, stop, task }
    }

    /// Waits until the client has left one connection.
    pub(super) async fn left(&self) {
        self.over.acquire().await.unwrap().forget();
    }

    /// How many whole requests came over all connections, once the client is gone.
    pub(super) async fn end(self) -> usize {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
        self.requests.load(Ordering::Relaxed)
    }
}

struct Connection {
    stream: TcpStream,
    heard: Vec<u8>,
    requests: Arc<AtomicUsize>,
}

impl Connection {
    async fn run(mut self, acts: &[Act]) {
        for act in acts {
            let is_up = match act {
                Act::Read => self.request().await,
                Act::ReadHead => self.head().await.is_some(),
                Act::Say(text) => self.say(text).await,
                Act::SayOn(text) => {
                    let much = text.repeat(1000);
                    while self.say(&much).await {}
                    false
                }
                Act::Close => self.stream.shutdown().await.is_ok(),
                Act::Reset => {
                    self.stream.set_zero_linger().unwrap();
                    false
                }
            };
            if !is_up {
                return;
            }
        }
        while self.request().await {}
    }

    async fn say(&mut self, text: &str) -> bool {
        self.stream.write_all(text.as_bytes()).await.is_ok()
    }

    /// Hears one whole request; false if the client has gone before its end.
    async fn request(&mut self) -> bool {
        let Some(head) = self.head().await else { return false };
        let text = String::from_utf8_lossy(&self.heard[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).map_or("0", str::trim);
        let end = head + length.parse::<usize>().unwrap();
        while self.heard.len() < end {
            if !self.hear().await {
                return false;
            }
        }
        self.heard.drain(..end);
        self.requests.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Where the head ends.
    async fn head(&mut self) -> Option<usize> {
        loop {
            if let Some(at) = self.heard.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                return Some(at + 4);
            }
            if !self.hear().await {
                return None;
            }
        }
    }

    async fn hear(&mut self) -> bool {
        self.stream.read_buf(&mut self.heard).await.is_ok_and(|count| count > 0)
    }
}
