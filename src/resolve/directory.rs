//! The users of an organization, by id and address. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::model::{User, UserStatus};

/// How many slips may be between an address and its nearest.
const SLIPS_MAX: usize = 2;

/// How many nearest addresses are looked for: each takes a comparison with all users.
const NEAREST_MAX: u32 = 100;

/// The users of an organization. Deleted people do not count.
#[derive(Debug, Default)]
pub struct Directory {
    users: Vec<User>,
    by_id: HashMap<u64, usize>,
    /// By address in lower case.
    by_address: HashMap<String, Vec<usize>>,
    /// The addresses before the `@`.
    by_local: HashMap<String, usize>,
    domains: HashSet<String>,
    looked: AtomicU32,
}

/// The users that an id or an address names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match<'a> {
    None,
    One(&'a User),
    /// Their ids.
    Several(Vec<u64>),
}

impl Directory {
    /// Of these users.
    #[must_use]
    pub fn new(mut users: Vec<User>) -> Self {
        users.retain(|user| !user.email.ends_with(&format!(".deleted.{}", user.id)));
        let mut directory = Self::default();
        for (index, user) in users.iter().enumerate() {
            directory.by_id.insert(user.id, index);
            let address = user.email.to_lowercase();
            if let Some((local, domain)) = address.rsplit_once('@') {
                directory.by_local.insert(local.to_owned(), index);
                if user.status != UserStatus::Bot {
                    directory.domains.insert(domain.to_owned());
                }
                directory.by_address.entry(address).or_default().push(index);
            }
        }
        Self { users, ..directory }
    }

    /// The user of an id.
    pub(super) fn by_id(&self, id: u64) -> Match<'_> {
        self.by_id.get(&id).map_or(Match::None, |index| Match::One(&self.users[*index]))
    }

    /// The users of an address.
    pub(super) fn by_address(&self, address: &str) -> Match<'_> {
        let found = self.by_address.get(&address.to_lowercase()).map_or(&[][..], Vec::as_slice);
        // One user may be listed twice.
        let mut ids: Vec<u64> = found.iter().map(|index| self.users[*index].id).collect();
        ids.dedup();
        match (found, ids.as_slice()) {
            ([], _) => Match::None,
            ([index, ..], [_]) => Match::One(&self.users[*index]),
            _ => Match::Several(ids),
        }
    }

    /// Whether users have addresses of this domain.
    pub(super) fn has_domain(&self, domain: &str) -> bool {
        self.domains.contains(domain)
    }

    /// The address that is most like an unknown one: the same person at another domain, or a slip of the keyboard.
    pub(super) fn nearest(&self, address: &str) -> Option<&str> {
        if self.looked.fetch_add(1, Ordering::Relaxed) >= NEAREST_MAX {
            return None;
        }
        let address = address.to_lowercase();
        let slips = |user: &&User| {
            let is_near = user.email.len().abs_diff(address.len()) <= SLIPS_MAX;
            let slips = is_near.then(|| strsim::osa_distance(&user.email.to_lowercase(), &address));
            slips.unwrap_or(usize::MAX)
        };
        let near = self.users.iter().min_by_key(slips).filter(|user| slips(user) <= SLIPS_MAX);
        let local = || address.rsplit_once('@').and_then(|(local, _)| self.by_local.get(local));
        near.or_else(|| local().map(|index| &self.users[*index])).map(|user| user.email.as_str())
    }
}
