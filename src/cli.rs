//! What may be typed. The doc comments are the help.

use std::path::PathBuf;
use std::time::Duration;

mod undo;
mod values;

pub use undo::UndoArgs;
pub use values::{
    FormatArg, LogFormatArg, MatchNamesArg, OnDuplicateArg, OnExistingArg, ProblemFormatArg, ProgressArg,
};

use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};

/// Import groups into a Tallyfy organization from CSV and JSON-lines files.
///
/// Every row is checked, repeated names are dropped, and groups are created at the rate limit, each exactly once:
/// however a run ends, the same command again finishes it.
#[derive(Debug, Parser)]
#[command(name = "tallyfy-groups", version, max_term_width = 100, after_long_help = TOUR)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Logging.
    #[command(flatten)]
    pub log: LogArgs,
}

const TOUR: &str = "\
First steps:
  tallyfy-groups import groups.csv --sandbox        try it: no account, nothing leaves this machine
  tallyfy-groups validate groups.csv                name every problem of the file
  tallyfy-groups import --dry-run groups.csv        say what would become of every row
  tallyfy-groups import groups.csv                  create the groups
  tallyfy-groups import groups.rejects.csv          after mending: import the rest
  tallyfy-groups undo groups.csv                    take it back: delete what the import created

The organization is read from TALLYFY_ORG_ID or --org, the token from TALLYFY_API_TOKEN or --token-file.

Exit codes:
  0    every row is created, exists or is a duplicate; or no problem was found; or all is taken back
  1    the program or the machine failed
  2    wrong usage: flags, a missing file, a header that cannot be used
  3    the token is missing, wrong, or died during the run
  5    organization or endpoint not found
  6    the server asked for a longer pause than --max-wait
  7    problems in the file (validate, --dry-run, --strict)
  9    finished, but some rows are invalid, failed or unknown (undo: some groups were left)
  130  interrupted; run the same command again to go on";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create the groups that files define
    ///
    /// Reads and checks all files first, then creates what the organization does not have yet. Writes the results
    /// (one row for every input row), the rejects (rows to be mended and imported again) and the journal, by which
    /// the same command goes on with a run that was cut off.
    Import(Box<ImportArgs>),
    /// Check files without any network
    ///
    /// Names every problem of every row with its file and line, as editors and compilers do. Exit code 7 if there is one.
    /// Warnings do not count, unless --strict is said.
    Validate(Box<ValidateArgs>),
    /// Delete the groups that one run of `import` created
    ///
    /// Takes back the latest run over a journal, or the one that --run names: shows which groups that is, asks, and
    /// deletes them. Groups that were there before are never touched. A group that was changed or renamed since it was
    /// created is left alone and named, unless --force is said. Writes the results, one row for each group the run
    /// created; the same command again goes on where it was cut off.
    #[command(after_long_help = undo::TOUR)]
    Undo(Box<UndoArgs>),
    /// Serve a simulated Tallyfy API on this machine
    ///
    /// Prints its address and serves until it is interrupted. Groups live in memory only.
    Sandbox(SandboxArgs),
    /// Print shell completions
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

impl Command {
    /// The files it reads.
    #[must_use]
    pub fn inputs(&self) -> &[PathBuf] {
        match self {
            Self::Import(args) => &args.input.files,
            Self::Validate(args) => &args.input.files,
            Self::Undo(args) => args.file.as_slice(),
            Self::Sandbox(_) | Self::Completions { .. } | Self::Man => &[],
        }
    }
}

/// Logging, for every command.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// Log more: -v the steps, and what is sent again and why; -vv every request
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Log errors only, and print no progress and no summary
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Log lines for people or as JSON
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub log_format: LogFormatArg,
    /// Write logs to this file instead of standard error
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub log_file: Option<PathBuf>,
}

/// How files are read and checked.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// CSV or JSON-lines files; `-` is standard input. Several files are one import
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// The files' format [default: found from the file]
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    pub format: Option<FormatArg>,
    /// The character between cells: one of , ; | or another, or `tab` [default: found from the header]
    #[arg(long, value_name = "C", value_parser = values::delimiter, help_heading = "Input")]
    pub delimiter: Option<u8>,
    /// The files' encoding, such as windows-1252 [default: UTF-8, or UTF-16 with a byte-order mark]
    #[arg(long, value_name = "NAME", value_parser = values::encoding, help_heading = "Input")]
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// The column that holds a field: name, description, members or guests. Can be repeated
    #[arg(long, value_name = "FIELD=COLUMN", value_parser = values::mapping, help_heading = "Input")]
    pub map: Vec<(crate::model::Field, String)>,
    /// Read no more than the first N rows
    #[arg(long, value_name = "N", help_heading = "Input")]
    pub limit: Option<u64>,
    /// When names are the same: `folded` ignores case, outer and repeated spaces, and Unicode composition
    #[arg(long, value_name = "HOW", default_value = "folded", help_heading = "Rules")]
    pub match_names: MatchNamesArg,
    /// A row whose name an earlier row has: the first wins, takes over the later one's members and guests, or the later one is invalid
    #[arg(long, value_name = "WHAT", default_value = "skip", help_heading = "Rules")]
    pub on_duplicate: OnDuplicateArg,
    /// A row without a description is invalid
    #[arg(long, help_heading = "Rules")]
    pub require_description: bool,
    /// Give this description to rows that have none
    #[arg(long, value_name = "TEXT", help_heading = "Rules")]
    pub default_description: Option<String>,
}

