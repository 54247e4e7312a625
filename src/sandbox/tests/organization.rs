//! The calls that read and write groups.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::*;

fn post(body: &Value) -> (u16, Value) {
    ask(&mut simulation(&Options::default()), &request("POST", GROUPS, body))
}

#[test]
fn a_group_is_created_as_the_endpoint_page_has_it() {
    let (status, body) = post(&json!({
        "name": "Onboarding Specialists",
        "description": "Team responsible for new client onboarding.",
        "members": [1008, 1001, 1005],
        "guests": ["client.liaison@partner.com"],
    }));
    let group = &body["data"];
    assert_eq!(status, 201);
    assert_eq!(
        *group,
        json!({
            "id": group["id"],
            "name": "Onboarding Specialists",
            "description": "Team responsible for new client onboarding.",
            "logo": null,
            "members": [1008, 1001, 1005],
            "guests": ["client.liaison@partner.com"],
            "created_at": "2024-05-21T18:00:00Z",
            "updated_at": "2024-05-21T18:00:00Z",
            "last_updated": "2024-05-21T18:00:00Z",
            "deleted_at": null,
        })
    );
}

#[test]
fn bodies_that_are_right_are_taken() {
    for body in [
        json!({"name": "a"}),
        json!({"name": "ü".repeat(200)}),
        json!({"name": "a", "description": null, "members": [], "guests": []}),
        json!({"name": "a", "description": "", "unheard_of": 1}),
    ] {
        assert_eq!(post(&body).0, 201, "{body}");
    }
}

#[test]
fn a_field_that_is_wrong_is_named() {
    let long = "ü".repeat(201);
    for (body, errors) in [
        (json!({}), json!({"name": ["The name field is required."]})),
        (json!([1]), json!({"name": ["The name field is required."]})),
        (json!({"name": null}), json!({"name": ["The name field is required."]})),
        (json!({"name": "  "}), json!({"name": ["The name field is required."]})),
        (json!({"name": 7}), json!({"name": ["The name must be a string."]})),
        (json!({"name": long}), json!({"name": ["The name may not be greater than 200 characters."]})),
        (json!({"name": "a", "description": 1}), json!({"description": ["The description must be a string."]})),
        (json!({"name": "a", "members": 1001}), json!({"members": ["The members must be an array."]})),
        (json!({"name": "a", "members": null}), json!({"members": ["The members must be an array."]})),
        (json!({"name": "a", "members": [1, "2"]}), json!({"members.1": ["The members.1 must be an integer."]})),
        (json!({"name": "a", "members": [1.5]}), json!({"members.0": ["The members.0 must be an integer."]})),
        (json!({"name": "a", "members": [-1]}), json!({"members.0": ["The selected members.0 is invalid."]})),
        (
            json!({"name": "a", "guests": ["a@b.c", "x"]}),
            json!({"guests.1": ["The guests.1 must be a valid email address."]}),
        ),
        (json!({"name": "a", "guests": [7]}), json!({"guests.0": ["The guests.0 must be a string."]})),
    ] {
        let (status, answer) = post(&body);
        assert_eq!((status, &answer["errors"]), (422, &errors), "{body}");
    }
}

#[test]
fn an_address_has_the_shape_of_one() {
    for address in ["", "a", "a@", "@b.c", "a@b", "a@b.", "a@.b", "a b@c.d", "a@b@c.d", "N <a@b.c>", "a@b.c,d@e.f"] {
        let (status, _) = post(&json!({"name": "a", "guests": [address]}));
        assert_eq!(status, 422, "{address}");
    }
    for address in ["a@b.c", "first.last+tag@sub.example.com", "ü@ü.de"] {
        let (status, _) = post(&json!({"name": "a", "guests": [address]}));
        assert_eq!(status, 201, "{address}");
    }
}

