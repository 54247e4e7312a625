//! `sync` makes the organization match the files, and cannot wreck it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Desk, ORG, Outcome, Server};

/// Twelve groups with keys K1 to K12; the first has a description, and each two members.
fn file() -> Vec<String> {
    (1..=12).map(|number| format!("K{number},Team {number},d,{number};{},", 1000 + number)).collect()
}

pub(crate) fn csv(rows: &[String]) -> String {
    format!("key,name,description,members,guests\n{}\n", rows.join("\n"))
}

/// A server, and a desk whose `teams.csv` was synchronized once.
pub(crate) fn synchronized(rows: &[String]) -> (Server, Desk) {
    let server = Server::calm();
    let desk = Desk::at(&server).with("teams.csv", csv(rows));
    desk.run(&["sync", "teams.csv", "--yes"]).expect(0);
    (server, desk)
}

/// The file has these rows from now on, and a night passes.
pub(crate) fn night(desk: &Desk, rows: &[String], flags: &[&str]) -> Outcome {
    desk.write("teams.csv", csv(rows));
    desk.run(&[&["sync", "teams.csv", "--yes"], flags].concat())
}

fn counts(outcome: &Outcome) -> Vec<(String, u64)> {
    let json = outcome.json();
    let statuses = json["statuses"].as_object().unwrap();
    let counts = statuses.iter().map(|(status, count)| (status.clone(), count.as_u64().unwrap()));
    counts.filter(|(_, count)| *count > 0).collect()
}

fn told(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(status, count)| ((*status).to_owned(), *count)).collect()
}

/// Somebody changes a group in Tallyfy.
pub(crate) fn edit(server: &Server, name: &str, changes: &Value) {
    let group = server.group(name);
    let mut body = json!({"name": group.name, "members": group.members, "guests": group.guests});
    if let Some(description) = group.description {
        body["description"] = description.into();
    }
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    server.meddle("PUT", &group.id, &body, Duration::ZERO);
}

/// Name, description, members and guests.
pub(crate) type Shown = (String, Option<String>, Vec<u64>, Vec<String>);

pub(crate) fn as_they_are(server: &Server) -> Vec<Shown> {
    let mut groups: Vec<_> =
        server.groups().into_iter().map(|group| (group.name, group.description, group.members, group.guests)).collect();
    groups.sort();
    groups
}

