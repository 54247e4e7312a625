//! The list of guests, over real sockets: which guests are new, what is read when, and a list that cannot be had.

use crate::support::{Desk, Server, statuses};

/// Four rows with a new guest each, two with guests who are known, and one with both.
const ROWS: &str = "name,guests\n\
    New 1,n1@x.example\n\
    New 2,n2@x.example\n\
    New 3,n3@x.example\n\
    New 4,n4@x.example\n\
    Known 1,Ada@x.example\n\
    Known 2,ada@X.example;old@x.example\n\
    Both,old@x.example;n4@x.example\n";

/// An organization that knows two guests, one of them disabled, and accepts two new ones an hour.
fn acme(faults: &str) -> Server {
    let server = Server::under(&format!("[[fault]]\nkind = 'guest-cap'\nper_hour = 2\n{faults}"));
    server.with(|simulation| {
        simulation.plant_guest("ada@x.example", None);
        simulation.plant_guest("old@x.example", Some("2024-05-01T00:00:00Z"));
    });
    server
}

/// The reads of an import without members are the list of groups and then that of guests.
fn list_fails(status: u16) -> String {
    format!("[[fault]]\nkind = 'error-before'\nmethod = 'GET'\nat = [2, 3]\nstatus = {status}\nmessage = 'No'")
}

#[test]
fn rows_with_known_guests_are_created_while_the_others_wait() {
    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv", "--max-wait", "2s"]).expect(6).says("cap on guest invites");
    let expected = ["created", "created", "pending", "pending", "created", "created", "pending"];
    assert_eq!(statuses(&desk.results("groups.results.csv")), expected);
    assert_eq!(server.group("Known 2").guests, ["ada@X.example", "old@x.example"]);
}

#[test]
fn the_forecast_counts_only_new_guests_and_the_pages_of_their_list() {
    let server = acme("");
    for number in 0..150 {
        server.with(|simulation| simulation.plant_guest(&format!("g{number}@x.example"), None));
    }
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    let dry_run = desk.run(&["import", "groups.csv", "--dry-run", "--json"]).expect(0).json_lines();
    let plan = &dry_run.last().unwrap()["forecast"];
    assert_eq!(plan["guests"], 4);
    assert_eq!(plan["requests"], 7 + 1 + 2, "groups, pages of groups and pages of guests");
    assert_eq!(server.requests(), 3);
    let rows: Vec<String> = (0..181).map(|number| format!("G{number},g{number}@x.example\n")).collect();
    desk.write("many.csv", format!("name,guests\n{}", rows.concat()));
    let told = "31 new guests: the guest quota of 30 an hour adds up to 1 h";
    desk.run(&["import", "many.csv", "--dry-run"]).expect(0).tells(told);
    desk.run(&["import", "many.csv", "--max-wait", "1s"]).expect(6).tells(told);
}

#[test]
fn the_list_is_read_only_if_an_open_row_has_guests() {
    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", "name,guests\nA,\nB,ada@x.example\n");
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(server.requests(), 2 + 2, "two lists and two groups");
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(server.requests(), 5, "the groups exist: only they are listed");
}

#[test]
fn a_list_that_cannot_be_had_stops_nothing() {
    for (status, is_warned) in [(403, false), (404, false), (422, true), (500, true)] {
        let server = acme(&list_fails(status));
        let desk =
            Desk::at(&server).with("groups.csv", "name,description,guests\nA,a,ada@x.example\nB,b,n1@x.example\n");
        let flags = ["import", "groups.csv", "--strict", "--max-attempts", "2"];
        let outcome = desk.run(&flags).expect(0);
        assert_eq!(outcome.stderr.contains("guests cannot be listed"), is_warned, "{status}: {}", outcome.stderr);
        assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "created"], "{status}");
    }
    let server = acme(&list_fails(404));
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    let plan = desk.run(&["import", "groups.csv", "--dry-run", "--json"]).expect(0).json_lines();
    assert_eq!(plan.last().unwrap()["forecast"]["guests"], 6, "any guest may be new");
}

#[test]
fn a_token_that_is_dead_stops_the_run_and_the_dry_run() {
    for flags in [&["import", "groups.csv"][..], &["import", "groups.csv", "--dry-run"]] {
        let server = acme(&list_fails(401));
        Desk::at(&server).with("groups.csv", ROWS).run(flags).expect(3);
        assert_eq!(server.all_posts(), 0);
    }
}