#[test]
fn all_fields_complain_at_once_in_the_form_of_a_post_and_of_a_put() {
    let mut simulation = simulation(&Options::default());
    simulation.plant(planted("g1", "a"));
    for (method, target) in [("POST", GROUPS.to_owned()), ("PUT", format!("{GROUPS}/g1"))] {
        let bad = request(method, &target, &json!({"name": "", "members": ["x", 0], "guests": ["y"]}));
        let (status, body) = ask(&mut simulation, &bad);
        let fields: Vec<_> = body["errors"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(status, 422);
        assert_eq!(fields, ["guests.0", "members.0", "members.1", "name"]);
        assert_eq!(body.get("error").is_some(), method == "POST");
    }
}

#[test]
fn a_name_is_taken_whatever_its_case_until_it_is_free_again() {
    let mut simulation = simulation(&Options::default());
    let (_, first) = ask(&mut simulation, &create("Équipe"));
    let (status, refused) = ask(&mut simulation, &create("éQUIPE"));
    assert_eq!(status, 422);
    assert_eq!(refused["errors"], json!({"name": ["The name has already been taken."]}));
    let one = format!("{GROUPS}/{}", first["data"]["id"].as_str().unwrap());
    assert_eq!(ask(&mut simulation, &request("DELETE", &one, &Value::Null)).0, 204);
    assert_eq!(ask(&mut simulation, &create("éQUIPE")).0, 201);
}

#[test]
fn names_may_repeat_where_they_need_not_be_unique() {
    let mut simulation = simulation(&Options { allow_same_names: true, ..Options::default() });
    assert_eq!(ask(&mut simulation, &create("a")).0, 201);
    assert_eq!(ask(&mut simulation, &create("a")).0, 201);
    assert_eq!(simulation.groups().count(), 2);
}

#[test]
fn ids_look_real_never_repeat_and_follow_the_seed() {
    let ids = |seed| -> Vec<String> {
        let simulation = simulation(&Options { groups: 2000, seed, ..Options::default() });
        simulation.groups().map(|group| group.id.clone()).collect()
    };
    let first = ids(1);
    let is_hex = |id: &String| id.len() == 32 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    assert!(first.iter().all(is_hex));
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), 2000);
    assert_eq!(first, ids(1));
    assert_ne!(first, ids(2));
}

#[test]
fn an_update_replaces_what_it_names_and_keeps_the_rest() {
    let mut simulation = simulation(&Options::default());
    simulation.plant(SandboxGroup {
        description: Some("old".to_owned()),
        members: vec![1, 2],
        guests: vec!["a@b.c".to_owned()],
        ..planted("g1", "Mine")
    });
    simulation.plant(planted("g2", "Theirs"));
    let put = |body: Value| request("PUT", &format!("{GROUPS}/g1"), &body);
    let (status, body) = ask_at(&mut simulation, &put(json!({"name": "MINE", "members": [3]})), 61.0);
    let group = &body["data"];
    assert_eq!(status, 201);
    assert_eq!((&group["name"], &group["members"]), (&json!("MINE"), &json!([3])));
    assert_eq!((&group["guests"], &group["description"]), (&json!(["a@b.c"]), &json!("old")));
    assert_eq!(group["created_at"], "2024-05-21T18:00:00Z");
    assert_eq!(group["updated_at"], "2024-05-21T18:01:01Z");
    for (body, field) in [
        (json!({"name": "Mine", "description": null}), "description"),
        (json!({"name": "Mine", "description": " "}), "description"),
        (json!({"name": "theirs"}), "name"),
        (json!({"name": ""}), "name"),
        (json!({}), "name"),
    ] {
        let (status, answer) = ask(&mut simulation, &put(body));
        assert_eq!((status, answer["errors"][field].is_array()), (422, true), "{field}");
    }
    assert_eq!(ask(&mut simulation, &put(json!({"name": "Mine"}))).0, 201);
}

