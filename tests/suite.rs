//! All tests in one program, so that tests of all files run side by side; `cargo test disk::` runs those of one file.
//! `storms.rs` is a program of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod altered;
mod architecture;
mod cli;
mod cures;
mod cuts;
mod damage;
mod disk;
mod export;
mod fault_scripts;
mod faults;
mod fix;
mod flags;
mod formats;
mod guests;
mod import;
mod kills;
mod kit;
mod known_guests;
mod limits;
mod links;
mod lost_answers;
mod merged;
mod messages;
mod model;
mod outputs;
mod pace;
mod pages;
mod people;
mod places;
mod readme;
mod refusals;
mod rejects;
mod resume;
mod scene;
mod server;
mod support;
mod sync;
mod sync_faults;
mod terminal;
mod token;
mod undo;
mod undo_storms;
mod validate;
mod workbooks;
