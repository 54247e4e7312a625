//! The rules for the fields of a group: parses the body of a POST or a PUT, or reports the errors of all fields. Pure.

use email_address::{EmailAddress, Options};
use serde_json::{Map, Value, json};

use super::groups::SandboxGroup;
use super::message::{Request, Response, expect_json};
use super::organization::Organization;
use super::users::SandboxUser;

impl Organization {
    /// The group that a POST describes, or that a PUT makes of the `old` one.
    ///
    /// Messages name their field as `:attribute`. Like the API's framework, it treats anything but an object as an object
    /// without fields.
    pub(super) fn parse_group(&self, request: &Request, old: Option<&SandboxGroup>) -> Result<SandboxGroup, Response> {
        expect_json(request, "Content-Type", 415)?;
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
            return Err(Response::error(400, "The request body is not valid JSON."));
        };
        let mut group = old.cloned().unwrap_or_default();
        let mut errors = Map::new();
        let mut check = |field: &str, checked: Result<(), &str>| {
            if let Err(problem) = checked {
                errors.insert(field.to_owned(), json!([problem.replace(":attribute", field)]));
            }
        };
        check("name", self.name(&body["name"], old).map(|name| group.name = name));
        // A PUT may leave the description out, but not empty it.
        let is_required = self.options.require_description || old.is_some() && body.get("description").is_some();
        let description = text(&body["description"], is_required);
        check("description", description.map(|text| group.description = text.or(group.description.take())));
        if let Some(members) = body.get("members") {
            group.members = list("members", members, |value| self.member(value), &mut check);
        }
        if let Some(guests) = body.get("guests") {
            group.guests = list("guests", guests, |value| self.guest(value), &mut check);
        }
        if errors.is_empty() { Ok(group) } else { Err(Response::invalid(errors, old.is_none())) }
    }

    fn name(&self, value: &Value, old: Option<&SandboxGroup>) -> Result<String, &'static str> {
        let name = text(value, true)?.unwrap_or_default();
        let is_own = old.is_some_and(|group| group.name.to_lowercase() == name.to_lowercase());
        let is_taken = self.groups.named(&name) > usize::from(is_own);
        if name.chars().count() > 200 {
            Err("The :attribute may not be greater than 200 characters.")
        } else if is_taken && !self.options.allow_same_names {
            Err("The :attribute has already been taken.")
        } else {
            Ok(name)
        }
    }

    fn member(&self, value: &Value) -> Result<u64, &'static str> {
        if !(value.is_u64() || value.is_i64()) {
            return Err("The :attribute must be an integer.");
        }
        let is_user = |id: &u64| self.users.get(id).is_some_and(SandboxUser::is_present);
        value.as_u64().filter(is_user).ok_or("The selected :attribute is invalid.")
    }

    fn guest(&self, value: &Value) -> Result<String, &'static str> {
        let address = value.as_str().ok_or("The :attribute must be a string.")?;
        let owns = |user: &SandboxUser| user.email.eq_ignore_ascii_case(address) && user.is_present();
        let shape = Options::default().with_required_tld().without_display_text().without_domain_literal();
        if EmailAddress::parse_with_options(address, shape).is_err() {
            Err("The :attribute must be a valid email address.")
        } else if self.users.values().any(owns) {
            Err("The :attribute belongs to a member of the organization.")
        } else {
            Ok(address.to_owned())
        }
    }
}

/// Like the API's framework, it takes blank text for null.
fn text(value: &Value, is_required: bool) -> Result<Option<String>, &'static str> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(Some(text.clone())),
        Value::String(_) | Value::Null if is_required => Err("The :attribute field is required."),
        Value::String(_) | Value::Null => Ok(None),
        _ => Err("The :attribute must be a string."),
    }
}

fn list<T>(
    field: &str,
    value: &Value,
    read: impl Fn(&Value) -> Result<T, &'static str>,
    check: &mut impl FnMut(&str, Result<(), &str>),
) -> Vec<T> {
    let Value::Array(items) = value else {
        check(field, Err("The :attribute must be an array."));
        return Vec::new();
    };
    let mut list = Vec::new();
    for (index, item) in items.iter().enumerate() {
        check(&format!("{field}.{index}"), read(item).map(|item| list.push(item)));
    }
    list
}
