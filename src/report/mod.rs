//! What people and scripts see: progress, logs, results, rejects, the closing summary, problems, the plan.
//!
//! Consumes events and outcomes and shows them; decides nothing. The only module that prints.

mod columns;
mod explain;
mod export;
mod forecast;
mod log;
mod output;
mod plan;
mod problem_line;
mod problems;
mod progress;
mod progress_state;
mod rejects;
mod results;
mod status_line;
mod summary;
mod undo;

pub use explain::explanation;
pub(crate) use export::export_text;
pub(crate) use forecast::Forecast;
pub use log::{LogOptions, start_log};
pub(crate) use output::{Output, is_regular, open_csv_row};
pub use output::{OutputError, csv_row, probe, write_file};
pub(crate) use plan::PlanReport;
pub use problems::{ProblemStyle, Problems};
pub(crate) use progress::Progress;
pub use rejects::{Rejects, reject_paths};
pub use results::Results;
pub use status_line::StatusLine;
pub(crate) use summary::Summary;
pub(crate) use undo::UndoPlan;

/// A number with thousands separators: 12,345.
pub(crate) fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

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
