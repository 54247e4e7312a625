//! Files as other systems write them, imported as they are: to the groups that a person would expect.

use std::fs;
use std::path::Path;

use crate::support::{Desk, Server, statuses};
use tallyfy_groups::sandbox::{Options, SandboxUser};

/// The members of the organization, from 501 on.
const MEMBERS: [&str; 7] = ["ada", "grace", "linus", "alan", "BJones", "JSmith", "old"];
const GUEST: &str = "client.liaison@partner.example";

const OPS: &[&str] = &["--name", "Ops"];
const STRANGERS: &[&str] = &["--unknown-members", "guest"];
const BOTH: &[&str] = &["--name", "Ops", "--unknown-members", "guest"];

/// A group, and its people.
type Expected = (&'static str, &'static str);

/// Exports, the flags that they need, and the groups that they hold.
const EXPORTS: &[(&str, &[&str], &[Expected])] = &[
    ("gam-groups.csv", &[], &[("Onboarding Specialists", "ada grace linus"), ("Claims Desk", "alan")]),
    (
        "gam-group-members.csv",
        STRANGERS,
        &[("onboarding@acme.example", "ada linus client.liaison@partner.example"), ("claims@acme.example", "alan")],
    ),
    (
        "google-admin-members.csv",
        STRANGERS,
        &[("onboarding@acme.example", "ada client.liaison@partner.example"), ("claims@acme.example", "alan")],
    ),
    ("google-groups-export.csv", STRANGERS, &[("Ada's Team", "ada freelancer@design.example")]),
    ("entra-members.csv", OPS, &[("Ops", "alan ada")]),
    ("exchange-groups.csv", &[], &[("Sales Düsseldorf", "")]),
    ("okta-groups.csv", &[], &[("Group 1", ""), ("PowerShell Group", "")]),
    ("slack-members.csv", BOTH, &[("Ops", "ada")]),
    ("verify-groups.csv", &[], &[("Auditors", "ada alan")]),
    ("idcs-groups.csv", &[], &[("Auditors", "BJones JSmith")]),
    (
        "atlassian-site-users.csv",
        STRANGERS,
        &[("jira-software-users", "ada client.liaison@partner.example"), ("confluence-users", "ada")],
    ),
    ("atlassian-export-users.csv", &[], &[("site-admins", "ada"), ("developers", "ada")]),
    ("gitlab-members.csv", &[], &[("acme", "ada"), ("acme/web", "grace ada")]),
    ("canvas-groups.csv", &[], &[("Engines", "ada grace"), ("Tide Clock", "alan")]),
    ("clickup-people.csv", STRANGERS, &[("Design", "ada client.liaison@partner.example"), ("Ops", "ada")]),
    ("box-users.csv", &[], &[("Design", "ada grace"), ("Ops", "ada")]),
    ("dropbox-members.csv", &[], &[("Design", "ada grace"), ("Operations", "ada"), ("Book club", "ada")]),
    ("zoom-users.csv", STRANGERS, &[("Berlin Staff", "ada alan"), ("Externals", "client.liaison@partner.example")]),
    ("webex-users.csv", &[], &[("Finance", "ada")]),
    ("teams-members.csv", OPS, &[("Ops", "ada grace")]),
    ("microsoft-365-users.csv", &[], &[("Ops", "ada"), ("Design", "grace")]),
    ("coupa-groups.csv", &[], &[("Buyers EMEA", "ada grace")]),
    ("moodle-users.csv", &[], &[("Staff 2026", "ada grace"), ("Examiners", "ada")]),
    ("authentik-groups.json", &[], &[("editors", "ada"), ("viewers", "ada")]),
    ("jira-group-members.json", OPS, &[("Ops", "ada")]),
    ("pagerduty-users.json", &[], &[("Engineering", "ada grace"), ("Support, EMEA", "ada")]),
    ("keycloak-realm.json", &[], &[("/design", "ada"), ("/ops", "ada")]),
    ("scim-users.json", &[], &[("Design", "ada"), ("Ops", "ada")]),
];

fn acme() -> Server {
    let server = Server::start(Options { users: 1, ..Options::default() }, "");
    for (id, name) in (501..).zip(MEMBERS) {
        let user = SandboxUser { id, email: format!("{name}@acme.example"), status: "active".to_owned() };
        server.plant_user(user);
    }
    server
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(name)).unwrap()
}

