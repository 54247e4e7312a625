//! Flags, then environment, then defaults, resolved once. The only reader of the environment.

mod config;
mod connection;
mod paths;
mod table;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

pub use config::Config;
pub use connection::{Connection, Target};
pub(crate) use paths::{OutputPaths, UndoPaths};
pub use table::{Setting, SettingSource, SettingText, TABLE};

use crate::check::Rules;
use crate::cli::{ExportArgs, ImportArgs, InputArgs, LogArgs, PeopleArgs, ValidateArgs, values};
use crate::execute::Policy;
use crate::limit::{GuestLimits, Rate};
use crate::model::{Format, MatchNames, MembersAs, OnDuplicate, ProblemFormat, ProgressMode, UnknownMembers};
use crate::read::{self, GivenName, LayoutChoice, all_layouts};
use crate::report::{LogOptions, ProblemStyle};
use crate::resolve::PeopleRules;
use table::{
    FORMAT_PROBLEMS, GUEST_RATE, LOG_FORMAT, MATCH_NAMES, MEMBERS, ON_DUPLICATE, ON_EXISTING, PROGRESS, UNKNOWN_MEMBERS,
};

/// A setting is missing or wrong: the flag or the variable, and what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value is missing or cannot be understood.
    #[error("{0}")]
    Wrong(String),
    /// The token is missing or cannot be used.
    #[error("{0}")]
    Token(String),
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
    pub options: read::ReadOptions,
    /// The most rows that are read.
    pub limit: Option<u64>,
    /// The rules for a row.
    pub rules: Rules,
    /// When two names are equal.
    pub matching: MatchNames,
    /// What happens to a repeated name.
    pub on_duplicate: OnDuplicate,
}

impl Input {
    /// Resolves the settings.
    ///
    /// # Errors
    /// If one of them is wrong.
    pub fn resolve(
        args: &InputArgs,
        people: &PeopleRules,
        config: Config,
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let layout = match args.layout.as_deref() {
            None => LayoutChoice::Recognized,
            Some("none") => LayoutChoice::Off,
            Some(name) => {
                let layout = all_layouts(&config.layout).remove(name);
                let wrong = || {
                    SettingsError::Wrong(format!(
                        "--layout {name}: unknown layout; `tallyfy-groups layouts` lists them all"
                    ))
                };
                LayoutChoice::Chosen(Box::new(layout.ok_or_else(wrong)?))
            }
        };
        let name = args.name.as_deref().map(|name| GivenName::Text(name.trim().to_owned()));
        let default_description = args.default_description.as_deref().map(str::trim).filter(|text| !text.is_empty());
        Ok(Self {
            files: args.files.clone(),
            options: read::ReadOptions {
                format: args.format,
                delimiter: args.delimiter,
                encoding: args.encoding,
                map: args.map.clone(),
                ignore: args.ignore.clone(),
                filters: args.filters.clone(),
                name: args.name_from.as_ref().map(|_| GivenName::File).or(name),
                columns: args.columns.clone(),
                skip_lines: args.skip_lines.unwrap_or_default(),
                records: args.records.clone(),
                sheet: args.sheet.clone(),
                list_delimiter: args.list_delimiter.map(char::from),
                layout,
                own_layouts: config.layout.into(),
                of_layout: None,
                are_several: args.files.len() > 1,
            },
            limit: args.limit,
            rules: Rules {
                require_description: args.require_description,
                default_description: default_description.map(str::to_owned),
                skips_strangers: people.unknown == UnknownMembers::Skip,
            },
            matching: MATCH_NAMES.value(args.match_names, environment, values::choice)?,
            on_duplicate: ON_DUPLICATE.value(args.on_duplicate, environment, values::choice)?,
        })
    }
}

