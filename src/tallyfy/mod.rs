//! The Tallyfy API: one request in, one answer out, and what the answers mean.
//!
//! Never repeats a request and never decides what to do about an answer: that is `send`'s business.

mod client;
mod exchange;
mod http;
mod pages;
mod wire;

pub use client::Client;
pub use exchange::{Answer, BodyFault, Call, Exchange, Lost, Method};
pub use http::{BaseUrl, BaseUrlError, Http, HttpError, Token, TokenError};
pub use pages::{Walk, WalkError};
pub use wire::{Listed, Page, Refusal, created, group};
