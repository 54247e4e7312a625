//! What the flags of `import` promise.

use crate::support::{Desk, Server, Told, as_csv, good, rows, statuses};
use tallyfy_groups::sandbox::Options;

const TWINS: &str = "name,description,members,guests\n\
    Sales,first,1;2,a@example.com\n\
    Support,only,3,\n\
    SALES,second,2;9,A@example.com b@example.com\n";

#[test]
fn on_duplicate_skip_lets_the_first_row_win() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", TWINS);
    desk.run(&["import", "groups.csv"]).expect(0);
    let sales = server.group("Sales");
    assert_eq!((sales.description.as_deref(), sales.members.as_slice()), (Some("first"), &[1, 2][..]));
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "created", "duplicate"]);
    assert_eq!((&lines[2].group_id, lines[2].duplicate_of.as_deref()), (&Some(sales.id), Some("1")));
}

#[test]
fn on_duplicate_merge_unites_members_and_guests() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", TWINS);
    desk.run(&["import", "groups.csv", "--on-duplicate", "merge"]).expect(0);
    let sales = server.group("Sales");
    assert_eq!(sales.description.as_deref(), Some("first"));
    assert_eq!(sales.members, [1, 2, 9]);
    assert_eq!(sales.guests, ["a@example.com", "b@example.com"]);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "created", "merged"]);
    assert_eq!(server.posts("Sales"), 1);
}

#[test]
fn on_duplicate_fail_makes_the_later_row_invalid() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", TWINS);
    desk.run(&["import", "groups.csv", "--on-duplicate", "fail"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "created", "invalid"]);
    assert_eq!((lines[2].group_id.as_ref(), lines[2].error_code.is_some()), (None, true));
    assert_eq!(desk.table("groups.rejects.csv").1.len(), 1);
}

#[test]
fn on_existing_fail_makes_a_row_whose_group_is_there_failed() {
    let server = Server::calm();
    server.plant("old", "sales");
    let desk = Desk::at(&server).with("groups.csv", "name\nSales\nSupport\n");
    desk.run(&["import", "groups.csv", "--on-existing", "fail"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["failed", "created"]);
    assert_eq!((lines[0].error_code.as_deref(), lines[0].group_id.as_ref()), (Some("name-taken"), None));
    assert_eq!((server.posts("Sales"), server.posts("Support")), (0, 1));
}

#[test]
fn a_list_that_a_file_does_not_have_is_no_difference_and_an_empty_one_is() {
    let server = Server::calm();
    let people = "name,members,guests\nOps,7,a@example.com\n";
    let nobody = "name,members,guests\nOps,,\n";
    let json = "{\"name\": \"Ops\", \"members\": null, \"guests\": []}\n";
    let desk = Desk::at(&server).with("people.csv", people).with("nobody.csv", nobody);
    let desk = desk.with("names.csv", "name\nOps\n").with("names.jsonl", json);
    desk.run(&["import", "people.csv"]).expect(0);
    for (file, folder, differs) in [
        ("names.csv", "a", None),
        ("nobody.csv", "b", Some("the existing group differs: -7; -guest a@example.com")),
        ("names.jsonl", "c", Some("the existing group differs: -guest a@example.com")),
    ] {
        desk.run(&["import", file, "--out-dir", folder]).expect(0);
        let results = format!("{folder}/{}.results.csv", file.split('.').next().unwrap());
        assert_eq!(desk.results(&results)[0].warnings.as_deref(), differs, "{file}");
    }
}

#[test]
fn match_names_exact_keeps_names_apart_that_differ_in_case() {
    let server = Server::start(Options { allow_same_names: true, ..Options::default() }, "");
    server.plant("old", "SUPPORT");
    let desk = Desk::at(&server).with("groups.csv", "name\nSales\nSALES\n Sales \nSupport\n");
    desk.run(&["import", "groups.csv", "--match-names", "exact"]).expect(0);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "created", "duplicate", "created"]);
    assert_eq!(server.names(), ["SALES", "SUPPORT", "Sales", "Support"]);
}

#[test]
fn match_names_folded_sees_through_case_spaces_and_composition() {
    let server = Server::calm();
    server.plant("old", "RE\u{301}GION  Nord");
    let desk = Desk::at(&server).with("groups.csv", "name\nrégion nord\nBüro Zürich\nBu\u{308}ro  ZÜRICH\n");
    desk.run(&["import", "groups.csv"]).expect(0);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["exists", "created", "duplicate"]);
    assert_eq!(lines[0].group_id.as_deref(), Some("old"));
}

#[test]
fn default_description_is_put_into_rows_that_have_none() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,description\nA,own\nB,\nC,  \n");
    desk.run(&["import", "groups.csv", "--default-description", "given", "--require-description"]).expect(0);
    let said = ["A", "B", "C"].map(|name| server.group(name).description.unwrap());
    assert_eq!(said, ["own", "given", "given"]);
}