/// How the rows of an import are sent.
///
/// # Errors
/// If a setting is wrong.
pub fn sending_settings(
    args: &ImportArgs,
    connection: &Connection,
    environment: &Environment,
) -> Result<(Policy, GuestLimits), SettingsError> {
    let guest_rate = GUEST_RATE.text(args.guest_rate.as_deref(), environment);
    let rate = if guest_rate.text.is_empty() { None } else { Some(guest_rate.read(Rate::parse)?) };
    let policy = Policy {
        attempts_max: connection.attempts_max,
        matching: MATCH_NAMES.value(args.input.match_names, environment, values::choice)?,
        on_existing: ON_EXISTING.value(args.on_existing, environment, values::choice)?,
        is_forced: false,
    };
    Ok((policy, GuestLimits { rate, wait_max: connection.wait_max }))
}

/// How `export` writes members, and the format of its text.
///
/// # Errors
/// If a setting is wrong.
pub fn export_settings(args: &ExportArgs, environment: &Environment) -> Result<(MembersAs, Format), SettingsError> {
    let extension = args.out.as_deref().and_then(Path::extension).map(OsStr::to_ascii_lowercase);
    let is_jsonl = matches!(extension.as_deref().and_then(OsStr::to_str), Some("jsonl" | "ndjson" | "json"));
    let format = args.format.unwrap_or(if is_jsonl { Format::Jsonl } else { Format::Csv });
    Ok((MEMBERS.value(args.members, environment, values::choice)?, format))
}

/// How members are found.
///
/// # Errors
/// If a setting is wrong.
pub fn people_rules(args: &PeopleArgs, environment: &Environment) -> Result<PeopleRules, SettingsError> {
    let domain = |domain: &String| domain.trim_start_matches('@').to_lowercase();
    Ok(PeopleRules {
        unknown: UNKNOWN_MEMBERS.value(args.unknown_members, environment, values::choice)?,
        guest_domains: args.guest_domain.iter().map(domain).collect(),
    })
}

/// How to log.
///
/// # Errors
/// If a setting is wrong.
pub fn log_options(args: &LogArgs, environment: &Environment) -> Result<LogOptions, SettingsError> {
    Ok(LogOptions {
        verbosity: if args.quiet { 0 } else { 1 + usize::from(args.verbose) },
        directives: environment.get("RUST_LOG"),
        is_plain: environment.get("NO_COLOR").is_some() || environment.get("TERM").as_deref() == Some("dumb"),
        format: LOG_FORMAT.value(args.log_format, environment, values::choice)?,
        file: args.log_file.clone(),
    })
}

/// How to show progress.
///
/// # Errors
/// If a setting is wrong.
pub fn progress_mode(
    typed: Option<ProgressMode>,
    is_quiet: bool,
    environment: &Environment,
) -> Result<ProgressMode, SettingsError> {
    let mode = PROGRESS.value(typed, environment, values::choice)?;
    Ok(if is_quiet { ProgressMode::None } else { mode })
}