/// `import`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ImportArgs {
    /// The input.
    #[command(flatten)]
    pub input: InputArgs,
    /// Say what would become of every row; send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Import into a simulated organization inside this process: no account, no token, no network
    #[arg(long, conflicts_with_all = ["base_url", "token_file"])]
    pub sandbox: bool,
    /// Do not go on with a run that was cut off: begin anew
    #[arg(long)]
    pub fresh: bool,
    /// Where to and how fast.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// The most new guest addresses in a period: rows that carry more wait, and the others go on; Tallyfy's own cap is 30/h [default: rows with guests wait when the cap refuses them]
    #[arg(long, value_name = "N/PERIOD", help_heading = "Connection")]
    pub guest_rate: Option<String>,
    /// A row whose name the organization already has: settled as `exists`, or as `failed`
    #[arg(long, value_name = "WHAT", default_value = "skip", help_heading = "Rules")]
    pub on_existing: OnExistingArg,
    /// Send nothing if any row is invalid
    #[arg(long, help_heading = "Rules")]
    pub strict: bool,
    /// The folder for results, rejects and journal
    #[arg(long, value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub out_dir: PathBuf,
    /// The results file; JSON lines if it ends in .jsonl [default: STEM.results.csv in the out-dir]
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub results: Option<PathBuf>,
    /// Repeat the input's own columns in the results
    #[arg(long, help_heading = "Output")]
    pub with_input: bool,
    /// The rows that were not imported, to be mended [default: STEM.rejects.EXT in the out-dir]
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub rejects: Option<PathBuf>,
    /// The journal [default: STEM.journal in the out-dir]
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub journal: Option<PathBuf>,
    /// Progress on standard error: a bar on a terminal, a line every ten seconds elsewhere
    #[arg(long, value_name = "HOW", default_value = "auto", help_heading = "Output")]
    pub progress: ProgressArg,
    /// Print the summary (or the plan of a dry run) as JSON on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Where to and how fast.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// The organization's id [env: TALLYFY_ORG_ID]
    #[arg(long, value_name = "ID")]
    pub org: Option<String>,
    /// The API's address.
    #[arg(
        long,
        value_name = "URL",
        value_hint = ValueHint::Url,
        help = "The API's address; may carry a path [env: TALLYFY_BASE_URL] [default: https://api.tallyfy.com]"
    )]
    pub base_url: Option<String>,
    /// A file that holds the token; read again after a 401 before giving up [env: TALLYFY_TOKEN_FILE; the token itself: TALLYFY_API_TOKEN, else TALLYFY_ACCESS_TOKEN]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// The most requests of any kind in any window of a period: N/s, N/min, N/h or N/DURATION; `none` sends unpaced, `auto` finds what the server allows [env: TALLYFY_RATE] [default: 600/min]
    #[arg(long, value_name = "N/PERIOD")]
    pub rate: Option<String>,
    /// The most requests in flight
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,
    /// The longest one request may take
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "30s", value_parser = values::timeout)]
    pub timeout: Duration,
    /// The most sends of one row
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_attempts: u32,
    /// The longest pause the server may ask for, and the longest time it may be down; the run stops at a longer one
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "2h", value_parser = values::duration)]
    pub max_wait: Duration,
    /// How long a group whose answer was lost may be absent from the organization's lists before it is sent again, at
    /// least; a slow server is given more
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "6s", value_parser = values::duration)]
    pub settle: Duration,
}

/// `validate`
#[derive(Debug, Args)]
#[command(mut_arg("files", |files| files.required(false).required_unless_present("explain")))]
pub struct ValidateArgs {
    /// The input.
    #[command(flatten)]
    pub input: InputArgs,
    /// Say what a problem means and how to mend it; the code is the word in brackets at the end of its line
    #[arg(long, value_name = "CODE", value_parser = values::code, exclusive = true)]
    pub explain: Option<crate::model::Code>,
    /// Write a cleaned copy of the one file: UTF-8, LF, no outer spaces, lists parted by `;`, no repeated members, guests or
    /// rows. What would be a guess is left as it stands; each repair is listed
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, conflicts_with = "limit", help_heading = "Output")]
    pub fix: Option<PathBuf>,
    /// Let warnings count: exit code 7 if there is one
    #[arg(long, help_heading = "Rules")]
    pub strict: bool,
    /// Show every problem, not just the first 20 of each kind
    #[arg(long, help_heading = "Output")]
    pub all: bool,
    /// For whom problems are written
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub format_problems: ProblemFormatArg,
    /// Print problems and totals as JSON lines; the same as --format-problems json
    #[arg(long, conflicts_with = "format_problems", help_heading = "Output")]
    pub json: bool,
}

/// `sandbox`
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// The port to serve on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value = "8765")]
    pub port: u16,
    /// Refuse requests beyond this rate with 429: N/s, N/min, N/h or N/DURATION; `none` refuses nothing
    #[arg(long, value_name = "N/PERIOD", default_value = "600/min")]
    pub rate: String,
    /// The number of groups at the start
    #[arg(long, value_name = "N", default_value = "0")]
    pub groups: usize,
    /// The number of users, with ids from 1001 on; with 0 any member id is a user's
    #[arg(long, value_name = "N", default_value = "0")]
    pub users: usize,
    /// How long every answer takes
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "0s", value_parser = values::duration)]
    pub latency: Duration,
    /// A fault script (TOML): which requests fail, and how
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub faults: Option<PathBuf>,
    /// Allow several groups with the same name
    #[arg(long)]
    pub allow_same_names: bool,
}
