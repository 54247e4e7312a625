//! The configuration file: what users add to the program's own layouts.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Environment, SettingsError};
use crate::model::shown_path;
use crate::read::Layouts;

/// Its name, in the working directory and in the user's configuration directory.
const NAME: &str = "tallyfy-groups.toml";

/// The contents of a configuration file.
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
        let usual = [Some(PathBuf::from(NAME)), folder.map(|folder| folder.join("tallyfy-groups").join(NAME))];
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
