//! Counts the requests that arrived, for tests to check a client against.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::message::Request;

/// What arrived so far.
#[derive(Default)]
pub struct Tally {
    posts: HashMap<String, u32>,
    deletes: HashMap<String, u32>,
    pub(super) arrivals: Vec<Duration>,
    pub(super) refusals: u64,
}

impl Tally {
    /// How many POSTs named the group `name`, whatever their replies (a refused connection is not read).
    #[must_use]
    pub fn posts(&self, name: &str) -> u32 {
        self.posts.get(name).copied().unwrap_or(0)
    }

    /// Every name that a POST named, with how often.
    pub fn all_posts(&self) -> impl Iterator<Item = (&str, u32)> {
        self.posts.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// Every path that a DELETE named, with how often, whatever their replies.
    pub fn all_deletes(&self) -> impl Iterator<Item = (&str, u32)> {
        self.deletes.iter().map(|(path, count)| (path.as_str(), *count))
    }

    /// When each request that the limit let pass (all of them, without a limit) arrived, in order.
    #[must_use]
    pub fn arrivals(&self) -> &[Duration] {
        &self.arrivals
    }

    /// How many requests the request limit refused.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refusals
    }

    /// The most arrivals that any window of length `period` held.
    #[must_use]
    pub fn most_within(&self, period: Duration) -> usize {
        let mut first = 0;
        let mut most = 0;
        for (last, arrival) in self.arrivals.iter().enumerate() {
            while arrival.saturating_sub(self.arrivals[first]) >= period && first < last {
                first += 1;
            }
            most = most.max(last + 1 - first);
        }
        most
    }

    pub(super) fn read(&mut self, request: &Request) {
        match request.method.as_str() {
            "DELETE" => *self.deletes.entry(request.path.clone()).or_default() += 1,
            "POST" => {
                let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                if let Some(name) = body["name"].as_str() {
                    *self.posts.entry(name.to_owned()).or_default() += 1;
                }
            }
            _ => {}
        }
    }
}
