//! The Tallyfy API: one request in, one answer out, and what the answers mean.
//!
//! Repeats a request only if its token was refused and there is a newer one; everything else about a response is decided
//! by `send`.

mod client;
mod credentials;
mod exchange;
mod http;
mod pages;
mod renewing;
mod wire;

#[cfg(test)]
mod tests;

pub use client::{Client, List, probe};
pub use credentials::{Credentials, Token, TokenError};
pub use exchange::{Answer, BodyFault, Call, Exchange, Hints, Lost};
pub use http::{BaseUrl, BaseUrlError, Http};
pub use pages::{Walk, WalkError};
pub use renewing::Renewing;
pub use reqwest::Method;
pub use wire::{Guest, Listed, Page, Refusal, created, error_text, group, is_web_page};
