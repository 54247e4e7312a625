//! Fault scripts that can be parsed, and the errors of those that cannot.

use super::*;

fn complaint(script: &str) -> String {
    FaultScript::parse(script).unwrap_err()
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
    assert_eq!(FaultScript::parse(script).unwrap().about.as_deref(), Some("A bad day."));
}

#[test]
fn every_kind_of_the_page_is_read() {
    let page = include_str!("../../../docs/development.md");
    let rows = page.lines().skip_while(|line| *line != "| kind | effect | own keys |");
    let rows = rows.take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("| `"));
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
            "answer" => "body = ''",
            _ => "",
        };
        let read = FaultScript::parse(&format!("[[fault]]\nkind = '{kind}'\n{own}"));
        assert!(read.is_ok(), "{kind}");
        count += 1;
    }
    assert_eq!(count, 23);
}

#[test]
fn a_mistake_is_named_by_fault_and_field() {
    for (script, parts) in [
        ("[[fault]]\nkind = 'reboot'", ["fault 1", "reboot", "drop-before"]),
        ("[[fault]]\nmethod = 'GET'", ["fault 1", "missing field", "kind"]),
        ("[[fault]]\nkind = 'slow'", ["fault 1", "missing field", "millis"]),
        ("[[fault]]\nkind = 'slow'\nmillis = 'x'", ["fault 1", "invalid type", "millis"]),
        ("[[fault]]\nkind = 'cut'\n[[fault]]\nkind = 'cut'\nmillis = 3", ["fault 2", "unknown field", "millis"]),
        ("[[fault]]\nkind = 'cut'\nevery = 0", ["fault 1", "nonzero", "every"]),
        ("[[fault]]\nkind = 'cut'\npercent = 101.0", ["fault 1", "percent", "between 0 and 100"]),
        ("[[fault]]\nkind = 'cut'\npercent = nan", ["fault 1", "percent", "between 0 and 100"]),
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
