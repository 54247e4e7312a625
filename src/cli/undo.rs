//! What can be typed after `undo`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ConnectionArgs, OutputArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  tallyfy-groups undo groups.csv               undo the latest import of groups.csv
  tallyfy-groups undo groups.csv --run 3       undo run 3
  tallyfy-groups undo groups.csv --yes         do not ask (for scripts)
  tallyfy-groups undo groups.csv --sandbox     undo `import groups.csv --sandbox`

Exit codes are those of `import`: 0 if every group is deleted or was gone, 9 if some were not deleted.";

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
