//! What can be typed after `export`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::ConnectionArgs;
use crate::model::{Format, MembersAs, ProgressMode};

pub(super) const EXAMPLES: &str = "\
Examples:
  tallyfy-groups export > groups.csv                        all groups, members as user ids
  tallyfy-groups export --members email --out groups.jsonl  JSON lines, members as e-mail addresses
  tallyfy-groups export --users --out users.csv             all users, for `validate --users`";

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