/// The names of a group's members, and its guests.
fn people(server: &Server, group: &str) -> Vec<String> {
    let group = server.group(group);
    let name = |id: &u64| MEMBERS[usize::try_from(*id - 501).unwrap()].to_owned();
    group.members.iter().map(name).chain(group.guests).collect()
}

#[test]
fn each_export_becomes_the_groups_that_it_holds() {
    for (file, flags, groups) in EXPORTS {
        let server = acme();
        let desk = Desk::at(&server).with(file, sample(file));
        let arguments = [&["import", file][..], flags].concat();
        let dry = desk.run(&[&arguments[..], &["--dry-run"]].concat()).expect(0);
        assert!(server.groups().is_empty(), "{file}: {}", dry.stdout);
        desk.run(&arguments).expect(0);
        let mut names: Vec<&str> = groups.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        assert_eq!(server.names(), names, "{file}");
        for (name, expected) in *groups {
            let expected: Vec<&str> = expected.split_whitespace().collect();
            assert_eq!(people(&server, name), expected, "{file}: {name}");
        }
        desk.run(&arguments).expect(0);
        assert_eq!(server.groups().len(), groups.len(), "{file}: once more");
    }
}

#[test]
fn a_group_in_a_group_is_left_out_with_a_warning_that_names_it() {
    let server = acme();
    let file = "gam-group-members.csv";
    let desk = Desk::at(&server).with(file, sample(file));
    let told = desk.run(&["validate", file]).expect(0).stdout;
    assert!(told.contains(":5: warning: excluded: `claims@acme.example` is a group in the group"), "{told}");
    assert!(told.contains("note: looks like a list of group members by GAM: `group` is read as `name`"), "{told}");
    desk.run(&["import", file, "--strict", "--unknown-members", "guest"]).expect(7);
    desk.run(&["import", file]).expect(9);
    let lines = desk.results("gam-group-members.results.csv");
    assert_eq!(statuses(&lines), ["created", "merged", "invalid", "excluded", "created"]);
    assert!(lines[2].error.as_deref().unwrap().contains(GUEST));
    let (header, rejects) = desk.table("gam-group-members.rejects.csv");
    assert_eq!((header[..2].join(","), rejects.len()), ("name,type".to_owned(), 1));
    desk.run(&["validate", "gam-group-members.rejects.csv"]).expect(0);
}

#[test]
fn a_condition_of_a_layout_holds_only_where_its_column_is_the_field() {
    let server = acme();
    let rows = "Name,Department,Work Email,Site\nAda,Design,ada@acme.example,Bern\nAlan,,alan@acme.example,Bern\n";
    let desk = Desk::at(&server).with("staff.csv", rows);
    desk.run(&["import", "staff.csv", "-v"]).expect(0).tells("excluded: the layout reads only rows with Department!=");
    desk.run(&["import", "staff.csv", "--name", "All staff"]).expect(0);
    desk.run(&["import", "staff.csv", "--map", "name=Site"]).expect(0);
    let all = ["Design", "All staff", "Bern"].map(|group| people(&server, group).join(" "));
    assert_eq!(all, ["ada", "ada alan", "ada alan"]);
}

#[test]
fn people_in_a_list_are_chosen_by_a_path_into_it() {
    let server = acme();
    let text =
        r#"{"team":"Ops","people":[{"mail":"ada@acme.example","on":true},{"mail":"old@acme.example","on":false}]}"#;
    let desk = Desk::at(&server).with("teams.jsonl", text);
    let flags = ["--map", "name=team", "--map", "members=people.mail", "--where", "people.on=true"];
    desk.run(&[&["import", "teams.jsonl"][..], &flags].concat()).expect(0);
    assert_eq!(people(&server, "Ops"), ["ada"]);
}

