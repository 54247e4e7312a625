//! The users of an organization, by id and address. Pure.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};

use crate::model::{User, UserStatus};

/// How many slips may be between an address and its nearest.
const SLIPS_MAX: usize = 2;

/// How many nearest addresses are looked for: each takes a comparison with all users.
const NEAREST_MAX: u32 = 100;

/// The users of an organization. Deleted people do not count.
#[derive(Debug, Default)]
pub struct Directory {
    by_id: HashMap<u64, FoundUser>,
    by_address: HashMap<AddressKey, FoundUser>,
    /// The ids of all users of an address that several have.
    shared: HashMap<AddressKey, Vec<u64>>,
    hashers: [DefaultHashBuilder; 2],
    /// The addresses as they are written.
    addresses: Vec<String>,
    /// Which of them have this before the `@`.
    by_local: HashMap<String, usize>,
    domains: HashSet<String>,
    looked: AtomicU32,
}

/// Two hashes of an address in lower case, with secret random keys: small, so that 20,000 users stay in a processor's cache. That any
/// two of a million addresses have the same is less likely than 1 in 10^26.
type AddressKey = u128;

/// A user without address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FoundUser {
    pub(super) id: u64,
    pub(super) status: UserStatus,
}

/// The users that an id or an address names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    None,
    One(FoundUser),
    /// Their ids.
    Several(Vec<u64>),
}

impl Directory {
    /// Of these users.
    #[must_use]
    pub fn new(users: Vec<User>) -> Self {
        let mut directory = Self::default();
        for User { id, email, status } in users {
            let is_deleted = email.ends_with(&format!(".deleted.{id}"));
            // A list that changes while it is read may show a user twice.
            if is_deleted || directory.by_id.insert(id, FoundUser { id, status }).is_some() {
                continue;
            }
            let address = email.to_lowercase();
            if let Some((local, domain)) = address.rsplit_once('@') {
                directory.by_local.insert(local.to_owned(), directory.addresses.len());
                if status != UserStatus::Bot {
                    directory.domains.insert(domain.to_owned());
                }
                directory.addresses.push(email);
                let key = directory.key(&address);
                let first = directory.by_address.entry(key).or_insert(FoundUser { id, status }).id;
                if first != id {
                    directory.shared.entry(key).or_insert_with(|| vec![first]).push(id);
                }
            }
        }
        directory
    }

    /// The user of an id.
    pub(super) fn by_id(&self, id: u64) -> Match {
        self.by_id.get(&id).map_or(Match::None, |user| Match::One(*user))
    }

    /// The users of an address.
    pub(super) fn by_address(&self, address: &str) -> Match {
        let key = self.key(address);
        match (self.by_address.get(&key), self.shared.get(&key)) {
            (None, _) => Match::None,
            (Some(user), None) => Match::One(*user),
            (Some(_), Some(ids)) => Match::Several(ids.clone()),
        }
    }

    fn key(&self, address: &str) -> AddressKey {
        let [one, other] = &self.hashers;
        let hash = |lower: &str| u128::from(one.hash_one(lower)) << 64 | u128::from(other.hash_one(lower));
        let is_lower = address.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        if is_lower { hash(address) } else { hash(&address.to_lowercase()) }
    }

    /// Whether an address names this user and nobody else.
    #[must_use]
    pub fn finds(&self, address: &str, id: u64) -> bool {
        matches!(self.by_address(address), Match::One(user) if user.id == id)
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
        let slips = |known: &&String| {
            let is_near = known.len().abs_diff(address.len()) <= SLIPS_MAX;
            if is_near { strsim::osa_distance(&known.to_lowercase(), &address) } else { usize::MAX }
        };
        let near = self.addresses.iter().min_by_key(slips).filter(|known| slips(known) <= SLIPS_MAX);
        let local = || address.rsplit_once('@').and_then(|(local, _)| self.by_local.get(local));
        near.or_else(|| local().map(|index| &self.addresses[*index])).map(String::as_str)
    }
}
