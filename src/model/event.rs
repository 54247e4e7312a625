//! What work tells while it goes on; reporters fold it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Forecast, Status, Undone, span};

/// Something worth showing happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// So many rows of the input have been read.
    Read(u64),
    /// That is what the import will take; the first request has not left.
    Forecast(Forecast),
    /// The organization's groups are being listed.
    Listed {
        /// Pages read so far.
        page: u64,
        /// Pages there are; 0 while that is not known.
        pages: u64,
    },
    /// The sending begins: this many rows are still to be settled.
    Sending(u64),
    /// A row got its status.
    Settled(Status),
    /// The deleting begins: so many groups are to be deleted.
    Deleting(u64),
    /// That became of one of them.
    Undone(Undone),
    /// Nothing is sent for so long.
    Paused {
        /// From now on.
        time: Duration,
        /// Why.
        why: Wait,
    },
    /// The wait is over before its time.
    Resumed,
    /// No rows that carry guests are sent for so long; the others are.
    GuestsPaused {
        /// From now on.
        time: Duration,
        /// Why.
        why: GuestWait,
    },
    /// The rows that carry guests and are not settled.
    GuestsTake {
        /// How many there are.
        rows: u64,
        /// The last of them is expected to be sent in so long.
        time: Duration,
    },
    /// So many requests in a second can be expected to leave at most.
    Rate(f64),
}

/// Why nothing is sent for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// The server asked for it.
    Asked,
    /// The server took no more, and named no time, or too short a one.
    Refused,
    /// As many requests as the limit lets have left.
    Limit,
    /// The server fails for everyone; what befell the last request.
    Down(String),
}

/// Why no rows that carry guests are sent for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestWait {
    /// The organization's cap on guest invites.
    Capped,
    /// `--guest-rate`
    Rated,
}

/// Whoever wants to hear of events. Called from the work itself: it must be quick.
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
