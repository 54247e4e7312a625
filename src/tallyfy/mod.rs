//! The Tallyfy API: one request in, one answer out, and what the answers mean.
//!
//! Repeats nothing: what a response means is decided by `execute`.

mod credentials;
mod endpoints;
mod http;
mod transport;
mod wire;

#[cfg(test)]
mod tests;

pub use credentials::{Credentials, Token};
pub use endpoints::{Endpoints, List};
pub use http::{BaseUrl, Http};
pub use reqwest::Method;
pub use transport::{Answer, BodyError, Call, Hints, Transport, TransportError};
pub use wire::{Guest, Page, PageCursor, Refusal, body, created, group, is_web_page};
