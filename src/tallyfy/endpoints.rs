//! The endpoints, as calls.

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;

use super::transport::{Call, TransportError};

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

/// The endpoints of one organization: the path below which they are.
#[derive(Debug)]
pub struct Endpoints(String);

impl Endpoints {
    /// Those of the organization of this id.
    pub fn of(organization: &str) -> Self {
        Self(format!("/organizations/{}", escaped(organization)))
    }

    /// `POST /organizations/{org}/groups`: not idempotent.
    pub fn create_group(&self, body: Bytes) -> Call {
        Call { method: Method::POST, path: format!("{}/groups", self.0), body: Some(body) }
    }

    /// `GET /organizations/{org}/groups`, `…/users` and `…/guests`: one page of a list.
    pub fn list(&self, list: List<'_>, page: u64) -> Call {
        // In the order of creation: an entry made meanwhile does not push others to a page already read.
        let (per_page, sort) = match list {
            List::Groups | List::Search(_) => (GROUPS_PER_PAGE, "sort_by"),
            List::Users | List::Guests => (PEOPLE_PER_PAGE, "sort"),
        };
        let kind = <&str>::from(list);
        let search = if let List::Search(text) = list { format!("&q={}", escaped(text)) } else { String::new() };
        let path = format!("{}/{kind}?per_page={per_page}&page={page}&{sort}=created_at{search}", self.0);
        Call { method: Method::GET, path, body: None }
    }

    /// A cheap read that shows whether the server is up.
    pub fn probe(&self) -> Call {
        Call { method: Method::GET, path: format!("{}/groups?per_page=1&page=1", self.0), body: None }
    }

    /// `GET`, `PUT` or `DELETE /organizations/{org}/groups/{id}`: ids are not used again, and the body of a PUT replaces the fields
    /// that it names, so a repetition is safe.
    ///
    /// # Errors
    /// If the id consists of dots: it would lead out of the groups, escaped too. `groups/..` is the organization.
    pub fn group(&self, method: Method, id: &str, body: Option<Bytes>) -> Result<Call, TransportError> {
        if id.bytes().all(|byte| byte == b'.') {
            return Err(TransportError::Undelivered(format!("`{id}` is not the id of a group")));
        }
        Ok(Call { method, path: format!("{}/groups/{}", self.0, escaped(id)), body })
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_searches_are_escaped_and_a_space_is_percent_20() {
        let endpoints = Endpoints::of("a/b ?");
        assert_eq!(
            endpoints.list(List::Search("R&D 50% + \"é\""), 2).path,
            "/organizations/a%2Fb%20%3F/groups?per_page=100&page=2&sort_by=created_at&q=R%26D%2050%25%20%2B%20%22%C3%A9%22"
        );
        assert_eq!(
            endpoints.list(List::Guests, 3).path,
            "/organizations/a%2Fb%20%3F/guests?per_page=1000&page=3&sort=created_at"
        );
        assert_eq!(endpoints.create_group(Bytes::new()).path, "/organizations/a%2Fb%20%3F/groups");
        let path = |id| endpoints.group(Method::PUT, id, None).map(|call| call.path);
        assert_eq!(path("../users").unwrap(), "/organizations/a%2Fb%20%3F/groups/..%2Fusers");
        assert_eq!(path("g 1").unwrap(), "/organizations/a%2Fb%20%3F/groups/g%201");
        for id in ["", ".", ".."] {
            assert!(matches!(path(id), Err(TransportError::Undelivered(_))), "{id}");
        }
    }
}