/// How `validate` shows problems.
///
/// # Errors
/// If a setting is wrong.
pub fn problem_style(args: &ValidateArgs, environment: &Environment) -> Result<ProblemStyle, SettingsError> {
    let typed = if args.json { Some(ProblemFormat::Json) } else { args.format_problems };
    Ok(ProblemStyle { format: FORMAT_PROBLEMS.value(typed, environment, values::choice)?, shows_all: args.all })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::{Cli, Command, UndoArgs};
    use crate::limit::Speed;
    use crate::model::OnExisting;

    fn import(words: &[&str]) -> ImportArgs {
        let words = ["tallyfy-groups", "import", "some/groups.csv"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Import(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    fn undo(words: &[&str]) -> UndoArgs {
        match Cli::try_parse_from(["tallyfy-groups", "undo"].iter().chain(words)).unwrap().command {
            Command::Undo(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    fn connection(args: &ImportArgs, environment: &Environment) -> Result<Connection, SettingsError> {
        Connection::resolve(&args.connection, environment)
    }

    fn environment(pairs: &'static [(&str, &str)]) -> Environment {
        Environment::from_fn(move |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn a_flag_beats_the_environment_and_the_environment_the_default() {
        let set = &[
            ("TALLYFY_ORG_ID", "env"),
            ("TALLYFY_API_TOKEN", "some-token"),
            ("TALLYFY_RATE", "5/s"),
            ("TALLYFY_BASE_URL", "https://e.example/api"),
        ];
        let from_env = connection(&import(&[]), &environment(set)).unwrap();
        assert_eq!(from_env.organization, "env");
        assert_eq!(from_env.speed, Speed::parse("5/s").unwrap());
        assert!(matches!(&from_env.target, Target::Server(base, _) if base.to_string() == "https://e.example/api"));
        let typed = connection(&import(&["--org", "typed", "--rate", "none"]), &environment(set)).unwrap();
        assert_eq!((typed.organization.as_str(), typed.speed), ("typed", Speed::Unpaced));
        let default = &[("TALLYFY_ORG_ID", "env"), ("TALLYFY_ACCESS_TOKEN", "some-token")];
        let default = connection(&import(&[]), &environment(default)).unwrap();
        assert_eq!(default.speed, Speed::parse("600/min").unwrap());
        assert!(matches!(&default.target, Target::Server(base, _) if base.to_string() == "https://api.tallyfy.com"));
    }

    #[test]
    fn every_setting_is_a_flag_whose_help_shows_its_variable_and_default_and_every_default_is_understood() {
        let command = Cli::command();
        let subcommands: Vec<&clap::Command> = command.get_subcommands().chain([&command]).collect();
        for setting in TABLE {
            let mut args = subcommands.iter().flat_map(|command| command.get_arguments());
            let arg = args.find(|arg| arg.get_long() == Some(setting.flag)).unwrap();
            let help = arg.get_help().unwrap().to_string();
            assert!(help.contains(setting.variable) && help.contains(setting.default), "{}: {help}", setting.flag);
        }
        let (args, nothing) = (import(&["--sandbox"]), environment(&[]));
        let connection = connection(&args, &nothing).unwrap();
        let (policy, _) = sending_settings(&args, &connection, &nothing).unwrap();
        assert_eq!((connection.concurrency, policy.on_existing), (16, OnExisting::default()));
        assert_eq!(
            Input::resolve(&args.input, &PeopleRules::default(), Config::default(), &nothing).unwrap().on_duplicate,
            OnDuplicate::default()
        );
        assert_eq!(progress_mode(None, false, &nothing).unwrap(), ProgressMode::default());
    }

    #[test]
    fn a_value_knows_where_it_comes_from() {
        let set = environment(&[("TALLYFY_RATE", "5/s")]);
        let source = |typed, environment: &Environment| table::RATE.text(typed, environment).source;
        assert_eq!(source(Some("1/s"), &set), SettingSource::Flag);
        assert_eq!(source(None, &set), SettingSource::Environment);
        assert_eq!(source(None, &environment(&[])), SettingSource::Default);
    }

    #[test]
    fn what_is_missing_is_named_and_the_token_has_its_own_exit_code() {
        let error = connection(&import(&[]), &environment(&[])).err().unwrap();
        assert!(error.to_string().contains("set TALLYFY_ORG_ID or use --org"));
        assert!(matches!(error, SettingsError::Wrong(_)));
        let error = connection(&import(&["--org", "o"]), &environment(&[("TALLYFY_API_TOKEN", " ")])).err().unwrap();
        assert!(matches!(error, SettingsError::Token(_)) && error.to_string().starts_with("the token is missing"));
        let dots = connection(&import(&["--org", ".."]), &environment(&[])).err().unwrap();
        assert_eq!(dots.to_string(), "--org: `..` is not the id of an organization");
    }

    #[test]
    fn what_is_wrong_is_named_by_the_flag_or_the_variable_that_said_it() {
        let set = |pair: (&'static str, &'static str)| {
            let defaults = [("TALLYFY_ORG_ID", "o"), ("TALLYFY_API_TOKEN", "some-token")];
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
            let UndoPaths { journal, results, imported } = UndoPaths::resolve(&undo(words));
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
