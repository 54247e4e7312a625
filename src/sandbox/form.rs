//! Reads the body of a POST or a PUT: a draft, or every field's complaints at once. It must change nothing.

use serde_json::{Map, Value};

use super::message::Answer;
use super::people::People;

/// The longest name, in characters.
const NAME_MAX: usize = 200;

/// What a body says about a group; `None` is a field that was not given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) members: Option<Vec<u64>>,
    pub(super) guests: Option<Vec<String>>,
}

/// What the fields are held to.
pub(super) struct Rules<'a> {
    /// Whether the group is there already: a PUT, which may leave the name out but may not empty the description.
    pub(super) update: bool,
    /// Whether another group has the name.
    pub(super) taken: &'a dyn Fn(&str) -> bool,
    /// Who may be a member, and may not be a guest.
    pub(super) people: &'a People,
}

/// Messages by field, as the `errors` of a 422.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Complaints(Map<String, Value>);

impl Complaints {
    pub(super) fn one(field: &str, message: &str) -> Self {
        let mut complaints = Self::default();
        complaints.add(field, message);
        complaints
    }

    fn add(&mut self, field: &str, message: &str) {
        let messages = self.0.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(messages) = messages {
            messages.push(message.into());
        }
    }

    /// The 422, in one of its two forms: with or without `"error": true`.
    pub(super) fn answer(self, with_error: bool) -> Answer {
        let mut body = Map::new();
        if with_error {
            body.insert("error".to_owned(), true.into());
        }
        body.insert("message".to_owned(), "The given data was invalid.".into());
        body.insert("errors".to_owned(), Value::Object(self.0));
        Answer::json(422, &body)
    }
}

/// Reads `body` by `rules`. What is not an object is an object without fields, as the API's framework has it.
pub(super) fn read(body: Value, rules: &Rules) -> Result<Draft, Complaints> {
    let mut fields = match body {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let mut form = Form { rules, complaints: Complaints::default() };
    let draft = Draft {
        name: form.name(fields.remove("name")),
        description: form.description(fields.remove("description")),
        members: form.list(fields.remove("members"), "members", Form::member),
        guests: form.list(fields.remove("guests"), "guests", Form::guest),
    };
    if form.complaints.0.is_empty() { Ok(draft) } else { Err(form.complaints) }
}

struct Form<'a> {
    rules: &'a Rules<'a>,
    complaints: Complaints,
}

impl Form<'_> {
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
        self.complaints.add("name", problem);
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
        self.complaints.add("description", problem);
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
            self.complaints.add(field, &problem);
            return None;
        };
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let key = format!("{field}.{index}");
            match read(self, item, &key) {
                Ok(item) => list.push(item),
                Err(problem) => self.complaints.add(&key, &problem),
            }
        }
        Some(list)
    }

    fn member(&self, value: &Value, key: &str) -> Result<u64, String> {
        if !(value.is_u64() || value.is_i64()) {
            return Err(format!("The {key} must be an integer."));
        }
        value.as_u64().filter(|id| self.rules.people.has(*id)).ok_or_else(|| format!("The selected {key} is invalid."))
    }

    fn guest(&self, value: &Value, key: &str) -> Result<String, String> {
        match value {
            Value::String(address) if !is_address(address) => Err(format!("The {key} must be a valid email address.")),
            Value::String(address) if self.rules.people.owns(address) => {
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
