//! The pages of `import` and `undo`.

use std::time::Duration;

use tallyfy_groups::sandbox::Options;

use super::{FAULTY, Page, SERVERS};
use crate::support::{Desk, Server, wait_for};

#[test]
fn import() {
    let mut page = Page::default();
    page.file("groups.csv", FAULTY.as_bytes());
    for (title, flags) in [
        ("a dry run", &["--dry-run"][..]),
        ("a dry run as JSON", &["--dry-run", "--json"]),
        ("an import", &[]),
        ("the same again", &[]),
        ("as JSON", &["--json"]),
        ("quietly", &["-q", "--fresh"]),
        ("with its own columns", &["--with-input", "--fresh"]),
        ("strictly", &["--strict", "--fresh"]),
        ("a good file", &["--limit", "1", "--out-dir", "good"]),
        ("existing groups that must not be there", &["--on-existing", "fail", "--fresh"]),
        ("existing groups that must not be there, dry", &["--on-existing", "fail", "--dry-run"]),
    ] {
        let desk = Desk::bare().with("groups.csv", FAULTY);
        let arguments = [&["import", "groups.csv", "--sandbox"], flags].concat();
        if title != "an import" {
            // The sandbox forgets when the process ends, and the journal does not.
            desk.run(&["import", "groups.csv", "--sandbox"]);
        }
        page.case(title, &desk, &arguments);
        for name in desk.files().iter().filter(|name| title == "an import" && !name.ends_with(".journal")) {
            page.written(&desk, name);
        }
        if title == "with its own columns" {
            let results = desk.files().into_iter().find(|name| name.ends_with("results.csv")).unwrap();
            page.written(&desk, &results);
        }
    }
    for (title, name, content, flags) in [
        ("all warnings", "groups.csv", FAULTY, &["-v", "--dry-run"][..]),
        ("only warnings, strictly", "warned.csv", "name,description,owner\nOps,Runs it,Ann\n", &["--strict"]),
        (
            "only warnings, strictly and dry",
            "warned.csv",
            "name,description,owner\nOps,Runs it,Ann\n",
            &["--strict", "--dry-run"],
        ),
        ("a header without rows", "empty.csv", "name,description\n", &[]),
        ("a column with another name", "german.csv", "Name;Beschreibung;Mitglieder\nVertrieb;x;1001\n", &[]),
    ] {
        page.title(title);
        page.file(name, content.as_bytes());
        page.run(&Desk::bare().with(name, content), &[&["import", name, "--sandbox"], flags].concat());
    }
    page.compare("import");
}

#[test]
fn import_over_existing_groups() {
    let mut page = Page::default();
    let server = Server::calm();
    server.plant("1f8e5a0c1f8e5a0c1f8e5a0c1f8e5a0c", "Ops");
    let desk = Desk::at(&server).with("groups.csv", FAULTY);
    for (title, flags) in [
        ("a dry run", &["--dry-run"][..]),
        ("a dry run in which they must not exist", &["--dry-run", "--on-existing", "fail"]),
        ("they must not exist", &["--on-existing", "fail"]),
        ("an import", &["--fresh"]),
        ("repeated names joined", &["--fresh", "--on-duplicate", "merge"]),
    ] {
        page.case(title, &desk, &[&["import", "groups.csv"], flags].concat());
    }
    page.written(&desk, "groups.results.csv");
    page.compare("import-existing");
}

/// A file of this many groups.
fn groups(count: u32) -> String {
    (1..=count).fold("name,description\n".to_owned(), |file, group| file + &format!("Group {group},x\n"))
}

/// Three rows, which are sent in their order.
const ROWS: &str = "name,description,members\nA,a,1001\nB,b,\nC,c,1002\n";

/// A row with a guest is sent when the guest quota admits it.
const GUEST: &str = "name,description,members,guests\nA,a,1001,\nB,b,,ann@partner.example\nC,c,1002,\n";

#[test]
fn import_from_difficult_servers() {
    let mut page = Page::default();
    page.file("groups.csv", ROWS.as_bytes());
    page.file("groups.csv for the cap on guests", GUEST.as_bytes());
    // Side by side, because most of them wait.
    let runs = SERVERS.map(|(title, fault, flags)| {
        let server = Server::under(&format!("[[fault]]\n{fault}"));
        let rows = if fault.contains("guest-cap") { GUEST } else { ROWS };
        let desk = Desk::at(&server).with("groups.csv", rows);
        let arguments = [&["import", "groups.csv", "--concurrency", "1"], flags].concat();
        let running = desk.start(&arguments);
        (title, fault, arguments, server, desk, running)
    });
    for (title, fault, arguments, _server, desk, running) in runs {
        page.title(title);
        page.file("fault", fault.as_bytes());
        page.outcome(&arguments, &running.end());
        if desk.path("groups.results.csv").exists() {
            page.written(&desk, "groups.results.csv");
        }
    }
    let rows = groups(25);
    for status in [403, 404] {
        let server =
            Server::under(&format!("[[fault]]\nkind = 'error-before'\nstatus = {status}\nmethod = 'POST'\nfrom = 3"));
        let desk = Desk::at(&server).with("groups.csv", &rows);
        page.title(&format!("all 25 creates but two are answered with {status}"));
        page.run(&desk, &["import", "groups.csv", "--concurrency", "1"]);
    }
    page.compare("import-server");
}