#[test]
fn a_missing_description_is_a_warning_that_counts_and_an_error_where_required() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,description\nA,own\nB,\nC,  \n");
    desk.run(&["import", "groups.csv", "--require-description"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "invalid", "invalid"]);
    assert_eq!(lines[1].error_code.as_deref(), Some("description-missing"));
    let outcome = desk.run(&["import", "groups.csv", "-v"]).expect(0);
    assert!(outcome.stderr.contains("rows without a description: 2 of 3"), "{}", outcome.stderr);
    assert_eq!(server.group("B").description, None);
}

#[test]
fn limit_reads_no_more_than_so_many_rows() {
    let rows = good(20);
    let server = Server::calm();
    let desk = Desk::at(&server).with("a.csv", as_csv(&rows[..15])).with("b.csv", as_csv(&rows[15..]));
    desk.run(&["import", "a.csv", "b.csv", "--limit", "17"]).expect(0);
    assert_eq!(server.groups().len(), 17);
    assert_eq!(desk.results("a.results.csv").len(), 17);
}

#[test]
fn map_says_which_column_holds_a_field() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "Team,name,people\nSales,ignored,7\n");
    let outcome = desk.run(&["import", "groups.csv", "-v", "--map", "name=team", "--map", "members=People"]).expect(0);
    assert_eq!(server.group("Sales").members, [7]);
    assert_eq!(outcome.stderr.matches("are ignored: name ").count(), 1, "{}", outcome.stderr);
    desk.run(&["import", "groups.csv", "--map", "name=nothing"]).expect(2).says("nothing");
}

#[test]
fn with_input_repeats_the_inputs_own_columns_as_they_stood() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "Cost Centre,NAME,name of boss\n 7 , Sales ,\"Ada, Lady\"\n8,,\n");
    desk.run(&["import", "groups.csv", "--with-input"]).expect(9);
    let (header, table) = desk.table("groups.results.csv");
    assert_eq!(header[13..], ["Cost Centre", "NAME", "name of boss"]);
    assert_eq!(table[0][13..], [" 7 ", " Sales ", "Ada, Lady"]);
    assert_eq!((table[0][3].as_str(), &table[1][13..]), ("Sales", &["8".to_owned(), String::new(), String::new()][..]));
}

#[test]
fn results_that_end_in_jsonl_are_json_lines_with_the_same_names() {
    let rows = rows(60, 10, 20, 13);
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(&["import", "groups.csv", "--results", "told.jsonl"]).expect(9);
    let text = desk.read("told.jsonl");
    let keys: Vec<&str> = crate::support::HEADER.split(',').collect();
    for line in text.lines() {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        assert_eq!(object.len(), keys.len());
        assert!(keys.iter().all(|key| object.contains_key(*key)), "{line}");
        assert_eq!(object["group_id"].is_null(), object["status"] == "invalid", "{line}");
    }
    let told: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    desk.run(&["import", "groups.csv", "--fresh"]).expect(9);
    let lines: Vec<Told> = desk.results("groups.results.csv");
    assert_eq!(told.len(), lines.len());
    for (object, line) in told.iter().zip(&lines) {
        assert_eq!(object["row"], line.row);
        assert_eq!(object["name"], line.name);
        assert_eq!(object["group_id"].as_str(), line.group_id.as_deref());
        assert_eq!(object["error_code"].as_str(), line.error_code.as_deref());
    }
}

#[test]
fn strict_sends_nothing_if_any_row_is_invalid() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,description,members\nA,a,1\nB,b,x\n");
    let summary = desk.run(&["import", "groups.csv", "--strict", "--json"]).expect(7).json();
    assert_eq!(server.requests(), 0);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["pending", "invalid"]);
    crate::support::assert_accounts(&summary, &lines);
    desk.write("groups.csv", "name,description,members\nA,,1\nB,b,2\n");
    desk.run(&["import", "groups.csv", "--strict"]).expect(7).says("--strict (errors: 0, warnings: 1)");
    assert_eq!(server.requests(), 0, "warnings count");
    desk.write("groups.csv", "name,description,members\nA,a,1\nB,b,2\n");
    desk.run(&["import", "groups.csv", "--strict"]).expect(0);
    server.assert_each_once(&["A", "B"].map(str::to_owned));
}

#[test]
fn dry_run_says_what_would_become_of_every_row_and_writes_nothing() {
    let server = Server::calm();
    server.plant("old", "Sales");
    let desk = Desk::at(&server).with("groups.csv", "name,members\nSales,1\nNew,2\nnew,3\nBad,x\n");
    let plan = desk.run(&["import", "--dry-run", "groups.csv", "--json"]).expect(7).json();
    let told: Vec<(&str, u64)> = plan["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["action"].as_str().unwrap(), line["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("invalid", 5), ("exists", 2), ("create", 3)]);
    assert_eq!((&plan["schema"], &plan["counts"]["duplicate"]), (&"plan/1".into(), &1.into()));
    desk.run(&["import", "--dry-run", "groups.csv"])
        .expect(7)
        .tells("! invalid  Bad    groups.csv:5: ")
        .tells("= exists   Sales  the existing group differs: +1\n")
        .tells("+ create   New    1 member\n")
        .tells("  1 to create, 1 invalid, 1 there already, 1 repeated\n");
    assert_eq!((server.all_posts(), server.groups().len()), (0, 1));
    assert_eq!(desk.files(), ["groups.csv"]);
    desk.write("groups.csv", "name\nSales\nNew\n");
    desk.run(&["import", "--dry-run", "groups.csv", "--out-dir", "out"]).expect(0);
    assert_eq!(desk.files(), ["groups.csv"]);
}

