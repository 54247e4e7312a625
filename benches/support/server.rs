//! The least a server can do: HTTP/1.1 over loopback, in a process of its own, so that it is not counted as the client's.
//!
//! It reads nothing of a request but its method, whether it asks for the users, its length and where it ends. Every POST
//! creates a group; every GET gives the only page of a list, and how many POSTs have come. The list of users has all whom rows
//! may name as members; every other list is empty.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::rows::MEMBERS;

/// The argument by which this executable becomes the server.
pub(crate) const SERVE: &str = "serve";
/// The header of every answer to a GET that tells how many POSTs have come.
const POSTS: &str = "x-posts";
/// Room for one read of a connection.
const CHUNK: usize = 16 * 1024;

/// A server in a process of its own; it ends when this is dropped.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Server {
    /// Starts this executable again, as the server.
    pub(crate) fn start() -> Self {
        let executable = std::env::current_exe().unwrap();
        let mut process = Command::new(executable).arg(SERVE).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").parse().expect("the server prints its address");
        Self { address, process }
    }

    /// How many POSTs have come so far.
    pub(crate) fn posts(&self) -> u64 {
        let mut stream = std::net::TcpStream::connect(self.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let posts = answer.lines().find_map(|line| line.strip_prefix(POSTS)?.strip_prefix(": "));
        posts.and_then(|posts| posts.parse().ok()).expect("the server counts")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Prints where it listens, and serves until it is killed.
pub(crate) fn serve() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("http://{}", listener.local_addr()?);
        let posts = Arc::new(AtomicU64::new(0));
        loop {
            let (stream, _) = listener.accept().await?;
            let posts = Arc::clone(&posts);
            // A client may close the connection.
            tokio::spawn(async move {
                let _ = answer_all(stream, &posts).await;
            });
        }
    })
}

/// Answers the requests of one connection until its end.
async fn answer_all(mut stream: TcpStream, posts: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut received, mut answers) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
    while stream.read_buf(&mut received).await? > 0 {
        let mut done = 0;
        while let Some(request) = request(&received[done..]) {
            done += request.len();
            answer(request, posts, &mut answers)?;
        }
        received.drain(..done);
        if !answers.is_empty() {
            stream.write_all(&answers).await?;
            answers.clear();
        }
    }
    Ok(())
}

/// The first request of the bytes; none if it is not there as a whole.
fn request(bytes: &[u8]) -> Option<&[u8]> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    bytes.get(..head + content_length(&bytes[..head]))
}

fn content_length(head: &[u8]) -> usize {
    let value = head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked("content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:").then_some(value)
    });
    value.and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok()).unwrap_or(0)
}

fn answer(request: &[u8], posts: &AtomicU64, answers: &mut Vec<u8>) -> std::io::Result<()> {
    if request.starts_with(b"POST") {
        let id = posts.fetch_add(1, Ordering::Relaxed);
        let head = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 50";
        return write!(answers, "{head}\r\n\r\n{{\"data\":{{\"id\":\"{id:032x}\"}}}}");
    }
    let users = if request.starts_with(b"GET /organizations/bench/users?") { MEMBERS } else { 0..0 };
    let user = |id| format!(r#"{{"id":{id},"email":"user{id}@members.example.com","status":"active"}}"#);
    let data = users.map(user).collect::<Vec<_>>().join(",");
    let page = format!(r#"{{"data":[{data}],"meta":{{"pagination":{{"total_pages":1}}}}}}"#);
    let (posts, length) = (posts.load(Ordering::Relaxed), page.len());
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
    write!(answers, "{head}\r\n{POSTS}: {posts}\r\ncontent-length: {length}\r\n\r\n{page}")
}
