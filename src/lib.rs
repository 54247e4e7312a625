//! `tallyfy-groups` creates groups in a Tallyfy organization from files, each exactly once.
//!
//! The pipeline: **read** files into rows → **check** them → **resolve** their people → **plan** the difference to the
//! organization → record it in the **journal** → **execute** it → **report**.
//!
//! - [`cli`]: the command line. [`settings`]: flags, environment and defaults, resolved. [`commands`]: one file per command.
//! - [`model`]: nouns shared by all modules: row, group, problem, outcome, event.
//! - [`read`]: files → rows. [`check`]: rows → groups or problems. [`resolve`]: members → users of the organization.
//!   [`plan`]: rows and existing groups → actions.
//! - [`tallyfy`]: the API, one request in, one response out. [`execute`]: workers, classification, retries, lookups.
//!   [`limit`]: rate limiter, circuit breaker, guest quota.
//! - [`journal`]: the durable log of rows, attempts and outcomes. An attempt is committed before its request leaves.
//! - [`report`]: progress, problems, results, rejects, summary, log. [`exit`]: the exit codes.
//! - [`sandbox`]: the simulated API, which imports nothing of [`tallyfy`].

pub mod check;
pub mod cli;
pub mod commands;
pub mod execute;
pub mod exit;
pub mod journal;
pub mod limit;
pub mod model;
pub mod plan;
pub mod read;
pub mod report;
pub mod resolve;
pub mod sandbox;
pub mod settings;
pub mod tallyfy;
