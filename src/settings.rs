//! Flags, then environment, then defaults, resolved once. The only reader of the environment.

mod connection;
mod paths;
mod problems;
mod sending;

use std::ffi::OsString;
use std::path::PathBuf;

pub use connection::{Connection, Target};
pub use paths::{OutputPaths, UndoPaths};
pub use problems::problem_style;
pub use sending::{guest_limits, policy};

use crate::check::Rules;
use crate::cli::{FormatArg, InputArgs, LogArgs, LogFormatArg, MatchNamesArg, OnDuplicateArg, ProgressArg};
use crate::model::{Format, MatchNames, OnDuplicate, shown_path};
use crate::read;
use crate::report::{LogFormat, LogOptions, ProgressMode};
use crate::send::RateError;
use crate::tallyfy::{BaseUrlError, TokenError};

/// Settings that do not go together, or are missing.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No organization.
    #[error("which organization? Set TALLYFY_ORG_ID or say --org ID (or try --sandbox, which needs none)")]
    OrganizationMissing,
    /// An organization's id that cannot stand in a path.
    #[error("{origin}: `{}` is no organization's id", crate::model::shortened(organization))]
    Organization {
        /// The flag or the variable that said so.
        origin: &'static str,
        /// What it said.
        organization: String,
    },
    /// The base URL is refused.
    #[error("{origin}: {reason}")]
    BaseUrl {
        /// The flag or the variable that said so.
        origin: &'static str,
        /// What is wrong with it.
        reason: BaseUrlError,
    },
    /// A rate cannot be understood.
    #[error("{origin}: {reason}")]
    Rate {
        /// The flag or the variable that said so.
        origin: &'static str,
        /// What is wrong with it.
        reason: RateError,
    },
    /// No token.
    #[error(
        "the token is missing: set TALLYFY_API_TOKEN or say --token-file PATH (or try --sandbox, which needs none)"
    )]
    TokenMissing,
    /// The token cannot be sent.
    #[error("{origin}: {reason}")]
    Token {
        /// Where it came from.
        origin: String,
        /// What is wrong with it.
        reason: TokenError,
    },
    /// The token's file cannot be read.
    #[error("{origin}: token file {}: {reason}", shown_path(path))]
    TokenFile {
        /// The flag or the variable that named it.
        origin: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
}

impl SettingsError {
    /// Whether it is the token that is missing or wrong.
    #[must_use]
    pub fn is_token(&self) -> bool {
        matches!(self, Self::TokenMissing | Self::Token { .. } | Self::TokenFile { .. })
    }
}

/// The environment's variables, as far as this program reads them.
pub struct Environment(Box<Variables>);

type Variables = dyn Fn(&str) -> Option<OsString>;

impl Default for Environment {
    fn default() -> Self {
        Self(Box::new(|name| std::env::var_os(name)))
    }
}

impl Environment {
    /// Variables from elsewhere than the process.
    #[must_use]
    pub fn from_fn(variables: impl Fn(&str) -> Option<OsString> + 'static) -> Self {
        Self(Box::new(variables))
    }

    /// What was typed, or else what a variable says; with the flag's or the variable's name.
    fn or<'a>(&self, flag: &'a str, typed: Option<&str>, variable: &'a str) -> Option<(String, &'a str)> {
        let said = || self.get(variable).map(|value| (value, variable));
        typed.map(|value| (value.to_owned(), flag)).or_else(said)
    }

    /// A variable that is set and not empty.
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).and_then(|value| value.into_string().ok()).filter(|value| !value.trim().is_empty())
    }
}

/// How files are read and checked.
pub struct Input {
    /// The files, in the order given.
    pub files: Vec<PathBuf>,
    /// How they are read.
    pub options: read::Options,
    /// No more rows than this.
    pub limit: Option<u64>,
    /// The rules for a row.
    pub rules: Rules,
    /// When two names are the same.
    pub matching: MatchNames,
    /// What becomes of a repeated name.
    pub on_duplicate: OnDuplicate,
}

impl Input {
    /// What was typed, as it is meant.
    #[must_use]
    pub fn resolve(args: &InputArgs) -> Self {
        let default_description = args.default_description.as_deref().map(str::trim).filter(|text| !text.is_empty());
        Self {
            files: args.files.clone(),
            options: read::Options {
                format: args.format.map(|format| match format {
                    FormatArg::Csv => Format::Csv,
                    FormatArg::Jsonl => Format::Jsonl,
                }),
                delimiter: args.delimiter,
                encoding: args.encoding,
                map: args.map.clone(),
            },
            limit: args.limit,
            rules: Rules {
                require_description: args.require_description,
                default_description: default_description.map(str::to_owned),
            },
            matching: match args.match_names {
                MatchNamesArg::Folded => MatchNames::Folded,
                MatchNamesArg::Exact => MatchNames::Exact,
            },
            on_duplicate: match args.on_duplicate {
                OnDuplicateArg::Skip => OnDuplicate::Skip,
                OnDuplicateArg::Merge => OnDuplicate::Merge,
                OnDuplicateArg::Fail => OnDuplicate::Fail,
            },
        }
    }
}

