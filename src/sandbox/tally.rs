//! Counts the requests that arrived, for tests to check a client against.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::message::Request;

/// What arrived so far.
#[derive(Default)]
pub struct Tally {
    posts: HashMap<String, u32>,
    deletes: HashMap<String, u32>,
    arrivals: Vec<Duration>,
    refusals: u64,
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
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
        }
        if request.method == "DELETE" {
            *self.deletes.entry(request.path.clone()).or_default() += 1;
        }
        if request.method != "POST" {
            return;
        }
        if let Ok(Named { name }) = serde_json::from_slice(&request.body) {
            match self.posts.get_mut(name.as_ref()) {
                Some(count) => *count += 1,
                None => {
                    self.posts.insert(name.into_owned(), 1);
                }
            }
        }
    }

    pub(super) fn count(&mut self, now: Duration) {
        self.arrivals.push(now);
    }

    pub(super) fn refuse(&mut self) {
        self.refusals += 1;
    }
}
