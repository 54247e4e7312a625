//! What people and scripts see: progress, logs, results, rejects, the closing summary, problems, the plan.
//!
//! Consumes events and outcomes and shows them; decides nothing. The only module that prints.

mod forecast;
mod log;
mod output;
mod plan_view;
mod problems;
mod progress;
mod progress_state;
mod rejects;
mod results;
mod rows;
mod status_line;
mod summary;

pub(crate) use forecast::Forecast;
pub use log::{LogOptions, start_log};
pub(crate) use output::{Output, is_regular};
pub use output::{OutputError, probe};
pub(crate) use plan_view::{Form, PlanTally, PlanView, PlanWriter};
pub use problems::{Problems, explanation};
pub(crate) use progress::Progress;
pub use rejects::{Rejects, reject_paths};
pub use results::Results;
pub use rows::csv_row;
pub(crate) use rows::{export_text, open_csv_row};
pub use status_line::StatusLine;
pub(crate) use summary::{RunKind, Summary};

use crate::model::grouped;

/// A line of a table of counts.
fn count_line(word: &str, count: u64) -> String {
    format!("  {word:<10} {:>9}\n", grouped(count))
}

/// A number and what it counts: 1 guest, 1,820 guests.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
