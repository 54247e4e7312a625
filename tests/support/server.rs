//! The simulated API on its own thread and runtime; tests compare results with its state.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tallyfy_groups::sandbox::{FaultScript, Options, Reply, SandboxGroup, SandboxUser, Simulation, serve};
use tokio::sync::oneshot;

use super::wait_for;
use crate::kit::tally::Tally;

/// The one organization there is.
pub(crate) const ORG: &str = "0123456789abcdef0123456789abcdef";
/// The one token it takes.
pub(crate) const TOKEN: &str = "s3cr3t-T0ken.of_the-tests~4711";

/// A server, which ends when this is dropped.
pub(crate) struct Server {
    simulation: Arc<parking_lot::Mutex<Simulation>>,
    tally: Arc<Mutex<Tally>>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// An empty organization without faults.
    pub(crate) fn calm() -> Self {
        Self::start(Options::default(), "")
    }

    /// An empty organization with the faults of a script.
    pub(crate) fn under(faults: &str) -> Self {
        Self::start(Options::default(), faults)
    }

    /// An empty organization that takes its time over every answer.
    pub(crate) fn slow(latency: Duration) -> Self {
        Self::start(Options { latency, ..Options::default() }, "")
    }

    /// An organization with these options; one id and one token are accepted, unless the options name others.
    pub(crate) fn start(options: Options, faults: &str) -> Self {
        let user = |id| SandboxUser { id, email: format!("user{id}@members.example"), status: "active".to_owned() };
        // Each run reads all of them: some ids that tests write by hand, and those of `rows`.
        let users = || (1..=100).chain(1001..=1200).map(user).collect();
        let options = Options {
            user_list: options.user_list.or_else(|| (options.users == 0).then(users)),
            token: options.token.or_else(|| Some(TOKEN.to_owned())),
            org: options.org.or_else(|| Some(ORG.to_owned())),
            ..options
        };
        let mut simulation = Simulation::new(&options, FaultScript::parse(faults).unwrap());
        let tally = Tally::of(&mut simulation);
        let simulation = Arc::new(parking_lot::Mutex::new(simulation));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = Arc::clone(&simulation);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let stopped = async move {
                    let _ = stopped.await;
                };
                serve(listener, served, stopped).await.unwrap();
            });
        });
        Self { simulation, tally, address, stop: Some(stop), thread: Some(thread) }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks the oracle, or changes the world.
    pub(crate) fn with<T>(&self, ask: impl FnOnce(&mut Simulation) -> T) -> T {
        ask(&mut self.simulation.lock())
    }

    /// Looks at what arrived.
    pub(crate) fn tally<T>(&self, ask: impl FnOnce(&Tally) -> T) -> T {
        ask(&self.tally.lock().unwrap())
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        self.with(|simulation| simulation.set_faults(FaultScript::default()));
    }

    /// The groups that are there, oldest first.
    pub(crate) fn groups(&self) -> Vec<SandboxGroup> {
        self.with(|simulation| simulation.groups().cloned().collect())
    }

    /// The group of this name.
    pub(crate) fn group(&self, name: &str) -> SandboxGroup {
        let mut groups = self.groups();
        groups.retain(|group| group.name == name);
        assert_eq!(groups.len(), 1, "groups named {name:?}");
        groups.swap_remove(0)
    }

    /// The names of the groups, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.groups().into_iter().map(|group| group.name).collect();
        names.sort();
        names
    }

    /// How many POSTs named this group.
    pub(crate) fn posts(&self, name: &str) -> u32 {
        self.tally(|tally| tally.posts.get(name).copied().unwrap_or(0))
    }

    /// How many POSTs there were.
    pub(crate) fn all_posts(&self) -> u32 {
        self.tally(|tally| tally.posts.values().sum())
    }

    /// How many DELETEs came for each group that any came for.
    pub(crate) fn deletes(&self) -> Vec<u32> {
        self.tally(|tally| tally.deletes.values().copied().collect())
    }

    /// Somebody else changes or deletes a group, so long after the last request. An update that does not name it keeps the name.
    pub(crate) fn meddle(&self, method: &str, id: &str, body: &serde_json::Value, later: Duration) {
        let mut body = body.clone();
        if method == "PUT" && body["name"].is_null() {
            let named = self.groups().into_iter().find(|group| group.id == id);
            body["name"] = named.unwrap().name.into();
        }
        let request = hyper::Request::builder()
            .method(method)
            .uri(format!("/organizations/{ORG}/groups/{id}"))
            .header("Authorization", format!("Bearer {TOKEN}"))
            .header("X-Tallyfy-Client", "APIClient")
            .header("Accept", "application/json")
            .header("Content-Type", "application/json")
            .body(body.to_string().into_bytes())
            .unwrap();
        let outcome = self.with(|simulation| {
            let now = simulation.now() + later;
            simulation.handle(&request, now)
        });
        assert!(matches!(&outcome.reply, Reply::Answer(answer) if answer.status < 300), "{:?}", outcome.reply);
    }

    /// How many requests of any kind came, refused ones too.
    pub(crate) fn requests(&self) -> u64 {
        self.tally(|tally| tally.arrivals.len() as u64 + tally.refusals)
    }

    /// Adds a user, or replaces one.
    pub(crate) fn plant_user(&self, user: SandboxUser) {
        self.with(|simulation| simulation.plant_user(user));
    }

    /// Puts a group in that was there before.
    pub(crate) fn plant(&self, id: &str, name: &str) {
        let group = SandboxGroup { id: id.to_owned(), name: name.to_owned(), ..SandboxGroup::default() };
        self.with(|simulation| simulation.plant(group));
    }

    /// Somebody else deletes a group.
    pub(crate) fn delete(&self, id: &str) {
        self.meddle("DELETE", id, &serde_json::Value::Null, Duration::ZERO);
    }

    /// Waits until this many groups are there.
    pub(crate) fn wait_for_groups(&self, count: usize) {
        wait_for(&format!("{count} groups"), || {
            self.with(|simulation| simulation.groups().count() >= count).then_some(())
        });
    }

    /// Exactly the groups of these names are there, and each came by one POST.
    pub(crate) fn assert_each_once(&self, names: &[String]) {
        let mut expected = names.to_vec();
        expected.sort();
        assert_eq!(self.names(), expected);
        let more: Vec<_> = names.iter().map(|name| (name, self.posts(name))).filter(|(_, posts)| *posts != 1).collect();
        assert!(more.is_empty(), "not exactly one POST: {more:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