/// How to log.
#[must_use]
pub fn log_options(args: &LogArgs, environment: &Environment) -> LogOptions {
    LogOptions {
        verbosity: if args.quiet { -1 } else { i8::try_from(args.verbose).unwrap_or(i8::MAX) },
        directives: environment.get("RUST_LOG"),
        is_plain: environment.get("NO_COLOR").is_some() || environment.get("TERM").as_deref() == Some("dumb"),
        format: match args.log_format {
            LogFormatArg::Text => LogFormat::Text,
            LogFormatArg::Json => LogFormat::Json,
        },
        file: args.log_file.clone(),
    }
}

/// How to show progress.
#[must_use]
pub fn progress_mode(typed: ProgressArg, is_quiet: bool) -> ProgressMode {
    match typed {
        _ if is_quiet => ProgressMode::None,
        ProgressArg::Auto => ProgressMode::Auto,
        ProgressArg::Bar => ProgressMode::Bar,
        ProgressArg::Plain => ProgressMode::Plain,
        ProgressArg::None => ProgressMode::None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command, ImportArgs};
    use crate::send::Speed;

    fn import(words: &[&str]) -> ImportArgs {
        let words = ["tallyfy-groups", "import", "some/groups.csv"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Import(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    fn undo(words: &[&str]) -> UndoPaths {
        match Cli::try_parse_from(["tallyfy-groups", "undo"].iter().chain(words)).unwrap().command {
            Command::Undo(args) => UndoPaths::resolve(&args),
            other => panic!("{other:?}"),
        }
    }

    fn connection(args: &ImportArgs, environment: &Environment) -> Result<Connection, SettingsError> {
        Connection::resolve(&args.connection, args.sandbox, environment)
    }

    fn environment(pairs: &'static [(&str, &str)]) -> Environment {
        Environment::from_fn(move |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn a_flag_beats_the_environment_and_the_environment_the_default() {
        let set = &[
            ("TALLYFY_ORG_ID", "env"),
            ("TALLYFY_API_TOKEN", "t"),
            ("TALLYFY_RATE", "5/s"),
            ("TALLYFY_BASE_URL", "https://e.example/api"),
        ];
        let from_env = connection(&import(&[]), &environment(set)).unwrap();
        assert_eq!(from_env.organization, "env");
        assert_eq!(from_env.speed, Speed::parse("5/s").unwrap());
        assert!(matches!(&from_env.target, Target::Server(base, _) if base.to_string() == "https://e.example/api"));
        let typed = connection(&import(&["--org", "typed", "--rate", "none"]), &environment(set)).unwrap();
        assert_eq!((typed.organization.as_str(), typed.speed), ("typed", Speed::Unpaced));
        let default = &[("TALLYFY_ORG_ID", "env"), ("TALLYFY_ACCESS_TOKEN", "t")];
        let default = connection(&import(&[]), &environment(default)).unwrap();
        assert_eq!(default.speed, Speed::parse("600/min").unwrap());
        assert!(matches!(&default.target, Target::Server(base, _) if base.to_string() == "https://api.tallyfy.com"));
    }

    #[test]
    fn what_is_missing_is_named_and_the_token_has_its_own_exit_code() {
        let error = connection(&import(&[]), &environment(&[])).err().unwrap();
        assert!(matches!(error, SettingsError::OrganizationMissing) && !error.is_token());
        let error = connection(&import(&["--org", "o"]), &environment(&[("TALLYFY_API_TOKEN", " ")])).err().unwrap();
        assert!(matches!(error, SettingsError::TokenMissing) && error.is_token());
        let dots = connection(&import(&["--org", ".."]), &environment(&[])).err().unwrap();
        assert!(matches!(dots, SettingsError::Organization { origin: "--org", .. }));
    }

    #[test]
    fn what_is_wrong_is_named_by_the_flag_or_the_variable_that_said_it() {
        let set = |pair: (&'static str, &'static str)| {
            let defaults = [("TALLYFY_ORG_ID", "o"), ("TALLYFY_API_TOKEN", "t")];
            Environment::from_fn(move |name| {
                [pair].iter().chain(&defaults).find(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
        };
        let nothing = ("", "");
        for (words, pair, origin) in [
            (&["--rate", "fast"][..], nothing, "--rate: `fast`"),
            (&[], ("TALLYFY_RATE", "fast"), "TALLYFY_RATE: `fast`"),
            (&["--base-url", "ftp://x"], nothing, "--base-url: "),
            (&[], ("TALLYFY_BASE_URL", "ftp://x"), "TALLYFY_BASE_URL: "),
            (&["--org", "."], nothing, "--org: `.`"),
            (&[], ("TALLYFY_ORG_ID", ".."), "TALLYFY_ORG_ID: `..`"),
            (&["--token-file", "no/such"], nothing, "--token-file: token file no/such: "),
        ] {
            let error = connection(&import(words), &set(pair)).err().unwrap().to_string();
            assert!(error.starts_with(origin), "{error}");
        }
        let set = environment(&[("TALLYFY_ORG_ID", "o"), ("TALLYFY_TOKEN_FILE", "no/such")]);
        let error = connection(&import(&[]), &set).err().unwrap().to_string();
        assert!(error.starts_with("TALLYFY_TOKEN_FILE: token file no/such: "), "{error}");
    }

    #[test]
    fn the_sandbox_needs_neither_account_nor_token() {
        let sandbox = connection(&import(&["--sandbox"]), &environment(&[])).unwrap();
        assert!(matches!(sandbox.target, Target::Simulated));
    }

    #[test]
    fn outputs_are_named_after_the_first_file() {
        let paths = OutputPaths::resolve(&import(&["--out-dir", "out"]), Format::Csv);
        assert_eq!(paths.results, Path::new("out/groups.results.csv"));
        assert_eq!(paths.rejects, Path::new("out/groups.rejects.csv"));
        assert_eq!(paths.journal, Path::new("out/groups.journal"));
        let beside = OutputPaths::resolve(&import(&[]), Format::Csv);
        assert_eq!(beside.results, Path::new("some/groups.results.csv"));
        assert_eq!(beside.journal, Path::new("some/groups.journal"));
        let simulated = OutputPaths::resolve(&import(&["--sandbox"]), Format::Csv);
        assert_eq!(simulated.results, Path::new("some/groups.sandbox.results.csv"));
        assert_eq!(simulated.rejects, Path::new("some/groups.sandbox.rejects.csv"));
        assert_eq!(simulated.journal, Path::new("some/groups.sandbox.journal"));
        let mut stdin = import(&["--results", "r.jsonl"]);
        stdin.input.files = vec![PathBuf::from("-")];
        let paths = OutputPaths::resolve(&stdin, Format::Jsonl);
        assert_eq!(paths.results, Path::new("r.jsonl"));
        assert_eq!(paths.rejects, Path::new("stdin.rejects.jsonl"));
    }

    #[test]
    fn rejects_have_the_journal_of_their_file_and_outputs_of_their_own() {
        for (file, flags, journal, results) in [
            ("in/g.rejects.csv", &[][..], "in/g.journal", "in/g.rejects.results.csv"),
            ("in/g.rejects.rejects.csv", &[], "in/g.journal", "in/g.rejects.rejects.results.csv"),
            ("g.sandbox.rejects.csv", &["--sandbox"], "g.sandbox.journal", "g.sandbox.rejects.results.csv"),
            ("g.sandbox.rejects.csv", &[], "g.journal", "g.rejects.results.csv"),
            ("g.sandbox.csv", &[], "g.sandbox.journal", "g.sandbox.results.csv"),
            ("rejects.csv", &[], "rejects.journal", "rejects.results.csv"),
            (".rejects.csv", &[], ".rejects.journal", ".rejects.results.csv"),
            ("/dev/fd/63", &[], "63.journal", "63.results.csv"),
        ] {
            let mut args = import(flags);
            args.input.files = vec![PathBuf::from(file)];
            let paths = OutputPaths::resolve(&args, Format::Csv);
            assert_eq!((paths.journal, paths.results), (PathBuf::from(journal), PathBuf::from(results)), "{file}");
        }
    }

    #[test]
    fn a_run_is_taken_back_by_the_file_that_was_imported_or_by_its_journal() {
        let paths = |words: &[&str]| {
            let UndoPaths { journal, results, imported } = undo(words);
            let text = |path: PathBuf| path.to_str().unwrap().to_owned();
            (text(journal), text(results), imported.is_some())
        };
        let expected = |journal: &str, results: &str, is_file: bool| (journal.to_owned(), results.to_owned(), is_file);
        assert_eq!(paths(&["some/groups.csv"]), expected("some/groups.journal", "some/groups.undo.csv", true));
        assert_eq!(paths(&["g.csv", "--sandbox"]), expected("g.sandbox.journal", "g.sandbox.undo.csv", true));
        assert_eq!(
            paths(&["s/g.sandbox.journal", "--sandbox"]),
            expected("s/g.sandbox.journal", "s/g.sandbox.undo.csv", false)
        );
        assert_eq!(paths(&["g.csv", "--out-dir", "out"]), expected("out/g.journal", "out/g.undo.csv", true));
        assert_eq!(paths(&["-"]), expected("stdin.journal", "stdin.undo.csv", true));
        assert_eq!(paths(&["old/g.journal"]), expected("old/g.journal", "old/g.undo.csv", false));
        assert_eq!(paths(&["--journal", "old/g.db"]), expected("old/g.db", "old/g.undo.csv", false));
        assert_eq!(paths(&["g.csv", "--journal", "j", "--results", "r.jsonl"]), expected("j", "r.jsonl", true));
    }
}
