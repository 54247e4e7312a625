//! A token file whose token dies while the run is on: it is read again, and only then does the run give up.

use std::fs;
use std::io::Write;

use crate::support::{Desk, Draft, Outcome, Server, TOKEN, as_csv, good, good_names, statuses};

/// The token that takes the place of the first.
const NEXT: &str = "the-Next.one~of_the-tests-0815";
const FILE: &str = "token.txt";
const IMPORT: [&str; 7] = ["import", "-", "--token-file", FILE, "--log-file", "log.txt", "--json"];

/// More than a pipe holds: if all could be written, somebody read them.
fn many() -> Vec<Draft> {
    let rows = good(1000);
    assert!(as_csv(&rows).len() > 100 * 1024);
    rows
}

/// The token dies with the 20th POST; from then on only the next is accepted.
fn dying() -> (Server, Desk) {
    let server = Server::under(&format!("[[fault]]\nkind = 'token-dies'\nnext = '{NEXT}'\nmethod = 'POST'\nat = [20]"));
    let desk = Desk::at(&server).unset("TALLYFY_API_TOKEN").set("RUST_LOG", "trace").with(FILE, format!("{TOKEN}\n"));
    (server, desk)
}

/// Imports the rows from standard input; `meanwhile` happens after the token was read and before the first request.
fn import(desk: &Desk, rows: &[Draft], meanwhile: impl FnOnce()) -> Outcome {
    let mut running = desk.start(&IMPORT);
    running.input().write_all(as_csv(rows).as_bytes()).unwrap();
    meanwhile();
    running.end()
}

/// Neither token is in what was said or written.
#[track_caller]
fn assert_hidden(desk: &Desk, outcomes: &[&Outcome]) {
    assert!(desk.read("log.txt").lines().count() > 100, "there is a log to search");
    let said = outcomes.iter().flat_map(|outcome| [outcome.stdout.clone().into_bytes(), outcome.stderr.clone().into()]);
    let files = desk.files().into_iter().filter(|name| name != FILE);
    let written = files.map(|name| fs::read(desk.path(&name)).unwrap());
    for text in said.chain(written) {
        for token in [TOKEN, NEXT] {
            assert!(!text.windows(token.len()).any(|window| window == token.as_bytes()), "a token is shown");
        }
    }
}

#[test]
fn a_file_with_a_newer_token_is_read_after_a_401_and_the_run_goes_on() {
    let (server, desk) = dying();
    let rows = many();
    let outcome = import(&desk, &rows, || desk.write(FILE, NEXT)).expect(0);
    let mut names = good_names(&rows);
    names.sort();
    assert_eq!(server.names(), names, "each once");
    let again = server.all_posts() - 1000;
    assert!((1..=16).contains(&again), "{again} POSTs were refused, at most one a lane");
    assert_eq!(outcome.json()["requests"], server.requests(), "a repeat waits for its turn like any request");
    let lines = desk.results("stdin.results.csv");
    assert_eq!(statuses(&lines), vec!["created"; 1000]);
    assert!(lines.iter().all(|line| line.attempts == 1));
    assert_hidden(&desk, &[&outcome]);
}

#[test]
fn a_file_that_still_has_the_dead_token_is_3_and_a_mended_one_finishes() {
    let (server, desk) = dying();
    let rows = many();
    let dead = import(&desk, &rows, || {}).expect(3).tells("401");
    let lines = desk.results("stdin.results.csv");
    assert_eq!(lines.iter().filter(|line| line.status == "created").count(), 19);
    assert_eq!(lines.iter().filter(|line| line.status == "pending").count(), 981);
    let posts = server.all_posts();
    desk.write(FILE, NEXT);
    let mended = import(&desk, &rows, || {}).expect(0);
    assert_eq!(server.all_posts() - posts, 981, "what is done costs no request");
    let mut names = good_names(&rows);
    names.sort();
    assert_eq!(server.names(), names, "each once");
    assert_eq!(statuses(&desk.results("stdin.results.csv")), vec!["created"; 1000]);
    assert_hidden(&desk, &[&dead, &mended]);
}

#[test]
fn a_file_that_holds_no_token_any_more_is_3_and_the_log_says_why() {
    for (content, reason) in [("\n", "the token is empty"), ("a\u{7}b", "the token holds characters that no token has")]
    {
        let (_server, desk) = dying();
        let outcome = import(&desk, &many(), || desk.write(FILE, content)).expect(3).tells("401");
        let log = desk.read("log.txt");
        assert_eq!(
            log.matches(&format!("no newer token: --token-file: token file {FILE}: {reason}")).count(),
            1,
            "{content:?}"
        );
        assert_hidden(&desk, &[&outcome]);
    }
    let (_server, desk) = dying();
    import(&desk, &many(), || fs::remove_file(desk.path(FILE)).unwrap()).expect(3).tells("401");
    assert_eq!(desk.read("log.txt").matches(&format!("no newer token: --token-file: token file {FILE}: ")).count(), 1);
}

#[cfg(unix)]
#[test]
fn a_pipe_gives_its_token_once_and_nobody_waits_for_another() {
    let server = Server::under("[[fault]]\nkind = 'token-dies'");
    let desk = Desk::at(&server).unset("TALLYFY_API_TOKEN").with("groups.csv", as_csv(&good(3)));
    assert!(std::process::Command::new("mkfifo").arg(desk.path("pipe")).status().unwrap().success());
    let running = desk.start(&["import", "groups.csv", "--token-file", "pipe"]);
    desk.write("pipe", TOKEN);
    running.end().expect(3).tells("401");
}
