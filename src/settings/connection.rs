//! The server, the token, and how fast requests are sent.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Environment, SettingsError};
use crate::cli::ConnectionArgs;
use crate::limit::Limits;
use crate::model::{Speed, shortened, shown_path};
use crate::tallyfy::{BaseUrl, Credentials, Token};

/// The most bytes read from a token's file.
const TOKEN_FILE_MAX: u64 = 64 * 1024;
/// The variables that hold the token itself; the first that is set counts.
const TOKENS: [&str; 2] = ["TALLYFY_API_TOKEN", "TALLYFY_ACCESS_TOKEN"];
/// The variable for the token's file.
const TOKEN_FILE: &str = "TALLYFY_TOKEN_FILE";

const TOKEN_MISSING: &str =
    "the token is missing; set TALLYFY_API_TOKEN or use --token-file PATH (--sandbox needs none)";

/// Where the groups are created.
pub enum Target {
    /// In a simulated organization inside this process.
    Simulated,
    /// On a server.
    Server(BaseUrl, Arc<Credentials>),
}

/// The server, and how fast requests are sent.
pub struct Connection {
    /// The organization's id.
    pub organization: String,
    /// The server.
    pub target: Target,
    /// The file of the simulated organization's users.
    pub sandbox_users: Option<PathBuf>,
    /// Certificates of further authorities, in PEM.
    pub authorities: Vec<u8>,
    /// How fast requests are sent.
    pub limits: Limits,
    /// The longest one request may take.
    pub timeout: Duration,
    /// How long a group whose response was lost may be absent from lists, at least.
    pub settle: Duration,
    /// The most attempts of one request.
    pub attempts_max: u32,
}

impl Connection {
    /// Resolves the settings.
    ///
    /// # Errors
    /// If one of them is missing or wrong.
    pub fn resolve(typed: &ConnectionArgs, environment: &Environment) -> Result<Self, SettingsError> {
        let rate = ["--rate", "TALLYFY_RATE"];
        let speed = environment.setting(rate, typed.rate.as_deref(), "600/min", Speed::parse)?;
        let organization = match typed.org.as_deref() {
            None if typed.sandbox => "sandbox".to_owned(),
            typed => environment.setting(["--org", "TALLYFY_ORG_ID"], typed, "", organization)?,
        };
        let target = if typed.sandbox {
            Target::Simulated
        } else {
            let url = typed.base_url.as_deref();
            let names = ["--base-url", "TALLYFY_BASE_URL"];
            let base = environment.setting(names, url, "https://api.tallyfy.com", BaseUrl::parse)?;
            Target::Server(base, Arc::new(credentials(typed, environment)?))
        };
        Ok(Self {
            organization,
            target,
            authorities: typed.ca_file.as_deref().map_or(Ok(Vec::new()), authorities)?,
            sandbox_users: typed.sandbox_users.clone(),
            limits: Limits { speed, concurrency: typed.concurrency as usize, wait_max: typed.max_wait },
            timeout: typed.timeout,
            settle: typed.settle,
            attempts_max: typed.max_attempts,
        })
    }
}

/// The certificates in a file.
fn authorities(path: &Path) -> Result<Vec<u8>, SettingsError> {
    let wrong = |reason: &str| SettingsError::Wrong(format!("--ca-file {}: {reason}", shown_path(path)));
    let pem = std::fs::read(path).map_err(|reason| wrong(&reason.to_string()))?;
    let is_pem = String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----");
    if is_pem { Ok(pem) } else { Err(wrong("no certificate in PEM form is in this file")) }
}

/// An id that can be part of a URL's path.
fn organization(text: &str) -> Result<String, String> {
    let id = text.trim();
    if id.is_empty() {
        return Err("the organization is missing; set TALLYFY_ORG_ID or use --org ID (--sandbox needs none)".to_owned());
    }
    if id.bytes().all(|byte| byte == b'.') {
        return Err(format!("`{}` is not the id of an organization", shortened(id)));
    }
    Ok(id.to_owned())
}

fn credentials(typed: &ConnectionArgs, environment: &Environment) -> Result<Credentials, SettingsError> {
    if let Some(path) = &typed.token_file {
        read_again(path, "--token-file")
    } else if let Some((text, name)) = TOKENS.iter().find_map(|name| Some((environment.get(name)?, name))) {
        token(&text, name).map(Credentials::fixed)
    } else if let Some(path) = environment.get(TOKEN_FILE) {
        read_again(Path::new(&path), TOKEN_FILE)
    } else {
        Err(SettingsError::Token(TOKEN_MISSING.to_owned()))
    }
}

/// A file is read again when the server refuses its token; a pipe can be read only once.
fn read_again(path: &Path, origin: &'static str) -> Result<Credentials, SettingsError> {
    let token = token_in(path, origin)?;
    if !path.is_file() {
        return Ok(Credentials::fixed(token));
    }
    let path = path.to_owned();
    let again = move || token_in(&path, origin).inspect_err(|error| tracing::warn!("no newer token: {error}")).ok();
    Ok(Credentials::renewable(token, again))
}

fn token_in(path: &Path, origin: &'static str) -> Result<Token, SettingsError> {
    let origin = format!("{origin}: token file {}", shown_path(path));
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(TOKEN_FILE_MAX).read_to_string(&mut text)) {
        Ok(_) => token(&text, &origin),
        Err(reason) => Err(SettingsError::Token(format!("{origin}: {reason}"))),
    }
}

fn token(text: &str, origin: &str) -> Result<Token, SettingsError> {
    Token::new(text).map_err(|reason| SettingsError::Token(format!("{origin}: {reason}")))
}
