//! How `validate` shows what it finds.

use crate::cli::{ProblemFormatArg, ValidateArgs};
use crate::report::{ProblemFormat, ProblemStyle};

/// How to show problems.
#[must_use]
pub fn problem_style(args: &ValidateArgs) -> ProblemStyle {
    let format = match args.format_problems {
        ProblemFormatArg::Text if args.json => ProblemFormat::Json,
        ProblemFormatArg::Text => ProblemFormat::Text,
        ProblemFormatArg::Json => ProblemFormat::Json,
        ProblemFormatArg::Github => ProblemFormat::Github,
    };
    ProblemStyle { format, shows_all: args.all }
}
