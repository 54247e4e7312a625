//! Fault scripts that can be parsed, and the errors of those that cannot.

use super::*;

fn complaint(script: &str) -> String {
    FaultScript::parse(script).unwrap_err().to_string()
}

#[test]
fn a_script_may_be_empty_or_full() {
    assert!(FaultScript::parse("").is_ok());
    let script = r#"
        about = "A bad day."
        seed = 7
        [[fault]]
        kind = "error-after"
        method = "post"
        percent = 5
        status = 503
        retry_after = "Wed, 21 Oct 2026 07:28:00 GMT"
        [[fault]]
        kind = "html-before"
        every = 20
        from = 100
        until = 200
        [[fault]]
        kind = "guest-cap"
        per_hour = 30
        retry_after = "120"
    "#;
    assert_eq!(FaultScript::parse(script).unwrap().about(), Some("A bad day."));
}

#[test]
fn every_kind_of_the_page_is_read() {
    let page = include_str!("../script.rs");
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let kinds = rows.flat_map(|row| {
        let (cell, _) = row.split_once('|').unwrap();
        cell.split(['`', ',', ' ']).filter(|kind| !kind.is_empty())
    });
    let mut count = 0;
    for kind in kinds {
        let own = match kind {
            "slow" | "lag" => "millis = 1",
            "guest-cap" => "per_hour = 1",
            "others" => "requests = 1",
            _ => "",
        };
        let read = FaultScript::parse(&format!("[[fault]]\nkind = '{kind}'\n{own}"));
        assert!(read.is_ok(), "{kind}");
        count += 1;
    }
    assert_eq!(count, 21);
}

#[test]
fn a_mistake_is_named_by_fault_and_field() {
    let good = "[[fault]]\nkind = 'drop-after'\n";
    for (fault, told) in [
        ("kind = 'slow'", "fault 2 of the fault script: `millis` is missing"),
        ("kind = 'guest-cap'", "fault 2 of the fault script: `per_hour` is missing"),
        ("kind = 'cut'\nmillis = 3", "fault 2 of the fault script: `millis` has no meaning for this kind of fault"),
        ("kind = 'cut'\nstatus = 500", "fault 2 of the fault script: `status` has no meaning for this kind of fault"),
        ("kind = 'cut'\nnext = 'b'", "fault 2 of the fault script: `next` has no meaning for this kind of fault"),
        (
            "kind = 'slow'\nmillis = 1\nretry_after = ''",
            "fault 2 of the fault script: `retry_after` has no meaning for this kind of fault",
        ),
        ("kind = 'error-after'\nstatus = 99", "fault 2 of the fault script: `status` must be between 200 and 599"),
        (
            "kind = 'too-many'\nretry_after = \"\\n\"",
            "fault 2 of the fault script: `retry_after` must be printable ASCII",
        ),
        ("kind = 'cut'\npercent = 101.0", "fault 2 of the fault script: `percent` must be between 0 and 100"),
        ("kind = 'cut'\npercent = nan", "fault 2 of the fault script: `percent` must be between 0 and 100"),
        ("kind = 'cut'\nevery = 0", "fault 2 of the fault script: `every` must be at least 1"),
        ("kind = 'cut'\nat = []", "fault 2 of the fault script: `at` must list numbers of requests, from 1"),
        ("kind = 'cut'\nat = [0]", "fault 2 of the fault script: `at` must list numbers of requests, from 1"),
        (
            "kind = 'cut'\nfrom = 3\nuntil = 2",
            "fault 2 of the fault script: `from` must be at least 1 and at most `until`",
        ),
        ("kind = 'cut'\nevery = 2\nat = [1]", "fault 2 of the fault script: `every` cannot stand beside `at`"),
        (
            "kind = 'cut'\npercent = 1.0\nat = [1]",
            "fault 2 of the fault script: `percent` cannot stand beside `every` or `at`",
        ),
    ] {
        assert_eq!(complaint(&format!("{good}[[fault]]\n{fault}")), told);
    }
}

#[test]
fn what_serde_says_comes_with_the_faults_number_and_field() {
    for (script, parts) in [
        ("[[fault]]\nkind = 'reboot'", ["fault 1", "reboot", "drop-before"]),
        ("[[fault]]\nmethod = 'GET'", ["fault 1", "missing field", "kind"]),
        ("[[fault]]\nkind = 'cut'\ncolour = 1", ["fault 1", "unknown field", "colour"]),
        ("[[fault]]\nkind = 'cut'\nevery = 'x'", ["fault 1", "invalid type", "every"]),
        ("colour = 1", ["the fault script", "unknown field", "colour"]),
        ("[[fault]", ["the fault script", "line 1", "TOML"]),
    ] {
        let told = complaint(script);
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
        assert!(told.lines().count() == 1 || told.contains("line 1"), "{told}");
    }
}
