//! The pages of a list. Pure.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::json;

use super::message::{Request, Response, header};

/// The response with the requested page of all entries that `find` gives for the text to search for, which is in lower case. It
/// has `per_page` entries, unless the query asks for another number, and at most `most`.
///
/// Other keys of the query (`with`, …) are ignored: groups come in the order of their creation. Only `%20` is a space: a `+` is a
/// plus, as in the real API.
pub(super) fn answer<T: Serialize>(
    request: &Request,
    (mut per_page, most): (usize, usize),
    find: impl FnOnce(&str) -> Vec<T>,
) -> Result<Response, Response> {
    let (mut q, mut page) = (String::new(), 1);
    for pair in request.uri().query().unwrap_or_default().split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy();
        match key {
            "q" => q = value.to_lowercase(),
            "page" => page = positive(key, &value)?,
            "per_page" => per_page = positive(key, &value)?.min(most),
            _ => {}
        }
    }
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

fn positive(key: &str, value: &str) -> Result<usize, Response> {
    let number = value.parse().ok().filter(|number| *number > 0);
    let refusal = || json!({ key: [format!("The {key} must be a positive integer.")] });
    number.ok_or_else(|| Response::invalid(refusal(), false))
}
