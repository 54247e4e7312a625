//! Every message a user can see, as pages to read: commands with their input and what they print, compared with
//! `tests/snapshots/`. After a deliberate change, `INSTA_UPDATE=always cargo test messages::` writes the pages again.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use crate::pages::{FAULTY, Page, samples};
use crate::support::{Desk, Server, TOKEN, gzip, wait_for};
use tallyfy_groups::sandbox::Options;

#[test]
fn help() {
    let (mut page, desk) = (Page::default(), Desk::bare());
    for command in ["", "import", "validate", "export", "undo", "sandbox", "completions", "man"] {
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
    page.samples(&samples::texts());
    page.samples(&samples::lists());
    page.compare("validate-fields");
}

#[test]
fn validate_people() {
    let mut page = Page::default();
    let users = "id,email,status\n1,ada@acme.example,active\n2,linus@acme.example,invited\n3,old@acme.example,disabled\n\
        4,bot@acme.example,bot\n5,twin@acme.example,active\n6,twin@acme.example,active\n";
    let rows = "name,description,members,guests\nA,a,lnius@acme.example;ada@acme.com;zoe@else.example;9,\nB,b,linus@acme.example;3;4,\n\
        C,c,twin@acme.example,Ada@acme.example\nD,d,1;ada@acme.example,old@acme.example\n";
    page.file("users.csv", users.as_bytes());
    page.file("groups.csv", rows.as_bytes());
    let desk = Desk::bare()
        .with("users.csv", users)
        .with("groups.csv", rows)
        .with("bad.csv", "id,email\n1,a@b.example\nx,y\n");
    for flags in [&[][..], &["--unknown-members", "skip"], &["--unknown-members", "guest"]] {
        let arguments = [&["validate", "groups.csv", "--users", "users.csv"], flags].concat();
        page.case(&arguments[1..].join(" "), &desk, &arguments);
    }
    page.case("a bad file of users", &desk, &["validate", "groups.csv", "--users", "bad.csv"]);
    page.case("no file of users", &desk, &["validate", "groups.csv", "--users", "no.csv"]);
    let server = Server::under("[[fault]]\nkind = 'error-before'\nmethod = 'GET'\nstatus = 403\nat = [1, 3]");
    let desk = Desk::at(&server).with("ids.csv", "name,description,members\nA,a,1\n").with("groups.csv", rows);
    page.case("users that may not be listed", &desk, &["import", "-v", "ids.csv"]);
    page.case("the same with addresses", &desk, &["import", "groups.csv"]);
    page.case(
        "addresses for an organization that is not there",
        &desk,
        &["import", "groups.csv", "--org", "elsewhere", "--journal", "new.journal"],
    );
    page.compare("validate-people");
}

#[test]
fn export() {
    let mut page = Page::default();
    let server = Server::start(Options { users: 3, groups: 2, ..Options::default() }, "");
    server.plant("ffffffffffffffffffffffffffffffff", "A \"group\",\nof two lines");
    let desk = Desk::at(&server);
    for flags in [
        &[][..],
        &["--format", "jsonl"],
        &["--users"],
        &["--users", "--format", "jsonl"],
        &["--users", "--members", "email"],
        &["--members", "names"],
        &["--format", "xlsx"],
        &["--out", "no/such/groups.csv"],
        &["--out", "token", "--token-file", "token"],
        &["--org", "another"],
    ] {
        desk.write("token", TOKEN);
        page.case(&flags.join(" "), &desk, &[&["export"], flags].concat());
    }
    for (status, flags) in
        [(401, &[][..]), (403, &[]), (404, &[]), (403, &["--users"]), (404, &["--users"]), (500, &["--users"])]
    {
        let server = Server::under(&format!("[[fault]]\nkind = 'error-before'\nstatus = {status}"));
        let arguments = [&["export", "--max-attempts", "1"], flags].concat();
        page.case(&format!("every request is answered with {status}"), &Desk::at(&server), &arguments);
    }
    page.compare("export");
}

#[test]
fn every_problem_code_occurs_on_these_pages() {
    let refused = Desk::bare().run(&["validate", "--explain", "no-such-code"]).expect(2).stderr;
    let codes = refused.lines().next().unwrap().rsplit(": ").next().unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");
    let pages = ["files", "headers", "rows", "fields", "people"]
        .map(|page| fs::read_to_string(format!("{folder}/validate-{page}.snap")).unwrap())
        .concat();
    let missing: Vec<&str> = codes.split(", ").filter(|code| !pages.contains(&format!("[{code}]"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

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
fn sandbox() {
    let mut page = Page::default();
    for script in [
        "kind = 'drop-after'",
        "[[fault]]\nkind = 'no-such-kind'",
        "[[fault]]\nkind = 'slow'",
        "[[fault]]\nkind = 'cut'\nstatus = 500",
        "[[fault]]\nkind = 'cut'\npercent = 500.0",
    ] {
        let desk = Desk::bare().with("faults.toml", script);
        page.title("a script of faults");
        page.file("faults.toml", script.as_bytes());
        page.run(&desk, &["sandbox", "--faults", "faults.toml"]);
    }
    page.case("no script", &Desk::bare(), &["sandbox", "--faults", "no.toml"]);
    page.case("no users", &Desk::bare(), &["sandbox", "--users-from", "no.csv"]);
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
