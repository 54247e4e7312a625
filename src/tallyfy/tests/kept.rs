//! A second request, while the connection of the first is kept.

use super::Act::{Close, Read, Reset, Say};
use super::*;

const TIMED_OUT: &str = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_nothing_and_a_stale_408_is_nobodys_answer() {
    for acts in [
        &[Read, Say(CREATED), Close][..],
        &[Read, Say(CREATED), Reset],
        &[Read, Say(CREATED), Say(TIMED_OUT), Close],
        &[Read, Say(CREATED), Say(TIMED_OUT)],
    ] {
        let server = Server::start(acts).await;
        let http = http("http", server.address, LONG);
        for _ in 0..3 {
            assert_eq!(create(&http).await, ("201".to_owned(), "Applied".to_owned()), "{acts:?}");
            server.left().await;
        }
        drop(http);
        assert_eq!(server.end().await, 3, "{acts:?}");
    }
}

#[tokio::test]
async fn a_request_that_gets_no_answer_on_a_kept_connection_is_not_made_again() {
    for (acts, told) in [
        (&[Read, Say(CREATED), Read, Close][..], "connection-lost"),
        (&[Read, Say(CREATED), Read, Reset], "connection-lost"),
        (&[Read, Say(CREATED), Read, Say(TIMED_OUT), Close], "408"),
    ] {
        let server = Server::start(acts).await;
        let http = http("http", server.address, LONG);
        assert_eq!(create(&http).await, ("201".to_owned(), "Applied".to_owned()), "{acts:?}");
        assert_eq!(create(&http).await, (told.to_owned(), "Ambiguous".to_owned()), "{acts:?}");
        drop(http);
        assert_eq!(server.end().await, 2, "{acts:?}");
    }
}
