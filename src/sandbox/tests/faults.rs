//! What the faults do to requests, without sockets.

use serde_json::{Value, json};

use super::*;

/// The reply to the second of three POSTs under one fault that applies to it, and the groups that exist afterwards.
fn second_of_three(fault: &str) -> (Reply, Vec<String>) {
    let mut simulation = under(&format!("[[fault]]\n{fault}\nmethod = 'POST'\nat = [2]"));
    assert_eq!(ask(&mut simulation, &create("a")).0, 201);
    assert_eq!(ask(&mut simulation, &request("GET", GROUPS, &Value::Null)).0, 200);
    let second = reply(&mut simulation, &create("b"), 0.0);
    assert_eq!(ask(&mut simulation, &create("c")).0, 201);
    (second, simulation.groups().map(|group| group.name.clone()).collect())
}

#[test]
fn a_fault_before_leaves_nothing_and_a_fault_after_leaves_the_group() {
    let with = ["a", "b", "c"].map(str::to_owned).to_vec();
    let without = ["a", "c"].map(str::to_owned).to_vec();
    assert_eq!(second_of_three("kind = 'refuse'"), (Reply::Refuse, without.clone()));
    assert_eq!(second_of_three("kind = 'drop-before'"), (Reply::Drop, without.clone()));
    assert_eq!(second_of_three("kind = 'drop-after'"), (Reply::Drop, with.clone()));
    assert_eq!(second_of_three("kind = 'hang-before'"), (Reply::Hang, without.clone()));
    assert_eq!(second_of_three("kind = 'hang-after'"), (Reply::Hang, with.clone()));
    for (fault, status, kind, groups) in [
        ("kind = 'error-before'", 500, "application/json", &without),
        ("kind = 'error-after'\nstatus = 503\nretry_after = '9'", 503, "application/json", &with),
        ("kind = 'html-before'", 502, "text/html", &without),
        ("kind = 'html-after'\nstatus = 504", 504, "text/html", &with),
        ("kind = 'too-many'", 429, "application/json", &without),
        ("kind = 'foreign'", 200, "application/json", &with),
    ] {
        let (Reply::Answer(answer), there) = second_of_three(fault) else {
            panic!("{fault}");
        };
        assert_eq!((answer.status, header(&answer, "content-type")), (status, Some(kind)), "{fault}");
        assert_eq!(there, *groups, "{fault}");
        assert!(read(&answer).1["data"]["id"].is_null(), "{fault}");
    }
}

#[test]
fn a_faulty_answer_comes_after_the_group_is_created() {
    let (Reply::Cut(answer), groups) = second_of_three("kind = 'cut'") else {
        panic!("not cut");
    };
    assert_eq!((answer.status, read(&answer).1["data"]["name"].as_str()), (201, Some("b")));
    assert_eq!(groups.len(), 3);
    let (Reply::Answer(answer), groups) = second_of_three("kind = 'empty'") else {
        panic!("not empty");
    };
    assert_eq!((answer.status, answer.body.len(), groups.len()), (201, 0, 3));
    let (Reply::Endless(answer), groups) = second_of_three("kind = 'endless'") else {
        panic!("not endless");
    };
    assert_eq!((answer.status, groups.len()), (201, 3));
}

#[test]
fn an_answer_without_a_body_is_dropped_where_it_would_be_cut() {
    let mut simulation = under("[[fault]]\nkind = 'cut'\nmethod = 'DELETE'");
    simulation.plant(planted("g", "g"));
    assert_eq!(reply(&mut simulation, &request("DELETE", &format!("{GROUPS}/g"), &Value::Null), 0.0), Reply::Drop);
    assert_eq!(simulation.groups().count(), 0);
}

#[test]
fn too_many_says_what_the_script_says() {
    for (line, told) in [("", "1"), ("retry_after = 'Wed, 21 Oct 2026 07:28:00 GMT'", "Wed, 21 Oct 2026 07:28:00 GMT")]
    {
        let mut simulation = under(&format!("[[fault]]\nkind = 'too-many'\n{line}"));
        assert_eq!(header(&answer(&mut simulation, &create("a"), 0.0), "Retry-After"), Some(told));
    }
}

