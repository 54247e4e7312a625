//! What the server may say, and what the program then does and does not: exit codes, pauses, secrets.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use crate::support::{Desk, Server, TOKEN, as_csv, good, good_names, rows, statuses};

const ROWS: &str = "name,guests\nA,\nB,\nC,\n";

#[test]
fn a_missing_token_is_3_and_a_missing_organization_2() {
    let server = Server::calm();
    let desk = Desk::at(&server).unset("TALLYFY_API_TOKEN").with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv"]).expect(3).says("TALLYFY_API_TOKEN");
    desk.run(&["import", "groups.csv", "--dry-run"]).expect(3);
    desk.run(&["import", "groups.csv", "--token-file", "nowhere"]).expect(3).says("nowhere");
    let desk = Desk::at(&server).unset("TALLYFY_ORG_ID").with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv"]).expect(2).says("TALLYFY_ORG_ID");
    assert_eq!(server.requests(), 0);
}

#[test]
fn the_token_is_taken_from_where_the_contract_says() {
    let server = Server::calm();
    let desk = Desk::at(&server).unset("TALLYFY_API_TOKEN").with("token", format!("{TOKEN}\n")).with("g.csv", ROWS);
    desk.run(&["import", "g.csv", "--token-file", "token"]).expect(0);
    let desk = desk.set("TALLYFY_TOKEN_FILE", "token");
    desk.run(&["import", "g.csv"]).expect(0);
    let desk = desk.unset("TALLYFY_TOKEN_FILE").set("TALLYFY_ACCESS_TOKEN", TOKEN);
    desk.run(&["import", "g.csv"]).expect(0);
    desk.set("TALLYFY_API_TOKEN", "wrong-token").run(&["import", "g.csv"]).expect(3);
}

#[test]
fn a_token_that_is_refused_is_3_and_what_is_done_is_kept() {
    let rows = good(60);
    let server = Server::under("[[fault]]\nkind = 'token-dies'\nmethod = 'POST'\nat = [20]");
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(&["import", "groups.csv", "--concurrency", "4"]).expect(3).tells("401");
    let lines = desk.results("groups.results.csv");
    assert_eq!(lines.iter().filter(|line| line.status == "created").count(), 19);
    assert_eq!(lines.iter().filter(|line| line.status == "pending").count(), 41);
    assert_eq!(desk.table("groups.rejects.csv").1.len(), 41);
    let posts = server.all_posts();
    server.heal();
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(server.names().len(), 60);
    assert_eq!(server.all_posts() - posts, 41, "what is done costs no request");
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created"; 60]);
}

#[test]
fn a_forbidden_organization_stops_the_run() {
    let server = Server::under("[[fault]]\nkind = 'error-before'\nstatus = 403");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv"]).expect(3).tells("403").tells("manage_groups");
    assert_eq!(server.requests(), 1, "it is not asked twice");
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["pending"; 3]);
}

#[test]
fn why_a_run_stopped_is_told_on_standard_error_also_when_quiet() {
    let server = Server::under("[[fault]]\nkind = 'token-dies'");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    for flag in ["-q", "--json"] {
        desk.run(&["import", "groups.csv", flag]).expect(3).says("401");
    }
}

#[test]
fn an_organization_or_endpoint_that_is_not_there_is_5() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv", "--org", "ffffffff"]).expect(5).tells("404");
    desk.run(&["import", "groups.csv", "--org", "ffffffff", "--dry-run"]).expect(5);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["pending"; 3]);
}

#[test]
fn a_pause_longer_than_max_wait_is_6_and_the_rest_is_done_later() {
    let server = Server::under("[[fault]]\nkind = 'too-many'\nmethod = 'POST'\nat = [2]\nretry_after = '3600'");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv", "--max-wait", "10min", "--concurrency", "1"]).expect(6).tells("--max-wait");
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "pending", "pending"]);
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!((server.posts("A"), server.posts("B"), server.posts("C")), (1, 2, 1));
}

#[test]
fn a_429_that_names_no_time_never_asks_for_more_than_max_wait() {
    let server = Server::under("[[fault]]\nkind = 'too-many'\nmethod = 'POST'\nat = [2]\nretry_after = 'soon'");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv", "--max-wait", "1s"]).expect(0);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created"; 3]);
}

