//! Tests of the sandbox, and their helpers. No test waits for real time.

mod faults;
mod limits;
mod lists;
mod organization;
mod people;
mod scripts;
mod sockets;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::{FaultScript, Options, Reply, Request, Response, SandboxGroup, Simulation};

const GROUPS: &str = "/organizations/acme/groups";

/// A request as a good client sends it.
fn request(method: &str, target: &str, body: &Value) -> Request {
    let request = hyper::Request::builder()
        .method(method)
        .uri(target)
        .header("Authorization", "Bearer secret")
        .header("Accept", "application/json")
        .header("X-Tallyfy-Client", "APIClient");
    match body {
        Value::Null => request.body(Vec::new()),
        body => request.header("Content-Type", "application/json").body(body.to_string().into_bytes()),
    }
    .unwrap()
}

fn create(name: &str) -> Request {
    request("POST", GROUPS, &json!({ "name": name }))
}

fn simulation(options: &Options) -> Simulation {
    Simulation::new(options, FaultScript::default())
}

fn under(script: &str) -> Simulation {
    Simulation::new(&Options::default(), FaultScript::parse(script).unwrap())
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

fn answer(simulation: &mut Simulation, request: &Request, seconds: f64) -> Response {
    match reply(simulation, request, seconds) {
        Reply::Answer(answer) => answer,
        other => panic!("no answer but {other:?}"),
    }
}

/// When each request arrives that is read from now on, and whether the limit lets it pass.
fn observed(simulation: &mut Simulation) -> Arc<Mutex<Vec<(Duration, bool)>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    simulation.observer = Box::new(move |_, now, passes| heard.lock().unwrap().push((now, passes)));
    seen
}

/// The header `name` of an answer.
fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn read(answer: &Response) -> (u16, Value) {
    let body = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status, body)
}

fn names(listing: &Value) -> Vec<&str> {
    let groups = listing["data"].as_array().unwrap();
    groups.iter().map(|group| group["name"].as_str().unwrap()).collect()
}

fn planted(id: &str, name: &str) -> SandboxGroup {
    SandboxGroup { id: id.to_owned(), name: name.to_owned(), ..SandboxGroup::default() }
}
