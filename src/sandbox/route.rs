//! Routes a request to a call and checks its headers. Does not look at bodies or groups. Pure.

use percent_encoding::percent_decode_str;
use serde_json::json;

use super::message::{Request, Response};

/// One call of the API.
pub(super) struct ApiCall {
    /// The organization's id; `None` for the calls about the token's owner.
    pub(super) org: Option<String>,
    pub(super) action: RouteAction,
}

/// What a call asks for; the text is the id of a group or user, or a guest's address.
pub(super) enum RouteAction {
    Create,
    List,
    Read(String),
    Update(String),
    Delete(String),
    Users,
    User(String),
    Guests,
    Guest(String),
    Me,
    MyOrganizations,
    Organization(String),
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

/// The response for an organization, a group or a person that does not exist.
pub(super) fn no_resource() -> Response {
    not_found("Resource not found", "RESOURCE_NOT_FOUND")
}

fn no_endpoint() -> Response {
    not_found("API endpoint not found", "ENDPOINT_NOT_FOUND")
}

fn not_found(message: &str, code: &str) -> Response {
    Response::json(404, &json!({"error": true, "message": message, "code": code}))
}

fn call(method: &str, path: &str) -> Option<ApiCall> {
    // A base URL may carry a path of its own, such as `/api`.
    let segments = path.split('/').skip_while(|segment| !matches!(*segment, "organizations" | "me"));
    let segments: Vec<String> = segments.map(decode).collect::<Option<_>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (org, rest) = match segments.as_slice() {
        ["organizations", org, rest @ ..] => (Some(*org), rest),
        rest => (None, rest),
    };
    let action = match (method, org, rest) {
        ("GET", _, ["me"]) => RouteAction::Me,
        ("GET", None, ["me", "organizations"]) => RouteAction::MyOrganizations,
        ("GET", Some(org), []) => RouteAction::Organization(org.to_owned()),
        ("POST", Some(_), ["groups"]) => RouteAction::Create,
        ("GET", Some(_), ["groups"]) => RouteAction::List,
        ("GET", Some(_), ["groups", id]) => RouteAction::Read((*id).to_owned()),
        ("PUT", Some(_), ["groups", id]) => RouteAction::Update((*id).to_owned()),
        ("DELETE", Some(_), ["groups", id]) => RouteAction::Delete((*id).to_owned()),
        ("GET", Some(_), ["users"]) => RouteAction::Users,
        ("GET", Some(_), ["users", id]) => RouteAction::User((*id).to_owned()),
        ("GET", Some(_), ["guests"]) => RouteAction::Guests,
        ("GET", Some(_), ["guests", address]) => RouteAction::Guest((*address).to_owned()),
        _ => return None,
    };
    Some(ApiCall { org: org.map(str::to_owned), action })
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