#[test]
fn a_dead_token_stays_dead_until_the_faults_end() {
    let mut simulation = under("[[fault]]\nkind = 'token-dies'\nat = [2]");
    let statuses = |simulation: &mut Simulation| ["a", "b", "c"].map(|name| ask(simulation, &create(name)).0);
    assert_eq!(statuses(&mut simulation), [201, 401, 401]);
    simulation.set_faults(FaultScript::default());
    assert_eq!(statuses(&mut simulation), [422, 201, 201]);
}

#[test]
fn a_dead_token_may_have_a_successor() {
    let script = "[[fault]]\nkind = 'token-dies'\nnext = 'second'\nat = [2]\n[[fault]]\nkind = 'token-dies'\nat = [5]";
    let mut simulation = under(script);
    let mut status = |name: &str, token: &str| {
        let mut request = create(name);
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        ask(&mut simulation, &request).0
    };
    assert_eq!(["a", "b", "c"].map(|name| status(name, "first")), [201, 401, 401]);
    assert_eq!(["d", "e"].map(|name| status(name, "second")), [201, 401]);
}

#[test]
fn slowness_adds_up_with_latency_and_with_another_fault() {
    let script =
        "[[fault]]\nkind = 'slow'\nmillis = 300\n[[fault]]\nkind = 'drop-after'\n[[fault]]\nkind = 'slow'\nmillis = 30";
    let options = Options { latency: Duration::from_millis(3), ..Options::default() };
    let mut simulation = Simulation::new(&options, FaultScript::parse(script).unwrap());
    let outcome = simulation.handle(&create("a"), Duration::ZERO);
    assert_eq!((outcome.delay, outcome.reply), (Duration::from_millis(333), Reply::Drop));
}

#[test]
fn the_first_fault_of_the_script_wins_and_each_counts_for_itself() {
    let mut simulation = under(
        "[[fault]]\nkind = 'drop-before'\nevery = 2\n[[fault]]\nkind = 'hang-before'\nevery = 3\nfrom = 4\nuntil = 9",
    );
    let list = request("GET", GROUPS, &Value::Null);
    let met: String = (1..=12)
        .map(|_| match reply(&mut simulation, &list, 0.0) {
            Reply::Drop => 'd',
            Reply::Hang => 'h',
            _ => '.',
        })
        .collect();
    assert_eq!(met, ".d.d.d.dhd.d");
}

#[test]
fn the_same_seed_gives_the_same_faults() {
    let storm = |script: &str, seed| -> (String, Vec<String>) {
        let options = Options { seed, ..Options::default() };
        let mut simulation = Simulation::new(&options, FaultScript::parse(script).unwrap());
        let names = (0..1000).map(|number| number.to_string());
        let lost = names
            .map(|name| if reply(&mut simulation, &create(&name), 0.0) == Reply::Drop { 'x' } else { '.' })
            .collect();
        (lost, simulation.groups().map(|group| group.id.clone()).collect())
    };
    let free = "[[fault]]\nkind = 'drop-after'\npercent = 5.0";
    let bound = format!("seed = 9\n{free}");
    let count = storm(free, 1).0.matches('x').count();
    assert!((30..=70).contains(&count), "{count} of 1000 at 5 %");
    assert_eq!(storm(free, 1), storm(free, 1));
    assert_ne!(storm(free, 1).0, storm(free, 2).0);
    assert_eq!(storm(&bound, 1).0, storm(&bound, 2).0);
}

#[test]
fn a_refused_connection_is_not_counted_and_a_dropped_one_is() {
    let mut simulation = under("[[fault]]\nkind = 'refuse'\nat = [1]\n[[fault]]\nkind = 'drop-before'\nat = [2]");
    let seen = observed(&mut simulation);
    reply(&mut simulation, &create("a"), 1.0);
    reply(&mut simulation, &create("a"), 2.0);
    assert_eq!(*seen.lock().unwrap(), [(at(2.0), true)]);
}

#[test]
fn a_request_over_the_limit_is_refused_whatever_the_faults() {
    let options =
        Options { rate: Some(super::super::RequestRate { requests: 1, period: at(9.0) }), ..Options::default() };
    let faults = FaultScript::parse("[[fault]]\nkind = 'drop-after'\nfrom = 2").unwrap();
    let mut simulation = Simulation::new(&options, faults);
    assert_eq!(ask(&mut simulation, &create("a")).0, 201);
    assert_eq!(ask(&mut simulation, &create("b")), (429, json!({"message": "Too Many Attempts."})));
    assert_eq!(simulation.groups().count(), 1);
}
