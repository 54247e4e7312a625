//! Repeats a request whose token was refused once, with a newer token. The credentials know how to get it.

use std::sync::Arc;

use super::credentials::Credentials;
use super::exchange::{Answer, Call, Exchange, Lost};

/// An exchange that survives the end of its token.
#[derive(Debug)]
pub struct Renewing<E> {
    inner: E,
    credentials: Arc<Credentials>,
}

impl<E> Renewing<E> {
    /// `inner` takes its tokens from these credentials, and reports to them when one is refused.
    #[must_use]
    pub fn new(inner: E, credentials: Arc<Credentials>) -> Self {
        Self { inner, credentials }
    }

    /// The same credentials over another exchange.
    pub fn over<F>(&self, inner: F) -> Renewing<F> {
        Renewing { inner, credentials: Arc::clone(&self.credentials) }
    }
}

impl<E: Exchange> Exchange for Renewing<E> {
    /// A 401 was not applied: that one request may be made again.
    async fn exchange(&self, call: Call) -> Result<Answer, Lost> {
        match self.inner.exchange(call.clone()).await {
            Ok(Answer { status: 401, .. }) if self.credentials.renew() => self.inner.exchange(call).await,
            answer => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use futures::future::join_all;

    use super::*;
    use crate::tallyfy::{Hints, Method, Token};

    /// A server that takes one token only, and sees the requests of all workers before it answers any.
    struct Server {
        credentials: Arc<Credentials>,
        takes: &'static str,
        seen: Mutex<Vec<Token>>,
    }

    impl Exchange for Server {
        async fn exchange(&self, _: Call) -> Result<Answer, Lost> {
            let token = self.credentials.token();
            self.seen.lock().unwrap().push(token.clone());
            tokio::task::yield_now().await;
            let is_taken = token == Token::new(self.takes).unwrap();
            if !is_taken {
                self.credentials.refuse(&token);
            }
            Ok(Answer { status: if is_taken { 201 } else { 401 }, hints: Hints::default(), body: Ok(Bytes::new()) })
        }
    }

    /// The statuses that 16 workers get at once, how many requests that took, and how often the file was read.
    async fn lanes(takes: &'static str, file: &'static str) -> (Vec<u16>, usize, usize) {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reads);
        let credentials = Arc::new(Credentials::renewable(Token::new("old").unwrap(), move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Token::new(file).ok()
        }));
        let server = Server { credentials: Arc::clone(&credentials), takes, seen: Mutex::default() };
        let renewing = Renewing::new(server, credentials);
        let call = Call { method: Method::POST, path: "/groups".to_owned(), body: None };
        let answers = join_all((0..16).map(|_| renewing.exchange(call.clone()))).await;
        let statuses = answers.into_iter().map(|answer| answer.unwrap().status).collect();
        let seen = renewing.inner.seen.lock().unwrap().len();
        (statuses, seen, reads.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn sixteen_refusals_at_once_are_one_look_and_sixteen_repeats() {
        assert_eq!(lanes("new", "new").await, (vec![201; 16], 32, 1));
    }

    #[tokio::test]
    async fn a_401_is_given_back_when_there_is_no_newer_token_or_it_is_refused_too() {
        assert_eq!(lanes("new", "old").await, (vec![401; 16], 16, 1));
        assert_eq!(lanes("new", "").await, (vec![401; 16], 16, 1));
        assert_eq!(lanes("new", "wrong").await, (vec![401; 16], 32, 1));
    }

    #[tokio::test]
    async fn a_token_that_is_taken_is_not_looked_for() {
        assert_eq!(lanes("old", "new").await, (vec![201; 16], 16, 0));
    }
}