#[test]
fn import_refused_by_the_rules_of_the_server() {
    let mut page = Page::default();
    let server = Server::start(Options { users: 2, ..Options::default() }, "");
    let rows = "name,description,members,guests\nA,a,1001;1099,\nB,b,,user1@example.com\n";
    page.file("groups.csv", rows.as_bytes());
    let desk = Desk::at(&server).with("groups.csv", rows);
    page.case("unknown members, and a member's address as a guest", &desk, &["import", "groups.csv"]);
    page.written(&desk, "groups.results.csv");
    let desk = desk.set("TALLYFY_API_TOKEN", "another-token");
    page.case("another token", &desk, &["import", "groups.csv"]);
    let desk = Desk::at(&server).with("groups.csv", rows).set("TALLYFY_ORG_ID", "another");
    page.case("another organization", &desk, &["import", "groups.csv"]);
    let desk = Desk::at(&server).with("groups.csv", rows).set("TALLYFY_BASE_URL", &format!("{}/api", server.url()));
    page.case("another path", &desk, &["import", "groups.csv"]);
    let gone = server.url();
    drop(server);
    let desk = Desk::bare()
        .with("groups.csv", rows)
        .set("TALLYFY_BASE_URL", &gone)
        .set("TALLYFY_API_TOKEN", "some-token")
        .set("TALLYFY_ORG_ID", "o");
    page.case("no server", &desk, &["import", "groups.csv", "--max-attempts", "1"]);
    page.compare("import-refused");
}

#[test]
fn journals() {
    let mut page = Page::default();
    let server = Server::slow(Duration::from_secs(1));
    let desk =
        Desk::at(&server).with("groups.csv", "name,description\nA,a\n").with("other.csv", "name,description\nX,x\n");
    let running = desk.start(&["import", "groups.csv"]);
    wait_for("the first request", || (server.requests() > 0).then_some(()));
    page.case("another run holds it", &desk, &["import", "groups.csv"]);
    page.case("another run holds it, and undo", &desk, &["undo", "groups.csv", "--yes"]);
    server.wait_for_groups(1);
    running.kill();
    page.case("an unfinished run of other rows", &desk, &["import", "other.csv", "--journal", "groups.journal"]);
    let groups = server.groups();
    let server = Server::calm();
    for group in groups {
        server.with(|simulation| simulation.plant(group));
    }
    let desk = desk.set("TALLYFY_BASE_URL", &server.url());
    page.case("the rest of a run that was killed", &desk, &["import", "groups.csv", "--settle", "0s"]);
    let elsewhere = desk.set("TALLYFY_ORG_ID", "another");
    page.case("of another organization", &elsewhere, &["import", "groups.csv"]);
    let foreign = Desk::at(&server).with("groups.csv", ROWS).with("groups.journal", "not a journal, just some text");
    page.case("something else in its place", &foreign, &["import", "groups.csv"]);
    for (title, pragma) in [("of another version", "user_version"), ("of another program", "application_id")] {
        let desk = Desk::at(&server).with("groups.csv", "name\nA\n");
        desk.run(&["import", "groups.csv"]).expect(0);
        rusqlite::Connection::open(desk.path("groups.journal")).unwrap().pragma_update(None, pragma, 99).unwrap();
        page.case(title, &desk, &["import", "groups.csv"]);
    }
    page.compare("journals");
}

#[test]
fn interrupted() {
    let mut page = Page::default();
    let server = Server::slow(Duration::from_millis(300));
    let rows = groups(50);
    let desk = Desk::at(&server).with("groups.csv", rows);
    let arguments = ["import", "groups.csv", "--concurrency", "1"];
    let running = desk.start(&arguments);
    server.wait_for_groups(1);
    running.signal("INT");
    let outcome = running.end().expect(130);
    page.title("Ctrl-C");
    // How many groups were created by then differs, and with it the summary.
    for line in outcome.stderr.lines() {
        page.line(&format!("! {line}"));
    }
    page.compare("interrupted");
}

#[test]
fn undo() {
    let mut page = Page::default();
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS).with("groups.jsonl", "{\"name\": \"A\"}\n");
    page.case("nothing was imported", &desk, &["undo", "groups.csv", "--yes"]);
    desk.run(&["import", "groups.csv"]).expect(0);
    page.case("nobody can be asked", &desk, &["undo", "groups.csv"]);
    page.case("a file that was not imported", &desk, &["undo", "groups.jsonl"]);
    page.case("a run that is not there", &desk, &["undo", "groups.csv", "--yes", "--run", "7"]);
    let changed = server.group("B").id;
    server.meddle("PUT", &changed, &serde_json::json!({"name": "B2", "description": "b"}), Duration::from_mins(5));
    server.delete(&server.group("C").id);
    page.case("one group changed, one gone", &desk, &["undo", "groups.csv", "--yes"]);
    page.written(&desk, "groups.undo.csv");
    page.case("the rest by force", &desk, &["undo", "groups.csv", "--yes", "--force"]);
    page.case("once more", &desk, &["undo", "groups.csv", "--yes"]);
    page.case("as JSON", &desk, &["undo", "groups.csv", "--yes", "--json"]);
    page.title("the server refuses");
    let refusing = Server::under("[[fault]]\nkind = 'error-before'\nstatus = 403\nmethod = 'DELETE'");
    let refused = Desk::at(&refusing).with("groups.csv", ROWS);
    refused.run(&["import", "groups.csv"]).expect(0);
    page.run(&refused, &["undo", "groups.csv", "--yes"]);
    let rehearsal = Desk::bare().with("groups.csv", ROWS);
    rehearsal.run(&["import", "groups.csv", "--sandbox"]).expect(0);
    page.case("a rehearsal", &rehearsal, &["undo", "groups.csv", "--sandbox", "--yes"]);
    page.compare("undo");
}
