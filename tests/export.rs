//! What `export` writes: all groups or users, in an order that stays, and an import finds that all of it exists.

use std::time::Duration;

use crate::support::{Desk, Outcome, Server, statuses};
use tallyfy_groups::sandbox::{Options, RequestRate, SandboxGroup, SandboxUser};

const USERS: [(u64, &str, &str); 8] = [
    (501, "Ada@acme.example", "active"),
    (502, "grace@acme.example", "invited"),
    (503, "old@acme.example", "disabled"),
    (504, "gone@acme.example.deleted.504", "active"),
    (505, "bot@acme.example", "bot"),
    (506, "twin@acme.example", "active"),
    (507, "TWIN@acme.example", "active"),
    (508, "", "active"),
];

/// Id, name, description, members and guests; not in the order of the names.
type Planted = (&'static str, &'static str, Option<&'static str>, &'static [u64], &'static [&'static str]);

const GROUPS: [Planted; 6] = [
    ("g4", "Sales, EMEA; \"North\"", Some("a, b"), &[502, 501], &["zoe@partner.example", "ann@partner.example"]),
    ("g2", "Ops", Some("First line\r\nsecond \"line\"\nthird; last"), &[506, 501, 508], &[]),
    ("g3", "Région 東京", Some("  =1+1  "), &[505], &["o'hara@partner.example"]),
    ("g1", "Empty", None, &[], &[]),
    ("g6", "-1", Some("{\"not\": \"json\"}"), &[507], &[]),
    ("g5", "'quoted' | piped", Some("tab\there"), &[], &["one@partner.example"]),
];

/// An organization with these users and groups.
fn acme(faults: &str) -> Server {
    let server = Server::start(Options { users: 1, ..Options::default() }, faults);
    for (id, email, status) in USERS {
        server.plant_user(SandboxUser { id, email: email.to_owned(), status: status.to_owned() });
    }
    for (id, name, description, members, guests) in GROUPS {
        let group = SandboxGroup {
            id: id.to_owned(),
            name: name.to_owned(),
            description: description.map(str::to_owned),
            members: members.to_vec(),
            guests: guests.iter().map(|guest| (*guest).to_owned()).collect(),
            ..SandboxGroup::default()
        };
        server.with(|simulation| simulation.plant(group));
    }
    server
}

/// An organization with this many groups, 100 on a page.
fn crowded(groups: usize, faults: &str) -> Server {
    Server::start(Options { groups, ..Options::default() }, faults)
}

/// The export failed, and wrote nothing anywhere.
#[track_caller]
fn refused(desk: &Desk, arguments: &[&str], code: i32, part: &str) {
    for out in [&[][..], &["--out", "kept.csv"]] {
        desk.write("kept.csv", "as it was\n");
        let Outcome { stdout, stderr, .. } = desk.run(&[&["export"], arguments, out].concat()).expect(code);
        assert!(stdout.is_empty() && stderr.contains("nothing was exported: ") && stderr.contains(part), "{stderr}");
        assert_eq!((desk.read("kept.csv").as_str(), desk.files().len()), ("as it was\n", 1));
    }
}

#[test]
fn groups_are_written_by_name_in_the_import_format() {
    let server = acme("");
    let deleted_at = Some("2026-11-23T10:00:00Z".to_owned());
    let deleted =
        SandboxGroup { id: "g0".to_owned(), name: "Deleted".to_owned(), deleted_at, ..SandboxGroup::default() };
    server.with(|simulation| simulation.plant(deleted));
    let desk = Desk::at(&server);
    let expected = "tallyfy_id,name,description,members,guests\n\
        g5,'quoted' | piped,tab\there,,one@partner.example\n\
        g6,-1,\"{\"\"not\"\": \"\"json\"\"}\",507,\n\
        g1,Empty,,,\n\
        g2,Ops,\"First line\r\nsecond \"\"line\"\"\nthird; last\",501;506;508,\n\
        g3,Région 東京,  =1+1  ,505,o'hara@partner.example\n\
        g4,\"Sales, EMEA; \"\"North\"\"\",\"a, b\",501;502,ann@partner.example;zoe@partner.example\n";
    let outcome = desk.run(&["export"]).expect(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), (expected, ""));
    assert_eq!(server.requests(), 1, "the list of groups");
    assert_eq!(desk.files(), Vec::<String>::new(), "no journal is made");
    desk.run(&["export", "--out", "groups.csv", "-q"]).expect(0);
    assert_eq!(desk.read("groups.csv"), expected);
    assert_eq!(desk.run(&["export", "--out", "-"]).expect(0).stdout, expected);
    let lines = desk.run(&["export", "--format", "jsonl", "--members", "email"]).expect(0).json_lines();
    assert_eq!(
        lines[3],
        serde_json::json!({
            "tallyfy_id": "g2", "name": "Ops", "description": "First line\r\nsecond \"line\"\nthird; last",
            "members": ["Ada@acme.example", 506, 508], "guests": [],
        }),
        "an address that would not lead back to its user stays an id"
    );
}

