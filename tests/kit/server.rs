//! The simulated server of a test, with a slow network and a log; it notices a create that is repeated before a lookup.

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tallyfy_groups::sandbox::{FaultScript, Options, Reply, Request, Simulation};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::tally::Tally;

pub(crate) const ORG: &str = "acme";
/// People of files have lower ids; others add people from here on.
pub(crate) const OTHERS: u64 = 100;

/// How long a request takes to arrive, and its answer to come back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    /// At most, usually.
    pub(crate) usual: Duration,
    /// At most, in the worst case.
    pub(crate) longest: Duration,
    /// The probability of the worst case.
    pub(crate) tail: f64,
}

impl Network {
    /// Without delay.
    pub(crate) const INSTANT: Self = Self { usual: Duration::ZERO, longest: Duration::ZERO, tail: 0.0 };

    /// At most 300 ms, now and then two seconds.
    pub(crate) const SLOW: Self =
        Self { usual: Duration::from_millis(300), longest: Duration::from_secs(2), tail: 0.02 };

    fn delay(self, rng: &mut StdRng) -> Duration {
        let most = if rng.random_bool(self.tail) { self.longest } else { self.usual };
        most.mul_f64(rng.random())
    }
}

/// A handle to the server.
#[derive(Clone)]
pub(crate) struct Server(Arc<Mutex<State>>);

struct State {
    simulation: Simulation,
    tally: Arc<Mutex<Tally>>,
    network: Network,
    rng: StdRng,
    started: Instant,
    /// Names whose last create may have been applied and that no list or search was asked for since.
    in_doubt: HashSet<String>,
    /// Creates that were repeated while in doubt. Judged by arrival: on a slow network a lookup may overtake its create.
    violations: Vec<String>,
    /// The members of each group that was read by its id, by its path.
    reads: HashMap<String, Vec<u64>>,
    /// Updates that remove somebody whom the read before them showed, and who is in no file.
    overwritten: Vec<String>,
    log: Vec<String>,
    bodies: HashMap<String, String>,
}

impl Server {
    /// The seed is the network's.
    pub(crate) fn new(options: &Options, faults: &str, network: Network, seed: u64) -> Self {
        let mut simulation = Simulation::new(options, FaultScript::parse(faults).unwrap());
        Self(Arc::new(Mutex::new(State {
            tally: Tally::of(&mut simulation),
            simulation,
            network,
            rng: StdRng::seed_from_u64(seed),
            started: Instant::now(),
            in_doubt: HashSet::new(),
            violations: Vec::new(),
            reads: HashMap::new(),
            overwritten: Vec::new(),
            log: Vec::new(),
            bodies: HashMap::new(),
        })))
    }

    /// Looks at the organization, or changes it.
    pub(crate) fn with<T>(&self, ask: impl FnOnce(&mut Simulation) -> T) -> T {
        self.state(|state| ask(&mut state.simulation))
    }

    /// Looks at what arrived.
    pub(crate) fn tally<T>(&self, ask: impl FnOnce(&Tally) -> T) -> T {
        self.state(|state| ask(&state.tally.lock().unwrap()))
    }

    /// Replaces the faults.
    pub(crate) fn set_faults(&self, faults: &str) {
        self.with(|simulation| simulation.set_faults(FaultScript::parse(faults).unwrap()));
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        self.set_faults("");
    }

    /// A group is created by another client, with this request body.
    pub(crate) fn create(&self, body: &str) {
        let path = format!("/organizations/{ORG}/groups");
        let request = request("POST", &path, body.as_bytes().to_vec());
        self.with(|simulation| simulation.handle(&request, simulation.now()));
    }

    /// A group is changed or deleted by another client.
    pub(crate) fn edit(&self, method: &str, id: &str, body: &str) -> bool {
        let request = request(method, &format!("/organizations/{ORG}/groups/{id}"), body.as_bytes().to_vec());
        let elapsed = self.elapsed();
        let reply = self.with(|simulation| simulation.handle(&request, elapsed).reply);
        matches!(reply, Reply::Answer(answer) if answer.status < 300)
    }

    /// The groups that exist.
    pub(crate) fn groups(&self) -> Vec<tallyfy_groups::sandbox::SandboxGroup> {
        self.with(|simulation| simulation.groups().cloned().collect())
    }

    /// How many POSTs arrived.
    pub(crate) fn all_posts(&self) -> u32 {
        self.tally(|tally| tally.posts.values().sum())
    }

    /// The names of all groups that exist.
    pub(crate) fn names(&self) -> HashSet<String> {
        self.with(|simulation| simulation.groups().map(|group| group.name.clone()).collect())
    }