#[test]
fn a_description_may_be_required_and_blank_text_is_none() {
    let blank =
        ask(&mut simulation(&Options::default()), &request("POST", GROUPS, &json!({"name": "a", "description": " "})));
    assert_eq!((blank.0, &blank.1["data"]["description"]), (201, &Value::Null));
    let mut simulation = simulation(&Options { require_description: true, ..Options::default() });
    simulation.plant(planted("g", "g"));
    let required = json!({"description": ["The description field is required."]});
    for (method, target) in [("POST", GROUPS.to_owned()), ("PUT", format!("{GROUPS}/g"))] {
        for body in [
            json!({"name": "a"}),
            json!({"name": "a", "description": null}),
            json!({"name": "a", "description": ""}),
            json!({"name": "a", "description": "\t "}),
        ] {
            let (status, answer) = ask(&mut simulation, &request(method, &target, &body));
            assert_eq!((status, &answer["errors"]), (422, &required), "{method} {body}");
        }
    }
    let described = json!({"name": "a", "description": "d"});
    assert_eq!(ask(&mut simulation, &request("PUT", &format!("{GROUPS}/g"), &described)).0, 201);
    assert_eq!(ask(&mut simulation, &request("POST", GROUPS, &json!({"name": "b", "description": "d"}))).0, 201);
}

#[test]
fn errors_may_have_the_newer_form_and_responses_without_error_stay_as_they_are() {
    let options = Options { modern_errors: true, token: Some("secret".to_owned()), ..Options::default() };
    let rate = super::super::RequestRate { requests: 4, period: Duration::from_mins(1) };
    let mut simulation = simulation(&Options { rate: Some(rate), ..options });
    assert_eq!(ask(&mut simulation, &create("a")).1["data"]["name"], "a");
    let mut error = |request: &Request| {
        let (status, mut body) = ask(&mut simulation, request);
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
        (status, body["error"].take())
    };
    let taken = json!({"name": ["The name has already been taken."]});
    let body = json!({"code": "VALIDATION_ERROR", "message": "The given data was invalid.", "details": taken});
    assert_eq!(error(&create("a")), (422, body));
    let gone = json!({"code": "RESOURCE_NOT_FOUND", "message": "Resource not found", "details": null});
    assert_eq!(error(&request("GET", &format!("{GROUPS}/g"), &Value::Null)), (404, gone));
    let broken = json!({"code": "ERROR", "message": "The request body is not valid JSON.", "details": null});
    assert_eq!(error(&create("b").map(|_| b"{".into())), (400, broken));
    let refused = json!({"code": "RATE_LIMIT_EXCEEDED", "message": "Too Many Attempts.", "details": null});
    assert_eq!(error(&create("b")), (429, refused));
}

#[test]
fn a_deleted_group_is_gone() {
    let mut simulation = simulation(&Options::default());
    simulation.plant(planted("g1", "a"));
    let one = format!("{GROUPS}/g1");
    let delete = request("DELETE", &one, &Value::Null);
    let gone = answer(&mut simulation, &delete, 0.0);
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    for request in [delete, request("GET", &one, &Value::Null), request("PUT", &one, &json!({}))] {
        let (status, body) = ask(&mut simulation, &request);
        assert_eq!((status, &body["code"]), (404, &json!("RESOURCE_NOT_FOUND")));
        assert_eq!((&body["error"], &body["message"]), (&json!(true), &json!("Resource not found")));
    }
    assert_eq!(ask(&mut simulation, &request("GET", GROUPS, &Value::Null)).1["data"], json!([]));
}

#[test]
fn a_request_without_the_right_headers_is_turned_away() {
    let good = create("a");
    let without = |header: &str| {
        let mut request = good.clone();
        request.headers_mut().remove(header).unwrap();
        request
    };
    for (header, status, code) in [
        ("x-tallyfy-client", 404, json!("ENDPOINT_NOT_FOUND")),
        ("authorization", 401, Value::Null),
        ("accept", 406, Value::Null),
        ("content-type", 415, Value::Null),
    ] {
        let (answered, body) = ask(&mut simulation(&Options::default()), &without(header));
        assert_eq!((answered, &body["code"]), (status, &code), "{header}");
        assert!(body["message"].is_string(), "{header}");
    }
}

