//! Every message a user can see, as pages to read: commands with their input and what they print, compared with
//! `tests/snapshots/`. After a deliberate change, `INSTA_UPDATE=always cargo test --test messages` writes the pages again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod pages;
mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use pages::{Page, SERVERS, samples};
use support::{Desk, Server, gzip, wait_for};
use tallyfy_groups::sandbox::Options;

#[test]
fn help() {
    let (mut page, desk) = (Page::default(), Desk::bare());
    for command in ["", "import", "validate", "undo", "sandbox", "completions", "man"] {
        for flag in ["-h", "--help"] {
            let arguments: Vec<&str> = [command, flag].into_iter().filter(|word| !word.is_empty()).collect();
            page.case(&arguments.join(" "), &desk, &arguments);
        }
    }
    page.compare("help");
}

#[test]
fn validate_files() {
    let mut page = Page::default();
    page.samples(&samples::files());
    let desk = Desk::bare();
    fs::create_dir(desk.path("folder.csv")).unwrap();
    page.case("a folder", &desk, &["validate", "folder.csv"]);
    page.case(
        "a missing file beside a good one",
        &desk.with("good.csv", "name\nA\n"),
        &["validate", "no.csv", "good.csv"],
    );
    let damaged = gzip(b"name,description\nA,a\nB,b\n");
    page.case(
        "damaged gzip",
        &Desk::bare().with("groups.csv.gz", &damaged[..damaged.len() - 9]),
        &["validate", "groups.csv.gz"],
    );
    page.compare("validate-files");
}

#[test]
fn validate_headers() {
    let mut page = Page::default();
    page.samples(&samples::headers());
    page.compare("validate-headers");
}

#[test]
fn validate_rows() {
    let mut page = Page::default();
    page.samples(&samples::rows());
    page.compare("validate-rows");
}

#[test]
fn validate_fields() {
    let mut page = Page::default();
    page.samples(&samples::fields());
    page.compare("validate-fields");
}

