//! Parses the query of a list, and builds the response for a page. It does not depend on the kind of entries. Pure.

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Value, json};
use strum::EnumString;

use super::fields::invalid;
use super::message::{Request, Response};

/// The query of a list.
pub(super) struct ListQuery {
    /// Only entries that contain this text, which is in lower case.
    pub(super) q: String,
    /// The order.
    pub(super) sort_by: SortBy,
    page: usize,
    per_page: usize,
}

/// The order of a list.
#[derive(Clone, Copy, EnumString)]
#[strum(serialize_all = "snake_case")]
pub(super) enum SortBy {
    CreatedAt,
    UpdatedAt,
    Name,
}

#[derive(Serialize)]
struct PageBody<S> {
    data: Vec<S>,
    meta: Value,
}

impl ListQuery {
    /// Parses a raw query. `per_page` is at most `most`; unknown keys (`with`, …) are ignored.
    /// Only `%20` is a space: a `+` is a plus, as in the real API.
    pub(super) fn read(request: &Request, default: usize, most: usize) -> Result<Self, Response> {
        let mut wanted = Self { q: String::new(), sort_by: SortBy::CreatedAt, page: 1, per_page: default };
        for pair in request.query.as_deref().unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            let refuse = |problem: &str| invalid(&Map::from_iter([(key.to_owned(), json!([problem]))]), false);
            let number = || match value.parse() {
                Ok(number @ 1..) => Ok(number),
                _ => Err(refuse(&format!("The {key} must be a positive integer."))),
            };
            match key {
                "q" => wanted.q = value.to_lowercase(),
                "page" => wanted.page = number()?,
                "per_page" => wanted.per_page = number()?.min(most),
                "sort_by" => {
                    wanted.sort_by = value.parse().map_err(|_| refuse("The selected sort_by is invalid."))?;
                }
                _ => {}
            }
        }
        Ok(wanted)
    }

    /// The response with the requested page of all entries that were found.
    pub(super) fn answer<T, S: Serialize>(&self, found: &[T], show: impl Fn(&T) -> S, request: &Request) -> Response {
        let total_pages = found.len().div_ceil(self.per_page).max(1);
        let skipped = (self.page - 1).saturating_mul(self.per_page);
        let data: Vec<_> = found.iter().skip(skipped).take(self.per_page).map(show).collect();
        let host = request.headers.get("host").map_or("localhost", String::as_str);
        let link = |page: usize| Value::from(format!("http://{host}{}?page={page}", request.path));
        let mut links = Map::new();
        if self.page > 1 {
            links.insert("previous".to_owned(), link(self.page - 1));
        }
        if self.page < total_pages {
            links.insert("next".to_owned(), link(self.page + 1));
        }
        let pagination = json!({
            "total": found.len(),
            "count": data.len(),
            "per_page": self.per_page,
            "current_page": self.page,
            "total_pages": total_pages,
            // As PHP writes it: an empty ARRAY if there are none.
            "links": if links.is_empty() { json!([]) } else { Value::Object(links) },
        });
        Response::json(200, &PageBody { data, meta: json!({"pagination": pagination}) })
    }
}
