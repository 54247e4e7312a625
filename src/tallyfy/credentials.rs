//! The token in use, and a newer one once the server refuses it. Shows neither.

use parking_lot::Mutex;
use reqwest::header::HeaderValue;

/// The access token: shown nowhere. `HeaderValue` hides what is marked as sensitive from `Debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(HeaderValue);

/// Why a token with characters that a header cannot hold is refused.
const UNPRINTABLE: &str =
    "the token holds characters that no token has (a line break, a control character, or one that is not ASCII)";

impl Token {
    /// Takes a token, without the white space around it.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the token is empty");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UNPRINTABLE);
        }
        // It could not be hidden in what the server says: every text holds it.
        if text.len() < 8 {
            return Err("the token is shorter than 8 characters, as no token of Tallyfy is; copy it whole");
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| UNPRINTABLE)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The header `Authorization`, which no log shows.
    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Removes the token from a text that is shown.
    fn hide(&self, text: &str) -> String {
        text.replace(self.0.to_str().unwrap_or_default().trim_start_matches("Bearer "), "(the token)")
    }

    /// The token for the simulated organization, which accepts any.
    pub fn simulated() -> Self {
        Self(HeaderValue::from_static("Bearer simulated"))
    }
}

/// Fetches the token to use from now on, if there is one; it may be the same as before.
type Renewal = Box<dyn Fn() -> Option<Token> + Send + Sync>;

/// The token in use, shared by all workers.
pub struct Credentials(Mutex<InUse>);

struct InUse {
    token: Token,
    /// The tokens before it.
    older: Vec<Token>,
    is_refused: bool,
    /// None if the last attempt to fetch a newer token failed: then the run gives up.
    renewal: Option<Renewal>,
}

impl Credentials {
    /// A token that stays as it is.
    pub fn fixed(token: Token) -> Self {
        Self::renewable(token, || None)
    }

    /// A token that may be replaced while it is in use; `renewal` gives the one that has taken its place.
    pub fn renewable(token: Token, renewal: impl Fn() -> Option<Token> + Send + Sync + 'static) -> Self {
        Self(Mutex::new(InUse { token, older: Vec::new(), is_refused: false, renewal: Some(Box::new(renewal)) }))
    }

    /// The token for the next request.
    pub fn token(&self) -> Token {
        self.0.lock().token.clone()
    }

    /// The server refused this token. A token that has replaced it since is not affected.
    pub fn refuse(&self, token: &Token) {
        let mut in_use = self.0.lock();
        in_use.is_refused |= in_use.token == *token;
    }

    /// Whether there is a token that the server has not refused. The first call after a refusal fetches it.
    pub fn renew(&self) -> bool {
        let mut in_use = self.0.lock();
        if !in_use.is_refused {
            return true;
        }
        let fetched = in_use.renewal.as_ref().and_then(|renewal| renewal());
        let Some(token) = fetched.filter(|fetched| *fetched != in_use.token) else {
            in_use.renewal = None;
            return false;
        };
        tracing::info!("the server refused the token; a newer one is used");
        let older = std::mem::replace(&mut in_use.token, token);
        in_use.older.push(older);
        in_use.is_refused = false;
        true
    }

    /// Removes every token that was used from a text that is shown: a server may repeat it.
    pub fn hide(&self, text: &str) -> String {
        let in_use = self.0.lock();
        in_use.older.iter().chain([&in_use.token]).fold(text.to_owned(), |text, token| token.hide(&text))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new(" secret-token\n").unwrap();
        assert!(!format!("{token:?} {:?}", token.0).contains("secret"));
        assert_eq!(token.hide("bad header: Bearer secret-token!"), "bad header: Bearer (the token)!");
        assert_eq!(Token::new(" ").unwrap_err(), "the token is empty");
        assert_eq!(Token::new("a\nb").unwrap_err(), UNPRINTABLE);
        assert!(Token::new("1234567").unwrap_err().contains("shorter than 8 characters"));
    }

    fn token(text: &str) -> Token {
        Token::new(&text.repeat(8)).unwrap()
    }

    /// Credentials that begin with `a`, then the successive contents of the file; and how often it is read.
    fn credentials(file: &'static [Option<&str>]) -> (Credentials, Arc<AtomicUsize>) {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reads);
        let read = move || file[counted.fetch_add(1, Ordering::Relaxed)].map(token);
        (Credentials::renewable(token("a"), read), reads)
    }

    #[test]
    fn the_first_refusal_of_a_token_fetches_the_next_and_the_others_go_on_with_it() {
        let (credentials, reads) = credentials(&[Some("b"), Some("c")]);
        for (newer, reads_after) in [("b", 1), ("c", 2)] {
            let before = credentials.token();
            for _ in 0..16 {
                credentials.refuse(&before);
                assert!(credentials.renew());
            }
            assert_eq!(credentials.token(), token(newer));
            assert_eq!(reads.load(Ordering::Relaxed), reads_after);
        }
    }

    #[test]
    fn a_file_that_says_nothing_new_is_read_once_and_no_more() {
        for file in [&[Some("a"), Some("b")], &[None, Some("b")]] {
            let (credentials, reads) = credentials(file);
            credentials.refuse(&token("a"));
            assert!(!credentials.renew() && !credentials.renew());
            assert_eq!((credentials.token(), reads.load(Ordering::Relaxed)), (token("a"), 1));
        }
    }

    #[test]
    fn a_token_without_a_file_is_never_renewed() {
        let credentials = Credentials::fixed(token("a"));
        credentials.refuse(&token("a"));
        assert!(!credentials.renew());
    }
}
