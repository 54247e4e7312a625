//! Lists and searches of groups.

use serde_json::{Value, json};

use super::*;

fn get(simulation: &mut Simulation, query: &str) -> Value {
    let (status, body) = ask(simulation, &request("GET", &format!("{GROUPS}?{query}"), &Value::Null));
    assert_eq!(status, 200, "{query}");
    body
}

#[test]
fn an_empty_organization_lists_nothing_with_links_as_an_array() {
    let body = get(&mut simulation(&Options::default()), "");
    let pagination = json!({"total": 0, "count": 0, "per_page": 10, "current_page": 1, "total_pages": 1, "links": []});
    assert_eq!(body, json!({"data": [], "meta": {"pagination": pagination}}));
}

#[test]
fn every_group_is_on_one_page_of_the_walk() {
    let mut simulation = simulation(&Options { groups: 250, ..Options::default() });
    for (query, per_page, pages) in [("", 10, 25), ("per_page=100&with=users", 100, 3), ("per_page=101", 100, 3)] {
        let mut seen = Vec::new();
        for page in 1..=pages {
            let body = get(&mut simulation, &format!("{query}&page={page}"));
            let pagination = &body["meta"]["pagination"];
            let links = pagination["links"].as_object().unwrap();
            assert_eq!((&pagination["per_page"], &pagination["total_pages"]), (&json!(per_page), &json!(pages)));
            assert_eq!(links.contains_key("next"), page < pages);
            assert_eq!(links.contains_key("previous"), page > 1);
            seen.extend(names(&body).into_iter().map(str::to_owned));
        }
        let all: Vec<_> = simulation.groups().map(|group| group.name.clone()).collect();
        assert_eq!(seen, all, "{query}");
        assert_eq!(get(&mut simulation, &format!("{query}&page={}", pages + 1))["data"], json!([]));
    }
    assert_eq!(simulation.groups().next().unwrap().name, "Existing group 0001");
}

#[test]
fn a_search_takes_percent_20_for_a_space_and_a_plus_for_a_plus() {
    let mut simulation = simulation(&Options::default());
    for (number, name) in ["Blue Team", "Blue+Team", "Green", "Größe 100%"].iter().enumerate() {
        simulation.plant(planted(&number.to_string(), name));
    }
    simulation.plant(SandboxGroup { description: Some("not the blue team".to_owned()), ..planted("d", "Described") });
    for (query, found) in [
        ("q=blue%20team", vec!["Blue Team", "Described"]),
        ("q=blue+team", vec!["Blue+Team"]),
        ("q=blue%2Bteam", vec!["Blue+Team"]),
        ("q=GR", vec!["Green", "Größe 100%"]),
        ("q=gr%C3%B6%C3%9Fe%20100%25", vec!["Größe 100%"]),
        ("q=", vec!["Blue Team", "Blue+Team", "Green", "Größe 100%", "Described"]),
        ("q=absent", vec![]),
    ] {
        assert_eq!(names(&get(&mut simulation, query)), found, "{query}");
    }
    let body = get(&mut simulation, "q=blue&per_page=2&page=2");
    assert_eq!((names(&body), &body["meta"]["pagination"]["total"]), (vec!["Described"], &json!(3)));
}

#[test]
fn an_order_is_kept_over_changes() {
    let mut simulation = simulation(&Options::default());
    for name in ["c", "a", "b"] {
        simulation.plant(planted(name, name));
    }
    assert_eq!(names(&get(&mut simulation, "sort_by=created_at")), ["c", "a", "b"]);
    let put = request("PUT", &format!("{GROUPS}/a"), &json!({"name": "d"}));
    ask_at(&mut simulation, &put, 5.0);
    assert_eq!(names(&get(&mut simulation, "sort_by=created_at")), ["c", "d", "b"]);
    ask(&mut simulation, &request("DELETE", &format!("{GROUPS}/c"), &Value::Null));
    assert_eq!(names(&get(&mut simulation, "q=")), ["d", "b"]);
}

#[test]
fn a_query_that_means_nothing_is_refused() {
    let mut simulation = simulation(&Options::default());
    for query in ["page=0", "page=x", "per_page=0", "per_page=-1"] {
        let (status, body) = ask(&mut simulation, &request("GET", &format!("{GROUPS}?{query}"), &Value::Null));
        assert_eq!((status, body["errors"].is_object()), (422, true), "{query}");
    }
}

#[test]
fn a_lagging_group_is_read_by_id_at_once_and_listed_later_in_its_place() {
    let mut simulation = under("[[fault]]\nkind = 'lag'\nmethod = 'POST'\nmillis = 2000\nat = [1]");
    let list = request("GET", GROUPS, &Value::Null);
    let (_, first) = ask_at(&mut simulation, &create("late"), 1.0);
    ask_at(&mut simulation, &create("prompt"), 1.0);
    let one = format!("{GROUPS}/{}", first["data"]["id"].as_str().unwrap());
    assert_eq!(ask_at(&mut simulation, &request("GET", &one, &Value::Null), 1.0).0, 200);
    assert_eq!(names(&ask_at(&mut simulation, &list, 2.999).1), ["prompt"]);
    assert_eq!(ask_at(&mut simulation, &create("LATE"), 2.999).0, 422);
    assert_eq!(names(&ask_at(&mut simulation, &list, 3.0).1), ["late", "prompt"]);
}

#[test]
fn a_hundred_thousand_groups_stay_quick() {
    let mut simulation = simulation(&Options { groups: 100_000, ..Options::default() });
    for page in (1..=1000).step_by(20) {
        let body = get(&mut simulation, &format!("per_page=100&page={page}"));
        assert_eq!(body["data"].as_array().unwrap().len(), 100);
    }
    assert_eq!(get(&mut simulation, "q=group%2099999")["meta"]["pagination"]["total"], 1);
}
