//! The endpoints, as calls.

use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;

use super::exchange::{Answer, Call, Exchange, Lost};

/// Everything but RFC 3986's unreserved characters. A space becomes `%20`: the API does not read `+` as one.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How many entries of a list are wanted on one page: the most groups the server gives; of people it gives more.
const GROUPS_PER_PAGE: u64 = 100;
const PEOPLE_PER_PAGE: u64 = 1000;

/// A list that the server gives page by page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum List<'a> {
    /// All groups.
    Groups,
    /// The groups that hold a text in name or description.
    #[strum(serialize = "groups")]
    Search(&'a str),
    /// All users.
    Users,
    /// All guests.
    Guests,
}

impl List<'_> {
    /// What it is, in words.
    #[must_use]
    pub fn name(self) -> String {
        format!("list of {}", <&str>::from(self))
    }
}

/// The endpoints of one organization.
#[derive(Debug)]
pub struct Client<E> {
    exchange: E,
    organization: Arc<str>,
}

/// A cheap read that shows whether the server is up.
#[must_use]
pub fn probe(organization: &str) -> Call {
    Call { method: Method::GET, path: format!("{}/groups?per_page=1&page=1", base(organization)), body: None }
}

fn base(organization: &str) -> String {
    format!("/organizations/{}", utf8_percent_encode(organization, ESCAPED))
}

impl<E: Exchange> Client<E> {
    /// Calls go to the organization of this id.
    #[must_use]
    pub fn new(exchange: E, organization: &str) -> Self {
        Self { exchange, organization: base(organization).into() }
    }

    /// The same endpoints over an exchange that is made from this one.
    pub fn over<F>(&self, make: impl FnOnce(&E) -> F) -> Client<F> {
        Client { exchange: make(&self.exchange), organization: Arc::clone(&self.organization) }
    }

    /// `POST /organizations/{org}/groups`: not idempotent.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn create_group(&self, body: Bytes) -> Result<Answer, Lost> {
        let call = Call { method: Method::POST, path: format!("{}/groups", self.organization), body: Some(body) };
        self.exchange.exchange(call).await
    }

    /// `GET /organizations/{org}/groups`, `…/users` and `…/guests`: one page of a list.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn list(&self, list: List<'_>, page: u64) -> Result<Answer, Lost> {
        // In the order of creation: an entry made meanwhile does not push others to a page already read.
        let (per_page, sort) = match list {
            List::Groups | List::Search(_) => (GROUPS_PER_PAGE, "sort_by"),
            List::Users | List::Guests => (PEOPLE_PER_PAGE, "sort"),
        };
        let kind = <&str>::from(list);
        let mut path = format!("{}/{kind}?per_page={per_page}&page={page}&{sort}=created_at", self.organization);
        if let List::Search(search) = list {
            path.push_str("&q=");
            path.extend(utf8_percent_encode(search, ESCAPED));
        }
        self.exchange.exchange(Call { method: Method::GET, path, body: None }).await
    }

    /// `GET /organizations/{org}/groups/{id}`
    ///
    /// # Errors
    /// If no answer came.
    pub async fn get_group(&self, id: &str) -> Result<Answer, Lost> {
        self.exchange.exchange(Call { method: Method::GET, path: self.group(id)?, body: None }).await
    }

    /// `PUT /organizations/{org}/groups/{id}`: the body replaces the fields that it names, so a repetition is safe.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn update_group(&self, id: &str, body: Bytes) -> Result<Answer, Lost> {
        self.exchange.exchange(Call { method: Method::PUT, path: self.group(id)?, body: Some(body) }).await
    }

    /// `DELETE /organizations/{org}/groups/{id}`: ids are not used again, so a repetition is safe.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn delete_group(&self, id: &str) -> Result<Answer, Lost> {
        self.exchange.exchange(Call { method: Method::DELETE, path: self.group(id)?, body: None }).await
    }

    /// An id of dots would lead out of the groups, escaped too: `groups/..` is the organization.
    fn group(&self, id: &str) -> Result<String, Lost> {
        if id.bytes().all(|byte| byte == b'.') {
            return Err(Lost::Undelivered(format!("`{id}` is not the id of a group")));
        }
        Ok(format!("{}/groups/{}", self.organization, utf8_percent_encode(id, ESCAPED)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Notes the call and gives no answer.
    struct Notes(Arc<Mutex<Vec<Call>>>);

    impl Exchange for Notes {
        async fn exchange(&self, call: Call) -> Result<Answer, Lost> {
            self.0.lock().unwrap().push(call);
            Err(Lost::Held)
        }
    }

    #[tokio::test]
    async fn ids_and_searches_are_escaped_and_a_space_is_percent_20() {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let client = Client::new(Notes(Arc::clone(&calls)), "a/b ?");
        let _ = client.list(List::Search("R&D 50% + \"é\""), 2).await;
        let _ = client.create_group(Bytes::from_static(b"{}")).await;
        let _ = client.get_group("../users").await;
        let _ = client.delete_group("g 1").await;
        let _ = client.list(List::Guests, 3).await;
        let _ = client.update_group("g 1", Bytes::from_static(b"{}")).await;
        for id in ["", ".", ".."] {
            assert!(matches!(client.delete_group(id).await, Err(Lost::Undelivered(_))), "{id}");
            assert!(matches!(client.get_group(id).await, Err(Lost::Undelivered(_))), "{id}");
        }
        let calls = calls.lock().unwrap();
        assert_eq!(
            calls[0].path,
            "/organizations/a%2Fb%20%3F/groups?per_page=100&page=2&sort_by=created_at&q=R%26D%2050%25%20%2B%20%22%C3%A9%22"
        );
        assert_eq!((&calls[1].method, calls[1].path.as_str()), (&Method::POST, "/organizations/a%2Fb%20%3F/groups"));
        assert_eq!(calls[2].path, "/organizations/a%2Fb%20%3F/groups/..%2Fusers");
        assert_eq!(
            (&calls[3].method, calls[3].path.as_str()),
            (&Method::DELETE, "/organizations/a%2Fb%20%3F/groups/g%201")
        );
        assert_eq!(calls[4].path, "/organizations/a%2Fb%20%3F/guests?per_page=1000&page=3&sort=created_at");
        assert_eq!((&calls[5].method, &calls[5].path), (&Method::PUT, &calls[3].path));
    }
}
