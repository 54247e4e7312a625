//! Parses the body of a POST or a PUT into fields, or reports the errors of all fields. Pure.

use serde_json::{Map, Value, json};

use super::message::Response;
use super::users::Users;

/// The longest name, in characters.
const NAME_MAX: usize = 200;

/// What a body says about a group; `None` is a field that was not given.
pub(super) struct GroupFields {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) members: Option<Vec<u64>>,
    pub(super) guests: Option<Vec<String>>,
}

/// The rules for the fields.
pub(super) struct FieldRules<'a> {
    /// Whether the group exists: a PUT, which may omit the description but not empty it.
    pub(super) is_update: bool,
    /// Whether every group has a description.
    pub(super) needs_description: bool,
    /// Whether another group has the name.
    pub(super) is_taken: &'a dyn Fn(&str) -> bool,
    /// The users: they may be members, and may not be guests.
    pub(super) users: &'a Users,
}

/// Messages by field, as the `errors` of a 422.
type FieldErrors = Map<String, Value>;

/// The 422, in one of its two forms: with or without `"error": true`.
pub(super) fn invalid(errors: &FieldErrors, with_error: bool) -> Response {
    let mut body = json!({"message": "The given data was invalid.", "errors": errors});
    if with_error {
        body["error"] = true.into();
    }
    Response::json(422, &body)
}

/// Parses `body`. Like the API's framework, it treats anything but an object as an object without fields.
pub(super) fn read(body: &[u8], rules: &FieldRules) -> Result<GroupFields, Response> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Err(Response::error(400, "The request body is not valid JSON."));
    };
    let mut errors = FieldErrors::new();
    let mut note = |field: &str, problem: String| _ = errors.insert(field.to_owned(), json!([problem]));
    let mut text = |field: &str, read: Result<Option<String>, &str>| {
        read.unwrap_or_else(|problem| {
            note(field, problem.to_owned());
            None
        })
    };
    let name = text("name", name(filled(&body, "name"), rules));
    let description = text("description", description(filled(&body, "description"), rules));
    let members = list(body.get("members"), "members", |value, key| member(value, key, rules.users), &mut note);
    let guests = list(body.get("guests"), "guests", |value, key| guest(value, key, rules.users), &mut note);
    if errors.is_empty() {
        Ok(GroupFields { name, description, members, guests })
    } else {
        Err(invalid(&errors, !rules.is_update))
    }
}

/// The value of a field. Like the API's framework, it takes blank text for null.
fn filled<'a>(body: &'a Value, field: &str) -> Option<&'a Value> {
    let is_blank = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    body.get(field).map(|value| if is_blank(value) { &Value::Null } else { value })
}

fn name(value: Option<&Value>, rules: &FieldRules) -> Result<Option<String>, &'static str> {
    match value {
        None | Some(Value::Null) => Err("The name field is required."),
        Some(Value::String(name)) if name.chars().count() > NAME_MAX => {
            Err("The name may not be greater than 200 characters.")
        }
        Some(Value::String(name)) if (rules.is_taken)(name) => Err("The name has already been taken."),
        Some(Value::String(name)) => Ok(Some(name.clone())),
        Some(_) => Err("The name must be a string."),
    }
}

fn description(value: Option<&Value>, rules: &FieldRules) -> Result<Option<String>, &'static str> {
    match value {
        None if !rules.needs_description => Ok(None),
        Some(Value::Null) if !(rules.needs_description || rules.is_update) => Ok(None),
        None | Some(Value::Null) => Err("The description field is required."),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err("The description must be a string."),
    }
}

fn list<T>(
    value: Option<&Value>,
    field: &str,
    read: impl Fn(&Value, &str) -> Result<T, String>,
    note: &mut impl FnMut(&str, String),
) -> Option<Vec<T>> {
    let Value::Array(items) = value? else {
        note(field, format!("The {field} must be an array."));
        return None;
    };
    let mut list = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let key = format!("{field}.{index}");
        match read(item, &key) {
            Ok(item) => list.push(item),
            Err(problem) => note(&key, problem),
        }
    }
    Some(list)
}

fn member(value: &Value, key: &str, users: &Users) -> Result<u64, String> {
    if !(value.is_u64() || value.is_i64()) {
        return Err(format!("The {key} must be an integer."));
    }
    value.as_u64().filter(|id| users.has(*id)).ok_or_else(|| format!("The selected {key} is invalid."))
}

fn guest(value: &Value, key: &str, users: &Users) -> Result<String, String> {
    let Value::String(address) = value else {
        return Err(format!("The {key} must be a string."));
    };
    if !is_address(address) {
        return Err(format!("The {key} must be a valid email address."));
    }
    if users.owns(address) {
        return Err(format!("The {key} belongs to a member of the organization."));
    }
    Ok(address.clone())
}

/// Whether `text` has the shape of an e-mail address.
fn is_address(text: &str) -> bool {
    let is_plain = !text.contains(|sign: char| sign.is_whitespace() || sign.is_control() || "<>,;".contains(sign));
    is_plain
        && text.len() <= 254
        && text.split_once('@').is_some_and(|(local, domain)| {
            let is_domain = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
            !local.is_empty() && is_domain && !domain.contains('@')
        })
}
