//! Logging: warnings on standard error by default, above the status lines.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use console::colors_enabled_stderr;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::status_line::StatusLine;
use crate::model::{LogFormat, shown_path};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What is logged, and where.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// 0 for `-q`; 1, and one more for each `-v`.
    pub verbosity: usize,
    /// `RUST_LOG`, which takes precedence.
    pub directives: Option<String>,
    /// `--log-format`
    pub format: LogFormat,
    /// `--log-file`, instead of standard error.
    pub file: Option<PathBuf>,
}

/// Starts logging; a line is written above the status lines.
///
/// # Errors
/// If the file cannot be written or the directives cannot be understood: the flag or the variable, and what is wrong.
pub fn start_log(options: &LogOptions, status: &StatusLine) -> Result<(), String> {
    let ours = LEVELS[options.verbosity.min(LEVELS.len() - 1)];
    let directives = options.directives.clone().unwrap_or_else(|| format!("warn,tallyfy_groups={ours}"));
    let filter = EnvFilter::try_new(directives).map_err(|error| format!("RUST_LOG: {error}"))?;
    let sink = match &options.file {
        None => {
            let status = status.clone();
            BoxMakeWriter::new(move || status.clone())
        }
        Some(path) => {
            let failed = |reason: io::Error| format!("--log-file {}: {reason}", shown_path(path));
            BoxMakeWriter::new(File::options().create(true).append(true).open(path).map_err(failed)?)
        }
    };
    let is_stderr = options.file.is_none();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(sink).with_target(false);
    // A second start in one process has no effect.
    let _ = match options.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text if is_stderr => builder.with_ansi(colors_enabled_stderr()).without_time().try_init(),
        LogFormat::Text => builder.with_ansi(false).try_init(),
    };
    Ok(())
}
