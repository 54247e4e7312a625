//! The users of an organization, by id and address. Pure.

use std::borrow::Cow;
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
    users: Vec<User>,
    ids: HashSet<u64>,
    /// Of those who are not active.
    statuses: HashMap<u64, UserStatus>,
    /// The second part of an address's key, and the user's id.
    by_address: HashTable<(u64, u64)>,
    hashers: [DefaultHashBuilder; 2],
    domains: HashSet<String>,
    looked: AtomicU32,
}

/// Two hashes of an address in lower case, with secret random keys: smaller than the address, so that 20,000 users stay in a
/// processor's cache. The first is the place in the table; at least seven of its bits are compared. That one of a million
/// addresses equals that of one of 20,000 other users is less likely than 1 in 10^11.
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
    pub fn new(mut users: Vec<User>) -> Self {
        let mut directory = Self { by_address: HashTable::with_capacity(users.len()), ..Self::default() };
        // A list that changes while it is read may show a user twice.
        users.retain(|user| !is_deleted(user) && directory.ids.insert(user.id));
        for User { id, email, status } in &users {
            if *status != UserStatus::Active {
                directory.statuses.insert(*id, *status);
            }
            let Some((_, domain)) = email.rsplit_once('@') else { continue };
            if *status != UserStatus::Bot {
                directory.domains.get_or_insert_with(&*lower(domain), str::to_owned);
            }
            let [place, check] = directory.key(email);
            directory.by_address.insert_unique(place, (check, *id), |_| unreachable!("there is room for all"));
        }
        Self { users, ..directory }
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
            Err(id) => self.ids.get(&id).map_or(Match::None, |id| Match::One(self.user(*id))),
        };
        keys.into_iter().map(found).collect()
    }

    /// The users of an address.
    pub(super) fn by_address(&self, address: &str) -> Match {
        self.by_key(self.key(address))
    }

    fn user(&self, id: u64) -> FoundUser {
        FoundUser { id, status: self.statuses.get(&id).copied().unwrap_or(UserStatus::Active) }
    }

    fn by_key(&self, [place, check]: AddressKey) -> Match {
        let mut ids = self.by_address.iter_hash(place).filter(|(known, _)| *known == check).map(|(_, id)| *id);
        match (ids.next(), ids.next()) {
            (None, _) => Match::None,
            (Some(id), None) => Match::One(self.user(id)),
            (Some(one), Some(other)) => Match::Several([one, other].into_iter().chain(ids).collect()),
        }
    }

    fn key(&self, address: &str) -> AddressKey {
        let address = lower(address);
        self.hashers.each_ref().map(|hasher| hasher.hash_one(&*address))
    }

    /// The address of each user whom it finds.
    #[must_use]
    pub fn addresses(&self) -> HashMap<u64, &str> {
        let is_found = |user: &&User| matches!(self.by_address(&user.email), Match::One(_));
        self.users.iter().filter(is_found).map(|user| (user.id, user.email.as_str())).collect()
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
        let address = lower(address);
        let (wanted, most) = (BatchComparator::new(address.chars()), Args::default().score_cutoff(SLIPS_MAX));
        let slips = |known: &str| wanted.distance_with_args(lower(known).chars(), &most);
        let known = || self.users.iter().map(|user| user.email.as_str()).filter(|address| address.contains('@'));
        let near = known().filter_map(|known| Some((slips(known)?, known))).min_by_key(|(slips, _)| *slips);
        let local = || {
            let (local, _) = address.rsplit_once('@')?;
            known().find(|known| known.rsplit_once('@').is_some_and(|(other, _)| lower(other) == local))
        };
        near.map(|(_, known)| known).or_else(local)
    }
}

/// Without a copy, if it is so already.
fn lower(address: &str) -> Cow<'_, str> {
    let is_lower = address.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_lower { address.into() } else { address.to_lowercase().into() }
}

fn is_deleted(user: &User) -> bool {
    user.email.rsplit_once('.').is_some_and(|(rest, id)| rest.ends_with(".deleted") && id.parse() == Ok(user.id))
}
