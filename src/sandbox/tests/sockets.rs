//! The outcomes on real sockets, with a real client.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::{RequestRate, serve};
use super::*;
use parking_lot::Mutex;

/// A served simulation.
struct Served {
    address: SocketAddr,
    simulation: Arc<Mutex<Simulation>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
    client: reqwest::Client,
}

impl Served {
    async fn new(options: &Options, script: &str) -> Self {
        Self::again(Arc::new(Mutex::new(Simulation::new(options, FaultScript::parse(script).unwrap())))).await
    }

    async fn again(simulation: Arc<Mutex<Simulation>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let until = async { stopped.await.unwrap() };
        let task = tokio::spawn(serve(listener, Arc::clone(&simulation), until));
        let client = reqwest::Client::builder().no_proxy().retry(reqwest::retry::never()).build().unwrap();
        Self { address, simulation, stop, task, client }
    }

    fn post(&self, name: &str) -> reqwest::RequestBuilder {
        self.client
            .post(format!("http://{}/api{GROUPS}", self.address))
            .header("Authorization", "Bearer secret")
            .header("Accept", "application/json")
            .header("X-Tallyfy-Client", "APIClient")
            .header("Content-Type", "application/json")
            .body(json!({ "name": name }).to_string())
    }

    async fn raw(&self, name: &str) -> TcpStream {
        let body = json!({ "name": name }).to_string();
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "POST {GROUPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nAccept: application/json\r\nX-Tallyfy-Client: APIClient\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        stream
    }

    fn groups(&self) -> usize {
        self.simulation.lock().groups().count()
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_group_is_created_over_the_wire() {
    let served = Served::new(&Options::default(), "").await;
    let answer = served.post("Größe").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (201, &"application/json".parse().unwrap())
    );
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(body["data"]["name"], "Größe");
    served.end().await;
}

#[tokio::test]
async fn a_refused_or_dropped_connection_is_reset() {
    let script = "[[fault]]\nkind = 'refuse'\nat = [1]\n[[fault]]\nkind = 'drop-after'\nat = [2]";
    let served = Served::new(&Options::default(), script).await;
    for groups in [0, 1] {
        let mut stream = served.raw("a").await;
        let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!((error.kind(), served.groups()), (ErrorKind::ConnectionReset, groups));
    }
    served.end().await;
}

#[tokio::test]
async fn a_cut_answer_promises_more_than_it_brings() {
    let served = Served::new(&Options::default(), "[[fault]]\nkind = 'cut'").await;
    let mut seen = Vec::new();
    served.raw("a").await.read_to_end(&mut seen).await.unwrap();
    let text = String::from_utf8(seen).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(head.starts_with("HTTP/1.1 201"));
    assert_eq!(promised.parse::<usize>().unwrap() / 2, body.len());
    let answer = served.post("b").send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert!(answer.bytes().await.is_err());
    assert_eq!(served.groups(), 2);
    served.end().await;
}

#[tokio::test]
async fn a_hanging_request_times_out_and_does_not_hold_up_the_end() {
    let served = Served::new(&Options::default(), "[[fault]]\nkind = 'hang-after'").await;
    let error = served.post("a").timeout(Duration::from_millis(200)).send().await.unwrap_err();
    assert!(error.is_timeout());
    // Held by the test, the server and each connection: the one that was left must end.
    while Arc::strong_count(&served.simulation) > 2 {
        tokio::task::yield_now().await;
    }
    let waiting = tokio::spawn(served.post("b").send());
    while served.groups() < 2 {
        tokio::task::yield_now().await;
    }
    served.end().await;
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test]
async fn an_endless_answer_goes_on_until_the_client_leaves() {
    let served = Served::new(&Options::default(), "[[fault]]\nkind = 'endless'").await;
    let mut answer = served.post("a").send().await.unwrap();
    let mut bytes = 0;
    while bytes < 4 * 1024 * 1024 {
        bytes += answer.chunk().await.unwrap().unwrap().len();
    }
    drop(answer);
    served.end().await;
}

#[tokio::test]
async fn an_answer_takes_as_long_as_it_is_said_to() {
    let options = Options { latency: Duration::from_millis(50), ..Options::default() };
    let served = Served::new(&options, "[[fault]]\nkind = 'slow'\nmillis = 50").await;
    let began = std::time::Instant::now();
    assert_eq!(served.post("a").send().await.unwrap().status(), 201);
    assert!(began.elapsed() >= Duration::from_millis(100));
    served.end().await;
}

#[tokio::test]
async fn the_limit_goes_on_when_the_simulation_is_served_again() {
    let options =
        Options { rate: Some(RequestRate { requests: 1, period: Duration::from_hours(1) }), ..Options::default() };
    let served = Served::new(&options, "").await;
    assert_eq!(served.post("a").send().await.unwrap().status(), 201);
    let simulation = Arc::clone(&served.simulation);
    served.end().await;
    let served = Served::again(simulation).await;
    let refused = served.post("b").send().await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"3600".parse().unwrap()));
    assert_eq!(refused.headers()["x-ratelimit-remaining"], "0");
    served.end().await;
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused() {
    let served = Served::new(&Options::default(), "").await;
    for (size, status) in [(1024 * 1024, 400), (1024 * 1024 + 1, 413)] {
        let answer = served.post("a").body(vec![b'x'; size]).send().await.unwrap();
        assert_eq!(answer.status(), status, "{size}");
    }
    served.end().await;
}
