//! Users, guests, the owner of the token and the organization.

use serde_json::{Value, json};

use super::super::SandboxUser;
use super::*;

fn get(simulation: &mut Simulation, target: &str) -> (u16, Value) {
    ask(simulation, &request("GET", target, &Value::Null))
}

/// The values of a field on a page.
fn column(page: &Value, field: &str) -> Vec<Value> {
    page["data"].as_array().unwrap().iter().map(|entry| entry[field].clone()).collect()
}

fn user(id: u64, email: &str, status: &str) -> SandboxUser {
    SandboxUser { id, email: email.to_owned(), status: status.to_owned() }
}

fn acme() -> Simulation {
    let list = vec![
        user(7, "old@acme.example", "disabled"),
        user(8, "Ada@acme.example", "active"),
        user(9, "grace@acme.example", "invited"),
    ];
    simulation(&Options { user_list: Some(list), org: Some("acme".to_owned()), ..Options::default() })
}

#[test]
fn users_are_listed_and_searched() {
    let mut simulation = simulation(&Options { users: 1200, ..Options::default() });
    let mut get = |query: &str| get(&mut simulation, &format!("/organizations/acme/users?{query}")).1;
    let all = get("");
    assert_eq!(all["data"].as_array().unwrap().len(), 1200);
    assert_eq!(
        all["data"][1],
        json!({"id": 1002, "email": "user1002@members.example", "username": "user1002", "first_name": "User",
            "last_name": "1002", "full_name": "User 1002", "status": "active", "is_active": true, "type": null,
            "role": "standard"})
    );
    assert_eq!(all["meta"]["pagination"]["per_page"], 9999);
    assert_eq!(get("q=USER1002")["data"][0]["id"], 1002);
    assert_eq!(get("per_page=500&page=3")["data"][0]["id"], 2001);
}

#[test]
fn a_list_of_users_replaces_the_generated_ones_unless_their_number_is_given() {
    let ids = |simulation: &mut Simulation| column(&get(simulation, "/organizations/acme/users").1, "id");
    assert_eq!(ids(&mut acme()), [7, 8, 9]);
    let list = Some(vec![user(1, "a@b.c", "active")]);
    assert_eq!(ids(&mut simulation(&Options { user_list: list, users: 2, ..Options::default() })), [1, 1001, 1002]);
    assert_eq!(ids(&mut simulation(&Options::default())).len(), 9999);
    let members = |ids: Value| request("POST", GROUPS, &json!({"name": "a", "members": ids}));
    let (status, body) = ask(&mut acme(), &members(json!([8, 1001, 7])));
    assert_eq!(status, 422);
    assert_eq!(body["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["members.1", "members.2"]);
    assert_eq!(ask(&mut acme(), &members(json!([8, 9]))).0, 201);
}

#[test]
fn one_user_is_read_by_id_whatever_the_status() {
    let (status, body) = get(&mut acme(), "/organizations/acme/users/7");
    assert_eq!((status, &body["data"]["email"]), (200, &json!("old@acme.example")));
    assert_eq!((&body["data"]["status"], &body["data"]["is_active"]), (&json!("disabled"), &json!(false)));
    let (status, body) = get(&mut acme(), "/organizations/acme/users/1001");
    assert_eq!((status, &body["code"]), (404, &json!("RESOURCE_NOT_FOUND")));
}

#[test]
fn the_token_belongs_to_the_first_user_who_is_present() {
    for target in ["/me", "/organizations/acme/me"] {
        let (status, body) = get(&mut acme(), target);
        assert_eq!((status, &body["data"]["id"]), (200, &json!(8)), "{target}");
    }
    assert_eq!(get(&mut simulation(&Options::default()), "/me").1["data"]["id"], 1);
    assert_eq!(get(&mut simulation(&Options { user_list: Some(vec![]), ..Options::default() }), "/me").0, 404);
}

#[test]
fn the_organization_of_the_token_is_listed_and_read() {
    let organization = json!({"id": "acme", "name": "Sandbox", "slug": "sandbox", "users_count": 1,
        "user_role": "standard", "user_status": "active", "payment_state": "paid", "disabled_on": null});
    let (status, list) = get(&mut acme(), "/me/organizations?page=1&per_page=10");
    assert_eq!((status, &list["data"], &list["meta"]["pagination"]["total"]), (200, &json!([organization]), &json!(1)));
    assert_eq!(get(&mut acme(), "/organizations/acme"), (200, json!({ "data": organization })));
    let any = get(&mut simulation(&Options::default()), "/me/organizations").1;
    assert_eq!(column(&any, "id"), ["sandbox"], "where any id is accepted");
}

#[test]
fn guests_are_the_addresses_that_groups_have_named_each_once_and_those_that_were_there() {
    let mut simulation = acme();
    simulation.plant_guest("Old@x.org", Some("2024-05-01T00:00:00Z"));
    simulation.plant(SandboxGroup { guests: vec!["known@x.org".to_owned()], ..planted("g", "g") });
    let write = |method: &str, target: &str, body: Value| request(method, target, &body);
    let one = format!("{GROUPS}/g");
    for (request, status) in [
        (write("POST", GROUPS, json!({"name": "a", "guests": ["KNOWN@x.org", "new@y.org", "New@y.org"]})), 201),
        (write("PUT", &one, json!({"name": "g", "guests": ["put@y.org"]})), 201),
        (write("POST", GROUPS, json!({"name": "a", "guests": ["refused@y.org"]})), 422),
        (write("POST", GROUPS, json!({"name": "b", "guests": ["ada@ACME.example"]})), 422),
        (write("DELETE", &one, Value::Null), 204),
    ] {
        assert_eq!(ask(&mut simulation, &request).0, status);
    }
    let mut list = |query: &str| get(&mut simulation, &format!("/organizations/acme/guests?{query}")).1;
    assert_eq!(column(&list(""), "email"), ["known@x.org", "new@y.org", "old@x.org", "put@y.org"]);
    assert_eq!(column(&list("q=Y.ORG"), "email"), ["new@y.org", "put@y.org"]);
    let second = list("per_page=3&page=2");
    assert_eq!(
        (column(&second, "email"), &second["meta"]["pagination"]["total_pages"]),
        (vec![json!("put@y.org")], &json!(2))
    );
    assert_eq!(column(&list("q=old"), "details"), [json!({"disabled_at": "2024-05-01T00:00:00Z"})]);
    let mut one = |address: &str| get(&mut simulation, &format!("/organizations/acme/guests/{address}"));
    let (status, body) = one("NEW%40y.org");
    assert_eq!(
        (status, &body["data"]["email"], &body["data"]["details"]["disabled_at"]),
        (200, &json!("new@y.org"), &Value::Null)
    );
    assert_eq!((one("refused%40y.org").0, one("ada%40acme.example").0), (404, 404));
}
