//! Logging: warnings on standard error by default, above the status lines.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueHint};
use console::colors_enabled_stderr;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::status_line::StatusLine;
use crate::model::{LogFormat, shown_path};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What is logged, and where; for every command. The doc comments of flags are their help.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct LogOptions {
    /// Log more
    ///
    /// -v logs the steps, and each request that is repeated with its reason; -vv logs every request.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print nothing unless something goes wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Format of the log
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", hide_short_help = true)]
    pub log_format: LogFormat,
    /// Write the log to this file instead of standard error
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub log_file: Option<PathBuf>,
}

/// Starts logging; a line is written above the status lines. `RUST_LOG` has the `directives`, which take precedence.
///
/// # Errors
/// If the file cannot be written or the directives cannot be understood: the flag or the variable, and what is wrong.
pub fn start_log(options: &LogOptions, directives: Option<String>, status: &StatusLine) -> Result<(), String> {
    let verbosity = if options.quiet { 0 } else { 1 + usize::from(options.verbose) };
    let ours = LEVELS[verbosity.min(LEVELS.len() - 1)];
    let directives = directives.unwrap_or_else(|| format!("warn,tallyfy_groups={ours}"));
    let filter = EnvFilter::try_new(directives).map_err(|error| format!("RUST_LOG: {error}"))?;
    let sink = match &options.log_file {
        None => {
            let status = status.clone();
            BoxMakeWriter::new(move || status.clone())
        }
        Some(path) => {
            let failed = |reason: io::Error| format!("--log-file {}: {reason}", shown_path(path));
            BoxMakeWriter::new(File::options().create(true).append(true).open(path).map_err(failed)?)
        }
    };
    let is_stderr = options.log_file.is_none();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(sink).with_target(false);
    // A second start in one process has no effect.
    let _ = match options.log_format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text if is_stderr => builder.with_ansi(colors_enabled_stderr()).without_time().try_init(),
        LogFormat::Text => builder.with_ansi(false).try_init(),
    };
    Ok(())
}
