//! How output is shown: choices of the user that several modules know.

use clap::ValueEnum;

/// `--log-format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// `--progress`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, plain lines elsewhere
    #[default]
    Auto,
    /// A bar
    Bar,
    /// A line every ten seconds
    Plain,
    /// Nothing
    None,
}

/// `--members`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MembersAs {
    /// User ids
    #[default]
    Id,
    /// E-mail addresses; the id of a user whose address is missing or that of several users
    Email,
}

/// `--members` of `sync`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MembersMode {
    /// Whom no file lists any more is removed; whom no file ever listed stays
    #[default]
    Managed,
    /// Exactly the people of the file
    Mirror,
    /// Nobody is removed
    Add,
}

/// `--format-problems`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProblemFormat {
    /// `file:line: problem`, for people and their editors
    #[default]
    Text,
    /// The table of kinds only, and the lines if all are asked for: beside an import
    #[value(skip)]
    Counts,
    /// One JSON object per line
    Json,
    /// Workflow commands of GitHub Actions, which annotate the files of a pull request
    Github,
}
