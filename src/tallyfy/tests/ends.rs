//! One request over a connection of its own.

use futures::future::join_all;

use super::Act::{Close, Read, ReadHead, Reset, Say, SayOn};
use super::*;

const HEAD: &str = "HTTP/1.1 201 Created\r\nContent-Length: 24\r\n\r\n";
const LONGER: &str = "HTTP/1.1 201 Created\r\nContent-Length: 25\r\n\r\n{\"data\":{\"id\":\"group1\"}}";
const REFUSED: &str = "HTTP/1.1 422 Unprocessable\r\nContent-Length: 90\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n";
/// 256 bytes.
const CHUNK: &str = "100\r\n\
    ........ and so on, and so forth, and more, and more of the same\
    ........ and so on, and so forth, and more, and more of the same\
    ........ and so on, and so forth, and more, and more of the same\
    ........ and so on, and so forth, and more, and more of the same\
    \r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </>; rel=preload\r\n\r\n";

/// What the server does, what the transport says, how that is classified, how many requests the server read.
type Row = (&'static [Act], &'static str, &'static str, usize);

async fn assert_ends(timeout: Duration, rows: &[Row]) {
    let ended = rows.iter().map(async |(acts, ..)| {
        let server = Server::start(*acts).await;
        let http = http("http", server.address, timeout);
        let (told, class) = create(&http).await;
        drop(http);
        (told, class, server.end().await)
    });
    for ((told, class, requests), row) in join_all(ended).await.into_iter().zip(rows) {
        assert_eq!((told.as_str(), class.as_str(), requests), (row.1, row.2, row.3), "{:?}", row.0);
    }
}

#[tokio::test]
async fn a_connection_that_ends_leaves_the_request_in_doubt() {
    assert_ends(
        LONG,
        &[
            (&[Reset], "connection-lost", "Ambiguous", 0),
            (&[ReadHead, Reset], "connection-lost", "Ambiguous", 0),
            (&[Read, Reset], "connection-lost", "Ambiguous", 1),
            (&[Read, Close], "connection-lost", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 201 Cre"), Reset], "connection-lost", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 201 Cre"), Close], "connection-lost", "Ambiguous", 1),
            (&[Read, Say(CONTINUE), Reset], "connection-lost", "Ambiguous", 1),
            (&[Read, Say(CONTINUE), Close], "connection-lost", "Ambiguous", 1),
            (&[Read, Say(HINTS), Close], "connection-lost", "Ambiguous", 1),
            (&[Read, Say(HEAD), Reset], "201 cut off", "Ambiguous", 1),
            (&[Read, Say(HEAD), Close], "201 cut off", "Ambiguous", 1),
            (&[Read, Say(HEAD), Say("{\"data\":{\"id\""), Reset], "201 cut off", "Ambiguous", 1),
            (&[Read, Say(HEAD), Say("{\"data\":{\"id\""), Close], "201 cut off", "Ambiguous", 1),
            (&[Read, Say(LONGER), Reset], "201 cut off", "Ambiguous", 1),
            (&[Read, Say(LONGER), Close], "201 cut off", "Ambiguous", 1),
            (
                &[Read, Say(CHUNKED), Say("18\r\n{\"data\":{\"id\":\"group1\"}}\r\n"), Close],
                "201 cut off",
                "Ambiguous",
                1,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_refusal_that_is_cut_off_was_not_applied() {
    assert_ends(
        LONG,
        &[
            (&[Read, Say(REFUSED), Reset], "422 cut off", "NotApplied", 1),
            (
                &[Read, Say(REFUSED), Say("{\"errors\":{\"name\":[\"The name has"), Close],
                "422 cut off",
                "NotApplied",
                1,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_answer_is_one_only_if_it_is_whole_and_names_the_group() {
    assert_ends(
        LONG,
        &[
            (&[Read, Say(CREATED)], "201", "Applied", 1),
            (&[Read, Say(CONTINUE), Say(HINTS), Say(CREATED)], "201", "Applied", 1),
            (&[Read, Say(CREATED), Say("and more")], "201", "Applied", 1),
            (&[Read, Say("HTTP/1.1 201 Created\r\n\r\n{\"data\":{\"id\":7}}"), Close], "201", "Applied", 1),
            (&[Read, Say("HTTP/1.1 201 Created\r\n\r\n{\"data\":{\"id\":7}"), Close], "201", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 201 Created\r\n\r\n"), Close], "201", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")], "201", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")], "200", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"data\":{}}")], "200", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 204 No Content\r\n\r\n")], "204", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"), Close], "408", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 599 What\r\nContent-Length: 0\r\n\r\n")], "599", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), Close], "101", "Ambiguous", 1),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_http_or_has_no_end_is_in_doubt_and_bounded() {
    assert_ends(
        LONG,
        &[
            (&[Read, Say("SSH-2.0-OpenSSH_9.9\r\n")], "connection-lost", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 201 Created\r\nContent-Length: 1, 2\r\n\r\n")], "connection-lost", "Ambiguous", 1),
            (
                &[Read, Say("HTTP/1.1 201 Created\r\n"), SayOn("X-More: and more\r\n")],
                "connection-lost",
                "Ambiguous",
                1,
            ),
            (&[Read, Say("HTTP/1.1 201 Created\r\nX-Long: "), SayOn("and more")], "connection-lost", "Ambiguous", 1),
            (&[Read, Say(CHUNKED), Say("zz\r\n")], "201 cut off", "Ambiguous", 1),
            (&[Read, Say(CHUNKED), Say("fffffffffffffffff\r\n")], "201 cut off", "Ambiguous", 1),
            (&[Read, Say(CHUNKED), SayOn(CHUNK)], "201 too long", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 201 Created\r\n\r\n"), SayOn("and more")], "201 too long", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 422 No\r\n\r\n"), SayOn("and more")], "422 too long", "NotApplied", 1),
            (&[Read, Say("HTTP/1.1 502 Bad\r\n\r\n"), SayOn("and more")], "502 too long", "Ambiguous", 1),
        ],
    )
    .await;
}

#[tokio::test]
async fn time_that_runs_out_leaves_the_request_in_doubt() {
    assert_ends(
        SHORT,
        &[
            (&[Read], "timeout", "Ambiguous", 1),
            (&[Read, Say("HTTP/1.1 201 Cre")], "timeout", "Ambiguous", 1),
            (&[Read, Say(CONTINUE)], "timeout", "Ambiguous", 1),
            (&[Read, Say(HINTS)], "timeout", "Ambiguous", 1),
            (&[Read, Say(HEAD)], "201 cut off", "Ambiguous", 1),
            (&[Read, Say(HEAD), Say("{\"data\":{\"id\"")], "201 cut off", "Ambiguous", 1),
            (&[Read, Say(CHUNKED), Say("18\r\n{\"data\":{\"id\":\"group1\"}}\r\n")], "201 cut off", "Ambiguous", 1),
            (&[Read, Say(REFUSED)], "422 cut off", "NotApplied", 1),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Server::start([Read, Say(CREATED)]).await;
        let text = format!(
            "HTTP/1.1 {status} Elsewhere\r\nLocation: http://{}/organizations/o/groups\r\nContent-Length: 0\r\n\r\n",
            elsewhere.address
        );
        let here = Server::start([Read, Say(text.leak())]).await;
        let http = http("http", here.address, LONG);
        assert_eq!(create(&http).await, (status.to_string(), "Stop".to_owned()));
        drop(http);
        assert_eq!((here.end().await, elsewhere.end().await), (1, 0), "{status}");
    }
}