#[test]
fn an_import_of_an_export_finds_that_every_group_exists_and_is_the_same() {
    for (name, format, members) in [
        ("groups.csv", &[][..], "id"),
        ("groups.csv", &[], "email"),
        ("groups.jsonl", &[], "id"),
        ("groups.json", &[], "email"),
        ("groups.txt", &["--format", "jsonl"], "email"),
    ] {
        let server = acme("");
        let desk = Desk::at(&server);
        desk.run(&[&["export", "--members", members, "--out", name], format].concat()).expect(0);
        assert_eq!(desk.read(name).starts_with('{'), name != "groups.csv", "{name}");
        assert_eq!(desk.read(name).contains("Ada@acme.example"), members == "email");
        let asked = server.requests();
        assert_eq!(asked, if members == "email" { 2 } else { 1 });
        desk.run(&[&["import", name], format].concat()).expect(0);
        let lines = desk.results("groups.results.csv");
        assert_eq!(statuses(&lines), ["exists"; GROUPS.len()]);
        for line in lines {
            // A member who is invited or a program is a warning of the row.
            assert!(!line.warnings.is_some_and(|text| text.contains("differs")), "{}", line.name);
        }
        assert_eq!((server.requests(), server.all_posts()), (asked + 2, 0), "two lists");
    }
}

#[test]
fn a_row_with_the_id_of_a_group_is_of_that_group_whatever_its_name_and_of_no_other() {
    let server = Server::start(Options { users: 9, ..Options::default() }, "");
    server.plant("g1", "Old name");
    server.plant("g2", "Ops");
    let rows = "tallyfy_id,name,members\ng1,New name,\ng9,Ops,\n,Fresh,1001\n";
    let desk = Desk::at(&server).with("groups.csv", rows);
    let plan = desk.run(&["import", "groups.csv", "--dry-run"]).expect(7).stdout;
    assert!(plan.contains("the organization has no group with the id `g9`"), "{plan}");
    desk.run(&["import", "groups.csv"]).expect(9);
    let lines = desk.results("groups.results.csv");
    let told: Vec<_> = lines.iter().map(|line| (line.status.as_str(), line.group_id.as_deref())).collect();
    assert_eq!(told[..2], [("exists", Some("g1")), ("failed", None)]);
    assert!(lines[0].warnings.as_deref().unwrap().contains("its name is `Old name`"), "{lines:?}");
    assert!(lines[1].error.as_deref().unwrap().contains("--ignore tallyfy_id"), "{lines:?}");
    assert_eq!(server.names(), ["Fresh", "Old name", "Ops"]);
    desk.run(&["import", "groups.csv", "--ignore", "tallyfy_id"]).expect(0);
    assert_eq!(server.names(), ["Fresh", "New name", "Old name", "Ops"]);
}

#[test]
fn users_are_read_back_by_validate_with_their_statuses() {
    let server = acme("");
    let desk = Desk::at(&server)
        .with("groups.csv", "name,description,members\nA,a,501;502;503\nB,b,504;505;twin@acme.example\nC,c,9\n");
    desk.run(&["export", "--users", "--out", "users.csv"]).expect(0);
    let rows: Vec<String> = USERS.iter().map(|(id, email, status)| format!("{id},{email},{status}\n")).collect();
    assert_eq!(
        desk.read("users.csv"),
        format!("id,email,status\n{}1001,user1001@members.example,active\n", rows.concat())
    );
    let found = desk.run(&["validate", "--users", "users.csv", "--json", "groups.csv"]).expect(7).json_lines();
    let asked = desk.run(&["import", "--dry-run", "--json", "groups.csv"]).expect(7).json();
    let codes: Vec<&str> = found.iter().filter_map(|line| line["code"].as_str()).collect();
    let expected =
        ["member-invited", "member-disabled", "member-unknown", "member-bot", "member-ambiguous", "member-unknown"];
    assert_eq!(codes, expected);
    let refusals: Vec<&str> =
        asked["actions"].as_array().unwrap().iter().filter_map(|action| action["reason"].as_str()).collect();
    assert!(
        refusals[0].contains("disabled") && refusals[1].contains("not the id"),
        "as the organization says: {refusals:?}"
    );
    let lines = desk.run(&["export", "--users", "--format", "jsonl"]).expect(0).json_lines();
    assert_eq!(lines[2], serde_json::json!({"id": 503, "email": "old@acme.example", "status": "disabled"}));
}