#[test]
fn a_file_in_the_place_of_the_pace_is_named_with_the_way_out_and_left_alone() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS).with("groups.journal-pace", "somebody's notes");
    desk.run(&["import", "groups.csv"]).expect(2).tells("groups.journal-pace").tells("move it away");
    assert_eq!(desk.read("groups.journal-pace"), "somebody's notes");
    assert_eq!(server.requests(), 0);
}

#[test]
fn nobody_answers_and_the_run_fails_with_its_rows_pending() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    let url = format!("http://127.0.0.1:{port}");
    desk.run(&["import", "groups.csv", "--base-url", &url, "--max-attempts", "2"]).expect(1);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["pending"; 3]);
    desk.run(&["import", "groups.csv"]).expect(0);
}

#[test]
fn plain_http_goes_to_this_machine_only() {
    let desk = Desk::bare().set("TALLYFY_API_TOKEN", TOKEN).set("TALLYFY_ORG_ID", "o").with("groups.csv", ROWS);
    for url in ["http://api.tallyfy.com", "http://192.0.2.1:80", "http://localhost.example.com", "ftp://127.0.0.1"] {
        desk.run(&["import", "groups.csv", "--base-url", url]).expect(2).says("https");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::calm();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap();
    let target = elsewhere.url();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or("/");
            let _ = write!(
                stream,
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: {target}{path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
    });
    let desk = Desk::at(&elsewhere).with("groups.csv", ROWS);
    let url = format!("http://{here}");
    desk.run(&["import", "groups.csv", "--base-url", &url, "--max-attempts", "2"]).expect(5).says("redirects");
    assert_eq!(elsewhere.requests(), 0);
}

#[test]
fn the_token_is_in_no_output_no_log_and_no_file() {
    let faults = "[[fault]]\nkind = 'error-after'\nmethod = 'POST'\nat = [3]\n\
        [[fault]]\nkind = 'drop-before'\nmethod = 'POST'\nat = [5]\n\
        [[fault]]\nkind = 'token-dies'\nmethod = 'POST'\nat = [30]";
    let rows = rows(60, 5, 5, 2);
    let server = Server::under(faults);
    let desk = Desk::at(&server).set("RUST_LOG", "trace").with("groups.csv", as_csv(&rows));
    let outcome = desk.run(&["import", "groups.csv", "-vvv", "--log-file", "log.txt"]).expect(3);
    let loud = desk.run(&["import", "groups.csv", "-vvv", "--log-format", "json"]).expect(3);
    let desk = desk.set("TALLYFY_API_TOKEN", &format!("{TOKEN}\nwith-a-break"));
    let refused = desk.run(&["import", "groups.csv"]).expect(3);
    assert!(desk.read("log.txt").lines().count() > 100, "there is a log to search");
    for outcome in [&outcome, &loud, &refused] {
        assert!(!outcome.stdout.contains(TOKEN) && !outcome.stderr.contains(TOKEN));
    }
    for name in desk.files() {
        assert!(!holds(&desk.path(&name), TOKEN.as_bytes()), "the token is in {name}");
    }
}

fn holds(path: &Path, wanted: &[u8]) -> bool {
    fs::read(path).unwrap().windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn a_429_stops_every_lane_until_the_time_it_named() {
    let rows = good(40);
    let server = Server::under("[[fault]]\nkind = 'too-many'\nmethod = 'POST'\nat = [10]\nretry_after = '2'");
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(&["import", "groups.csv", "--concurrency", "1"]).expect(0);
    let arrivals = server.tally(|tally| tally.arrivals.clone());
    let longest = arrivals.windows(2).map(|pair| pair[1].checked_sub(pair[0]).unwrap()).max().unwrap();
    assert!(longest >= Duration::from_secs(2), "{longest:?}");
    assert_eq!(server.names().len(), 40);
    assert!(good_names(&rows).iter().map(|name| server.posts(name)).sum::<u32>() == 41);
}

#[test]
fn the_sandbox_names_what_is_wrong_with_its_fault_script() {
    let desk = Desk::bare().with("faults.toml", "[[fault]]\nkind = 'slow'\n");
    desk.run(&["sandbox", "--faults", "nowhere.toml"]).expect(2).says("--faults nowhere.toml");
    desk.run(&["sandbox", "--faults", "faults.toml"])
        .expect(2)
        .says("fault 1 of the fault script cannot be read: missing field `millis`");
}