#[test]
fn a_week_of_nightly_files_ends_each_night_as_promised() {
    let mut rows = file();
    let (server, desk) = synchronized(&rows);
    server.plant("theirs", "Somebody else's");

    // Nothing changed: nothing is written, and only lists are read.
    let quiet = night(&desk, &rows, &["--json"]).expect(0);
    assert_eq!(counts(&quiet), told(&[("unchanged", 12)]));

    // Monday: another description.
    rows[0] = "K1,Team 1,Sells,1;1001,".to_owned();
    let monday = night(&desk, &rows, &["--json"]).expect(0);
    assert_eq!(counts(&monday), told(&[("unchanged", 11), ("updated", 1)]));
    assert_eq!(server.group("Team 1").description.as_deref(), Some("Sells"));

    // Tuesday: somebody leaves, somebody joins, and an auditor is a guest.
    rows[1] = "K2,Team 2,d,2;1100,audit@partner.example".to_owned();
    night(&desk, &rows, &[]).expect(0);
    assert_eq!(
        (server.group("Team 2").members, server.group("Team 2").guests),
        (vec![2, 1100], vec!["audit@partner.example".to_owned()])
    );
    assert_eq!(
        desk.results("teams.results.csv")[1].changes.as_deref(),
        Some("+1100 -1002; +guest audit@partner.example")
    );

    // Wednesday: a group is renamed in the source; its key tells.
    let id = server.group("Team 3").id;
    rows[2] = "K3,Team Three,d,3;1003,".to_owned();
    night(&desk, &rows, &[]).expect(0).tells("Team 3 → Team Three");
    assert_eq!(server.group("Team Three").id, id);

    // Thursday: a group is gone from the file. Without --prune it stays, and the plan says so.
    let fourth = rows.remove(3);
    night(&desk, &rows, &[]).expect(0).tells("1 not in the files any more");
    assert!(server.names().contains(&"Team 4".to_owned()));
    let pruned = night(&desk, &rows, &["--prune", "--json"]).expect(0);
    assert_eq!(counts(&pruned), told(&[("deleted", 1), ("unchanged", 11)]));
    let last = desk.results("teams.results.csv").pop().unwrap();
    assert_eq!((last.file.as_str(), last.name.as_str(), last.status.as_str()), ("", "Team 4", "deleted"));
    rows.push(fourth);
    night(&desk, &rows, &[]).expect(0).tells("create   Team 4");

    // Friday: people and groups that others added stay; a group that somebody deleted is created again.
    edit(&server, "Team 5", &json!({"members": [5, 1005, 77]}));
    server.delete(&server.group("Team 6").id);
    let friday = night(&desk, &rows, &["--prune"]).expect(0);
    friday.tells("create   Team 6").tells("was deleted in Tallyfy");
    assert_eq!(server.group("Team 5").members, [5, 1005, 77]);
    assert!(server.names().contains(&"Somebody else's".to_owned()));

    // Saturday: an empty file, half a file, and a file without its members column.
    let before = as_they_are(&server);
    night(&desk, &[], &["--prune"]).expect(8).says("the files have no rows");
    night(&desk, &rows[..6], &["--prune"]).expect(8).says("--max-shrink").says("--max-delete");
    desk.write(
        "teams.csv",
        "key,name,description\nK1,Team 1,Sells\n".to_owned()
            + &rows[1..]
                .iter()
                .map(|row| row.split(',').take(3).collect::<Vec<_>>().join(",") + "\n")
                .collect::<String>(),
    );
    desk.run(&["sync", "teams.csv", "--yes"]).expect(0);
    assert_eq!(as_they_are(&server), before);

    // Sunday: all addresses of one domain are gone.
    let empty: Vec<String> =
        rows.iter().map(|row| row.split(',').take(3).collect::<Vec<_>>().join(",") + ",1,").collect();
    night(&desk, &empty, &[]).expect(8).says("--max-remove");
    assert_eq!(as_they_are(&server), before, "nothing was changed");
}

#[test]
fn a_night_without_changes_costs_the_lists_and_nothing_else() {
    let (server, desk) = synchronized(&file());
    let before = server.requests();
    desk.run(&["sync", "teams.csv", "--yes"]).expect(0);
    assert_eq!(server.requests() - before, 1 + 1, "a page of groups, and one of users");
    assert_eq!(desk.run(&["sync", "teams.csv", "--yes", "-q"]).expect(0).stdout, "");
}

#[test]
fn names_are_exchanged_and_handed_on_and_each_group_stays_itself() {
    let rows = ["1,A,,1,", "2,B,,2,", "3,C,,3,"].map(str::to_owned);
    let (server, desk) = synchronized(&rows);
    let ids = |names: [&str; 3]| names.map(|name| server.group(name).id);
    let before = ids(["A", "B", "C"]);
    for (name, members) in [("A", [1, 77]), ("B", [2, 78])] {
        edit(&server, name, &json!({"members": members}));
    }
    night(&desk, &["1,B,,1,", "2,A,,2,", "3,C,,3,", "4,D,,4,"].map(str::to_owned), &[]).expect(0);
    assert_eq!(ids(["B", "A", "C"]), before, "a swap");
    night(&desk, &["1,A,,1,", "2,B,,2,", "3,E,,3,", "4,C,,4,", "5,D,,5,"].map(str::to_owned), &[]).expect(0);
    assert_eq!(ids(["A", "B", "E"]), before, "and back, and a chain: C became E, D became C, and D is new");
    assert_eq!(server.group("D").members, [5]);
    let outcome =
        night(&desk, &["1,B,,1,", "2,E,,2,", "3,A,,3,", "4,C,,4,", "5,D,,5,"].map(str::to_owned), &[]).expect(9);
    outcome.tells("more than two groups exchange their names");
    assert_eq!(ids(["A", "B", "E"]), before, "a cycle of three is left alone");
    assert_eq!((server.group("A").members, server.group("B").members), (vec![1, 77], vec![2, 78]));
}