#[test]
fn out_dir_takes_all_files_and_is_made() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name\nA\n\"\"\n");
    desk.run(&["import", "groups.csv", "--out-dir", "deep/out"]).expect(9);
    assert_eq!(desk.files(), ["deep", "groups.csv"]);
    for name in ["groups.results.csv", "groups.rejects.csv", "groups.journal"] {
        assert!(desk.path("deep/out").join(name).exists(), "{name}");
    }
}

#[test]
fn quiet_says_nothing_when_all_is_well_and_json_is_all_of_standard_output() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("good.csv", "name\nB\n").with("groups.csv", "name,colour\nA,red\n,blue\n");
    let quiet = desk.run(&["import", "good.csv", "-q"]).expect(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    for plan in [&["import", "good.csv", "--dry-run", "-q"], &["sync", "good.csv", "--dry-run", "-q"]] {
        assert_eq!(desk.run(plan).expect(0).stdout, "");
    }
    desk.run(&["import", "groups.csv", "--dry-run", "-q"]).expect(7).tells("  ! invalid");
    desk.run(&["sync", "groups.csv", "--dry-run", "-q"]).expect(7).tells("  ! invalid");
    desk.write("good.csv", "name\nC\n");
    desk.run(&["sync", "good.csv", "-q"]).expect(2).tells("  + create   C").says("--yes");
    let quiet = desk
        .run(&["import", "groups.csv", "-q"])
        .expect(9)
        .says("groups.csv:3: invalid: ")
        .says("\n  created            1\n");
    assert_eq!(quiet.stdout, "");
    let loud = desk.run(&["import", "groups.csv", "-vv", "--json"]).expect(9);
    assert_eq!(loud.json()["rows"], 2);
}

#[test]
fn guest_rate_lets_no_more_new_guests_go_in_a_period_and_a_word_that_is_no_rate_is_refused() {
    let server = Server::start(Options::default(), "[[fault]]\nkind = 'guest-cap'\nper_hour = 2");
    let table = "name,guests\nA,a@x.org\nB,b@x.org\nC,\nD,A@x.org\n";
    let desk = Desk::at(&server).with("groups.csv", table);
    desk.run(&["import", "groups.csv", "--guest-rate", "fast"])
        .expect(2)
        .says("--guest-rate")
        .says("`fast` is not a rate")
        .says("30/h");
    assert_eq!(server.requests(), 0);
    desk.run(&["import", "groups.csv", "--guest-rate", "2/h"]).expect(0);
    assert_eq!(server.all_posts(), 4);
}

#[test]
fn a_row_with_more_new_guests_than_may_be_invited_at_once_is_told_before_it_is_sent() {
    let guests: Vec<String> = (0..31).map(|number| format!("g{number}@x.org")).collect();
    let desk = Desk::bare().with("groups.csv", format!("name,description,guests\nA,a,{}\n", guests.join(";")));
    let dry_run = ["import", "groups.csv", "--sandbox", "--dry-run"];
    desk.run(&dry_run).expect(0).says("a row has 31 new guests, more than the guest quota allows at once (30)");
    desk.run(&[&dry_run[..], &["--guest-rate", "20/h"]].concat()).expect(0).says("--guest-rate allows at once (20)");
}

#[test]
fn max_wait_ends_the_wait_for_the_cap_on_guests_when_all_else_is_done() {
    let server = Server::start(Options::default(), "[[fault]]\nkind = 'guest-cap'\nper_hour = 1\nretry_after = '90'");
    let desk = Desk::at(&server).with("groups.csv", "name,guests\nA,a@x.org\nB,b@x.org\nC,\nD,d@x.org\nE,\n");
    let flags = ["import", "groups.csv", "--max-wait", "1min", "--settle", "1s"];
    desk.run(&flags).expect(6).says("91 s").says("--max-wait");
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "pending", "created", "pending", "created"]);
}

#[test]
fn a_time_below_nothing_is_refused_as_a_time_and_the_sandbox_finds_no_limit_of_its_own() {
    let desk = Desk::bare().with("groups.csv", "name\nA\n");
    desk.run(&["import", "groups.csv", "--sandbox", "--max-wait", "-1s"])
        .expect(2)
        .says("'-1s'")
        .says("such as 30s, 5min or 2h");
    desk.run(&["sandbox", "--rate", "auto"])
        .expect(2)
        .says("--rate: `auto` is not a rate")
        .says("`none` refuses nothing");
}