#[test]
fn an_export_without_a_groups_name_or_without_addresses_says_what_to_do() {
    let desk = Desk::bare()
        .with("slack.csv", sample("slack-members.csv"))
        .with("entra.csv", sample("entra-members.csv"))
        .with("ad.csv", "\"distinguishedName\",\"name\",\"objectClass\",\"objectGUID\",\"SamAccountName\",\"SID\"\n\"CN=A\",\"A\",\"user\",\"1\",\"a\",\"S\"\n")
        .with("fresh.json", r#"{"groups":[{"id":2,"name":"Desk","members":[5,6],"observers":[],"leaders":[]}]}"#)
        .with("usergroups.json", "{\"ok\":true,\"usergroups\":[{\"id\":\"S1\",\"team_id\":\"T1\",\"is_usergroup\":true,\"name\":\"Ops\",\"handle\":\"ops\",\"users\":[\"U1\"]}]}");
    desk.run(&["validate", "slack.csv"])
        .expect(2)
        .says("looks like a list of Slack members, which does not hold the group's name; use --name NAME");
    desk.run(&["validate", "entra.csv"]).expect(2).says("use --name NAME, or --name-from file");
    desk.run(&["validate", "ad.csv"]).expect(2).says("it has no e-mail addresses");
    desk.run(&["validate", "fresh.json"]).expect(2).says("its members are ids of Freshservice");
    desk.run(&["validate", "usergroups.json"]).expect(2).says("its users are Slack's ids");
    desk.run(&["validate", "slack.csv", "--layout", "none"]).expect(2);
    desk.run(&["validate", "slack.csv", "--layout", "slak"]).expect(2).says("`tallyfy-groups layouts` lists them");
}

#[test]
fn documents_of_other_apis_are_recognized_by_their_keys() {
    for (text, flags, groups) in [
        (
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[{"schemas":["x"],"id":"1","displayName":"Ops","members":[{"value":"7","display":"ada@acme.example"}]}]}"#,
            &[][..],
            &[("Ops", "ada")][..],
        ),
        (
            r##"{"@odata.context":"x","value":[{"id":"1","displayName":"Ops","mailEnabled":true,"description":null,"members":[{"mail":"ada@acme.example"},{"mail":"alan@acme.example"},{"@odata.type":"#microsoft.graph.group","displayName":"Field","mail":"field@lists.example"}]}]}"##,
            STRANGERS,
            &[("Ops", "ada alan")],
        ),
        (
            r#"{"schemas":["x"],"totalResults":1,"Resources":[{"schemas":["x"],"id":"1","displayName":"Ops","members":[{"value":"7","display":"ada@acme.example","type":"User"},{"value":"8","display":"all@lists.example","type":"Group"}]}]}"#,
            STRANGERS,
            &[("Ops", "ada")],
        ),
        (
            r#"{"kind":"x","members":[{"email":"ada@acme.example","role":"OWNER","type":"USER"},{"email":"g@acme.example","role":"MEMBER","type":"GROUP"}]}"#,
            &["--name", "Ops"],
            &[("Ops", "ada")],
        ),
        (
            r#"[{"id":"1","status":"ACTIVE","profile":{"email":"ada@acme.example"},"credentials":{}},{"id":"2","status":"DEPROVISIONED","profile":{"email":"x@acme.example"},"credentials":{}}]"#,
            &["--name", "Ops"],
            &[("Ops", "ada")],
        ),
        (
            r#"[{"username":"a","email":"ada@acme.example","emailVerified":true,"enabled":true},{"username":"b","email":"b@acme.example","emailVerified":true,"enabled":false}]"#,
            &["--name", "Ops"],
            &[("Ops", "ada")],
        ),
    ] {
        let server = acme();
        let desk = Desk::at(&server).with("export.json", text);
        desk.run(&[&["import", "export.json"][..], flags].concat()).expect(0);
        for (name, expected) in groups {
            assert_eq!(people(&server, name).join(" "), *expected, "{text}");
        }
        assert_eq!(server.groups().len(), groups.len(), "{text}");
    }
}

#[test]
fn users_add_layouts_of_their_own_and_a_wrong_one_is_an_error_with_its_place() {
    let server = acme();
    let layout = "[layout.badges]\nwhat = \"a list of badges\"\nfrom = \"the door\"\nheader = [\"Badge\", \"Door\"]\n\
        map = [\"name=Door\", \"member=Badge\"]\nwhere = [\"TransportError!=yes\"]\n";
    let rows = "Badge,Door,TransportError\nada@acme.example,Lab,\nold@acme.example,Lab,Yes\n";
    let desk = Desk::at(&server).with("tallyfy-groups.toml", layout).with("badges.csv", rows);
    desk.run(&["import", "badges.csv"]).expect(0);
    assert_eq!(people(&server, "Lab"), ["ada"]);
    let listed = desk.run(&["layouts"]).expect(0).stdout;
    assert!(listed.contains("badges\n  a list of badges\n") && listed.contains("gam-groups\n"), "{listed}");
    desk.write("other.toml", "[layout.x]\nheader = [\"A\"]\nwheer = []\n");
    desk.run(&["import", "badges.csv", "--config", "other.toml"]).expect(2).says("other.toml:3: unknown field `wheer`");
}
