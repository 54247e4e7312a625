//! People by e-mail address or id: who becomes a member, who a guest, and what is said about the others.

use crate::support::{Desk, Server, statuses, wait_for};
use tallyfy_groups::sandbox::{Options, SandboxUser};

const USERS: [(u64, &str, &str); 6] = [
    (501, "Ada@acme.example", "active"),
    (502, "grace@acme.example", "invited"),
    (503, "old@acme.example", "disabled"),
    (504, "gone@acme.example.deleted.504", "active"),
    (505, "bot@acme.example", "bot"),
    (506, "linus@acme.example", "active"),
];

/// An organization with these users, and 1001 and 1002.
fn acme(faults: &str) -> Server {
    let server = Server::start(Options { users: 2, ..Options::default() }, faults);
    for (id, email, status) in USERS {
        server.plant_user(SandboxUser { id, email: email.to_owned(), status: status.to_owned() });
    }
    server
}

/// The same users as a file.
fn users_file() -> String {
    let rows: Vec<String> = USERS.iter().map(|(id, email, status)| format!("{id},{email},{status}\n")).collect();
    format!("\u{feff}id,email,status\n{}1001,user1001@members.example,active\n", rows.concat())
}

const ROWS: &str = "name,members,guests\n\
    Ops,ADA@acme.example;1001,fran@partner.example\n\
    Dev,\"grace@acme.example, 506\",linus@acme.example\n\
    Law,lnius@acme.example;501,\n\
    Old,old@acme.example,\n\
    Gone,gone@acme.example,\n\
    Far,9999,\n\
    Bot,505,\n";

#[test]
fn addresses_become_the_ids_of_their_users_and_who_is_not_a_user_is_an_error_with_the_nearest() {
    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    let summary = desk.run(&["import", "groups.csv", "--json"]).expect(9).json();
    let lines = desk.results("groups.results.csv");
    let expected = ["created", "created", "invalid", "invalid", "invalid", "invalid", "created"];
    assert_eq!(statuses(&lines), expected);
    assert_eq!(server.group("Ops").members, [501, 1001]);
    assert_eq!(server.group("Ops").guests, ["fran@partner.example"]);
    assert_eq!((server.group("Dev").members, server.group("Dev").guests), (vec![502, 506], vec![]));
    let codes: Vec<&str> = lines[2..6].iter().map(|line| line.error_code.as_deref().unwrap()).collect();
    assert_eq!(codes, ["member-unknown", "member-disabled", "member-unknown", "member-unknown"]);
    assert!(lines[2].error.as_deref().unwrap().contains("did you mean `linus@acme.example`?"));
    let people = &summary["people"];
    assert_eq!((&people["found"], &people["unknown"], &people["disabled"]), (&3.into(), &3.into(), &1.into()));
    assert_eq!(people["made_members"], 1);
    let (header, rejects) = desk.table("groups.rejects.csv");
    assert_eq!((header.len(), rejects.len()), (4, 4));
    assert_eq!(rejects[0][1], "lnius@acme.example;501", "as it stood");
}

#[test]
fn the_next_run_looks_for_the_people_again_although_the_file_is_unchanged() {
    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", "name,members\nOps,new@acme.example\nDev,ada@acme.example\n");
    desk.run(&["import", "groups.csv"]).expect(9);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["invalid", "created"]);
    let user = SandboxUser { id: 507, email: "New@acme.example".to_owned(), status: "active".to_owned() };
    server.plant_user(user);
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "exists"]);
    assert_eq!(server.group("Ops").members, [507]);
}

#[test]
fn a_dry_run_and_validate_with_a_file_of_users_say_what_an_import_would() {
    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", ROWS).with("users.csv", users_file());
    let plan = desk.run(&["import", "--dry-run", "groups.csv"]).expect(7);
    let offline = desk.run(&["validate", "--users", "users.csv", "groups.csv"]).expect(7).stdout;
    for message in [
        "members: `lnius@acme.example` is not a user of this organization; did you mean `linus@acme.example`?",
        "members: the account of `old@acme.example` is disabled, so it cannot be a member",
        "members: `9999` is not the id of a user of this organization",
    ] {
        let plan = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plan.contains(message), "{plan}");
        assert!(offline.contains(message), "{offline}");
    }
    for code in ["member-invited", "member-bot", "guest-member"] {
        assert!(offline.contains(&format!("[{code}]")), "{offline}");
    }
    assert!(plan.stdout.contains("\n  6 requests; "), "three lists and three groups: {}", plan.stdout);
    assert_eq!(server.all_posts(), 0);
}

