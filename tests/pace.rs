//! The limit is used and not crossed: held against the arrivals in the server's own book.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::{Desk, Server, as_csv, good, good_names};
use tallyfy_groups::sandbox::{Options, Rate};

/// Imports under a limit that is kept exactly; no request is refused and no window holds more.
#[track_caller]
fn keeps(requests: NonZeroU32, period: Duration, weather: &str, flags: &[&str], rows: usize) {
    let rows = good(rows);
    let options = Options {
        rate: Some(Rate { requests: requests.get(), period }),
        latency: Duration::from_millis(3),
        ..Options::default()
    };
    let server = Server::start(options, weather);
    let rate = format!("{requests}/{}ms", period.as_millis());
    let desk = Desk::at(&server).set("TALLYFY_RATE", &rate).with("groups.csv", as_csv(&rows));
    desk.run(&[&["import", "groups.csv"], flags].concat()).expect(0);
    never_more(&server, requests, period);
    server.assert_each_once(&good_names(&rows));
    server.with(|simulation| {
        let arrivals = simulation.tally().arrivals();
        let took = arrivals[arrivals.len() - 1].checked_sub(arrivals[0]).unwrap();
        let due = period * u32::try_from(arrivals.len()).unwrap() / requests.get();
        assert!(took < due * 2, "{} requests took {took:?}: the limit is not used", arrivals.len());
    });
}

/// No window of the server's book holds more than this, and nothing was refused for pace.
#[track_caller]
fn never_more(server: &Server, requests: NonZeroU32, period: Duration) {
    let (refusals, most) =
        server.with(|simulation| (simulation.tally().refusals(), simulation.tally().most_within(period)));
    assert!(most <= requests.get() as usize, "{most} requests within {period:?}, {requests} are allowed");
    assert_eq!(refusals, 0, "refused for pace");
}

#[test]
fn no_window_holds_more_requests_than_the_rate_allows() {
    keeps(NonZeroU32::new(20).unwrap(), Duration::from_millis(200), "", &[], 400);
}

#[test]
fn no_window_holds_more_when_answers_take_their_time() {
    let weather = "seed = 1\n[[fault]]\nkind = 'slow'\nmillis = 90\npercent = 30.0";
    keeps(NonZeroU32::new(50).unwrap(), Duration::from_millis(500), weather, &["--concurrency", "64"], 400);
}

#[test]
fn lists_and_look_ups_are_counted_too() {
    let weather = "[[fault]]\nkind = 'error-after'\nmethod = 'POST'\nevery = 10";
    keeps(NonZeroU32::new(30).unwrap(), Duration::from_millis(300), weather, &[], 200);
}

#[test]
fn a_rate_of_one_at_a_time_is_kept() {
    keeps(NonZeroU32::new(1).unwrap(), Duration::from_millis(40), "", &[], 40);
}

#[test]
fn no_window_holds_more_when_some_requests_arrive_late() {
    let rows = good(60);
    let server = Server::calm();
    let late = late_line(server.url().strip_prefix("http://").unwrap().parse().unwrap());
    let desk = Desk::at(&server)
        .set("TALLYFY_BASE_URL", &format!("http://{late}"))
        .set("TALLYFY_RATE", "20/s")
        .with("groups.csv", as_csv(&rows));
    desk.run(&["import", "groups.csv"]).expect(0);
    server.assert_each_once(&good_names(&rows));
    never_more(&server, NonZeroU32::new(20).unwrap(), Duration::from_secs(1));
}

/// A line to a server on which every 13th request takes 600 ms to arrive; gives its address.
fn late_line(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            let (back, sent) = ((server.try_clone().unwrap(), client.try_clone().unwrap()), Arc::clone(&sent));
            std::thread::spawn(move || {
                carry(client, server, || {
                    if sent.fetch_add(1, Ordering::Relaxed) % 13 == 12 {
                        std::thread::sleep(Duration::from_millis(600));
                    }
                });
            });
            std::thread::spawn(move || carry(back.0, back.1, || {}));
        }
    });
    address
}

/// Carries bytes one way, each piece after `wait`, until either end closes.
fn carry(mut from: TcpStream, mut to: TcpStream, wait: impl Fn()) {
    let mut piece = vec![0; 1024 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        wait();
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
