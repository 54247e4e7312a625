//! What a flag, a variable or the configuration file says, resolved once: the flag first, then the variable, then the default. The
//! only reader of the environment. A default that no variable can replace is beside its flag in `cli`.

mod connection;
mod paths;

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use connection::{Connection, Target};
pub(crate) use paths::{OutputPaths, UndoPaths};

use crate::check::Rules;
use crate::cli::{ExportArgs, InputArgs};
use crate::model::{Format, MatchNames, OnDuplicate, UnknownMembers, shown_path};
use crate::read::{self, GivenName, LayoutChoice, Layouts, all_layouts};
use crate::resolve::PeopleRules;

/// The name of the configuration file, in the working directory and in the user's configuration directory.
const CONFIG: &str = "tallyfy-groups.toml";

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
    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).and_then(|value| value.into_string().ok()).filter(|value| !value.trim().is_empty())
    }

    /// The value of a setting that has a flag and a variable: `read` from what was typed, else from the variable, else from the
    /// default. An error names the flag or the variable.
    fn setting<T, E: Display>(
        &self,
        [flag, variable]: [&str; 2],
        typed: Option<&str>,
        default: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, SettingsError> {
        let set = if typed.is_none() { self.get(variable) } else { None };
        let origin = if set.is_some() { variable } else { flag };
        let text = typed.or(set.as_deref()).unwrap_or(default);
        read(text).map_err(|reason| SettingsError::Wrong(format!("{origin}: {reason}")))
    }
}

/// What a configuration file adds to the program's own layouts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[layout.NAME]`
    #[serde(default)]
    pub layout: Layouts,
}

impl Config {
    /// Reads `--config`, else the file of the working directory, else that of the user; where none of these exists, nothing.
    ///
    /// # Errors
    /// If it cannot be read, or has something in it that is not known.
    pub fn read(typed: Option<&Path>, environment: &Environment) -> Result<Self, SettingsError> {
        let folder = environment.get("XDG_CONFIG_HOME").or_else(|| environment.get("APPDATA")).map(PathBuf::from);
        let folder = folder.or_else(|| Some(Path::new(&environment.get("HOME")?).join(".config")));
        let usual = [Some(PathBuf::from(CONFIG)), folder.map(|folder| folder.join("tallyfy-groups").join(CONFIG))];
        let usual = usual.into_iter().flatten().find(|path| path.is_file());
        let Some(path) = typed.map(Path::to_owned).or(usual) else { return Ok(Self::default()) };
        let failed = |line: String, reason: &str| {
            SettingsError::Wrong(format!("{}{line}: {}", shown_path(&path), reason.replace('\n', " ")))
        };
        let text = fs::read_to_string(&path).map_err(|reason| failed(String::new(), &reason.to_string()))?;
        toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or_else(String::new, |before| format!(":{}", before.matches('\n').count() + 1));
            failed(line, error.message())
        })
    }
}

/// How files are read and checked.
#[derive(Clone)]
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
    pub fn resolve(args: &InputArgs, people: &PeopleRules, config: Config) -> Result<Self, SettingsError> {
        let layout = match args.layout.as_deref() {
            None => LayoutChoice::Recognized,
            Some("none") => LayoutChoice::Off,
            Some(name) => {
                let unknown = format!("--layout {name}: unknown layout; `tallyfy-groups layouts` lists them all");
                let layout = all_layouts(&config.layout).remove(name).ok_or(SettingsError::Wrong(unknown))?;
                LayoutChoice::Chosen(Box::new(layout))
            }
        };
        let name = args.name.as_deref().map(|name| GivenName::Text(name.trim().to_owned()));
        let default_description = args.default_description.as_deref().map(str::trim).filter(|text| !text.is_empty());
        Ok(Self {
            files: args.files.clone(),
            options: read::ReadOptions {
                name: args.name_from.as_ref().map(|_| GivenName::File).or(name),
                layout,
                own_layouts: config.layout.into(),
                are_several: args.files.len() > 1,
                ..args.options.clone()
            },
            limit: args.limit,
            rules: Rules {
                require_description: args.require_description,
                default_description: default_description.map(str::to_owned),
                skips_strangers: people.unknown_members == UnknownMembers::Skip,
            },
            matching: args.match_names,
            on_duplicate: args.on_duplicate,
        })
    }
}

