//! Routes a request to a call and checks its headers. Does not look at bodies or groups. Pure.

use percent_encoding::percent_decode_str;

use super::message::{Request, Response};

/// One call of the API.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ApiCall {
    pub(super) org: String,
    pub(super) action: RouteAction,
}

/// What a call asks for; the text is a group's id.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RouteAction {
    Create,
    List,
    Read(String),
    Update(String),
    Delete(String),
    Users,
}

/// The call of a request, or the response that refuses it for its path or headers.
pub(super) fn read(request: &Request, token: Option<&str>) -> Result<ApiCall, Response> {
    if request.headers.get("x-tallyfy-client").is_none_or(str::is_empty) {
        return Err(no_endpoint());
    }
    let call = call(&request.method, &request.path).ok_or_else(no_endpoint)?;
    if !is_authorized(request, token) {
        return Err(unauthenticated());
    }
    if !mentions_json(request, "accept") {
        return Err(Response::error(406, "The Accept header must be application/json."));
    }
    let has_body = matches!(call.action, RouteAction::Create | RouteAction::Update(_));
    if has_body && !mentions_json(request, "content-type") {
        return Err(Response::error(415, "The Content-Type header must be application/json."));
    }
    Ok(call)
}

/// The response to a token that is wrong or expired.
pub(super) fn unauthenticated() -> Response {
    Response::error(401, "Unauthenticated.")
}

/// The response for an organization or a group that does not exist.
pub(super) fn no_resource() -> Response {
    Response::coded(404, "The requested resource was not found", "RESOURCE_NOT_FOUND")
}

fn no_endpoint() -> Response {
    Response::coded(404, "API endpoint not found", "ENDPOINT_NOT_FOUND")
}

fn call(method: &str, path: &str) -> Option<ApiCall> {
    // A base URL may carry a path of its own, such as `/api`.
    let mut segments = path.split('/').skip_while(|segment| *segment != "organizations");
    segments.next()?;
    let org = decode(segments.next()?)?;
    let kind = segments.next()?;
    let id = segments.next().map(decode);
    if segments.next().is_some() {
        return None;
    }
    let action = match (method, kind, id) {
        ("POST", "groups", None) => RouteAction::Create,
        ("GET", "groups", None) => RouteAction::List,
        ("GET", "groups", Some(id)) => RouteAction::Read(id?),
        ("PUT", "groups", Some(id)) => RouteAction::Update(id?),
        ("DELETE", "groups", Some(id)) => RouteAction::Delete(id?),
        ("GET", "users", None) => RouteAction::Users,
        _ => return None,
    };
    Some(ApiCall { org, action })
}

fn decode(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

fn is_authorized(request: &Request, token: Option<&str>) -> bool {
    let given = request
        .headers
        .get("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::trim)
        .unwrap_or_default();
    match token {
        Some(token) => given == token,
        None => !given.is_empty(),
    }
}

fn mentions_json(request: &Request, header: &str) -> bool {
    let value = request.headers.get(header).unwrap_or_default();
    value.split(',').any(|kind| {
        let (kind, _parameters) = kind.split_once(';').unwrap_or((kind, ""));
        kind.trim().eq_ignore_ascii_case("application/json")
    })
}