#[test]
fn unknown_members_are_left_out_or_become_guests_if_that_is_asked_for() {
    let rows = "name,members\nOps,ada@acme.example;fran@partner.example;adda@acme.example;old@acme.example\n";
    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", rows);
    desk.run(&["import", "groups.csv", "--unknown-members", "guest"]).expect(9);
    let lines = desk.results("groups.results.csv");
    let error = lines[0].error.as_deref().unwrap();
    assert!(error.contains("--guest-domain acme.example allows it") && error.contains("is disabled"), "{error}");
    desk.run(&["import", "groups.csv", "--unknown-members", "skip"]).expect(0);
    assert_eq!((server.group("Ops").members, server.group("Ops").guests), (vec![501], vec![]));

    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", rows.replace(";old@acme.example", ""));
    desk.run(&["import", "groups.csv", "--unknown-members", "guest", "--guest-domain", "@ACME.example"]).expect(0);
    let group = server.group("Ops");
    assert_eq!(group.members, [501]);
    assert_eq!(group.guests, ["fran@partner.example", "adda@acme.example"]);
}

#[test]
fn json_objects_and_strings_name_members_too() {
    let server = acme("");
    let text = "{\"name\":\"Ops\",\"members\":[{\"id\":\"x-1\",\"email\":\"ada@acme.example\"},{\"id\":1001},\"linus@acme.example\",1002]}\n";
    let desk = Desk::at(&server).with("groups.jsonl", text);
    desk.run(&["import", "groups.jsonl"]).expect(0);
    assert_eq!(server.group("Ops").members, [501, 1001, 506, 1002]);
}

#[test]
fn what_a_run_sent_before_it_was_killed_and_its_file_changed_can_be_undone() {
    let server = acme("[[fault]]\nkind = 'hang-before'\nmethod = 'POST'\nat = [2]");
    let desk = Desk::at(&server).with("groups.csv", "name,members\nA,ada@acme.example\nB,501\n");
    let running = desk.start(&["import", "groups.csv", "--concurrency", "1"]);
    wait_for("B to be sent", || (server.posts("B") == 1).then_some(()));
    running.kill();
    desk.write("groups.csv", "name,members\nC,\nB,501\nA,ada@acme.example\n");
    desk.run(&["import", "groups.csv", "--settle", "1s"]).expect(0);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created"; 3]);
    desk.run(&["undo", "groups.csv", "--yes"]).expect(0);
    assert!(server.names().is_empty());
}

#[test]
fn the_list_of_users_is_read_only_if_a_row_names_members() {
    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", "name,guests\nOps,fran@partner.example\n");
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(server.requests(), 3, "the lists of groups and guests, and the create");
}

#[test]
fn with_strict_a_warning_about_people_keeps_everything_from_being_sent() {
    let server = acme("");
    let desk = Desk::at(&server)
        .with("groups.csv", "name,description,members\nOps,o,ada@acme.example\nDev,d,grace@acme.example\n");
    desk.run(&["import", "groups.csv", "--strict"]).expect(7);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["pending", "pending"]);
    assert_eq!(server.all_posts(), 0);
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(server.all_posts(), 2);
}

#[test]
fn a_list_of_users_that_breaks_off_ends_the_run_and_nothing_is_sent() {
    let faults = "[[fault]]\nkind = 'error-before'\nmethod = 'GET'\nstatus = 500\nfrom = 3";
    let server = Server::start(Options { users: 3000, ..Options::default() }, faults);
    let desk = Desk::at(&server).with("groups.csv", "name,members\nOps,1001\n");
    desk.run(&["import", "groups.csv", "--max-attempts", "2"]).expect(1).tells("the list of users");
    assert_eq!(server.all_posts(), 0);
}