/// The format of an export.
pub fn export_format(args: &ExportArgs) -> Format {
    let extension = args.out.as_deref().and_then(Path::extension).map(OsStr::to_ascii_lowercase);
    let is_jsonl = matches!(extension.as_deref().and_then(OsStr::to_str), Some("jsonl" | "ndjson" | "json"));
    args.format.unwrap_or(if is_jsonl { Format::Jsonl } else { Format::Csv })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::model::Speed;
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::{Cli, Command, ImportArgs, UndoArgs};
    use crate::tallyfy::BaseUrl;

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
        Connection::resolve(&args.run.connection, environment)
    }

    fn leads_to(connection: &Connection, url: &str) -> bool {
        matches!(&connection.target, Target::Server(base, _) if *base == BaseUrl::parse(url).unwrap())
    }

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let set: HashMap<String, OsString> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        Environment(Box::new(move |name| set.get(name).cloned()))
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
        assert_eq!(from_env.limits.speed, Speed::parse("5/s").unwrap());
        assert!(leads_to(&from_env, "https://e.example/api"));
        let typed = connection(&import(&["--org", "typed", "--rate", "none"]), &environment(set)).unwrap();
        assert_eq!((typed.organization.as_str(), typed.limits.speed), ("typed", Speed::Unpaced));
        let default = &[("TALLYFY_ORG_ID", "env"), ("TALLYFY_ACCESS_TOKEN", "some-token")];
        let default = connection(&import(&[]), &environment(default)).unwrap();
        assert_eq!(default.limits.speed, Speed::parse("600/min").unwrap());
        assert!(leads_to(&default, "https://api.tallyfy.com"));
    }

    #[test]
    fn the_help_of_a_flag_shows_its_variable_and_the_default_that_counts_without_it() {
        let command = Cli::command();
        let import = command.find_subcommand("import").unwrap();
        let help = |flag: &str| import.get_arguments().find(|arg| arg.get_long() == Some(flag)).unwrap().get_help();
        let help = |flag: &str| help(flag).unwrap().to_string();
        for (flag, variable, default) in [
            ("org", "TALLYFY_ORG_ID", ""),
            ("base-url", "TALLYFY_BASE_URL", "https://api.tallyfy.com"),
            ("token-file", "TALLYFY_TOKEN_FILE", ""),
            ("rate", "TALLYFY_RATE", "600/min"),
        ] {
            let help = help(flag);
            assert!(help.contains(variable) && help.contains(default), "{flag}: {help}");
        }
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
        let set = |pair| environment(&[("TALLYFY_ORG_ID", "o"), ("TALLYFY_API_TOKEN", "some-token"), pair]);
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
        let paths = OutputPaths::resolve(&import(&["--out-dir", "out"]).run, None, Format::Csv);
        assert_eq!(paths.results, Path::new("out/groups.results.csv"));
        assert_eq!(paths.rejects, Path::new("out/groups.rejects.csv"));
        assert_eq!(paths.journal, Path::new("out/groups.journal"));
        let beside = OutputPaths::resolve(&import(&[]).run, None, Format::Csv);
        assert_eq!(beside.results, Path::new("some/groups.results.csv"));
        assert_eq!(beside.journal, Path::new("some/groups.journal"));
        let simulated = OutputPaths::resolve(&import(&["--sandbox"]).run, None, Format::Csv);
        assert_eq!(simulated.results, Path::new("some/groups.sandbox.results.csv"));
        assert_eq!(simulated.rejects, Path::new("some/groups.sandbox.rejects.csv"));
        assert_eq!(simulated.journal, Path::new("some/groups.sandbox.journal"));
        let mut stdin = import(&["--results", "r.jsonl"]);
        stdin.run.input.files = vec![PathBuf::from("-")];
        let paths = OutputPaths::resolve(&stdin.run, None, Format::Jsonl);
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
            args.run.input.files = vec![PathBuf::from(file)];
            let paths = OutputPaths::resolve(&args.run, args.rejects.as_ref(), Format::Csv);
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
