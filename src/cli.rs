//! What can be typed. The doc comments are the help. Options that a module uses as they are typed are declared by that module and
//! only have their place here. A flag with a default has it beside it; one that a variable can give instead is `None` if it was
//! not typed.

use std::path::PathBuf;
use std::time::Duration;

mod connection;
mod values;

pub use connection::{ConnectionArgs, OutputArgs};

use clap::{Args, Parser, Subcommand, ValueHint};

use crate::model::{
    Code, Format, MatchNames, MembersAs, MembersMode, OnDuplicate, OnExisting, ProblemFormat, ProgressMode, Rate,
};
use crate::plan::GuardOptions;
use crate::read::ReadOptions;
use crate::report::LogOptions;
use crate::resolve::PeopleRules;
use crate::sandbox::Options;

/// Import groups into a Tallyfy organization from CSV and JSON files
///
/// Every row is checked, repeated names are skipped, and each group is created exactly once, within the rate limit.
/// If a run is cut off, run the same command again: it continues where the last one ended.
#[derive(Debug, Parser)]
#[command(name = "tallyfy-groups", version, max_term_width = 100, after_long_help = include_str!("cli/examples.txt").trim_end())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Logging.
    #[command(flatten)]
    pub log: LogOptions,
    /// Configuration file [default: tallyfy-groups.toml here, or in your configuration directory]
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath, help_heading = "Output", hide_short_help = true)]
    pub config: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create the groups that files define
    ///
    /// Reads and checks all files, then creates the groups that the organization does not have yet. Existing groups are
    /// not changed. Beside the first file it writes the results (one row for each input row), the rejects (rows to fix
    /// and import again) and the journal, which lets the same command continue a run that was cut off.
    Import(Box<ImportArgs>),
    /// Make the organization's groups match files
    ///
    /// Creates what is missing, changes what differs, and with --prune deletes what the files no longer have: only groups that
    /// runs over the same journal created or took over. It shows the plan and asks before anything is changed. Exit code 8: a
    /// guard refused the plan, and nothing was changed.
    Sync(Box<SyncArgs>),
    /// Check files without any network
    ///
    /// Reports every problem of every row with its file and line, as compilers do. The exit code is 7 if there is an error.
    /// Warnings count only with --strict.
    Validate(Box<ValidateArgs>),
    /// Print the groups of the organization in the import format
    ///
    /// One row for each group, by name: `tallyfy_id` (the id of the group), name, description, members and guests. `import`
    /// finds that all of them exist. The organization is only read, and nothing is written unless all of it was. Exit codes
    /// are those of `import`. With --sandbox there are users but no groups; `sandbox --groups N` serves some.
    #[command(after_long_help = include_str!("cli/export-examples.txt").trim_end())]
    Export(Box<ExportArgs>),
    /// Take back what one run of `import` or `sync` did
    ///
    /// Undoes the latest run over FILE that changed something and is not undone yet, or the run given with --run: it
    /// shows the groups, asks, deletes those that the run created and restores the others. Groups that the run did not
    /// touch are never touched. Groups that were changed or renamed since are left alone and listed, unless --force is
    /// given. It writes the results, one row for each group. If it is cut off, the same command continues.
    #[command(after_long_help = include_str!("cli/undo-examples.txt").trim_end())]
    Undo(Box<UndoArgs>),
    /// List the exports of other systems that are recognized
    Layouts,
    /// Serve a simulated Tallyfy API on this machine
    ///
    /// Prints its address and serves until it is interrupted. Groups are kept in memory only.
    Sandbox(Box<SandboxArgs>),
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

impl Command {
    /// The files it reads.
    pub fn inputs(&self) -> &[PathBuf] {
        match self {
            Self::Import(args) => &args.run.input.files,
            Self::Sync(args) => &args.run.input.files,
            Self::Validate(args) => &args.input.files,
            Self::Undo(args) => args.file.as_slice(),
            Self::Export(_) | Self::Layouts | Self::Sandbox(_) | Self::Completions { .. } | Self::Man => &[],
        }
    }
}

