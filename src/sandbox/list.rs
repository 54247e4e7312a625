//! Parses the query of a list, and builds the response for a page. It does not depend on the kind of entries. Pure.

use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::fields::FieldErrors;
use super::message::{Request, Response};

/// The query of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListQuery {
    /// Only entries that contain this text.
    pub(super) q: Option<String>,
    /// The page, from 1.
    pub(super) page: usize,
    /// Entries per page.
    pub(super) per_page: usize,
    /// The order.
    pub(super) sort_by: SortBy,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SortBy {
    Created,
    Updated,
    Name,
}

impl ListQuery {
    /// Parses a raw query. `per_page` is at most `most`; unknown keys (`with`, …) are ignored.
    /// Only `%20` is a space: a `+` is a plus, as in the real API.
    pub(super) fn read(query: Option<&str>, default: usize, most: usize) -> Result<Self, FieldErrors> {
        let mut wanted = Self { q: None, page: 1, per_page: default, sort_by: SortBy::Created };
        for pair in query.unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            match percent_decode_str(key).decode_utf8_lossy().as_ref() {
                "q" => wanted.q = (!value.is_empty()).then(|| value.into_owned()),
                "page" => wanted.page = number("page", &value)?,
                "per_page" => wanted.per_page = number("per_page", &value)?.min(most),
                "sort_by" => wanted.sort_by = order(&value)?,
                _ => {}
            }
        }
        Ok(wanted)
    }

    /// How many entries precede the page.
    pub(super) fn skip(&self) -> usize {
        (self.page - 1).saturating_mul(self.per_page)
    }

    /// The response with `data`, the requested page out of `total` entries.
    pub(super) fn answer<T: Serialize>(&self, data: &[T], total: usize, request: &Request) -> Response {
        let total_pages = total.div_ceil(self.per_page).max(1);
        let link = |page: usize| {
            let host = request.headers.get("host").unwrap_or("localhost");
            format!("http://{host}{}?page={page}", request.path)
        };
        let pagination = ListPagination {
            total,
            count: data.len(),
            per_page: self.per_page,
            current_page: self.page,
            total_pages,
            links: Links::of(
                (self.page > 1).then(|| link(self.page - 1)),
                (self.page < total_pages).then(|| link(self.page + 1)),
            ),
        };
        let meta = ListMeta { pagination };
        Response::json(200, &Listing { data, meta })
    }
}

fn number(field: &str, value: &str) -> Result<usize, FieldErrors> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| FieldErrors::one(field, &format!("The {field} must be a positive integer.")))
}

fn order(value: &str) -> Result<SortBy, FieldErrors> {
    match value {
        "name" => Ok(SortBy::Name),
        "created_at" => Ok(SortBy::Created),
        "updated_at" => Ok(SortBy::Updated),
        _ => Err(FieldErrors::one("sort_by", "The selected sort_by is invalid.")),
    }
}

#[derive(Serialize)]
struct Listing<'a, T> {
    data: &'a [T],
    meta: ListMeta,
}

#[derive(Serialize)]
struct ListMeta {
    pagination: ListPagination,
}

#[derive(Serialize)]
struct ListPagination {
    total: usize,
    count: usize,
    per_page: usize,
    current_page: usize,
    total_pages: usize,
    links: Links,
}

/// The neighbours of a page: an object or, as PHP writes it, an empty ARRAY if there are none.
#[derive(Serialize)]
#[serde(untagged)]
enum Links {
    None([String; 0]),
    Some {
        #[serde(skip_serializing_if = "Option::is_none")]
        previous: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
}

impl Links {
    fn of(previous: Option<String>, next: Option<String>) -> Self {
        match (previous, next) {
            (None, None) => Self::None([]),
            (previous, next) => Self::Some { previous, next },
        }
    }
}
