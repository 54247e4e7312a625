//! What can be typed about the server, the speed and the outputs; for `import`, `export` and `undo`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint, value_parser};

use super::values;
use crate::model::ProgressMode;

/// Server and speed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Id of the organization [env: TALLYFY_ORG_ID]
    #[arg(long, value_name = "ID")]
    pub org: Option<String>,
    /// Use a simulated organization: no account, no token, no network
    ///
    /// It is kept in a journal of its own, STEM.sandbox.journal.
    #[arg(long, conflicts_with_all = ["base_url", "token_file"])]
    pub sandbox: bool,
    /// CSV file of the simulated organization's users (columns id, email, status) [default: ids 1 to 9999]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "sandbox", hide_short_help = true)]
    pub sandbox_users: Option<PathBuf>,
    #[expect(rustdoc::bare_urls, reason = "this comment is shown as help")]
    /// Address of the API; may have a path [env: TALLYFY_BASE_URL] [default: https://api.tallyfy.com]
    ///
    /// It must be https, except on this machine.
    #[expect(clippy::doc_markdown, reason = "the help shows the address as it is")]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, hide_short_help = true)]
    pub base_url: Option<String>,
    /// File that holds the token [env: TALLYFY_TOKEN_FILE]
    ///
    /// The file is read again after a 401 before the run gives up. The token itself can be in TALLYFY_API_TOKEN, else in
    /// TALLYFY_ACCESS_TOKEN.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// PEM file with the certificate of an authority that the system does not know
    ///
    /// SSL_CERT_FILE and SSL_CERT_DIR replace those of the system; HTTPS_PROXY names a proxy.
    #[expect(clippy::doc_markdown, reason = "the help shows the variables as they are")]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub ca_file: Option<PathBuf>,
    /// Rate limit: most requests in any such period [env: TALLYFY_RATE] [default: 600/min]
    ///
    /// N/s, N/min, N/h or N/DURATION, for requests of any kind. `none` does not limit the rate; `auto` finds what the
    /// server allows.
    #[arg(long, value_name = "N/PERIOD")]
    pub rate: Option<String>,
    /// Most requests in flight
    #[arg(long, value_name = "N", default_value = "16", value_parser = value_parser!(u32).range(1..=1024), hide_short_help = true)]
    pub concurrency: u32,
    /// Longest time for one request
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "30s", value_parser = values::timeout, hide_short_help = true)]
    pub timeout: Duration,
    /// Most attempts for one row
    #[arg(long, value_name = "N", default_value = "8", value_parser = value_parser!(u32).range(1..), hide_short_help = true)]
    pub max_attempts: u32,
    /// Longest pause that the server may ask for, and longest time that it may be down
    ///
    /// At a longer one the run stops with exit code 6.
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "2h", value_parser = values::duration, hide_short_help = true)]
    pub max_wait: Duration,
    /// Time after which a group that no list shows was not created
    ///
    /// If the response to a request was lost, the program looks for the group for at least this long before it sends the
    /// request again; longer if the server is slow.
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "6s", value_parser = values::duration, hide_short_help = true)]
    pub settle: Duration,
}

/// Outputs and how the run is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Folder of journal, results and rejects [default: that of the first FILE]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out_dir: Option<PathBuf>,
    /// Results file; JSON lines if it ends in .jsonl [default: STEM.results.csv, for undo STEM.undo.csv]
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub results: Option<PathBuf>,
    /// Journal of the import [default: STEM.journal]
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub journal: Option<PathBuf>,
    /// How progress is shown on standard error
    #[arg(long, value_enum, default_value_t, value_name = "HOW", hide_short_help = true)]
    pub progress: ProgressMode,
    /// Print the summary (or the plan of a dry run) as JSON on standard output
    ///
    /// `undo` then lists the groups to delete on standard error.
    #[arg(long)]
    pub json: bool,
}
