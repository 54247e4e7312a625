//! The request limit, to the nanosecond, and the guest cap.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::super::RequestRate;
use super::*;

fn limited(requests: u32, seconds: f64) -> Simulation {
    simulation(&Options { rate: Some(RequestRate { requests, period: at(seconds) }), ..Options::default() })
}

/// The most arrivals in any window of the period.
fn most_within(arrivals: &[Duration], period: Duration) -> usize {
    let within = |(index, first): (usize, &Duration)| {
        arrivals[index..].iter().take_while(|arrival| arrival.saturating_sub(*first) < period).count()
    };
    arrivals.iter().enumerate().map(within).max().unwrap_or_default()
}

#[test]
fn the_window_rolls_and_is_open_at_its_far_end() {
    let mut simulation = limited(2, 10.0);
    let observed = observed(&mut simulation);
    let status = |simulation: &mut Simulation, seconds| {
        answer(simulation, &request("GET", GROUPS, &Value::Null), seconds).status
    };
    let seen: Vec<_> = [0.0, 4.0, 9.999_999_999, 10.0, 13.999_999_999, 14.0, 19.9]
        .map(|seconds| status(&mut simulation, seconds))
        .into();
    assert_eq!(seen, [200, 200, 429, 200, 429, 200, 429]);
    let passed = [(0.0, true), (4.0, true), (9.999_999_999, false), (10.0, true), (13.999_999_999, false)];
    let passed = [&passed[..], &[(14.0, true), (19.9, false)]].concat();
    let passed: Vec<_> = passed.into_iter().map(|(seconds, passes)| (at(seconds), passes)).collect();
    assert_eq!(*observed.lock().unwrap(), passed);
}

#[test]
fn an_answer_says_what_is_left_and_a_refusal_when_to_come_back() {
    let mut simulation = limited(2, 60.0);
    let first = answer(&mut simulation, &create("a"), 0.0);
    assert_eq!(header(&first, "x-ratelimit-limit"), Some("2"));
    assert_eq!(header(&first, "x-ratelimit-remaining"), Some("1"));
    assert_eq!(header(&first, "retry-after"), None);
    answer(&mut simulation, &create("b"), 0.5);
    for (seconds, wait) in [(1.0, "59"), (1.2, "59"), (59.0, "1"), (59.99, "1")] {
        let refused = answer(&mut simulation, &create("c"), seconds);
        assert_eq!(read(&refused), (429, json!({"message": "Too Many Attempts."})));
        assert_eq!(header(&refused, "retry-after"), Some(wait), "{seconds}");
        assert_eq!(header(&refused, "x-ratelimit-remaining"), Some("0"));
    }
    assert_eq!(simulation.groups().count(), 2);
}

#[test]
fn no_window_ever_holds_more_and_none_is_refused_without_need() {
    let mut simulation = limited(7, 1.0);
    let mut random = StdRng::seed_from_u64(1);
    let (mut now, mut arrivals) = (0, Vec::new());
    for _ in 0..5000 {
        now += random.random_range(0..250_u64);
        let moment = Duration::from_millis(now);
        let in_window = arrivals.iter().rev();
        let held = in_window.take_while(|arrival| moment.saturating_sub(**arrival) < at(1.0)).count();
        let reply = simulation.handle(&request("GET", GROUPS, &Value::Null), moment).reply;
        let refused = matches!(reply, Reply::Answer(Response { status: 429, .. }));
        assert_eq!(refused, held == 7);
        arrivals.extend((!refused).then_some(moment));
    }
    assert_eq!(most_within(&arrivals, at(1.0)), 7);
}

#[test]
fn time_does_not_run_backwards() {
    let mut simulation = limited(1, 10.0);
    assert_eq!(answer(&mut simulation, &create("a"), 100.0).status, 201);
    assert_eq!(answer(&mut simulation, &create("b"), 3.0).status, 429);
    assert_eq!(simulation.now(), at(100.0));
}

#[test]
fn the_guest_cap_counts_only_addresses_that_are_new() {
    let mut simulation = under("[[fault]]\nkind = 'guest-cap'\nper_hour = 2");
    simulation.plant(SandboxGroup { guests: vec!["known@x.org".to_owned()], ..planted("g", "g") });
    let mut number = 0;
    let mut invite = |seconds, guests: Value| {
        number += 1;
        let post = request("POST", GROUPS, &json!({"name": number.to_string(), "guests": guests}));
        let answer = answer(&mut simulation, &post, seconds);
        (answer.status, header(&answer, "retry-after").map(str::to_owned), read(&answer).1["code"].clone())
    };
    let capped = (429, None, json!("RATE_LIMIT_EXCEEDED"));
    assert_eq!(invite(0.0, json!(["a@x.org", "KNOWN@x.org"])).0, 201);
    assert_eq!(invite(1.0, json!(["b@x.org", "c@x.org"])), capped);
    assert_eq!(invite(1.0, json!(["b@x.org", "B@x.org"])).0, 201);
    assert_eq!(invite(2.0, json!(["c@x.org"])), capped);
    assert_eq!(invite(2.0, json!(["a@x.org", "b@x.org"])).0, 201);
    assert_eq!(invite(2.0, json!([])).0, 201);
    assert_eq!(invite(3599.9, json!(["c@x.org"])), capped);
    assert_eq!(invite(3600.0, json!(["c@x.org"])).0, 201);
    assert_eq!(simulation.groups().count(), 6);
}

#[test]
fn a_partial_cap_makes_the_group_with_the_guests_that_fit_and_refuses_all_the_same() {
    let mut simulation = under("[[fault]]\nkind = 'guest-cap'\nper_hour = 2\npartial = true");
    let post = request("POST", GROUPS, &json!({"name": "a", "guests": ["a@x.org", "b@x.org", "c@x.org"]}));
    let (status, body) = ask(&mut simulation, &post);
    assert_eq!((status, &body["code"]), (429, &json!("RATE_LIMIT_EXCEEDED")));
    let made: Vec<_> = simulation.groups().map(|group| group.guests.clone()).collect();
    assert_eq!(made, [["a@x.org", "b@x.org"]]);
}

#[test]
fn faults_change_the_limit_use_it_up_and_falsify_its_headers() {
    let faults = "
        [[fault]]
        kind = 'limit'
        requests = 2
        millis = 60000
        at = [2]
        [[fault]]
        kind = 'others'
        requests = 1
        at = [2]
        [[fault]]
        kind = 'headers'
        limit = 7
        remaining = 9
        at = [3]
        [[fault]]
        kind = 'headers'
        at = [4]
        [[fault]]
        kind = 'limit'
        at = [5]
    ";
    let mut simulation = under(faults);
    let seen = [0.0, 1.0, 2.0, 3.0, 4.0].map(|seconds| {
        let answer = answer(&mut simulation, &request("GET", GROUPS, &Value::Null), seconds);
        let header = |name| header(&answer, name).map(str::to_owned);
        (answer.status, header("X-RateLimit-Limit"), header("X-RateLimit-Remaining"), header("Retry-After"))
    });
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(seen[0], (200, None, None, None));
    assert_eq!(seen[1], (200, text("2"), text("0"), None));
    assert_eq!(seen[2], (429, text("7"), text("9"), text("59")));
    assert_eq!(seen[3], (429, None, None, text("58")));
    assert_eq!(seen[4], (200, None, None, None));
}