#[test]
fn what_is_not_owned_is_held_until_it_is_adopted() {
    let server = Server::calm();
    server.plant("g1", "Legal");
    let desk = Desk::at(&server).with("teams.csv", "name,members\nLegal,1\n");
    for _ in 0..2 {
        desk.run(&["sync", "teams.csv", "--yes"]).expect(9).tells("--adopt takes it over");
        let line = desk.results("teams.results.csv").remove(0);
        assert_eq!((line.status.as_str(), line.group_id.as_deref()), ("held", Some("g1")));
    }
    assert!(server.group("Legal").members.is_empty());
    desk.run(&["sync", "teams.csv", "--yes", "--adopt"]).expect(0).tells("is taken over");
    assert_eq!(server.group("Legal").members, [1]);
    desk.run(&["sync", "teams.csv", "--yes"]).expect(0).tells("1 unchanged");
    desk.write("teams.csv", "name,members\nNew,1\n");
    desk.run(&["sync", "teams.csv", "--yes", "--prune"]).expect(0);
    assert_eq!(server.names(), ["New"], "it is owned now");
}

#[test]
fn a_group_that_would_lose_everybody_is_held() {
    let (server, desk) = synchronized(&["1,A,,1;2,".to_owned()]);
    night(&desk, &["1,A,,,".to_owned()], &[]).expect(9).tells("would become empty");
    assert_eq!(server.group("A").members, [1, 2]);
    night(&desk, &["1,A,,,".to_owned()], &["--allow-empty"]).expect(0);
    assert!(server.group("A").members.is_empty());
}

#[test]
fn members_come_and_go_as_the_mode_says() {
    for (mode, expected) in [("managed", vec![1, 9]), ("mirror", vec![1]), ("add", vec![1, 2, 9])] {
        let (server, desk) = synchronized(&["1,A,,1;2,".to_owned()]);
        edit(&server, "A", &json!({"members": [1, 2, 9]}));
        night(&desk, &["1,A,,1,".to_owned()], &["--members", mode]).expect(0);
        assert_eq!(server.group("A").members, expected, "{mode}");
    }
}

#[test]
fn a_typo_costs_nobody_access() {
    let rows = ["1,A,,1;2,", "2,B,,3,"].map(str::to_owned);
    let (server, desk) = synchronized(&rows);
    // An entry that is not a user, left out; a row that is invalid.
    night(&desk, &["1,A,,1;nobody@members.example,", "2,B,,3,"].map(str::to_owned), &["--unknown-members", "skip"])
        .expect(0);
    night(&desk, &["1,A,,1;x,".to_owned()], &["--prune"]).expect(9);
    night(&desk, &["1,A,,9999,".to_owned()], &["--prune"]).expect(9);
    assert_eq!((server.group("A").members, server.group("B").members), (vec![1, 2], vec![3]));
    desk.write("people.csv", "name,member\nA,1\nA,9999\n");
    desk.run(&["sync", "people.csv", "--journal", "teams.journal", "--yes", "--prune"]).expect(9);
    assert_eq!(server.names(), ["A", "B"]);
    // A user whose account is closed is known: the others may go.
    let disabled = tallyfy_groups::sandbox::SandboxUser {
        id: 50,
        email: "old@members.example".to_owned(),
        status: "disabled".to_owned(),
    };
    server.plant_user(disabled);
    night(&desk, &["1,A,,1;50,", "2,B,,3,"].map(str::to_owned), &["--unknown-members", "skip"]).expect(0);
    assert_eq!(server.group("A").members, [1]);
}

