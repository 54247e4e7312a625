//! The users of an organization, by id and address. Pure.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::{HashMap, HashSet};
use rapidfuzz::distance::osa::{Args, BatchComparator};

use crate::model::{Member, User, UserStatus};

/// How many slips may be between an address and its nearest.
const SLIPS_MAX: usize = 2;

/// How many nearest addresses are looked for: each takes a comparison with all users.
const NEAREST_MAX: u32 = 100;

/// The users of an organization. Deleted people do not count.
#[derive(Debug, Default)]
pub struct Directory {
    users: BTreeMap<u64, User>,
    /// The ids of the users, by their addresses in lower case.
    by_address: HashMap<String, Vec<u64>>,
    /// The domains of the users' addresses, in lower case.
    pub(super) domains: HashSet<String>,
    looked: AtomicU32,
}

impl Directory {
    /// Of these users.
    pub fn new(users: Vec<User>) -> Self {
        let mut directory = Self::default();
        for user in users {
            // A list that changes while it is read may show a user twice.
            if is_deleted(&user) || directory.users.contains_key(&user.id) {
                continue;
            }
            if let Some((_, domain)) = user.email.rsplit_once('@') {
                if user.status != UserStatus::Bot {
                    directory.domains.insert(domain.to_lowercase());
                }
                directory.by_address.entry(user.email.to_lowercase()).or_default().push(user.id);
            }
            directory.users.insert(user.id, user);
        }
        directory
    }

    /// The users whom a member of a row names; several may have one address.
    pub(super) fn find(&self, member: &Member) -> Vec<&User> {
        match member {
            Member::Id(id) => self.users.get(id).into_iter().collect(),
            Member::Address(address) => self.by_address(address),
        }
    }

    /// The users of an address.
    pub(super) fn by_address(&self, address: &str) -> Vec<&User> {
        let ids = self.by_address.get(&address.to_lowercase()).into_iter().flatten();
        ids.filter_map(|id| self.users.get(id)).collect()
    }

    /// The address of each user whom it finds.
    pub fn addresses(&self) -> HashMap<u64, &str> {
        let is_found = |user: &&User| self.by_address(&user.email).len() == 1;
        self.users.values().filter(is_found).map(|user| (user.id, user.email.as_str())).collect()
    }

    /// How each user is shown: by name, or by address where that is missing or another user has it too.
    pub fn labels(&self) -> HashMap<u64, String> {
        let mut known: HashMap<&str, u32> = HashMap::new();
        self.users.values().for_each(|user| *known.entry(&user.name).or_default() += 1);
        let label = |user: &User| {
            let is_clear = !user.name.is_empty() && known[user.name.as_str()] == 1;
            if is_clear { user.name.clone() } else { user.email.clone() }
        };
        self.users.values().map(|user| (user.id, label(user))).filter(|(_, label)| !label.is_empty()).collect()
    }

    /// The address that is most like an unknown one: the same person at another domain, or a slip of the keyboard.
    pub(super) fn nearest(&self, address: &str) -> Option<&str> {
        if self.looked.fetch_add(1, Ordering::Relaxed) >= NEAREST_MAX {
            return None;
        }
        let address = address.to_lowercase();
        let (wanted, most) = (BatchComparator::new(address.chars()), Args::default().score_cutoff(SLIPS_MAX));
        let slips = |known: &str| wanted.distance_with_args(known.to_lowercase().chars(), &most);
        let known = || self.users.values().map(|user| user.email.as_str()).filter(|address| address.contains('@'));
        let near = known().filter_map(|known| Some((slips(known)?, known))).min_by_key(|(slips, _)| *slips);
        let local = || {
            let (local, _) = address.rsplit_once('@')?;
            known().find(|known| known.rsplit_once('@').is_some_and(|(other, _)| other.to_lowercase() == local))
        };
        near.map(|(_, known)| known).or_else(local)
    }
}

fn is_deleted(user: &User) -> bool {
    user.email.rsplit_once('.').is_some_and(|(rest, id)| rest.ends_with(".deleted") && id.parse() == Ok(user.id))
}
