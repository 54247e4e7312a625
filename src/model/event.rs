//! Events that a run reports while it goes on; progress, logs and tests fold them.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::model::{Status, shortened, span};

/// Something happened that reporters may want to show.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// This many rows of the input have been read.
    Read(u64),
    /// A page of a list was read.
    Listed {
        /// What is listed: groups, users or guests.
        what: &'static str,
        /// Pages read so far.
        page: u64,
        /// Pages in all; 0 while that is unknown.
        pages: u64,
    },
    /// Sending begins, or deleting.
    Started {
        /// Whether groups are deleted, not created.
        is_deleting: bool,
        /// Valid rows that are settled already, also by earlier runs; or groups that earlier runs deleted.
        done: u64,
        /// All of them.
        total: u64,
    },
    /// A row, or a group to delete, got its status.
    Settled(Status),
    /// Nothing is sent for a while.
    Paused {
        /// From now on.
        time: Duration,
        /// Why.
        why: Wait,
    },
    /// The pause ended early.
    Resumed,
    /// No rows with guests are sent for a while; the others are.
    GuestsPaused {
        /// From now on.
        time: Duration,
        /// Why.
        why: GuestWait,
    },
    /// An estimate for the rows with guests.
    GuestsTake {
        /// How many are not settled.
        rows: u64,
        /// From now on, until the last of them is sent.
        time: Duration,
    },
    /// At most this many requests per second can be expected.
    Rate(f64),
}

/// Why nothing is sent for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// The server asked for it.
    Asked,
    /// The server refuses requests and named no time, or one that was too short.
    Refused,
    /// The rate limit is used up.
    Limit,
    /// The server fails for everyone; the error of the last request.
    Down(String),
}

/// Why no rows with guests are sent for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestWait {
    /// The organization's guest quota.
    Capped,
    /// `--guest-rate`
    Rated,
}

/// Receives events. It is called by the work itself, so it must be quick.
pub type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// Why a run stopped before its last row.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StopReason {
    /// 401: the token is wrong or expired; what the server said.
    #[error("the server refused the token (401){}; run the same command again with a new token: finished rows are kept", quoted(.0))]
    TokenRefused(String),
    /// 403 for a list.
    #[error(
        "the organization cannot be listed: {0}; the token needs the permission manage_groups in this organization"
    )]
    Forbidden(String),
    /// Members are named by address, and the users may not be listed.
    #[error(
        "members are e-mail addresses ({}), and the users of the organization cannot be listed ({refusal}); use a token that may list them, or write user ids",
        shortened(address)
    )]
    UsersRefused {
        /// The first address.
        address: String,
        /// What the server said.
        refusal: String,
    },
    /// 404 for a list.
    #[error("the organization cannot be listed: {0}; check the organization's id and the base URL")]
    NotFound(String),
    /// Too many requests in a row were refused with 403 or 404.
    #[error("{count} requests in a row were refused, the last with: {why}; check {}, and run the same command again", suspects(*.status))]
    RefusedInARow {
        /// How many.
        count: u32,
        /// The status of the last one.
        status: u16,
        /// Its error.
        why: String,
    },
    /// The server asked for a longer pause than allowed.
    #[error("the server asked for a pause of {} (one second is added), longer than --max-wait; run the same command again later", span(*.0))]
    PauseTooLong(Duration),
    /// The server has refused every request with 429 or 503 for longer than allowed, or for all attempts of a row.
    #[error("the server has refused every request for {} ({why}); finished rows are kept: run the same command again later", span(*.time))]
    Refusing {
        /// For how long.
        time: Duration,
        /// The error of the last request.
        why: String,
    },
    /// The organization's cap on guest invites holds back all rows with guests for longer than allowed.
    #[error(
        "the organization's cap on guest invites holds back the rows with guests for longer than --max-wait (its last pause: {}); the rows without guests are done: run the same command again later, or with a longer --max-wait, for those with guests",
        span(*.0)
    )]
    GuestCapTooLong(Duration),
    /// 3xx: redirects are not followed.
    #[error("the server redirects ({0}), and redirects are not followed; check the base URL")]
    Redirected(u16),
    /// The organization's groups or users could not be listed: the error of the last attempt.
    #[error("the organization cannot be listed: {0}")]
    Unreachable(String),
    /// The server, or the connection to it, has failed for every request for longer than allowed.
    #[error("the server has been down for {}, longer than --max-wait ({why}); finished rows are kept: run the same command again later", span(*.time))]
    Down {
        /// For how long.
        time: Duration,
        /// The error of the last request.
        why: String,
    },
    /// The journal cannot be written.
    #[error("the journal cannot be written")]
    Journal,
    /// The file that keeps the rate limit over a restart cannot be written: which, and why.
    #[error("{0}; nothing more was sent: fix that and run the same command again")]
    Unrecorded(String),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted; run the same command again to continue")]
    Interrupted,
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" (it said: {text})") }
}

/// What to check when requests are refused with this status.
fn suspects(status: u16) -> &'static str {
    match status {
        403 => "whether the token has the permission manage_groups, or a firewall blocks the requests",
        _ => "the organization's id, the base URL and the rows' members",
    }
}
