//! The server's side: the simulated organization, the way to it, and a witness who watches what is sent.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tallyfy_groups::journal::Now;
use tallyfy_groups::sandbox::{FaultScript, Headers, Options, Reply, Request, Simulation};
use tallyfy_groups::tallyfy::{Answer, BodyFault, Call, Credentials, Exchange, Hints, Lost, Method};
use tokio::sync::oneshot;
use tokio::time::Instant;

pub(crate) const ORG: &str = "acme";

/// How long a request may be on its way, and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ways {
    /// Mostly.
    pub(crate) usual: Duration,
    /// At worst.
    pub(crate) longest: Duration,
    /// How often it is the worst, in a hundred.
    pub(crate) tail: f64,
}

impl Ways {
    /// No way at all.
    pub(crate) const NONE: Self = Self { usual: Duration::ZERO, longest: Duration::ZERO, tail: 0.0 };
}

/// The organization, and what happened to it.
pub(crate) struct World {
    pub(crate) simulation: Simulation,
    ways: Ways,
    dice: StdRng,
    began: Instant,
    began_at: SystemTime,
    witness: HashMap<String, Sent>,
    /// What the witness saw sent again before it was looked up. It goes by arrivals: what overtakes on a long way misleads it.
    pub(crate) breaches: Vec<String>,
    /// Every request, when it arrived: the storm in one text.
    pub(crate) log: Vec<String>,
    /// When the client said how long its rows with guests would still take.
    pub(crate) guests_told: Vec<(Duration, Duration)>,
}

/// What the witness knows of a name that was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// It had no effect, or it was looked for since.
    Settled,
    /// It may have made the group.
    InDoubt,
}

/// The world, shared by everyone in it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(options: &Options, weather: FaultScript, ways: Ways, seed: u64) -> Self {
        let world = World {
            simulation: Simulation::new(options, weather),
            ways,
            dice: StdRng::seed_from_u64(seed),
            began: Instant::now(),
            began_at: SystemTime::UNIX_EPOCH + Duration::from_hours(24),
            witness: HashMap::new(),
            breaches: Vec::new(),
            log: Vec::new(),
            guests_told: Vec::new(),
        };
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn with<T>(&self, ask: impl FnOnce(&mut World) -> T) -> T {
        ask(&mut self.0.lock().unwrap())
    }

    /// Since the world began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.with(|world| world.began.elapsed())
    }

    /// What the clock on the wall shows: it is paused too.
    pub(crate) fn now(&self) -> Now {
        self.with(|world| Now::at(Instant::now().into_std(), world.began_at + world.began.elapsed()))
    }

    /// How often each of these names was posted.
    pub(crate) fn posts(&self, names: &[String]) -> Vec<u32> {
        self.with(|world| names.iter().map(|name| world.simulation.tally().posts(name)).collect())
    }
}

impl World {
    /// How long the next request is under way.
    fn way(&mut self) -> Duration {
        let Ways { usual, longest, tail } = self.ways;
        let most = if self.dice.random_bool(tail) { longest } else { usual };
        most.mul_f64(self.dice.random())
    }

    fn arrive(&mut self, request: &Request) -> (Duration, Reply) {
        let now = self.began.elapsed();
        let outcome = self.simulation.handle(request, now);
        self.log.push(line(request, now, &outcome.reply));
        match request.method.as_str() {
            "POST" => self.watch_post(request, &outcome.reply),
            "GET" => self.watch_get(request, &outcome.reply),
            _ => {}
        }
        (outcome.delay, outcome.reply)
    }

    fn watch_post(&mut self, request: &Request, reply: &Reply) {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let name = body["name"].as_str().unwrap().to_owned();
        let has_no_effect = match reply {
            Reply::Refuse => true,
            Reply::Answer(answer) => (400..500).contains(&answer.status) && answer.status != 408,
            _ => false,
        };
        let sent = if has_no_effect { Sent::Settled } else { Sent::InDoubt };
        if self.witness.insert(name.clone(), sent) == Some(Sent::InDoubt) {
            self.breaches.push(format!("{name:?} was sent again before it was looked up"));
        }
    }

