//! What may be typed after `undo`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ConnectionArgs, ProgressArg, values};

/// What a newcomer types.
pub(super) const TOUR: &str = "\
Examples:
  tallyfy-groups undo groups.csv               take back the latest import of groups.csv
  tallyfy-groups undo groups.csv --run 3       take back an earlier one
  tallyfy-groups undo groups.csv --yes         do not ask: for scripts
  tallyfy-groups undo groups.csv --sandbox     take back `import groups.csv --sandbox`

Exit codes are those of `import`: 0 if every group is deleted or was gone, 9 if some were left.";

/// `undo`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct UndoArgs {
    /// The file that was imported, after which the journal is named; or the journal itself (its name ends in .journal)
    #[arg(value_name = "FILE", required_unless_present = "journal", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// The run to take back; the summary of `import` shows its number [default: the latest over FILE that created something and is not undone]
    #[arg(long, value_name = "N")]
    pub run: Option<i64>,
    /// Delete without being asked; needed where nobody can be asked
    #[arg(long, short)]
    pub yes: bool,
    /// Delete also groups that were changed or renamed since they were created
    #[arg(long)]
    pub force: bool,
    /// Take back a run of `import --sandbox`
    #[arg(long, conflicts_with_all = ["base_url", "token_file"])]
    pub sandbox: bool,
    /// Where to and how fast.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// The folder of the journal and for the results [default: the folder of FILE]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub out_dir: Option<PathBuf>,
    /// The results file, one row for each group the run created; JSON lines if it ends in .jsonl [default:
    /// STEM.undo.csv in the out-dir]
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub results: Option<PathBuf>,
    /// The journal of the import [default: STEM.journal in the out-dir]
    #[arg(long, value_name = "PATH", value_parser = values::file, value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub journal: Option<PathBuf>,
    /// Progress on standard error: a bar on a terminal, a line every ten seconds elsewhere
    #[arg(long, value_name = "HOW", default_value = "auto", help_heading = "Output")]
    pub progress: ProgressArg,
    /// Print the summary as JSON on standard output; what is to be deleted is then shown on standard error
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