#[test]
fn where_users_may_not_be_listed_ids_are_sent_unchecked_and_addresses_end_the_run() {
    for status in [403, 404] {
        let faults = format!("[[fault]]\nkind = 'error-before'\nmethod = 'GET'\nstatus = {status}\nuntil = 1");
        let server = acme(&faults);
        let desk = Desk::at(&server).with("groups.csv", "name,members\nOps,1001\n");
        desk.run(&["import", "groups.csv", "-v"]).expect(0).tells("[users-unlisted]");
        assert_eq!(server.group("Ops").members, [1001]);
        let server = acme(&faults);
        let desk = Desk::at(&server).with("groups.csv", "name,members\nOps,ada@acme.example\nDev,1001\n");
        desk.run(&["import", "groups.csv"]).expect(3).tells("use a token that may list them");
        assert_eq!(server.all_posts(), 0);
    }
}

#[test]
fn a_file_of_users_that_cannot_be_read_is_named_with_its_place() {
    let desk = Desk::bare().with("groups.csv", "name,members\nOps,1001\n");
    desk.run(&["validate", "--users", "no.csv", "groups.csv"]).expect(2).tells("--users no.csv: ");
    desk.write("users.csv", "id,email,status\n1,a@b.example,active\nx,c@d.example,active\n");
    desk.run(&["validate", "--users", "users.csv", "groups.csv"]).expect(2).tells("line 3: ");
    desk.write("users.csv", "id,e-mail,status\n1,a@b.example,active\n");
    desk.run(&["validate", "--users", "users.csv", "groups.csv"]).expect(2).tells("no column `email`");
    desk.write("users.csv", "\u{feff}ID;Email;Status\n1001;a@b.example;suspended\n");
    desk.run(&["validate", "--users", "users.csv", "groups.csv"]).expect(2).tells("line 2: ").tells("`suspended`");
    desk.write("users.csv", "ID;Email;Status\n1001;a@b.example;active\n");
    desk.run(&["validate", "--users", "users.csv", "groups.csv"]).expect(0);
}

#[test]
fn an_import_into_the_sandbox_is_rehearsed_with_the_users_of_a_file() {
    let desk = Desk::bare().with("groups.csv", ROWS).with("users.csv", users_file());
    let import = ["import", "groups.csv", "--sandbox", "--sandbox-users", "users.csv"];
    desk.run(&import).expect(9);
    let expected = ["created", "created", "invalid", "invalid", "invalid", "invalid", "created"];
    assert_eq!(statuses(&desk.results("groups.sandbox.results.csv")), expected);
    desk.run(&["import", "groups.csv", "--sandbox", "--sandbox-users", "no.csv", "--fresh"])
        .expect(2)
        .tells("--sandbox-users no.csv: ");
    desk.run(&["import", "groups.csv", "--sandbox-users", "users.csv"]).expect(2).tells("--sandbox");
}

#[test]
fn the_sandbox_command_has_the_users_token_organization_and_rules_that_its_flags_name() {
    let rows = "name,description,members\nOps,o,ada@acme.example\nDev,d,1001\nBare,,\n";
    let desk =
        Desk::bare().set("TALLYFY_API_TOKEN", "s3cr3t-token").with("groups.csv", rows).with("users.csv", users_file());
    let flags = [
        "--token",
        "s3cr3t-token",
        "--org",
        "acme",
        "--users-from",
        "users.csv",
        "--require-description",
        "--modern-errors",
    ];
    let sandbox = desk.start(&[&["sandbox", "--port", "0"][..], &flags].concat());
    let printed = wait_for("the address", || Some(sandbox.stdout()).filter(|text| text.ends_with("FILE\n")));
    let url = printed.lines().next().unwrap();
    assert!(
        printed.contains(&format!("TALLYFY_API_TOKEN=s3cr3t-token tallyfy-groups import --org acme --base-url {url}"))
    );
    let import = |org: &str, journal: &str| {
        desk.run(&["import", "groups.csv", "--base-url", url, "--org", org, "--journal", journal])
    };
    import("acme", "1.journal").expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "created", "failed"]);
    assert_eq!(
        lines[2].error.as_deref(),
        Some("the server answered 422: description: The description field is required.")
    );
    desk.write("groups.csv", "name\nOps\n");
    import("other", "2.journal").expect(5).tells("Resource not found");
    let desk = desk.set("TALLYFY_API_TOKEN", "other-token");
    desk.run(&["import", "groups.csv", "--base-url", url, "--org", "acme", "--journal", "3.journal"]).expect(3);
}
