//! What arrived at a simulated server, to check a client against. A refused connection is not read, so it does not count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tallyfy_groups::sandbox::{Request, Simulation};

#[derive(Default)]
pub(crate) struct Tally {
    /// How many POSTs named each group, whatever their replies.
    pub(crate) posts: HashMap<String, u32>,
    /// How many DELETEs named each path, whatever their replies.
    pub(crate) deletes: HashMap<String, u32>,
    /// When each request that the limit let pass (all of them, without a limit) arrived, in order.
    pub(crate) arrivals: Vec<Duration>,
    /// How many requests the request limit refused.
    pub(crate) refusals: u64,
}

impl Tally {
    /// Counts the requests from now on.
    pub(crate) fn of(simulation: &mut Simulation) -> Arc<Mutex<Self>> {
        let tally = Arc::new(Mutex::new(Self::default()));
        let counted = Arc::clone(&tally);
        simulation.observer = Box::new(move |request, now, passes| counted.lock().unwrap().count(request, now, passes));
        tally
    }

    fn count(&mut self, request: &Request, now: Duration, passes: bool) {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        match (request.method().as_str(), body["name"].as_str()) {
            ("DELETE", _) => *self.deletes.entry(request.uri().path().to_owned()).or_default() += 1,
            ("POST", Some(name)) => *self.posts.entry(name.to_owned()).or_default() += 1,
            _ => {}
        }
        self.arrivals.extend(passes.then_some(now));
        self.refusals += u64::from(!passes);
    }
}
