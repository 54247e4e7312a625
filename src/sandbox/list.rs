//! Parses the query of a list, and builds the response for a page. Pure.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::json;

use super::message::{Request, Response, header};

/// The query of a list.
pub(super) struct ListQuery {
    /// Only entries that contain this text, which is in lower case.
    q: String,
    page: usize,
    per_page: usize,
}

/// The response with the requested page of all entries that `find` gives for the text to search for. It has `per_page` entries, unless the query asks for
/// another number, and at most `most`.
pub(super) fn answer<T: Serialize>(
    request: &Request,
    (per_page, most): (usize, usize),
    find: impl FnOnce(&str) -> Vec<T>,
) -> Result<Response, Response> {
    let ListQuery { q, page, per_page } = ListQuery::read(request.uri().query().unwrap_or_default(), per_page, most)?;
    let found = find(&q);
    let total_pages = found.len().div_ceil(per_page).max(1);
    let rest = found.get((page - 1).saturating_mul(per_page)..).unwrap_or_default();
    let data = &rest[..per_page.min(rest.len())];
    let host = Some(header(request, "host")).filter(|host| !host.is_empty()).unwrap_or("localhost");
    let link = |(name, page)| (name, format!("http://{host}{}?page={page}", request.uri().path()));
    let previous = (page > 1).then_some(("previous", page - 1));
    let next = (page < total_pages).then_some(("next", page + 1));
    let links: BTreeMap<&str, String> = previous.into_iter().chain(next).map(link).collect();
    let pagination = json!({
        "total": found.len(),
        "count": data.len(),
        "per_page": per_page,
        "current_page": page,
        "total_pages": total_pages,
        // As PHP writes it: an empty ARRAY if there are none.
        "links": if links.is_empty() { json!([]) } else { json!(links) },
    });
    Ok(Response::json(200, &json!({"data": data, "meta": {"pagination": pagination}})))
}

impl ListQuery {
    /// Parses a raw query. `per_page` is at most `most`; other keys (`with`, …) are ignored: groups come in the order of their creation.
    /// Only `%20` is a space: a `+` is a plus, as in the real API.
    fn read(query: &str, per_page: usize, most: usize) -> Result<Self, Response> {
        let mut wanted = Self { q: String::new(), page: 1, per_page };
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            let number = || {
                let number = value.parse().ok().filter(|number| *number > 0);
                let refusal = || json!({ key: [format!("The {key} must be a positive integer.")] });
                number.ok_or_else(|| Response::invalid(refusal(), false))
            };
            match key {
                "q" => wanted.q = value.to_lowercase(),
                "page" => wanted.page = number()?,
                "per_page" => wanted.per_page = number()?.min(most),
                _ => {}
            }
        }
        Ok(wanted)
    }
}
