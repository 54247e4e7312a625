//! The table of settings, and the one rule by which a value is found: flag, then environment, then default.
//!
//! The token is found in `connection`: it has variables of its own. The help of a setting is that of its flag in `cli`, which names its variable and its default.

use std::fmt::Display;

use super::{Environment, SettingsError};

/// A setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its flag, without the dashes.
    pub flag: &'static str,
    /// Its environment variable; empty if it has none.
    pub variable: &'static str,
    /// Its default; empty if it has none.
    pub default: &'static str,
}

macro_rules! settings {
    ($($name:ident = $flag:literal, $variable:literal, $default:literal;)*) => {
        $(pub(super) const $name: &Setting = &Setting { flag: $flag, variable: $variable, default: $default };)*
        /// All settings.
        pub const TABLE: &[&Setting] = &[$($name),*];
    };
}

settings! {
    ORG = "org", "TALLYFY_ORG_ID", "";
    BASE_URL = "base-url", "TALLYFY_BASE_URL", "https://api.tallyfy.com";
    TOKEN_FILE = "token-file", "TALLYFY_TOKEN_FILE", "";
    RATE = "rate", "TALLYFY_RATE", "600/min";
    GUEST_RATE = "guest-rate", "", "";
    CONCURRENCY = "concurrency", "", "16";
    TIMEOUT = "timeout", "", "30s";
    MAX_ATTEMPTS = "max-attempts", "", "8";
    MAX_WAIT = "max-wait", "", "2h";
    SETTLE = "settle", "", "6s";
    MATCH_NAMES = "match-names", "", "folded";
    ON_DUPLICATE = "on-duplicate", "", "skip";
    ON_EXISTING = "on-existing", "", "skip";
    UNKNOWN_MEMBERS = "unknown-members", "", "fail";
    MEMBERS = "members", "", "id";
    PROGRESS = "progress", "", "auto";
    LOG_FORMAT = "log-format", "", "text";
    FORMAT_PROBLEMS = "format-problems", "", "text";
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingSource {
    /// It was typed.
    Flag,
    /// An environment variable.
    Environment,
    /// The table.
    Default,
}

/// The text of a setting, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingText {
    /// The text; empty if the setting is set nowhere and has no default.
    pub text: String,
    /// Where it comes from.
    pub source: SettingSource,
    setting: &'static Setting,
}

impl Setting {
    /// Finds the text of the setting.
    pub(super) fn text(&'static self, typed: Option<&str>, environment: &Environment) -> SettingText {
        let typed = typed.map(|text| (text.to_owned(), SettingSource::Flag));
        let set = || environment.get(self.variable).map(|text| (text, SettingSource::Environment));
        let (text, source) = typed.or_else(set).unwrap_or_else(|| (self.default.to_owned(), SettingSource::Default));
        SettingText { text, source, setting: self }
    }

    /// The value of a setting whose flag is read when it is typed; `read` reads it from elsewhere.
    pub(super) fn value<T>(
        &'static self,
        typed: Option<T>,
        environment: &Environment,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SettingsError> {
        typed.map_or_else(|| self.text(None, environment).read(read), Ok)
    }
}

impl SettingText {
    /// Reads the text; an error names the flag or the variable.
    pub(super) fn read<T, E: Display>(self, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, SettingsError> {
        read(&self.text).map_err(|reason| {
            let origin = match self.source {
                SettingSource::Environment => self.setting.variable.to_owned(),
                SettingSource::Flag | SettingSource::Default => format!("--{}", self.setting.flag),
            };
            SettingsError::Wrong(format!("{origin}: {reason}"))
        })
    }
}
