//! Routes a request to a call and checks its headers. Does not look at bodies or groups. Pure.

use percent_encoding::percent_decode_str;
use serde_json::json;

use super::message::{Request, Response};

/// One call of the API.
pub(super) struct ApiCall {
    pub(super) org: String,
    pub(super) action: RouteAction,
}

/// What a call asks for; the text is a group's id.
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
    if request.header("x-tallyfy-client").is_empty() {
        return Err(no_endpoint());
    }
    let call = call(&request.method, &request.path).ok_or_else(no_endpoint)?;
    if !is_authorized(request, token) {
        return Err(Response::error(401, "Unauthenticated."));
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

/// The response for an organization or a group that does not exist.
pub(super) fn no_resource() -> Response {
    not_found("The requested resource was not found", "RESOURCE_NOT_FOUND")
}

fn no_endpoint() -> Response {
    not_found("API endpoint not found", "ENDPOINT_NOT_FOUND")
}

fn not_found(message: &str, code: &str) -> Response {
    Response::json(404, &json!({"error": true, "message": message, "code": code}))
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
    let given = request.header("authorization").strip_prefix("Bearer ").unwrap_or_default().trim();
    !given.is_empty() && token.is_none_or(|token| given == token)
}

fn mentions_json(request: &Request, header: &str) -> bool {
    request.header(header).split([',', ';']).any(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
