//! Events that a run reports while it goes on; progress, logs and tests fold them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Forecast, Status, Undone, span};

/// Something happened that reporters may want to show.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// This many rows of the input have been read.
    Read(u64),
    /// What the import will take; no request was sent yet.
    Forecast(Forecast),
    /// A page of the organization's groups was read.
    Listed {
        /// Pages read so far.
        page: u64,
        /// Pages in all; 0 while that is unknown.
        pages: u64,
    },
    /// Sending begins.
    Sending {
        /// Valid rows that are settled already, also by earlier runs.
        done: u64,
        /// Valid rows in all.
        total: u64,
    },
    /// A row got its status.
    Settled(Status),
    /// Deleting begins.
    Deleting {
        /// Groups that earlier runs deleted.
        done: u64,
        /// Groups to delete in all.
        total: u64,
    },
    /// The outcome of one of them.
    Undone(Undone),
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// 401: the token is wrong or died.
    TokenRefused(String),
    /// 403: the token may not do this.
    Forbidden(String),
    /// 404: no such organization or endpoint.
    NotFound(String),
    /// The server asked for a longer pause than allowed.
    PauseTooLong(Duration),
    /// The server has refused everything for now, again and again, for longer than allowed; or all that a row may be sent.
    Refusing {
        /// For how long.
        time: Duration,
        /// What befell the last request.
        why: String,
    },
    /// The organization's cap on guest invites keeps all rows with guests from being sent for longer than allowed.
    GuestCapTooLong(Duration),
    /// 3xx: the server wants the request to go elsewhere; redirects are not followed.
    Redirected(u16),
    /// The organization's groups could not be listed; the last attempt failed so.
    Unreachable(String),
    /// The server, or the way to it, has failed for everyone for longer than allowed.
    Down {
        /// For how long.
        time: Duration,
        /// What befell the last request.
        why: String,
    },
    /// The journal cannot be written.
    Journal,
    /// The file that the limit is kept by after a restart cannot be written: which, and why.
    Unrecorded(String),
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |f: &mut fmt::Formatter<'_>, text: &str| {
            if text.is_empty() { Ok(()) } else { write!(f, " (it said: {text})") }
        };
        match self {
            Self::TokenRefused(text) => {
                f.write_str("the server refused the token (401)")?;
                said(f, text)?;
                f.write_str("; run the same command again with a new one: what is done is kept")
            }
            Self::Forbidden(text) => {
                f.write_str("the token may not do this (403)")?;
                said(f, text)?;
                f.write_str("; it needs the permission manage_groups in this organization")
            }
            Self::NotFound(text) => {
                f.write_str("the server knows no such organization or endpoint (404)")?;
                said(f, text)?;
                f.write_str("; check the organization's id and the base URL")
            }
            Self::Redirected(status) => {
                write!(f, "the server redirects ({status}), which is not followed; check the base URL")
            }
            Self::PauseTooLong(time) => {
                let time = span(*time);
                write!(
                    f,
                    "the server asked for a pause of {time} (with a second of grace), longer than --max-wait; run the same command again later"
                )
            }
            Self::Refusing { time, why } => {
                let time = span(*time);
                write!(
                    f,
                    "the server has turned everything away for {time} ({why}); what is done is kept: run the same command again later"
                )
            }
            Self::GuestCapTooLong(time) => {
                let time = span(*time);
                write!(
                    f,
                    "the organization's cap on guest invites is in the way for longer than --max-wait (its last pause: {time}); the rows without guests are done: run the same command again later, or with a longer --max-wait, for those with guests"
                )
            }
            Self::Unreachable(text) => write!(f, "the organization's groups cannot be listed: {text}"),
            Self::Down { time, why } => {
                let time = span(*time);
                write!(
                    f,
                    "the server has been down for {time}, longer than --max-wait ({why}); what is done is kept: run the same command again later"
                )
            }
            Self::Unrecorded(why) => {
                write!(f, "{why}; nothing more was sent: mend that and run the same command again")
            }
            Self::Journal => f.write_str("the journal cannot be written"),
            Self::Interrupted => f.write_str("interrupted; run the same command again to go on"),
        }
    }
}
