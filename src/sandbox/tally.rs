//! Counts the requests that arrived, for tests to check a client against.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::message::Request;

/// What arrived so far. A refused connection is not read, so it does not count.
#[derive(Default)]
pub struct Tally {
    /// How many POSTs named each group, whatever their replies.
    pub posts: HashMap<String, u32>,
    /// How many DELETEs named each path, whatever their replies.
    pub deletes: HashMap<String, u32>,
    /// When each request that the limit let pass (all of them, without a limit) arrived, in order.
    pub arrivals: Vec<Duration>,
    /// How many requests the request limit refused.
    pub refusals: u64,
}

impl Tally {
    pub(super) fn read(&mut self, request: &Request) {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        match (request.method().as_str(), body["name"].as_str()) {
            ("DELETE", _) => *self.deletes.entry(request.uri().path().to_owned()).or_default() += 1,
            ("POST", Some(name)) => *self.posts.entry(name.to_owned()).or_default() += 1,
            _ => {}
        }
    }
}
