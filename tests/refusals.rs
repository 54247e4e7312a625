//! A row that the server refuses with 403 or 404 fails, and the run goes on; many in a row stop it.

use crate::support::{Desk, Server, TOKEN, statuses};
use tallyfy_groups::sandbox::Options;

const TEN: &str = "name\nA\nB\nC\nD\nE\nF\nG\nH\nI\nJ\n";

/// A file with this number of rows.
fn many(count: usize) -> String {
    (1..=count).fold("name\n".to_owned(), |text, number| format!("{text}Group {number}\n"))
}

/// How many rows of the results have this status.
fn count(desk: &Desk, status: &str) -> usize {
    desk.results("groups.results.csv").iter().filter(|line| line.status == status).count()
}

/// Imports ten rows; the fault refuses the fifth. Returns its error code and error.
#[track_caller]
fn one_of_ten(fault: &str) -> (String, String) {
    let server = Server::under(&format!("[[fault]]\nmethod = 'POST'\nat = [5]\n{fault}"));
    let desk = Desk::at(&server).with("groups.csv", TEN);
    desk.run(&["import", "groups.csv", "--concurrency", "1"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(count(&desk, "created"), 9);
    assert_eq!((lines[4].status.as_str(), lines[4].attempts), ("failed", 1));
    assert_eq!((server.names().len(), server.all_posts()), (9, 10), "a refusal is an answer");
    assert_eq!(desk.table("groups.rejects.csv").1.len(), 1);
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(server.names().len(), 10);
    (lines[4].error_code.clone().unwrap(), lines[4].error.clone().unwrap())
}

#[test]
fn a_403_or_404_fails_its_row_with_the_servers_words_and_the_run_goes_on() {
    for (status, message) in [(403, "Not allowed to invite guests"), (404, "No such user: 1007")] {
        let (code, error) = one_of_ten(&format!("kind = 'error-before'\nstatus = {status}\nmessage = '{message}'"));
        assert_eq!(code, format!("http-{status}"));
        assert_eq!(error, format!("the server answered {status}: {message}"));
    }
}

#[test]
fn a_firewalls_page_fails_its_row_and_is_described_not_dumped() {
    let (code, error) = one_of_ten("kind = 'html-before'\nstatus = 403");
    assert_eq!(code, "http-403");
    assert!(error.contains("a web page titled \"403 Error\"") && !error.contains('<'), "{error}");
}

#[test]
fn twenty_refused_rows_in_a_row_stop_the_run_and_the_same_command_continues() {
    for (status, exit_code, cure) in [(403, 3, "manage_groups"), (404, 5, "organization's id")] {
        let fault = format!("kind = 'error-before'\nstatus = {status}\nmessage = 'Blocked'\nmethod = 'POST'");
        let server = Server::under(&format!("[[fault]]\n{fault}"));
        let desk = Desk::at(&server).with("groups.csv", many(25));
        let flags = ["import", "groups.csv", "--concurrency", "1"];
        desk.run(&flags).expect(exit_code).tells(&format!("the server answered {status}: Blocked")).tells(cure);
        assert_eq!((count(&desk, "failed"), count(&desk, "pending")), (20, 5));
        assert!(desk.results("groups.results.csv")[..20].iter().all(|line| {
            line.error_code.as_deref() == Some(&format!("http-{status}"))
                && line.error.as_ref().unwrap().contains("Blocked")
        }));
        assert_eq!((server.all_posts(), desk.table("groups.rejects.csv").1.len()), (20, 25));
        server.heal();
        desk.run(&flags).expect(0);
        assert_eq!((server.names().len(), count(&desk, "created")), (25, 25));
    }
}

#[test]
fn a_success_in_between_keeps_the_run_going() {
    let server = Server::under(
        "[[fault]]\nkind = 'error-before'\nstatus = 403\nmethod = 'POST'\nat = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]\n\
        [[fault]]\nkind = 'error-before'\nstatus = 404\nmethod = 'POST'\nfrom = 21\nuntil = 39",
    );
    let desk = Desk::at(&server).with("groups.csv", many(40));
    desk.run(&["import", "groups.csv", "--concurrency", "1"]).expect(9);
    assert_eq!((count(&desk, "failed"), count(&desk, "created")), (38, 2));
}

#[test]
fn a_row_in_doubt_is_looked_up_before_a_refusal_fails_it() {
    // The answer is lost and the group is not listed yet, so that the row is sent again; then it is refused.
    let faults = "[[fault]]\nkind = 'drop-after'\nmethod = 'POST'\nat = [2]\n\
        [[fault]]\nkind = 'lag'\nmethod = 'POST'\nat = [2]\nmillis = 2500\n\
        [[fault]]\nkind = 'error-before'\nstatus = 403\nmethod = 'POST'\nat = [3]\n\
        [[fault]]\nkind = 'slow'\nmillis = 2000\nmethod = 'POST'\nat = [3]";
    let server = Server::start(Options { allow_same_names: true, ..Options::default() }, faults);
    let desk = Desk::at(&server).with("groups.csv", "name\nA\nB\n");
    desk.run(&["import", "groups.csv", "--concurrency", "1", "--settle", "600ms"]).expect(0);
    assert_eq!((server.names().len(), server.posts("B")), (2, 2));
}

#[test]
fn a_lookup_that_is_refused_for_one_name_stops_nothing() {
    let faults = "[[fault]]\nkind = 'drop-after'\nmethod = 'POST'\nat = [2]\n\
        [[fault]]\nkind = 'html-before'\nstatus = 403\nmethod = 'GET'\nfrom = 2";
    let server = Server::start(Options { allow_same_names: true, ..Options::default() }, faults);
    let desk = Desk::at(&server).with("groups.csv", "name\nA\nB\nC\n");
    let flags = ["import", "groups.csv", "--concurrency", "1", "--settle", "600ms"];
    desk.run(&flags).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "unknown", "created"]);
    assert!(lines[1].error.as_ref().unwrap().contains("looking it up failed: the server answered 403"));
    server.heal();
    desk.run(&flags).expect(0);
    server.assert_each_once(&["A", "B", "C"].map(str::to_owned));
}