#[test]
fn a_list_that_cannot_be_read_to_its_end_writes_nothing() {
    let at = |status: u16, from: u32| {
        format!("[[fault]]\nkind = 'error-before'\nmethod = 'GET'\nstatus = {status}\nfrom = {from}")
    };
    let once = ["--max-attempts", "1"];
    let desk = |server: &Server| Desk::at(server);
    let server = crowded(250, &at(500, 3));
    refused(&desk(&server), &once, 1, "the organization cannot be listed: ");
    let server = crowded(250, &at(500, 1));
    refused(&desk(&server), &[&["--users"], &once[..]].concat(), 1, "the organization cannot be listed: ");
    for (status, code) in [(401, 3), (403, 3), (404, 5)] {
        let server = crowded(250, &at(status, 2));
        refused(&desk(&server), &[], code, &status.to_string());
        let server = crowded(0, &at(status, 1));
        refused(&desk(&server), &["--users"], code, &status.to_string());
        refused(&desk(&server), &["--members", "email"], code, &status.to_string());
    }
    let server = crowded(250, "[[fault]]\nkind = 'too-many'\nretry_after = '3600'\nfrom = 2");
    refused(&desk(&server), &["--max-wait", "1min"], 6, "--max-wait");
    let bare = Desk::at(&server).unset("TALLYFY_API_TOKEN");
    bare.run(&["export"]).expect(3).says("the token is missing");
}

#[test]
fn a_page_that_fails_is_asked_for_again() {
    let server = crowded(250, "[[fault]]\nkind = 'error-before'\nmethod = 'GET'\nstatus = 502\nat = [2]");
    let text = Desk::at(&server).run(&["export"]).expect(0).stdout;
    assert_eq!(text.lines().count(), 251);
    assert_eq!(server.requests(), 4);
}

#[test]
fn pages_keep_to_the_rate_limit() {
    let rate = Some(RequestRate { requests: 2, period: Duration::from_secs(1) });
    let server = Server::start(Options { groups: 450, rate, ..Options::default() }, "");
    let text = Desk::at(&server).run(&["export", "--rate", "2/s"]).expect(0).stdout;
    assert_eq!((text.lines().count(), server.tally(|tally| tally.refusals)), (451, 0));
}

#[test]
fn an_interrupt_ends_an_export_at_once_and_nothing_is_written() {
    let server = Server::slow(Duration::from_secs(5));
    let desk = Desk::at(&server);
    let running = desk.start(&["export", "--out", "groups.csv"]);
    crate::support::wait_for("the request", || (server.requests() > 0).then_some(()));
    running.signal("INT");
    running.end().expect(130);
    assert_eq!(desk.files(), Vec::<String>::new());
}

#[test]
fn a_file_that_cannot_be_written_is_said_before_anything_is_read() {
    let server = acme("");
    let desk = Desk::at(&server).with("token", crate::support::TOKEN);
    for (arguments, part) in [
        (&["--out", "no/such/groups.csv"][..], "cannot write no/such/groups.csv: "),
        (&["--out", "."], "cannot write .: "),
        (&["--out", "token", "--token-file", "token"], "would be overwritten"),
        (&["--out", "log", "--log-file", "log"], "--out and --log-file name the same file"),
        (&["--users", "--members", "email"], "cannot be used with"),
        (&["--format", "xlsx"], "possible values: csv, jsonl"),
    ] {
        desk.run(&[&["export"], arguments].concat()).expect(2).says(part);
    }
    assert_eq!((server.requests(), desk.read("token").as_str()), (0, crate::support::TOKEN));
}

#[cfg(target_os = "linux")]
#[test]
fn a_link_is_written_through_and_a_full_disk_is_a_failure() {
    let server = acme("");
    let desk = Desk::at(&server).with("real.csv", "old\n");
    std::os::unix::fs::symlink("real.csv", desk.path("link.csv")).unwrap();
    desk.run(&["export", "--out", "link.csv"]).expect(0);
    assert!(desk.path("link.csv").is_symlink() && desk.read("real.csv").starts_with("tallyfy_id,name,"));
    desk.run(&["export", "--out", "/dev/full"]).expect(1).says("cannot write /dev/full: ");
    assert_eq!(desk.run(&["export", "--out", "/dev/stdout"]).expect(0).stdout, desk.read("real.csv"));
}

#[test]
fn the_simulated_organization_has_users_but_no_groups() {
    let desk = Desk::bare();
    let groups = desk.run(&["export", "--sandbox"]).expect(0).stdout;
    assert_eq!(groups, "tallyfy_id,name,description,members,guests\n");
    let users = desk.run(&["export", "--sandbox", "--users"]).expect(0).stdout;
    assert_eq!((users.lines().count(), users.lines().nth(1)), (10_000, Some("1,user1@members.example,active")));
    assert_eq!(desk.files(), Vec::<String>::new());
}
