//! `tallyfy-groups` creates groups in a Tallyfy organization from files, each exactly once.
//!
//! The flow: **read** files into rows → **check** them → **plan** against what the organization holds →
//! **send** what is missing → **record** it in the journal → **report**.
//!
//! - [`cli`] is what may be typed; [`settings`] is what is meant; [`commands`] are the conductors, one a command.
//! - [`model`] holds the nouns that cross rooms.
//! - [`read`] turns files into rows, [`check`] rows into groups or faults, [`plan`] decides what is to be done with each.
//! - [`tallyfy`] is the API: one request in, one answer out. [`send`] paces, judges and repeats.
//! - [`journal`] has on disk what was begun before it leaves, and what came of it.
//! - [`report`] shows; [`exit`] is the table of exit codes.
//! - [`sandbox`] is the simulated API, which reads the API's documentation for itself.

pub mod cli;
pub mod settings;

pub mod commands;

pub mod model;

pub mod read;

pub mod check;

pub mod plan;

pub mod tallyfy;

pub mod send;

pub mod journal;

pub mod report;

pub mod exit;

pub mod sandbox;
