//! Parses the body of a POST or a PUT into fields, or reports the errors of all fields. Pure.

use serde_json::{Map, Value};

use super::message::Response;
use super::users::Users;

/// The longest name, in characters.
const NAME_MAX: usize = 200;

/// What a body says about a group; `None` is a field that was not given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct GroupFields {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) members: Option<Vec<u64>>,
    pub(super) guests: Option<Vec<String>>,
}

/// The rules for the fields.
pub(super) struct FieldRules<'a> {
    /// Whether the group exists: a PUT, which may omit the name but not empty the description.
    pub(super) update: bool,
    /// Whether another group has the name.
    pub(super) taken: &'a dyn Fn(&str) -> bool,
    /// The users: they may be members, and may not be guests.
    pub(super) users: &'a Users,
}

/// Messages by field, as the `errors` of a 422.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FieldErrors(Map<String, Value>);

impl FieldErrors {
    pub(super) fn one(field: &str, message: &str) -> Self {
        let mut errors = Self::default();
        errors.add(field, message);
        errors
    }

    fn add(&mut self, field: &str, message: &str) {
        let messages = self.0.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(messages) = messages {
            messages.push(message.into());
        }
    }

    /// The 422, in one of its two forms: with or without `"error": true`.
    pub(super) fn answer(self, with_error: bool) -> Response {
        let mut body = Map::new();
        if with_error {
            body.insert("error".to_owned(), true.into());
        }
        body.insert("message".to_owned(), "The given data was invalid.".into());
        body.insert("errors".to_owned(), Value::Object(self.0));
        Response::json(422, &body)
    }
}

/// Parses `body`. Like the API's framework, it treats anything but an object as an object without fields.
pub(super) fn read(body: Value, rules: &FieldRules) -> Result<GroupFields, FieldErrors> {
    let mut fields = match body {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let mut form = FieldReader { rules, errors: FieldErrors::default() };
    let draft = GroupFields {
        name: form.name(fields.remove("name")),
        description: form.description(fields.remove("description")),
        members: form.list(fields.remove("members"), "members", FieldReader::member),
        guests: form.list(fields.remove("guests"), "guests", FieldReader::guest),
    };
    if form.errors.0.is_empty() { Ok(draft) } else { Err(form.errors) }
}

struct FieldReader<'a> {
    rules: &'a FieldRules<'a>,
    errors: FieldErrors,
}

impl FieldReader<'_> {
    fn name(&mut self, value: Option<Value>) -> Option<String> {
        let problem = match value {
            None if self.rules.update => return None,
            None | Some(Value::Null) => "The name field is required.",
            Some(Value::String(name)) if name.trim().is_empty() => "The name field is required.",
            Some(Value::String(name)) if name.chars().count() > NAME_MAX => {
                "The name may not be greater than 200 characters."
            }
            Some(Value::String(name)) if (self.rules.taken)(&name) => "The name has already been taken.",
            Some(Value::String(name)) => return Some(name),
            Some(_) => "The name must be a string.",
        };
        self.errors.add("name", problem);
        None
    }

    fn description(&mut self, value: Option<Value>) -> Option<String> {
        let update = self.rules.update;
        let problem = match value {
            None => return None,
            Some(Value::Null) if !update => return None,
            Some(Value::String(text)) if !(update && text.trim().is_empty()) => return Some(text),
            Some(Value::Null | Value::String(_)) => "The description field is required.",
            Some(_) => "The description must be a string.",
        };
        self.errors.add("description", problem);
        None
    }

    fn list<T>(
        &mut self,
        value: Option<Value>,
        field: &str,
        read: fn(&Self, &Value, &str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = value? else {
            let problem = format!("The {field} must be an array.");
            self.errors.add(field, &problem);
            return None;
        };
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let key = format!("{field}.{index}");
            match read(self, item, &key) {
                Ok(item) => list.push(item),
                Err(problem) => self.errors.add(&key, &problem),
            }
        }
        Some(list)
    }

    fn member(&self, value: &Value, key: &str) -> Result<u64, String> {
        if !(value.is_u64() || value.is_i64()) {
            return Err(format!("The {key} must be an integer."));
        }
        value.as_u64().filter(|id| self.rules.users.has(*id)).ok_or_else(|| format!("The selected {key} is invalid."))
    }

    fn guest(&self, value: &Value, key: &str) -> Result<String, String> {
        match value {
            Value::String(address) if !is_address(address) => Err(format!("The {key} must be a valid email address.")),
            Value::String(address) if self.rules.users.owns(address) => {
                Err(format!("The {key} belongs to a member of the organization."))
            }
            Value::String(address) => Ok(address.clone()),
            _ => Err(format!("The {key} must be a string.")),
        }
    }
}

/// Whether `text` has the shape of an e-mail address.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let labels_stand = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    let signs_stand = !text.contains(|sign: char| sign.is_whitespace() || sign.is_control() || "<>,;".contains(sign));
    !local.is_empty() && !local.contains('@') && labels_stand && signs_stand && text.len() <= 254
}