    /// Every request and how it was answered, one line each.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state(|state| state.log.clone())
    }

    pub(crate) fn clear_log(&self) {
        self.state(|state| state.log.clear());
    }

    /// The body of the last create of each name.
    pub(crate) fn bodies(&self) -> HashMap<String, String> {
        self.state(|state| state.bodies.clone())
    }

    /// A create that was repeated before a lookup.
    pub(crate) fn violation(&self) -> Option<String> {
        self.state(|state| state.violations.pop())
    }

    /// An update that removed somebody whom the read before it showed.
    pub(crate) fn overwritten(&self) -> Option<String> {
        self.state(|state| state.overwritten.pop())
    }

    /// Since the server started.
    pub(crate) fn elapsed(&self) -> Duration {
        self.state(|state| state.started.elapsed())
    }

    /// The paused wall clock.
    pub(crate) fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(24) + self.elapsed()
    }

    /// Sends a request. It arrives even if the client is killed.
    pub(super) fn send(&self, request: Request) -> oneshot::Receiver<Reply> {
        let (sender, receiver) = oneshot::channel();
        let server = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(server.state(State::delay)).await;
            let (delay, reply) = server.state(|state| state.arrive(&request));
            tokio::time::sleep(delay + server.state(State::delay)).await;
            if reply == Reply::Hang {
                pending::<()>().await;
            }
            let _ = sender.send(reply);
        });
        receiver
    }

    fn state<T>(&self, ask: impl FnOnce(&mut State) -> T) -> T {
        ask(&mut self.0.lock().unwrap())
    }
}

impl State {
    fn delay(&mut self) -> Duration {
        self.network.delay(&mut self.rng)
    }

    fn arrive(&mut self, request: &Request) -> (Duration, Reply) {
        let now = self.started.elapsed();
        let outcome = self.simulation.handle(request, now);
        self.log.push(line(request, now, &outcome.reply));
        match request.method().as_str() {
            "POST" => self.watch_post(request, &outcome.reply),
            "GET" => self.watch_get(request, &outcome.reply),
            "PUT" => self.watch_put(request),
            _ => {}
        }
        (outcome.delay, outcome.reply)
    }

    fn watch_post(&mut self, request: &Request, reply: &Reply) {
        let name = name(request.body());
        self.bodies.insert(name.clone(), String::from_utf8(request.body().clone()).unwrap());
        if self.in_doubt.remove(&name) {
            self.violations.push(format!("{name:?} was sent again before it was looked up"));
        }
        let is_refused = match reply {
            Reply::Refuse => true,
            Reply::Answer(answer) => (400..500).contains(&answer.status) && answer.status != 408,
            // The status alone says that the request was not even looked at.
            Reply::Cut(answer) | Reply::Endless(answer) => answer.status == 401,
            _ => false,
        };
        if !is_refused {
            self.in_doubt.insert(name);
        }
    }

    fn watch_put(&mut self, request: &Request) {
        let members = members(request.body());
        let read = self.reads.get(request.uri().path());
        let lost: Vec<u64> = read.into_iter().flatten().filter(|id| !members.contains(id)).copied().collect();
        if lost.iter().any(|id| *id >= OTHERS) {
            self.overwritten.push(format!("{} loses {lost:?}", request.uri().path()));
        }
    }

    fn watch_get(&mut self, request: &Request, reply: &Reply) {
        if !matches!(reply, Reply::Answer(answer) if answer.status == 200) {
            return;
        }
        if let (Reply::Answer(answer), None) = (reply, request.uri().query()) {
            self.reads.insert(request.uri().path().to_owned(), members(&answer.body));
        }
        let query = request.uri().query().unwrap_or_default();
        let search = query.split('&').find_map(|pair| pair.strip_prefix("q="));
        let search = search.map(|text| percent_decode_str(text).decode_utf8().unwrap().into_owned());
        self.in_doubt.retain(|name| search.as_ref().is_some_and(|search| !name.contains(search.as_str())));
    }
}

/// One line of the log: when, what, and how it was answered.
fn line(request: &Request, now: Duration, reply: &Reply) -> String {
    let what = match request.uri().query() {
        Some(query) => query.to_owned(),
        None => String::from_utf8_lossy(request.body()).into_owned(),
    };
    let answer = match reply {
        Reply::Answer(answer) => format!("{}", answer.status),
        Reply::Cut(answer) => format!("{}, cut", answer.status),
        Reply::Endless(answer) => format!("{}, endless", answer.status),
        Reply::Refuse => "refused".to_owned(),
        Reply::Drop => "dropped".to_owned(),
        Reply::Hang => "hangs".to_owned(),
    };
    format!("{:>9.3}  {:<4} {answer:<12} {what}", now.as_secs_f64(), request.method().as_str())
}

/// The members in the body of an update, or of a response.
fn members(body: &[u8]) -> Vec<u64> {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let group = if body["data"].is_null() { &body } else { &body["data"] };
    group["members"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64).collect()
}

/// The group's name in the body of a create.
pub(super) fn name(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body["name"].as_str().unwrap().to_owned()
}

/// A request with the headers of a correct client.
pub(super) fn request(method: &str, target: &str, body: Vec<u8>) -> Request {
    hyper::Request::builder()
        .method(method)
        .uri(target)
        .header("Authorization", "Bearer any")
        .header("Accept", "application/json")
        .header("X-Tallyfy-Client", "APIClient")
        .header("Content-Type", "application/json")
        .body(body)
        .unwrap()
}
