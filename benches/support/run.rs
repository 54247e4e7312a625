//! What a benchmark was asked for, and how it ends.

use std::process::ExitCode;

/// How much is measured.
pub(crate) struct Size {
    /// The rows that are measured, unless the command names another number.
    pub(crate) rows: usize,
    /// The rows that are only tried: by `cargo test`, which does not say `--bench`.
    pub(crate) tried: usize,
    /// How often everything is measured.
    pub(crate) rounds: usize,
}

/// The first argument that is not cargo's.
pub(crate) fn first() -> Option<String> {
    std::env::args().skip(1).find(|argument| !argument.starts_with("--"))
}

/// Measures, with these numbers of rows and rounds, and prints the figures.
pub(crate) fn run<M>(
    size: &Size,
    measure: impl FnOnce(usize, usize) -> Result<M, String>,
    print: impl FnOnce(usize, &M),
) -> ExitCode {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (count, rounds) = if is_bench { (size.rows, size.rounds) } else { (size.tried, 1) };
    let count = first().map_or(count, |first| first.parse().expect("a number of rows is expected"));
    match measure(count, rounds) {
        Ok(measured) => {
            print(count, &measured);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