#[test]
fn guests_that_are_refused_when_a_group_is_completed_leave_only_their_row_open() {
    for (status, fault) in [(403, "kind = 'error-before'\nstatus = 403"), (404, "kind = 'html-before'\nstatus = 404")] {
        let faults = "[[fault]]\nkind = 'guest-cap'\nmethod = 'POST'\nper_hour = 1\npartial = true\nretry_after = '0'\n\
            [[fault]]\nmethod = 'PUT'\n";
        let server = Server::under(&format!("{faults}{fault}"));
        let desk = Desk::at(&server).with("groups.csv", "name,guests\nA,a@example.com b@example.com\nB,\nC,\n");
        let flags = ["import", "groups.csv", "--settle", "600ms", "--max-attempts", "2"];
        desk.run(&flags).expect(9);
        let lines = desk.results("groups.results.csv");
        assert_eq!(statuses(&lines), ["unknown", "created", "created"]);
        assert_eq!(lines[0].error_code.as_deref(), Some(format!("http-{status}").as_str()));
        server.heal();
        desk.run(&flags).expect(0);
        assert_eq!(server.group("A").guests, ["a@example.com", "b@example.com"]);
    }
}

#[test]
fn a_group_that_may_not_be_deleted_fails_and_undo_goes_on() {
    let server = Server::under("[[fault]]\nkind = 'error-before'\nstatus = 403\nmethod = 'DELETE'\nat = [2]");
    let desk = Desk::at(&server).with("groups.csv", many(4));
    desk.run(&["import", "groups.csv"]).expect(0);
    let undo = ["undo", "groups.csv", "--yes", "--concurrency", "1"];
    desk.run(&undo).expect(9).tells("403");
    assert_eq!(server.names().len(), 1);
    desk.run(&undo).expect(0);
    assert_eq!(server.names().len(), 0);
}

#[test]
fn a_duplicate_that_is_told_in_other_words_is_looked_up_before_its_row_fails() {
    for (status, message) in [(409, "Conflict"), (400, "Ungültige Anfrage"), (422, "Der Name ist bereits vergeben.")] {
        // The group is there when the server refuses it.
        let fault = format!(
            "[[fault]]\nkind = 'error-after'\nstatus = {status}\nmessage = '{message}'\nmethod = 'POST'\nat = [2]"
        );
        let server = Server::under(&fault);
        let desk = Desk::at(&server).with("groups.csv", "name\nA\nB\nC\n");
        desk.run(&["import", "groups.csv", "--concurrency", "1"]).expect(0);
        let lines = desk.results("groups.results.csv");
        assert_eq!(statuses(&lines), ["created", "exists", "created"], "{message}");
        assert!(lines[1].group_id.is_some() && server.names().len() == 3);
    }
}

#[test]
fn a_refusal_that_may_be_of_the_name_fails_its_row_if_no_group_has_it() {
    let (code, error) = one_of_ten("kind = 'error-before'\nstatus = 422\nmessage = 'Ungültig'");
    assert_eq!((code.as_str(), error.as_str()), ("http-422", "the server answered 422: Ungültig"));
}

#[test]
fn an_error_at_200_is_shown_and_not_sent_again() {
    let (code, error) = one_of_ten("kind = 'error-before'\nstatus = 200\nmessage = 'Plan limit reached'");
    assert_eq!((code.as_str(), error.as_str()), ("http-200", "the server answered 200: Plan limit reached"));
}

#[test]
fn a_server_that_repeats_the_token_is_read_and_the_token_is_not_shown() {
    // Its messages hold the token, and the second token is also a word of the format.
    for token in [TOKEN, r#""message":"#] {
        let fault = format!(
            "[[fault]]\nkind = 'error-before'\nstatus = 422\nmessage = '''no group for {token}'''\nmethod = 'POST'\nat = [1]"
        );
        let server = Server::start(Options { token: Some(token.to_owned()), ..Options::default() }, &fault);
        let desk = Desk::at(&server).set("TALLYFY_API_TOKEN", token).with("groups.csv", "name\nA\n");
        desk.run(&["import", "groups.csv"]).expect(9);
        let error = desk.results("groups.results.csv").remove(0).error.unwrap();
        assert_eq!(error, "the server answered 422: no group for (the token)");
    }
}

#[test]
fn a_token_that_is_too_short_to_be_one_is_refused() {
    let server = Server::calm();
    let desk = Desk::at(&server).set("TALLYFY_API_TOKEN", "secret").with("groups.csv", "name\nA\n");
    desk.run(&["import", "groups.csv"]).expect(3).says("shorter than 8 characters");
    Desk::bare().run(&["sandbox", "--port", "0", "--token", "secret"]).expect(2).says("shorter than 8 characters");
    assert_eq!(server.requests(), 0);
}