#[test]
fn only_the_token_and_the_organization_asked_for_are_known() {
    let with = |token: &str, org: &str| {
        let options = Options { token: Some(token.to_owned()), org: Some(org.to_owned()), ..Options::default() };
        let (status, body) = ask(&mut simulation(&options), &create("a"));
        (status, body["code"].as_str().map(str::to_owned))
    };
    assert_eq!(with("secret", "acme"), (201, None));
    assert_eq!(with("other", "acme"), (401, None));
    assert_eq!(with("secret", "other"), (404, Some("RESOURCE_NOT_FOUND".to_owned())));
}

#[test]
fn only_the_endpoints_are_there_with_or_without_a_path_before_them() {
    let mut simulation = simulation(&Options { org: Some("a b".to_owned()), ..Options::default() });
    simulation.plant(planted("g/1", "a"));
    for (method, path, status) in [
        ("GET", "/organizations/a%20b/groups", 200),
        ("GET", "/api/organizations/a%20b/groups", 200),
        ("GET", "/api/organizations/a%20b/groups/g%2F1", 200),
        ("GET", "/organizations/a%20b/users", 200),
        ("GET", "/organizations/a%20b/users/17", 200),
        ("GET", "/organizations/a%20b/users/0", 404),
        ("GET", "/organizations/a%20b/users/x", 404),
        ("GET", "/organizations/a%20b/guests", 200),
        ("GET", "/organizations/a%20b/guests/a%40b.c", 404),
        ("GET", "/organizations/a%20b", 200),
        ("GET", "/organizations/other", 404),
        ("GET", "/organizations/a%20b/me", 200),
        ("GET", "/organizations/other/me", 404),
        ("GET", "/me", 200),
        ("GET", "/api/me/organizations", 200),
        ("GET", "/me/groups", 404),
        ("POST", "/me", 404),
        ("GET", "/organizations/a+b/groups", 404),
        ("GET", "/organizations/a%20b/groups/", 404),
        ("GET", "/organizations/a%20b/groups/g/1", 404),
        ("GET", "/organizations/a%20b/teams", 404),
        ("GET", "/organizations//groups", 404),
        ("GET", "/organizations", 404),
        ("GET", "/", 404),
        ("PATCH", "/organizations/a%20b/groups", 404),
        ("DELETE", "/organizations/a%20b/groups", 404),
    ] {
        assert_eq!(ask(&mut simulation, &request(method, path, &Value::Null)).0, status, "{method} {path}");
    }
}

#[test]
fn a_body_that_is_not_json_is_a_bad_request() {
    let mut simulation = simulation(&Options::default());
    for body in ["", "{", "name=a"] {
        let broken = create("a").map(|_| body.into());
        let (status, answer) = ask(&mut simulation, &broken);
        assert_eq!((status, answer["message"].is_string()), (400, true), "{body}");
    }
}

#[test]
fn members_must_be_users_and_guests_must_not_where_users_are_known() {
    let mut simulation = simulation(&Options { users: 2, ..Options::default() });
    let mut post = |body: Value| ask(&mut simulation, &request("POST", GROUPS, &body));
    let (status, body) = post(json!({"name": "a", "members": [1001, 1000, 1002, 1003]}));
    assert_eq!(status, 422);
    assert_eq!(body["errors"].as_object().unwrap().len(), 2);
    assert!(body["errors"]["members.1"].is_array() && body["errors"]["members.3"].is_array());
    let (status, body) = post(json!({"name": "a", "guests": ["User1002@members.example"]}));
    assert_eq!((status, body["errors"]["guests.0"].is_array()), (422, true));
    let right = json!({"name": "a", "members": [1002, 1001], "guests": ["user1003@members.example"]});
    assert_eq!(post(right).0, 201);
}