    fn watch_get(&mut self, request: &Request, reply: &Reply) {
        if !matches!(reply, Reply::Answer(answer) if answer.status == 200) {
            return;
        }
        let query = request.query.as_deref().unwrap_or_default();
        let search = query.split('&').find_map(|pair| pair.strip_prefix("q="));
        let search = search.map(|text| percent_decode_str(text).decode_utf8().unwrap().into_owned());
        for (name, sent) in &mut self.witness {
            if search.as_ref().is_none_or(|search| name.contains(search.as_str())) {
                *sent = Sent::Settled;
            }
        }
    }
}

/// A client's way into the world.
pub(crate) struct Wire {
    pub(crate) world: Shared,
    pub(crate) timeout: Duration,
    pub(crate) credentials: Arc<Credentials>,
}

impl Exchange for Wire {
    async fn exchange(&self, call: Call) -> Result<Answer, Lost> {
        let (tell, told) = oneshot::channel();
        // A task of its own: what is under way arrives, also when the client is no more.
        tokio::spawn(attend(self.world.clone(), request(call), tell));
        match tokio::time::timeout(self.timeout, told).await {
            Ok(Ok(answer)) => {
                if matches!(answer, Ok(Answer { status: 401, .. })) {
                    self.credentials.refuse(&self.credentials.token());
                }
                answer
            }
            Ok(Err(_)) => panic!("the server is gone"),
            Err(_) => Err(Lost::InDoubt { code: "timeout", message: "no answer in time".to_owned() }),
        }
    }
}

async fn attend(world: Shared, request: Request, tell: oneshot::Sender<Result<Answer, Lost>>) {
    let way = world.with(World::way);
    tokio::time::sleep(way).await;
    let (delay, reply) = world.with(|world| world.arrive(&request));
    let back = world.with(World::way);
    tokio::time::sleep(delay + back).await;
    let _ = tell.send(match reply {
        Reply::Hang => pending().await,
        Reply::Answer(answer) => Ok(heard(&answer, Ok(answer.body.clone().into()))),
        Reply::Cut { answer, .. } => Ok(heard(&answer, Err(BodyFault::CutOff))),
        Reply::Endless(answer) => Ok(heard(&answer, Err(BodyFault::TooLong))),
        Reply::Drop => Err(Lost::InDoubt { code: "connection-lost", message: "the connection broke".to_owned() }),
        Reply::Refuse => Err(Lost::Undelivered("connection refused".to_owned())),
    });
}

/// One line of the log: when, what, and how it went.
fn line(request: &Request, now: Duration, reply: &Reply) -> String {
    let what = match &request.query {
        Some(query) => query.clone(),
        None => String::from_utf8_lossy(&request.body).into_owned(),
    };
    let answer = match reply {
        Reply::Answer(answer) => format!("{}", answer.status),
        Reply::Cut { answer, .. } => format!("{}, cut", answer.status),
        Reply::Endless(answer) => format!("{}, endless", answer.status),
        Reply::Refuse => "refused".to_owned(),
        Reply::Drop => "dropped".to_owned(),
        Reply::Hang => "hangs".to_owned(),
    };
    format!("{:>9.3}  {:<4} {answer:<12} {what}", now.as_secs_f64(), request.method)
}

fn heard(answer: &tallyfy_groups::sandbox::Response, body: Result<bytes::Bytes, BodyFault>) -> Answer {
    Answer { status: answer.status, hints: Hints::read(|name| answer.header(name)), body }
}

/// The request as it arrives.
pub(crate) fn request(call: Call) -> Request {
    let (path, query) = match call.path.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (call.path, None),
    };
    let headers = [
        ("Authorization", "Bearer any"),
        ("Accept", "application/json"),
        ("X-Tallyfy-Client", "APIClient"),
        ("Content-Type", "application/json"),
    ];
    let method = match call.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
    };
    Request {
        method: method.to_owned(),
        path,
        query,
        headers: Headers::from_iter(headers),
        body: call.body.map(|body| body.to_vec()).unwrap_or_default(),
    }
}