#[test]
fn a_text_that_the_server_stores_otherwise_is_not_sent_again_every_night() {
    let server = Server::under("[[fault]]\nkind = 'alter'\nmethod = 'POST'\nprefix = 'X '");
    let desk = Desk::at(&server).with("teams.csv", csv(&[",A,,1,".to_owned()]));
    desk.run(&["sync", "teams.csv", "--yes"]).expect(0);
    server.heal();
    edit(&server, "X A", &json!({"members": [1]}));
    desk.run(&["sync", "teams.csv", "--yes", "--prune"]).expect(0).tells("1 unchanged");
    assert_eq!(server.names(), ["X A"]);
}

#[test]
fn nothing_is_pruned_by_rows_that_do_not_tell_all() {
    let (server, desk) = synchronized(&file());
    let refused = |arguments: &[&str], part: &str| {
        desk.run(&[arguments, &["--yes", "--prune"]].concat()).expect(2).says(part);
        assert_eq!(server.groups().len(), 12);
    };
    refused(&["sync", "teams.csv", "--limit", "3"], "--limit");
    desk.write("rejects.csv", "name,_error\nTeam 1,\n");
    refused(&["sync", "rejects.csv", "--journal", "teams.journal"], "rejects");
    desk.write("others.csv", "name\nTeam 1\n");
    refused(&["sync", "teams.csv", "others.csv"], "the last sync over this journal read others");
    std::fs::rename(desk.path("teams.csv"), desk.path("now.csv")).unwrap();
    std::os::unix::fs::symlink(desk.path("now.csv"), desk.path("teams.csv")).unwrap();
    desk.run(&["sync", "teams.csv", "--yes", "--prune"]).expect(0).tells("12 unchanged");
    desk.run(&["sync", "teams.csv", "others.csv", "--journal", "teams.journal", "--yes", "--prune"]).expect(0);
}

#[test]
fn rows_that_cannot_be_told_apart_or_name_no_group_change_nothing() {
    let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
    let before = as_they_are(&server);
    night(&desk, &["1,A,,1,", "1,B,,2,"].map(str::to_owned), &["--prune"]).expect(9).tells("key");
    assert_eq!(as_they_are(&server), before);
    night(&desk, &["2,A,,2,".to_owned()], &["--prune"]).expect(9).tells("has another key (1)");
    assert_eq!(as_they_are(&server), before, "a key that changed its group");
    desk.write("teams.csv", "tallyfy_id,name,members\nnone,A,2\n");
    desk.run(&["sync", "teams.csv", "--yes", "--prune"]).expect(9).tells("--ignore tallyfy_id");
    assert_eq!(as_they_are(&server), before);
}

#[test]
fn a_plan_is_accepted_by_its_id_and_no_other_is_applied() {
    let rows: Vec<String> = file();
    let (server, desk) = synchronized(&rows);
    desk.write("teams.csv", csv(&rows[..6]));
    let dry = ["sync", "teams.csv", "--prune", "--dry-run"];
    let plan = desk.run(&[&dry[..], &["--json"]].concat()).expect(8).json_lines().remove(0)["plan"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(server.groups().len(), 12);
    let accept = |id: &str| desk.run(&["sync", "teams.csv", "--prune", "--accept", id]);
    accept("0123456789abcdef").expect(8).says(&plan);
    edit(&server, "Team 1", &json!({"members": [1]}));
    accept(&plan).expect(8).says("have changed");
    assert_eq!(server.groups().len(), 12);
    edit(&server, "Team 1", &json!({"members": [1, 1001]}));
    accept(&plan).expect(0);
    assert_eq!(server.groups().len(), 6, "whatever the guards say");
    night(&desk, &[], &["--prune", "--accept", &plan]).expect(8).says("no rows");
}

#[test]
fn a_dry_run_says_by_its_exit_code_what_would_happen_and_writes_nothing() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("teams.csv", csv(&file()));
    let dry = |flags: &[&str]| desk.run(&[&["sync", "teams.csv", "--dry-run"], flags].concat());
    dry(&[]).expect(0).tells("12 to create");
    dry(&["--detailed-exitcode"]).expect(10);
    assert_eq!((desk.files(), server.groups().len()), (vec!["teams.csv".to_owned()], 0));
    let plan = dry(&["--json"]).expect(0).json();
    desk.run(&["sync", "teams.csv", "--accept", plan["plan"].as_str().unwrap()]).expect(0);
    dry(&["--detailed-exitcode"]).expect(0).tells("12 unchanged");
    server.plant("g1", "Legal");
    desk.write("teams.csv", csv(&[file(), vec![",Legal,,1,".to_owned(), ",New,,1,".to_owned()]].concat()));
    dry(&["--detailed-exitcode"]).expect(9);
    desk.write("teams.csv", csv(&[file(), vec![",,,1,".to_owned()]].concat()));
    dry(&["--detailed-exitcode"]).expect(7);
}

