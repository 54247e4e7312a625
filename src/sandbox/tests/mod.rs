//! The promises of the sandbox, and the words its tests share. Nothing here may sleep and hope.

mod book;
mod limits;
mod lists;
mod scripts;
mod sockets;
mod storms;

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Headers, Options, Planted, Reply, Request, Simulation, Weather};

const GROUPS: &str = "/organizations/acme/groups";

/// A request as a good client sends it.
fn request(method: &str, target: &str, body: &Value) -> Request {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut headers = Headers::from_iter([
        ("Authorization", "Bearer secret"),
        ("Accept", "application/json"),
        ("X-Tallyfy-Client", "APIClient"),
    ]);
    if !body.is_null() {
        headers.add("Content-Type", "application/json");
    }
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers,
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
    }
}

fn create(name: &str) -> Request {
    request("POST", GROUPS, &json!({ "name": name }))
}

fn simulation(options: &Options) -> Simulation {
    Simulation::new(options, Weather::default())
}

fn under(script: &str) -> Simulation {
    Simulation::new(&Options::default(), Weather::parse(script).unwrap())
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn reply(simulation: &mut Simulation, request: &Request, seconds: f64) -> Reply {
    simulation.handle(request, at(seconds)).reply
}

fn ask(simulation: &mut Simulation, request: &Request) -> (u16, Value) {
    ask_at(simulation, request, 0.0)
}

fn ask_at(simulation: &mut Simulation, request: &Request, seconds: f64) -> (u16, Value) {
    read(&answer(simulation, request, seconds))
}

fn answer(simulation: &mut Simulation, request: &Request, seconds: f64) -> Answer {
    match reply(simulation, request, seconds) {
        Reply::Answer(answer) => answer,
        other => panic!("no answer but {other:?}"),
    }
}

fn read(answer: &Answer) -> (u16, Value) {
    let body = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status, body)
}

fn names(listing: &Value) -> Vec<&str> {
    let groups = listing["data"].as_array().unwrap();
    groups.iter().map(|group| group["name"].as_str().unwrap()).collect()
}

fn planted(id: &str, name: &str) -> Planted {
    Planted { id: id.to_owned(), name: name.to_owned(), ..Planted::default() }
}
