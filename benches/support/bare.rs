//! The yardstick: reqwest sends bodies that are ready and forgets the answers. No file, no journal, no results.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};

/// Sends all bodies with this many tasks on one thread; returns how long that took.
pub(crate) fn send(address: SocketAddr, bodies: Vec<Bytes>, lanes: usize) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (client, url) = (client(), format!("http://{address}/organizations/bench/groups"));
    let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
    let start = Instant::now();
    runtime.block_on(async {
        let lanes: Vec<_> = (0..lanes)
            .map(|_| {
                let (client, url) = (client.clone(), url.clone());
                let (bodies, next) = (Arc::clone(&bodies), Arc::clone(&next));
                tokio::spawn(async move {
                    while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                        create(&client, &url, body.clone()).await;
                    }
                })
            })
            .collect();
        for lane in lanes {
            lane.await.unwrap();
        }
    });
    start.elapsed()
}

async fn create(client: &reqwest::Client, url: &str, body: Bytes) {
    let request = client.post(url).header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.bytes().await.unwrap();
}

/// The headers of the import, and nothing else that costs.
fn client() -> reqwest::Client {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer bench"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert("x-tallyfy-client", HeaderValue::from_static("APIClient"));
    let agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    reqwest::Client::builder().default_headers(headers).user_agent(agent).no_proxy().build().unwrap()
}
