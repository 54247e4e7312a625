//! The users of an organization, by id and address. Pure.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable};
use rapidfuzz::distance::osa::{Args, BatchComparator};

use crate::model::{Member, User, UserStatus};

/// How many slips may be between an address and its nearest.
const SLIPS_MAX: usize = 2;

/// How many nearest addresses are looked for: each takes a comparison with all users.
const NEAREST_MAX: u32 = 100;

/// The users of an organization. Deleted people do not count.
#[derive(Debug, Default)]
pub struct Directory {
    by_id: HashMap<u64, UserStatus>,
    by_address: HashTable<(AddressKey, FoundUser)>,
    hashers: [DefaultHashBuilder; 2],
    /// The addresses as they are written, and in lower case.
    addresses: Vec<(String, String)>,
    domains: HashSet<String>,
    looked: AtomicU32,
}

/// Two hashes of an address in lower case, with secret random keys: smaller than the address, so that 20,000 users stay in a
/// processor's cache. That any two of a million addresses have the same is less likely than 1 in 10^26.
type AddressKey = [u64; 2];

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
        let by_address = HashTable::with_capacity(users.len());
        let mut directory = Self { by_id: HashMap::with_capacity(users.len()), by_address, ..Self::default() };
        for User { id, email, status } in users {
            // A list that changes while it is read may show a user twice.
            if email.ends_with(&format!(".deleted.{id}")) || directory.by_id.insert(id, status).is_some() {
                continue;
            }
            let address = email.to_lowercase();
            if let Some((_, domain)) = address.rsplit_once('@') {
                if status != UserStatus::Bot {
                    directory.domains.get_or_insert_with(domain, str::to_owned);
                }
                let key = directory.key(&address);
                directory.by_address.insert_unique(key[0], (key, FoundUser { id, status }), |(key, _)| key[0]);
                directory.addresses.push((email, address));
            }
        }
        directory
    }

    /// The users whom the members of a row name. All keys are made first, so that the memory of several users is waited for at
    /// once.
    pub(super) fn members(&self, members: &[Member]) -> Vec<Match> {
        let key = |member: &Member| match member {
            Member::Id(id) => Err(*id),
            Member::Address(address) => Ok(self.key(address)),
        };
        let keys: Vec<_> = members.iter().map(key).collect();
        let found = |key| match key {
            Ok(key) => self.by_key(key),
            Err(id) => self.by_id.get(&id).map_or(Match::None, |status| Match::One(FoundUser { id, status: *status })),
        };
        keys.into_iter().map(found).collect()
    }

    /// The users of an address.
    pub(super) fn by_address(&self, address: &str) -> Match {
        self.by_key(self.key(address))
    }

    fn by_key(&self, key: AddressKey) -> Match {
        let mut users = self.by_address.iter_hash(key[0]).filter(|(known, _)| *known == key).map(|(_, user)| *user);
        match (users.next(), users.next()) {
            (None, _) => Match::None,
            (Some(user), None) => Match::One(user),
            (Some(one), Some(other)) => {
                Match::Several([one, other].into_iter().chain(users).map(|user| user.id).collect())
            }
        }
    }

    fn key(&self, address: &str) -> AddressKey {
        let hash = |lower: &str| self.hashers.each_ref().map(|hasher| hasher.hash_one(lower));
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
        let (wanted, most) = (BatchComparator::new(address.chars()), Args::default().score_cutoff(SLIPS_MAX));
        let slips = |lower: &String| wanted.distance_with_args(lower.chars(), &most);
        let near = self.addresses.iter().filter_map(|(known, lower)| Some((slips(lower)?, known)));
        let near = near.min_by_key(|(slips, _)| *slips);
        let local = || {
            let (local, _) = address.rsplit_once('@')?;
            let is_same = |lower: &str| lower.rsplit_once('@').is_some_and(|(other, _)| other == local);
            self.addresses.iter().rfind(|(_, lower)| is_same(lower)).map(|(known, _)| known)
        };
        near.map(|(_, known)| known).or_else(local).map(String::as_str)
    }
}