#[test]
fn without_a_terminal_nothing_is_changed_unless_it_was_agreed() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("teams.csv", csv(&file()));
    for flags in [&[][..], &["--no-input"]] {
        desk.run(&[&["sync", "teams.csv"], flags].concat()).expect(2).says("--yes").tells("12 to create");
    }
    assert!(server.groups().is_empty());
    desk.run(&["sync", "teams.csv", "--yes"]).expect(0);
    desk.run(&["sync", "teams.csv", "--no-input"]).expect(0).tells("12 unchanged");
}

#[cfg(unix)]
#[test]
fn on_a_terminal_the_number_of_changes_is_asked_for() {
    use std::io::Write;
    let server = Server::calm();
    let desk = Desk::at(&server).with("teams.csv", csv(&file()));
    for (answer, count) in [("y\n", 0), ("12\n", 12)] {
        let (mut keyboard, input) = crate::undo::terminal();
        keyboard.write_all(b"12\n").unwrap();
        let mut running = desk.start_on(input, &["sync", "teams.csv"]);
        let question = format!("Type 12 to change 12 groups of organization {ORG}: ");
        crate::support::wait_for("the question", || running.stderr().contains(&question).then_some(()));
        assert!(!running.has_ended() && server.groups().is_empty());
        keyboard.write_all(answer.as_bytes()).unwrap();
        running.end().expect(0);
        assert_eq!(server.groups().len(), count);
    }
    let (_keyboard, input) = crate::undo::terminal();
    desk.write("teams.csv", csv(&[file(), vec![",New,,1,".to_owned()]].concat()));
    let running = desk.start_on(input, &["sync", "teams.csv"]);
    crate::support::wait_for("the question", || running.stderr().contains("Type 1 to").then_some(()));
    running.signal("INT");
    running.end().expect(130);
    assert_eq!(server.groups().len(), 12);
}

#[test]
fn a_plan_for_a_pull_request_names_nobody_and_runs_nothing() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("teams.csv", "name,members,guests\n\"<b>@acme | x\",1,a@partner.example\n");
    desk.run(&["sync", "teams.csv", "--dry-run", "--markdown", "plan.md"]).expect(0);
    let plan = desk.read("plan.md");
    assert!(plan.contains("| `+` | create | &#60;b&#62;&#64;acme &#124; x |"), "{plan}");
    assert!(!plan.contains("@acme") && !plan.contains("<b>"), "{plan}");
    let input = desk.read("teams.csv");
    for path in ["teams.csv", "teams.journal", "teams.results.csv"] {
        desk.run(&["sync", "teams.csv", "--dry-run", "--markdown", path]).expect(2).says("--markdown");
    }
    assert_eq!(desk.read("teams.csv"), input);
}

#[test]
fn a_group_that_only_rows_name_which_are_left_out_is_not_pruned_whatever_its_name_is_now() {
    let rows = ["1,A,,1,", "2,B,,2,", "3,C,,2,", "4,D,,2,", "5,E,,2,"].map(str::to_owned);
    let (server, desk) = synchronized(&rows);
    let delete = ["sync", "teams.csv", "--yes", "--prune", "--where", "state=on", "--max-delete", "9"];
    // By its key, its name, and in a file whose rows the journal has already.
    for (rows, left) in [
        ("1,A,,1,,on\n2,B2,,2,,off\n,d,,,,off\n5,E,,2,,on\n", ["A", "B", "D", "E"].as_slice()),
        ("1,A,,1,,on\n2,B2,,2,,off\n,d,,,,off\n5,E,,2,,on\n", &["A", "B", "D", "E"]),
        ("1,A,,1,,on\n,B,,2,,off\n,,,,,off\n", &["A", "B"]),
    ] {
        desk.write("teams.csv", format!("key,name,description,members,guests,state\n{rows}"));
        desk.run(&delete).expect(0);
        assert_eq!(server.names(), left);
        assert_eq!(desk.results("teams.results.csv")[1].status, "excluded");
    }
}

