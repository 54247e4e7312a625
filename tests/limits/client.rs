//! A world with one server in it, and clients that do nothing but send.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tallyfy_groups::execute::{Api, Refusals};
use tallyfy_groups::journal::{Journal, Now, Owner, Realm, ServerClock};
use tallyfy_groups::limit::{Limits, RateLimiter, Stop};
use tallyfy_groups::model::{Group, Listener, Speed};
use tallyfy_groups::tallyfy::{Answer, Call, Credentials, Endpoints, Hints, Token, Transport, TransportError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Ways;
use super::server::{Count, Kind, Says};

/// The server, the ways to it, and what it saw.
pub(crate) struct World {
    pub(crate) count: Count,
    pub(crate) says: Says,
    /// Whether answers carry `X-RateLimit-Limit` and `-Remaining`.
    pub(crate) tells: bool,
    pub(crate) ways: Ways,
    pub(crate) dice: StdRng,
    pub(crate) began: Instant,
    /// When each request that was taken arrived.
    pub(crate) taken: Vec<Duration>,
    pub(crate) refused: usize,
    pub(crate) in_flight: usize,
    pub(crate) most_in_flight: usize,
}

/// The world, shared by everyone in it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(kind: Kind, rate: (usize, Duration), ways: Ways, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            count: Count::new(kind, rate.0, rate.1),
            says: Says::Up,
            tells: false,
            ways,
            dice: StdRng::seed_from_u64(seed),
            began: Instant::now(),
            taken: Vec::new(),
            refused: 0,
            in_flight: 0,
            most_in_flight: 0,
        })))
    }

    pub(crate) fn with<T>(&self, ask: impl FnOnce(&mut World) -> T) -> T {
        ask(&mut self.0.lock().unwrap())
    }

    /// What the clock on the wall shows: it is paused too.
    pub(crate) fn now(&self) -> Now {
        let began_at = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
        self.with(|world| Now::at(Instant::now().into_std(), began_at + world.began.elapsed()))
    }
}

impl World {
    fn arrive(&mut self) -> Answer {
        let now = self.began.elapsed();
        match self.count.arrive(now) {
            Ok(()) => {
                self.taken.push(now);
                Answer { status: 200, hints: self.hints(None), body: Ok(Bytes::from_static(b"{}")) }
            }
            Err(wait) => {
                self.refused += 1;
                Answer { status: 429, hints: self.hints(Some(wait)), body: Ok(Bytes::from_static(b"{}")) }
            }
        }
    }

    fn hints(&self, wait: Option<Duration>) -> Hints {
        let up = |wait: Duration| wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let retry_after = wait.and_then(|wait| match self.says {
            Says::Up => Some(up(wait).to_string()),
            Says::Down => Some(wait.as_secs().to_string()),
            Says::Nothing => None,
        });
        if !self.tells {
            return Hints { retry_after, ..Hints::default() };
        }
        let held = self.count.held(self.began.elapsed());
        let number = |count: usize| u32::try_from(count).ok();
        let (limit, remaining) = (number(self.count.most), number(self.count.most.saturating_sub(held)));
        Hints { retry_after, limit, remaining, date: None }
    }
}

/// The way into the world.
pub(crate) struct Wire(pub(crate) Shared);

impl Transport for Wire {
    async fn send(&self, _: Call) -> Result<Answer, TransportError> {
        let (tell, told) = oneshot::channel();
        let world = self.0.clone();
        // A task of its own: what is under way arrives, also when the client is no more.
        tokio::spawn(async move {
            let (there, back) = world.with(|world| {
                world.in_flight += 1;
                world.most_in_flight = world.most_in_flight.max(world.in_flight);
                (world.ways.draw(&mut world.dice), world.ways.draw(&mut world.dice))
            });
            tokio::time::sleep(there).await;
            let answer = world.with(World::arrive);
            tokio::time::sleep(back).await;
            world.with(|world| world.in_flight -= 1);
            let _ = tell.send(answer);
        });
        told.await.map_err(|_| TransportError::Undelivered("the world is gone".to_owned()))
    }
}

/// Sends through the limiter for so long, as one process would: what it knew is gone when it ends, but its request log.
pub(crate) async fn send(world: &Shared, rate: &str, lanes: usize, folder: &Path, time: Duration) {
    let speed = Speed::parse(rate).unwrap();
    let owner = Owner { organization: "acme".to_owned(), realm: Realm::Loopback };
    let journal = Journal::open(&folder.join("x.journal"), &owner).unwrap();
    let request_log = journal.request_log(speed.memory(), world.now()).unwrap();
    let (stop, listener): (_, Listener) = (Stop::default(), Arc::new(|_| {}));
    let limits = Limits { speed, concurrency: lanes, wait_max: Duration::from_hours(2) };
    let api = Arc::new(Api {
        transport: Wire(world.clone()),
        endpoints: Endpoints::of("acme"),
        credentials: Arc::new(Credentials::fixed(Token::simulated())),
        limiter: RateLimiter::new(limits, request_log, stop.clone(), Arc::clone(&listener)),
        clock: ServerClock::default(),
        stop,
        listener,
        attempts_max: 1,
        settle: Duration::ZERO,
        seed: 1,
        refusals: Refusals::default(),
    });
    let mut all = JoinSet::new();
    for _ in 0..lanes {
        let api = Arc::clone(&api);
        all.spawn(async move {
            loop {
                let permit = api.permit(true).await.unwrap();
                api.create_group(permit, &Group::default()).await;
            }
        });
    }
    tokio::time::sleep(time).await;
}