/// How files are read and checked.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// CSV or JSON files, or workbooks; `-` is standard input. Several files are read as one
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// How they are read.
    #[command(flatten)]
    pub options: ReadOptions,
    /// Export that the files are, by its name [default: recognized]
    ///
    /// `tallyfy-groups layouts` lists them; `none` reads the files without.
    #[arg(long, value_name = "NAME", help_heading = "Input", hide_short_help = true)]
    pub layout: Option<String>,
    /// Name of the group, for a file of one group
    #[arg(long, value_name = "TEXT", conflicts_with = "name_from", help_heading = "Input")]
    pub name: Option<String>,
    /// Where the group's name comes from: `file` is the file's name
    #[arg(long, value_name = "WHERE", value_parser = ["file"], help_heading = "Input", hide_short_help = true)]
    pub name_from: Option<String>,
    /// Read only the first N rows
    #[arg(long, value_name = "N", help_heading = "Input", hide_short_help = true)]
    pub limit: Option<u64>,
    /// When two names are equal
    #[arg(long, value_enum, default_value_t, value_name = "HOW", help_heading = "Rules", hide_short_help = true)]
    pub match_names: MatchNames,
    /// What happens to a row whose name an earlier row has
    #[arg(long, value_enum, default_value_t, value_name = "WHAT", help_heading = "Rules")]
    pub on_duplicate: OnDuplicate,
    /// Reject rows without a description
    #[arg(long, help_heading = "Rules", hide_short_help = true)]
    pub require_description: bool,
    /// Description for rows that have none
    #[arg(long, value_name = "TEXT", help_heading = "Rules", hide_short_help = true)]
    pub default_description: Option<String>,
}

/// What `import` and `sync` have in common.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct RunArgs {
    /// The input.
    #[command(flatten)]
    pub input: InputArgs,
    /// Show what would happen; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: exit code 10 if anything would change
    #[arg(long, requires = "dry_run", hide_short_help = true)]
    pub detailed_exitcode: bool,
    /// Start over instead of continuing a run that was cut off
    #[arg(long, hide_short_help = true)]
    pub fresh: bool,
    /// Server and speed.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Most new guest addresses in any window of a period [default: none]
    ///
    /// Rows with more wait, while rows without guests go on. Tallyfy's own limit is 30/h; without this flag rows with guests
    /// wait when Tallyfy refuses them.
    #[arg(long, value_name = "N/PERIOD", value_parser = Rate::parse, help_heading = "Connection", hide_short_help = true)]
    pub guest_rate: Option<Rate>,
    /// People.
    #[command(flatten)]
    pub people: PeopleRules,
    /// Send nothing if there is any error or warning
    #[arg(long, help_heading = "Rules")]
    pub strict: bool,
    /// Repeat the columns of the input in the results
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub with_input: bool,
    /// Outputs.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// As `sync`.
    #[command(flatten)]
    pub run: RunArgs,
    /// What happens to a row whose group exists already
    #[arg(long, value_enum, default_value_t, value_name = "WHAT", help_heading = "Rules")]
    pub on_existing: OnExisting,
    /// File for the rows that were not imported [default: STEM.rejects.EXT]
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, help_heading = "Output", hide_short_help = true)]
    pub rejects: Option<PathBuf>,
}

/// `sync`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct SyncArgs {
    /// As `import`.
    #[command(flatten)]
    pub run: RunArgs,
    /// Apply the plan without asking; needed where there is no terminal
    #[arg(long, short, help_heading = "Sync")]
    pub yes: bool,
    /// Never ask: without --yes or --accept nothing is changed
    #[arg(long, conflicts_with = "yes", help_heading = "Sync", hide_short_help = true)]
    pub no_input: bool,
    /// Apply exactly the plan with this id, without asking and whatever the guards say
    #[arg(long, value_name = "ID", help_heading = "Sync")]
    pub accept: Option<String>,
    /// Delete groups of this journal that the files do not have any more
    ///
    /// Nothing is deleted if any row is invalid or anything failed.
    #[arg(long, help_heading = "Sync")]
    pub prune: bool,
    /// Take over groups that exist and that this journal does not own
    #[arg(long, help_heading = "Sync")]
    pub adopt: bool,
    /// Who is removed from a group
    #[arg(long, value_enum, default_value_t, value_name = "MODE", help_heading = "Sync")]
    pub members: MembersMode,
    /// Let groups lose their last member and guest
    #[arg(long, help_heading = "Sync", hide_short_help = true)]
    pub allow_empty: bool,
    /// Limits.
    #[command(flatten)]
    pub guards: GuardOptions,
    /// Name all people of the plan, not only ten for each group
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub full: bool,
    /// Write the plan as GitHub Markdown too
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, help_heading = "Output", hide_short_help = true)]
    pub markdown: Option<PathBuf>,
}