#[test]
fn an_export_with_the_keys_of_the_journal_is_a_file_that_changes_nothing() {
    let (server, desk) = synchronized(&["1,A,x,1,", "2,B,,2;3,c@partner.example"].map(str::to_owned));
    let before = as_they_are(&server);
    desk.run(&["export", "--journal", "teams.journal", "--out", "all.csv"]).expect(0);
    assert!(desk.read("all.csv").starts_with("tallyfy_id,key,name,"));
    desk.run(&["sync", "all.csv", "--journal", "teams.journal", "--yes", "--prune"]).expect(0).tells("2 unchanged");
    assert_eq!(as_they_are(&server), before);
    desk.run(&["export", "--journal", "none.journal"]).expect(2).says("there is none");
}

#[test]
fn the_samples_use_flags_that_exist() {
    let help = Desk::bare().run(&["sync", "--help"]).expect(0).stdout;
    let samples = [
        include_str!("../samples/nightly/tallyfy-groups-sync.service"),
        include_str!("../samples/nightly/crontab"),
        include_str!("../samples/nightly/cronjob.yaml"),
        include_str!("../samples/nightly/indexed-job.yaml"),
        include_str!("../samples/nightly/github-workflow.yml"),
    ];
    for sample in samples {
        let commands = sample.replace("\\\n", " ");
        let commands: Vec<&str> = commands
            .lines()
            .filter(|line| line.contains(" sync ") || line.contains("[sync,"))
            .filter(|line| !line.trim_start().starts_with('#'))
            .collect();
        assert!(!commands.is_empty(), "{sample}");
        let words = commands.iter().flat_map(|line| line.split([' ', ',', ']', '"']));
        for flag in words.filter(|word| word.starts_with("--")) {
            assert!(help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")), "{flag}");
        }
    }
}

#[test]
fn a_left_out_row_that_cannot_be_read_or_whose_group_was_renamed_in_tallyfy_costs_no_group() {
    let server = Server::calm();
    let row = |name: &str, state: &str| format!("{{\"name\":{name},\"members\":[],\"state\":\"{state}\"}}\n");
    let desk = Desk::at(&server).with("teams.jsonl", row("\"A\"", "on") + &row("\"B\"", "on") + &row("\"C\"", "on"));
    let sync = ["sync", "teams.jsonl", "--yes", "--where", "state=on", "--prune", "--max-delete", "9"];
    desk.run(&sync).expect(0);
    for unreadable in ["[\"B\"]", "\"B\",\"name\":\"C\""] {
        desk.write("teams.jsonl", row("\"A\"", "on") + &row(unreadable, "off"));
        desk.run(&sync).expect(0).says("nothing is deleted: a row is invalid");
        assert_eq!(server.names(), ["A", "B", "C"], "{unreadable}");
    }
    server.meddle("PUT", &server.group("B").id, &serde_json::json!({"name": "B2"}), std::time::Duration::ZERO);
    desk.write("teams.jsonl", row("\"A\"", "on") + &row("\"B\"", "off"));
    desk.run(&sync).expect(0);
    assert_eq!(server.names(), ["A", "B2"]);
}

#[test]
fn an_import_takes_no_key_away() {
    let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
    let id = server.group("A").id;
    desk.write("teams.csv", csv(&["1,New,,1,".to_owned()]));
    desk.run(&["import", "teams.csv"]).expect(0);
    desk.write("teams.csv", csv(&["1,Newest,,1,".to_owned()]));
    desk.run(&["sync", "teams.csv", "--yes"]).expect(0).tells("A → Newest");
    assert_eq!(server.group("Newest").id, id);
}
