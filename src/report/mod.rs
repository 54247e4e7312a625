//! What people and scripts see: progress, logs, results, rejects, the closing summary, problems, the plan.
//!
//! Consumes events and outcomes and shows them; decides nothing. The only module that prints.

mod cleaned;
mod columns;
mod estimate;
mod explain;
mod fold;
mod forecast;
mod log;
mod output;
mod plan;
mod problem_line;
mod problems;
mod progress;
mod progress_state;
mod rejects;
mod repeat;
mod results;
mod span;
mod status_line;
mod summary;
mod undo;

pub use cleaned::Cleaned;
pub use explain::explanation;
pub use log::{LogError, LogOptions, start_log};
pub use output::{OutputError, Sealed, csv_row, probe, refuse_link};
pub use plan::PlanReport;
pub use problems::{ProblemStyle, Problems};
pub use progress::Progress;
pub use rejects::{Rejects, SealedRejects, reject_paths};
pub use repeat::Repeat;
pub use results::Results;
pub(crate) use span::counted;
pub use status_line::StatusLine;
pub use summary::{Closing, Summary};
pub use undo::{Removing, UndoPlan};

/// A number with thousands separators: 12,345.
fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

#[cfg(test)]
mod tests;
