//! Where to and how fast, as it is meant.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Environment, SettingsError};
use crate::cli::ConnectionArgs;
use crate::model::shown_path;
use crate::send::Speed;
use crate::tallyfy::{BaseUrl, Credentials, Token};

const BASE_URL: &str = "https://api.tallyfy.com";
const RATE: &str = "600/min";
/// The most bytes read from a token's file.
const TOKEN_FILE_MAX: u64 = 64 * 1024;

/// Where the groups go.
pub enum Target {
    /// Into a simulated organization inside this process.
    Simulated,
    /// To a server.
    Server(BaseUrl, Arc<Credentials>),
}

/// Where to and how fast.
pub struct Connection {
    /// The organization's id.
    pub organization: String,
    /// The server.
    pub target: Target,
    /// How fast.
    pub speed: Speed,
    /// The most requests in flight.
    pub concurrency: usize,
    /// The longest one request may take.
    pub timeout: Duration,
    /// The longest pause the server may ask for.
    pub wait_max: Duration,
    /// How long a group whose answer was lost may be absent from lists, at least.
    pub settle: Duration,
    /// How often one request is made at most.
    pub attempts_max: u32,
}

impl Connection {
    /// What was typed and what the environment says, as it is meant.
    ///
    /// # Errors
    /// If something is missing or wrong.
    pub fn resolve(
        typed: &ConnectionArgs,
        is_simulated: bool,
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let rate = environment.or("--rate", typed.rate.as_deref(), "TALLYFY_RATE");
        let (rate, origin) = rate.unwrap_or_else(|| (RATE.to_owned(), "--rate"));
        let speed = Speed::parse(&rate).map_err(|reason| SettingsError::Rate { origin, reason })?;
        let (organization, target) = target(typed, is_simulated, environment)?;
        Ok(Self {
            organization,
            target,
            speed,
            concurrency: typed.concurrency.into(),
            timeout: typed.timeout,
            wait_max: typed.max_wait,
            settle: typed.settle,
            attempts_max: typed.max_attempts,
        })
    }
}

fn target(
    typed: &ConnectionArgs,
    is_simulated: bool,
    environment: &Environment,
) -> Result<(String, Target), SettingsError> {
    let organization = organization(typed, is_simulated, environment)?;
    if is_simulated {
        return Ok((organization, Target::Simulated));
    }
    let said = environment.or("--base-url", typed.base_url.as_deref(), "TALLYFY_BASE_URL");
    let (url, origin) = said.unwrap_or_else(|| (BASE_URL.to_owned(), "--base-url"));
    let base = BaseUrl::parse(&url).map_err(|reason| SettingsError::BaseUrl { origin, reason })?;
    Ok((organization, Target::Server(base, Arc::new(credentials(typed, environment)?))))
}

fn organization(
    typed: &ConnectionArgs,
    is_simulated: bool,
    environment: &Environment,
) -> Result<String, SettingsError> {
    if is_simulated && typed.org.is_none() {
        return Ok("sandbox".to_owned());
    }
    let said = environment.or("--org", typed.org.as_deref(), "TALLYFY_ORG_ID");
    let (text, origin) = said.ok_or(SettingsError::OrganizationMissing)?;
    let organization = text.trim().to_owned();
    if organization.is_empty() || organization.bytes().all(|byte| byte == b'.') {
        return Err(SettingsError::Organization { origin, organization });
    }
    Ok(organization)
}

fn credentials(typed: &ConnectionArgs, environment: &Environment) -> Result<Credentials, SettingsError> {
    if let Some(path) = &typed.token_file {
        return kept_in(path, "--token-file");
    }
    for name in ["TALLYFY_API_TOKEN", "TALLYFY_ACCESS_TOKEN"] {
        if let Some(text) = environment.get(name) {
            let refused = |reason| SettingsError::Token { origin: name.to_owned(), reason };
            return Token::new(&text).map(Credentials::fixed).map_err(refused);
        }
    }
    let origin = "TALLYFY_TOKEN_FILE";
    match environment.get(origin) {
        Some(path) => kept_in(Path::new(&path), origin),
        None => Err(SettingsError::TokenMissing),
    }
}

/// A file is read again when the server refuses its token; a pipe gives its token once.
fn kept_in(path: &Path, origin: &'static str) -> Result<Credentials, SettingsError> {
    let token = token_in(path, origin)?;
    if !path.is_file() {
        return Ok(Credentials::fixed(token));
    }
    let path = path.to_owned();
    let again = move || token_in(&path, origin).inspect_err(|error| tracing::warn!("no newer token: {error}")).ok();
    Ok(Credentials::renewable(token, again))
}

fn token_in(path: &Path, origin: &'static str) -> Result<Token, SettingsError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(TOKEN_FILE_MAX).read_to_string(&mut text))
        .map_err(|reason| SettingsError::TokenFile { origin, path: path.to_owned(), reason })?;
    Token::new(&text)
        .map_err(|reason| SettingsError::Token { origin: format!("{origin}: token file {}", shown_path(path)), reason })
}
