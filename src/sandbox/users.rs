//! The organization's users, generated on demand. Pure.

use serde_json::{Value, json};

const FIRST_ID: u64 = 1001;
const DOMAIN: &str = "@members.example";

/// The users 1001 and up; with a count of 0, every id is a user.
pub(super) struct Users {
    count: u64,
}

impl Users {
    pub(super) fn new(users: usize) -> Self {
        Self { count: u64::try_from(users).unwrap_or(u64::MAX - FIRST_ID) }
    }

    /// Whether `id` may be a member; without users every positive number may.
    pub(super) fn has(&self, id: u64) -> bool {
        match self.count {
            0 => id > 0,
            count => id >= FIRST_ID && id - FIRST_ID < count,
        }
    }

    /// Whether `address` belongs to a user.
    pub(super) fn owns(&self, address: &str) -> bool {
        let address = address.to_lowercase();
        let id = address
            .strip_prefix("user")
            .and_then(|rest| rest.strip_suffix(DOMAIN))
            .and_then(|digits| digits.parse().ok());
        self.count > 0 && id.is_some_and(|id| self.has(id) && address == email(id))
    }

    /// The users whose name or address contains `q`, which is in lower case.
    pub(super) fn search(&self, q: &str) -> Vec<Value> {
        let ids = FIRST_ID..FIRST_ID + self.count;
        ids.filter(|id| format!("user {id} {}", email(*id)).contains(q)).map(user).collect()
    }
}

/// One user, as the API shows it.
fn user(id: u64) -> Value {
    let role = if id == FIRST_ID { "admin" } else { "standard" };
    let (email, last_name) = (email(id), id.to_string());
    json!({"id": id, "email": email, "first_name": "User", "last_name": last_name, "status": "active", "role": role})
}

fn email(id: u64) -> String {
    format!("user{id}{DOMAIN}")
}