/// `validate`
#[derive(Debug, Args)]
#[command(mut_arg("files", |files| files.required(false).required_unless_present("explain")))]
pub struct ValidateArgs {
    /// The input.
    #[command(flatten)]
    pub input: InputArgs,
    /// Explain a problem: what it means and how to fix it
    ///
    /// CODE is the word in brackets at the end of the problem's line.
    #[arg(long, value_name = "CODE", value_parser = values::code, exclusive = true)]
    pub explain: Option<Code>,
    /// Write a cleaned copy of the file
    ///
    /// The copy is UTF-8 with LF line ends and `;` between list entries, without outer spaces and without repeated members,
    /// guests or rows. Nothing that would be a guess is changed. Each fix is listed.
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, conflicts_with = "limit", help_heading = "Output")]
    pub fix: Option<PathBuf>,
    /// Check members against this CSV file of the organization's users (columns id, email, status)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Rules")]
    pub users: Option<PathBuf>,
    /// People.
    #[command(flatten)]
    pub people: PeopleRules,
    /// Count warnings as errors: exit code 7 if there is one
    #[arg(long, help_heading = "Rules")]
    pub strict: bool,
    /// Show every problem, not only the first 20 of each kind
    #[arg(long, help_heading = "Output")]
    pub all: bool,
    /// How problems are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub format_problems: ProblemFormat,
    /// Print problems and totals as JSON lines, like --format-problems json
    #[arg(long, conflicts_with = "format_problems", help_heading = "Output")]
    pub json: bool,
}

/// `export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Export the users (id, email, status) instead of the groups
    ///
    /// `validate --users` reads the CSV file.
    #[arg(long, conflicts_with = "members")]
    pub users: bool,
    /// How members are written
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub members: MembersAs,
    /// Journal of a sync: the keys of the groups are written too
    #[arg(long, value_name = "PATH", conflicts_with = "users", value_hint = ValueHint::FilePath)]
    pub journal: Option<PathBuf>,
    /// Server and speed.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// File to write; `-` is standard output [default: -]
    ///
    /// It is replaced as a whole at the end. A link or a pipe is written through.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Format [default: jsonl if the name of the file ends in .jsonl, .ndjson or .json; otherwise csv]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<Format>,
    /// How progress is shown on standard error
    #[arg(long, value_enum, default_value_t, value_name = "HOW", help_heading = "Output", hide_short_help = true)]
    pub progress: ProgressMode,
}

/// `undo`
#[derive(Debug, Args)]
#[command(mut_arg("sandbox_users", |users| users.hide(true)))]
pub struct UndoArgs {
    /// The file that was imported, or its journal
    ///
    /// A name that ends in .journal is a journal: the latest run over any file is undone. The journal of another file is
    /// found by that file's name.
    #[arg(value_name = "FILE", required_unless_present = "journal", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Number of the run to undo, as the summary of `import` shows it
    ///
    /// Without it, the latest run over FILE that created something and is not undone yet.
    #[arg(long, value_name = "N")]
    pub run: Option<i64>,
    /// Delete without asking; needed where there is no terminal
    #[arg(long, short)]
    pub yes: bool,
    /// Delete also groups that were changed or renamed since they were created
    #[arg(long)]
    pub force: bool,
    /// Server and speed.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Outputs.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `sandbox`
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Port to serve on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value = "8765")]
    pub port: u16,
    /// Refuse requests beyond this rate with 429: N/s, N/min, N/h or N/DURATION; `none` refuses none
    #[arg(long, value_name = "N/PERIOD", default_value = "600/min")]
    pub rate: String,
    /// The organization.
    #[command(flatten)]
    pub options: Options,
    /// Have the users of this CSV file (columns id, email, status)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub users_from: Option<PathBuf>,
    /// How long every answer takes
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, default_value = "0s", value_parser = values::duration)]
    pub latency: Duration,
    /// A fault script (TOML): which requests fail, and how
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub faults: Option<PathBuf>,
}