#[test]
fn every_problem_code_occurs_on_these_pages() {
    let refused = Desk::bare().run(&["validate", "--explain", "no-such-code"]).expect(2).stderr;
    let codes = refused.lines().next().unwrap().rsplit(": ").next().unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");
    let pages = ["files", "headers", "rows", "fields"]
        .map(|page| fs::read_to_string(format!("{folder}/validate-{page}.snap")).unwrap())
        .concat();
    let missing: Vec<&str> = codes.split(", ").filter(|code| !pages.contains(&format!("[{code}]"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

const FAULTY: &str = "\
name,description,members,guests,owner
Ops,Runs it,1001;1002,ann@partner.example,Ann
 ops ,Runs it,1003,,Bob
Dev,,x;1004,,
,No name,1005,,
Law,\"Contracts, claims\",1006;1006,eve@,Eve
";

#[test]
fn validate_output() {
    let mut page = Page::default();
    page.file("groups.csv", FAULTY.as_bytes());
    let desk = Desk::bare().with("groups.csv", FAULTY).with("good.csv", "name,description\nA,a\n");
    for flags in [
        &["groups.csv"][..],
        &["good.csv"],
        &["--all", "groups.csv", "good.csv"],
        &["--strict", "groups.csv"],
        &["-q", "groups.csv"],
        &["-v", "groups.csv"],
        &["--on-duplicate", "merge", "groups.csv"],
        &["--limit", "1", "groups.csv"],
        &["--json", "groups.csv"],
        &["--json", "groups.csv", "no.csv"],
        &["--format-problems", "github", "groups.csv"],
        &["--explain", "member-invalid"],
        &["--explain", "[no-such-code]"],
        &["--fix", "fixed.csv", "groups.csv"],
        &["--fix", "fixed.csv", "--json", "groups.csv"],
        &["--fix", "fixed.csv", "groups.csv", "good.csv"],
        &["--fix", "groups.csv", "groups.csv"],
        &["--fix", "no/such/folder.csv", "groups.csv"],
    ] {
        page.case(&flags.join(" "), &desk, &[&["validate"], flags].concat());
    }
    page.written(&desk, "fixed.csv");
    page.compare("validate-output");
}

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

/// Three rows: one plain, one with a guest, one plain.
const ROWS: &str = "name,description,members,guests\nA,a,1001,\nB,b,,ann@partner.example\nC,c,1002,\n";

#[test]
fn import_from_difficult_servers() {
    let mut page = Page::default();
    page.file("groups.csv", ROWS.as_bytes());
    // Side by side, because most of them wait.
    let runs = SERVERS.map(|(title, fault, flags)| {
        let server = Server::under(&format!("[[fault]]\n{fault}"));
        let desk = Desk::at(&server).with("groups.csv", ROWS);
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
    let desk = desk.set("TALLYFY_API_TOKEN", "another");
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
        .set("TALLYFY_API_TOKEN", "t")
        .set("TALLYFY_ORG_ID", "o");
    page.case("no server", &desk, &["import", "groups.csv", "--max-attempts", "1"]);
    page.compare("import-refused");
}

#[test]
fn settings() {
    let mut page = Page::default();
    let desk = || Desk::bare().with("groups.csv", "name\nA\n").with("empty.token", "\n").with("odd.token", "a\u{1}b");
    for (variables, flags) in [
        (&[][..], &[][..]),
        (&[], &["--org", "o"]),
        (&[("TALLYFY_API_TOKEN", "a b\u{e9}")], &["--org", "o"]),
        (&[], &["--org", "o", "--token-file", "no.token"]),
        (&[], &["--org", "o", "--token-file", "empty.token"]),
        (&[("TALLYFY_TOKEN_FILE", "odd.token")], &["--org", "o"]),
        (&[], &["--org", "../x"]),
        (&[("TALLYFY_ORG_ID", "..")], &[]),
        (&[], &["--org", "o", "--rate", "fast"]),
        (&[("TALLYFY_RATE", "0/s")], &["--org", "o"]),
        (&[], &["--sandbox", "--guest-rate", "auto"]),
        (&[], &["--org", "o", "--base-url", "api.tallyfy.com"]),
        (&[], &["--org", "o", "--base-url", "http://api.tallyfy.com"]),
        (&[("TALLYFY_BASE_URL", "https://user@api.tallyfy.com/?q")], &["--org", "o"]),
        (&[], &["--concurrency", "0"]),
        (&[], &["--timeout", "soon"]),
        (&[], &["--timeout", "0s"]),
        (&[], &["--max-wait", "-1s"]),
        (&[], &["--max-attempts", "0"]),
        (&[], &["--map", "shoe=size"]),
        (&[], &["--map", "members="]),
        (&[], &["--map", "members"]),
        (&[], &["--delimiter", "ab"]),
        (&[], &["--encoding", "klingon"]),
        (&[], &["--format", "xml"]),
        (&[], &["--on-duplicate", "perhaps"]),
        (&[], &["--token", "t"]),
        (&[], &["--sandbox", "--base-url", "https://x.example"]),
        (&[], &["-v", "-q"]),
    ] {
        let desk = variables.iter().fold(desk(), |desk, (name, value)| desk.set(name, value));
        let set: Vec<String> = variables.iter().map(|(name, value)| format!("{name}='{value}'")).collect();
        page.case(&[set.join(" "), flags.join(" ")].join(" "), &desk, &[&["import", "groups.csv"], flags].concat());
    }
    for arguments in [&[][..], &["import"], &["imprt"], &["undo"], &["validate"]] {
        page.case("wrong usage", &desk(), arguments);
    }
    page.compare("settings");
}

#[test]
fn outputs() {
    let mut page = Page::default();
    for flags in [
        &["--results", "no/such/results.csv"][..],
        &["--results", "folder"],
        &["--rejects", "folder"],
        &["--journal", "folder"],
        &["--journal", "no/such/journal"],
        &["--out-dir", "groups.csv"],
        &["--results", "same", "--rejects", "same"],
        &["--results", "groups.csv"],
        &["--results", "-"],
        &["--log-file", "no/such/log"],
        &["--log-file", "folder"],
    ] {
        let desk = Desk::bare().with("groups.csv", FAULTY);
        fs::create_dir(desk.path("folder")).unwrap();
        page.case(&flags.join(" "), &desk, &[&["import", "groups.csv", "--sandbox"], flags].concat());
    }
    let desk = Desk::bare().with("groups.csv", "name\nA\n").with("groups.jsonl", "{\"name\": \"B\"}\n");
    desk.run(&["import", "groups.csv", "--sandbox", "--results", "results.csv"]).expect(0);
    page.case("a results file as input", &desk, &["validate", "results.csv"]);
    desk.run(&["import", "groups.csv", "--sandbox"]).expect(0);
    page.case("the outputs of another file", &desk, &["import", "groups.jsonl", "--sandbox"]);
    #[cfg(unix)]
    for name in ["groups.results.csv", "groups.journal"] {
        let server = Server::calm();
        let desk = Desk::at(&server).with("groups.csv", "name,description\nA,a\n").with("elsewhere", "");
        std::os::unix::fs::symlink("elsewhere", desk.path(name)).unwrap();
        page.case(&format!("{name} is a link"), &desk, &["import", "groups.csv"]);
    }
    page.compare("outputs");
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
        server.plant(&group.id, &group.name);
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
    server.meddle("PUT", &changed, &serde_json::json!({"name": "B2", "description": "b"}), Duration::ZERO);
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

#[test]
fn sandbox() {
    let mut page = Page::default();
    for script in [
        "kind = 'drop-after'",
        "[[fault]]\nkind = 'no-such-kind'",
        "[[fault]]\nkind = 'slow'",
        "[[fault]]\nkind = 'cut'\nstatus = 500",
        "[[fault]]\nkind = 'cut'\nevery = 2\npercent = 5.0",
        "[[fault]]\nkind = 'cut'\npercent = 500.0",
    ] {
        let desk = Desk::bare().with("faults.toml", script);
        page.title("a script of faults");
        page.file("faults.toml", script.as_bytes());
        page.run(&desk, &["sandbox", "--faults", "faults.toml"]);
    }
    page.case("no script", &Desk::bare(), &["sandbox", "--faults", "no.toml"]);
    page.case("a wrong rate", &Desk::bare(), &["sandbox", "--rate", "auto"]);
    let server = Server::calm();
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    page.title("a port in use");
    let outcome = Desk::bare().run(&["sandbox", "--port", &port]);
    page.outcome(&["sandbox", "--port", "PORT"], &outcome);
    drop(server);
    let desk = Desk::bare();
    let running = desk.start(&["sandbox", "--port", &port]);
    let mut connection = wait_for("the port", || TcpStream::connect((Ipv4Addr::LOCALHOST, port.parse().unwrap())).ok());
    // Once it answers, it also minds the signal.
    connection.write_all(b"GET / HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\r\n").unwrap();
    connection.read_to_end(&mut Vec::new()).unwrap();
    running.signal("INT");
    let outcome = running.end();
    page.title("serving");
    page.outcome(&["sandbox", "--port", "PORT"], &outcome);
    page.compare("sandbox");
}
