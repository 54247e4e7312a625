//! The JSON of requests and responses, of which unknown fields are ignored; and lists, which are read page by page, by the server's
//! own count. Pure.

use std::hash::Hash;
use std::slice;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::{Value, json};

use crate::model::{ExistingGroup, Group, GroupRef, hash, shortened, shown};

/// How much a list may have grown, in pages, while it is read.
const GROWTH_MAX: u64 = 1000;

/// The body of a request that creates this group, or replaces it: only then an empty list has a meaning. An empty description
/// is refused.
pub fn body(group: &Group, is_replacing: bool) -> Bytes {
    let Group { name, description, members, guests, .. } = group;
    let texts = [("name", json!(name)), ("description", json!(description))];
    let fields = texts.into_iter().chain([("members", json!(members)), ("guests", json!(guests))]);
    let is_sent = |(_, value): &(&str, Value)| !value.is_null() && (is_replacing || *value != json!([]));
    fields.filter(is_sent).collect::<Value>().to_string().into()
}

/// A guest, as the list of guests shows one. One who is disabled is listed too.
#[derive(Debug, Hash, Deserialize)]
pub struct Guest {
    /// The e-mail address.
    pub email: String,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Page<T> {
    /// What is on it.
    #[serde(rename = "data")]
    pub entries: Vec<T>,
    /// How many pages and entries there are.
    #[serde(rename = "meta", deserialize_with = "totals")]
    pub totals: [u64; 2],
}

fn totals<'de, D: Deserializer<'de>>(meta: D) -> Result<[u64; 2], D::Error> {
    let pagination = &Value::deserialize(meta)?["pagination"];
    let pages = pagination["total_pages"].as_u64().ok_or_else(|| D::Error::custom("a number of pages is expected"))?;
    Ok([pages, pagination["total"].as_u64().unwrap_or_default()])
}

/// How far a list is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageCursor {
    /// How many pages have been read.
    pub read: u64,
    /// How many pages there are; 0 while that is unknown.
    pub pages: u64,
    /// The most pages that are believed; known from the first page on.
    pages_max: Option<u64>,
    /// The hash of the first entry of the page before.
    first: Option<u64>,
}

impl PageCursor {
    /// The page to ask for next, from 1; none when all are read.
    pub fn next(&self) -> Option<u64> {
        (self.read == 0 || self.read < self.pages).then_some(self.read + 1)
    }

    /// Adds a page. The list may have grown or shrunk since the last one.
    ///
    /// # Errors
    /// If the list is inconsistent, in words: reading it would never end, or would miss entries.
    pub fn add<T: Hash>(&mut self, page: &Page<T>) -> Result<(), String> {
        let (number, [pages, total]) = (self.read + 1, page.totals);
        let first = page.entries.first().map(hash);
        if first.is_none() && (number < pages || number == 1 && total > 0) {
            return Err(format!("page {number} of {pages} is empty"));
        }
        if first.is_some() && first == self.first {
            return Err(format!("page {number} repeats the page before"));
        }
        let pages_max = *self.pages_max.get_or_insert(pages.saturating_mul(2).saturating_add(GROWTH_MAX));
        if pages > pages_max {
            return Err(format!("the list keeps growing while it is read, to {pages} pages"));
        }
        (self.read, self.pages, self.first) = (number, pages, first);
        Ok(())
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

/// The group in the answer to a create request; none if the body is anything else.
pub fn created(body: &[u8]) -> Option<GroupRef> {
    serde_json::from_slice::<Envelope<Value>>(body).ok()?.data.try_into().ok()
}

/// The group in the answer to a read of it.
///
/// # Errors
/// If the body is anything else: what it lacks.
pub fn group(body: &[u8]) -> Result<ExistingGroup, String> {
    let envelope = serde_json::from_slice::<Envelope<ExistingGroup>>(body);
    envelope.map(|envelope| envelope.data).map_err(|error| lack(&error))
}

/// What is wrong with a body, without its contents: they may include the token.
fn lack(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Eof => "it breaks off",
        Category::Data => "a field is missing or of another kind",
        Category::Syntax | Category::Io => "it is not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// Whether a proxy answered instead of the API.
pub fn is_web_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

impl<T: DeserializeOwned> Page<T> {
    /// Reads a page of a list.
    ///
    /// # Errors
    /// If the body is not a page: what it lacks.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        if is_web_page(body) {
            return Err("a web page came instead of JSON; is the base URL right?".to_owned());
        }
        serde_json::from_slice(body).map_err(|error| lack(&error))
    }
}

/// What the server says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// All of it in one sentence, safe to show: its messages, or plain text. A web page is described by its title.
    pub said: String,
    /// Whether it calls itself an error, whatever the status is.
    pub is_error: bool,
    message: String,
    /// Every field's messages.
    fields: Vec<(String, String)>,
    /// The word for it, where the server has one.
    code: String,
}

/// The most fields of a refusal that are shown.
const FIELDS_MAX: usize = 20;
/// The longest message of a server that is shown, in characters.
const MESSAGE_MAX: usize = 300;

impl Refusal {
    /// Reads an error body, in any of its forms. `hide` removes secrets from what is shown.
    pub fn parse(body: &[u8], hide: impl Fn(&str) -> String) -> Self {
        let told = |text: &str| shown(&hide(text).chars().take(MESSAGE_MAX).collect::<String>());
        let said = || if is_web_page(body) { page(body, &hide) } else { told(String::from_utf8_lossy(body).trim()) };
        let Ok(Value::Object(whole)) = serde_json::from_slice(body) else {
            return Self { said: said(), ..Self::default() };
        };
        let error = whole.get("error").filter(|error| **error != Value::Bool(false) && !error.is_null());
        // The newer form has all of it inside `error`.
        let body = error.and_then(Value::as_object).unwrap_or(&whole);
        let mut fields = Vec::new();
        if let Some(Value::Object(errors)) = body.get("errors").or_else(|| body.get("details")) {
            let all = errors.iter().flat_map(|(field, messages)| texts(messages).map(move |message| (field, message)));
            fields.extend(all.take(FIELDS_MAX).map(|(field, message)| (shortened(&hide(field)), told(&message))));
        }
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(told);
        let message = text("message").or_else(|| text("error")).unwrap_or_default();
        let listed: Vec<String> = fields.iter().map(|(field, message)| format!("{field}: {message}")).collect();
        let said = [listed.join("; "), message.clone()].into_iter().find(|said| !said.is_empty()).unwrap_or_else(said);
        Self { said, is_error: error.is_some(), message, fields, code: text("code").unwrap_or_default() }
    }

    /// Whether the name is refused because another group has it.
    pub fn is_name_taken(&self) -> bool {
        let says_taken =
            |message: &str| ["taken", "already exists", "unique"].iter().any(|word| message.contains(word));
        if self.fields.is_empty() {
            let message = self.message.to_lowercase();
            return message.contains("name") && says_taken(&message);
        }
        self.fields.iter().any(|(field, message)| field == "name" && says_taken(&message.to_lowercase()))
    }

    /// Whether it may say that, in words that are not known: it names the field or no field.
    pub fn may_be_about_name(&self) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|(field, _)| field == "name")
    }

    /// Whether the hourly cap on guest invites was reached.
    pub fn is_guest_cap(&self) -> bool {
        self.message.to_lowercase().contains("guest invite")
    }

    /// Whether a 404 says that the group is not there, rather than that a proxy answered, or that the
    /// address is not one of the API.
    pub fn is_of_resource(&self) -> bool {
        let says_something = !self.message.is_empty() || !self.code.is_empty();
        says_something && !self.is_of_endpoint()
    }

    /// Whether a 404 says that the address is not one of the API.
    pub fn is_of_endpoint(&self) -> bool {
        self.code == "ENDPOINT_NOT_FOUND"
    }
}

fn page(body: &[u8], hide: impl Fn(&str) -> String) -> String {
    let text = String::from_utf8_lossy(body);
    let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    match title.map(|(title, _)| shortened(&hide(title.trim()))).filter(|title| !title.is_empty()) {
        Some(title) => format!("a web page titled \"{title}\", perhaps from a proxy or firewall"),
        None => "a web page, perhaps from a proxy or firewall".to_owned(),
    }
}

/// A field's messages: one, or a list of them.
fn texts(value: &Value) -> impl Iterator<Item = String> {
    let all = value.as_array().map_or(slice::from_ref(value), Vec::as_slice);
    all.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &[u8]) -> Refusal {
        Refusal::parse(body, str::to_owned)
    }

    #[test]
    fn an_id_is_taken_from_the_envelope_as_text_or_number() {
        let id = |body: &[u8]| created(body).map(|group_ref| group_ref.id);
        assert_eq!(id(br#"{"data":{"id":"g1","name":"A","new":1}}"#).as_deref(), Some("g1"));
        assert_eq!(id(br#"{"data":{"id":7}}"#).as_deref(), Some("7"));
        for body in
            ["", "{}", r#"{"data":{}}"#, r#"{"data":{"id":""}}"#, r#"{"id":"g1"}"#, r#"{"data":{"id":"g1""#, "<html>"]
        {
            assert_eq!(created(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn when_a_group_was_last_changed_is_told_under_either_name() {
        for (fields, expected) in [
            (r#""updated_at":"2026-11-23T10:00:00Z""#, Some("2026-11-23T10:00:00Z")),
            (r#""last_updated":"b""#, Some("b")),
            (r#""updated_at":null,"last_updated":"b""#, Some("b")),
            (r#""updated_at":"a","last_updated":"b""#, Some("a")),
            (r#""updated_at":17"#, Some("17")),
            (r#""name":"A""#, None),
        ] {
            let group =
                format!(r#"{{"id":"g1","name":"A",{fields}}}"#).replace(r#""name":"A","name":"A""#, r#""name":"A""#);
            let stamp = created(format!(r#"{{"data":{group}}}"#).as_bytes()).unwrap().stamp;
            assert_eq!(stamp.as_deref(), expected, "{fields}");
            let list = format!(r#"{{"data":[{group}],"meta":{{"pagination":{{"total_pages":1}}}}}}"#);
            let listed = Page::<ExistingGroup>::parse(list.as_bytes()).unwrap().entries.remove(0);
            assert_eq!((listed.name.as_str(), listed.group_ref.stamp.as_deref()), ("A", expected), "{fields}");
        }
    }

    #[test]
    fn a_page_that_cannot_be_read_is_an_error_never_an_empty_list() {
        let good = br#"{"data":[{"id":"g1","name":"A"}],"meta":{"pagination":{"total_pages":3,"links":[]}}}"#;
        assert_eq!(Page::<ExistingGroup>::parse(good).unwrap().totals, [3, 0]);
        for bad in
            ["", "{}", r#"{"data":[]}"#, r#"{"data":[{"name":"A"}],"meta":{"pagination":{"total_pages":1}}}"#, "<html>"]
        {
            assert!(Page::<ExistingGroup>::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_body_is_told_without_its_words() {
        for body in [r#"{"data":"Bearer secret"}"#, r#"{"data":[{"id":"g1","name":"A"}],"meta":"secret"}"#] {
            let why = Page::<ExistingGroup>::parse(body.as_bytes()).unwrap_err();
            assert!(!why.contains("secret") && why.contains("line 1, column"), "{why}");
        }
    }

    #[test]
    fn both_forms_of_a_refusal_give_every_fields_messages() {
        let with = refusal(br#"{"error":true,"message":"Invalid","errors":{"name":["The name has already been taken."],"members.0":["a","b"]}}"#);
        assert!(with.is_name_taken());
        assert_eq!(with.said, "members.0: a; members.0: b; name: The name has already been taken.");
        let without = refusal(br#"{"message":"No \u001b[2J"}"#);
        assert_eq!(without.said, "No \\u{1b}[2J");
        assert!(!without.is_name_taken());
        assert!(refusal(br#"{"message":"The name has already been taken."}"#).is_name_taken());
        assert!(!refusal(b"<html>").is_error && !without.is_error && with.is_error);
    }

    #[test]
    fn a_group_is_read_as_far_as_it_is_shown() {
        let read = |fields: &str| group(format!(r#"{{"data":{{"id":"g1","name":"A"{fields}}}}}"#).as_bytes()).unwrap();
        let bare = read("");
        assert_eq!((bare.description, bare.members, bare.guests, bare.is_deleted), (None, None, None, false));
        let full =
            read(r#","description":"d","members":[1,"2"],"guests":["a@b.c"],"deleted_at":null,"updated_at":"t""#);
        assert_eq!((full.description.as_deref(), full.members), (Some("d"), Some(vec![1, 2])));
        assert_eq!((full.guests, full.is_deleted), (Some(vec!["a@b.c".to_owned()]), false));
        assert_eq!(full.group_ref, GroupRef { stamp: Some("t".to_owned()), ..GroupRef::new("g1") });
        let empty = read(r#","description":null,"members":null,"guests":[],"deleted_at":"2026-11-23T10:00:00Z""#);
        assert_eq!((empty.description.as_deref(), empty.guests, empty.is_deleted), (Some(""), Some(vec![]), true));
        assert_eq!(empty.members, None, "null is not nobody");
        let foreign = read(r#","description":7,"members":[{"id":1}],"guests":{"a":1}"#);
        assert_eq!((foreign.description, foreign.members, foreign.guests), (None, None, None));
        assert!(group(b"<html>").is_err() && group(br#"{"data":[]}"#).is_err());
    }

    #[test]
    fn a_404_is_of_the_group_only_if_the_api_says_so() {
        let says = |body: &str| {
            let read = refusal(body.as_bytes());
            (read.is_of_resource(), read.is_of_endpoint())
        };
        assert_eq!(says(r#"{"error":true,"message":"Not found","code":"RESOURCE_NOT_FOUND"}"#), (true, false));
        assert_eq!(says(r#"{"message":"No query results for model"}"#), (true, false));
        assert_eq!(
            says(r#"{"error":true,"message":"API endpoint not found","code":"ENDPOINT_NOT_FOUND"}"#),
            (false, true)
        );
        assert_eq!(says("<html>404</html>"), (false, false));
        assert_eq!(says(""), (false, false));
    }

    #[test]
    fn an_error_is_read_in_its_newer_form_too() {
        let body =
            br#"{"error":{"code":"C","message":"Invalid","details":{"name":["The name has already been taken."]}}}"#;
        let read = refusal(body);
        assert_eq!((read.message.as_str(), read.code.as_str(), read.is_name_taken()), ("Invalid", "C", true));
        let cap = refusal(br#"{"error":{"message":"hourly limit for Guest Invite","details":null}}"#);
        assert!(cap.is_guest_cap());
    }

    #[test]
    fn an_error_body_is_shown_in_the_servers_words_and_a_web_page_by_its_title() {
        for (body, expected) in [
            (r#"{"message":"Not allowed to invite guests"}"#, "Not allowed to invite guests"),
            (r#"{"errors":{"members":["No such user"]}}"#, "members: No such user"),
            (" Blocked by policy\u{1b}\n", "Blocked by policy\\u{1b}"),
            (r#"{"detail":"no"}"#, r#"{"detail":"no"}"#),
            ("", ""),
            (
                "<html><head><title>Access \u{1b}denied</title></head><body>long</body></html>",
                "a web page titled \"Access \\u{1b}denied\", perhaps from a proxy or firewall",
            ),
            ("<html><title> </title>", "a web page, perhaps from a proxy or firewall"),
        ] {
            assert_eq!(refusal(body.as_bytes()).said, expected, "{body}");
        }
        assert_eq!(refusal("é".repeat(1000).as_bytes()).said.chars().count(), MESSAGE_MAX);
    }

    #[test]
    fn the_guest_cap_is_told_by_its_text() {
        let cap = br#"{"message":"You've reached the hourly limit for Guest Invite (30 per hour per organization).","code":"RATE_LIMIT_EXCEEDED"}"#;
        assert!(refusal(cap).is_guest_cap());
        assert!(!refusal(br#"{"message":"Too Many Attempts."}"#).is_guest_cap());
    }

    #[test]
    fn a_token_that_a_server_repeats_is_hidden_also_where_a_long_message_is_cut() {
        let hide = |text: &str| text.replace("secret-token", "(the token)");
        let long = format!("{}secret-token", "x".repeat(MESSAGE_MAX - 6));
        for body in [
            r#"{"message":"bad secret-token"}"#.to_owned(),
            r#"{"errors":{"secret-token":["secret-token"]}}"#.to_owned(),
            "<html><title>secret-token</title>".to_owned(),
            format!(r#"{{"message":"{long}"}}"#),
            long,
        ] {
            let said = Refusal::parse(body.as_bytes(), hide).said;
            assert!(!said.contains("secret"), "{said}");
        }
        // Read before anything is hidden: a token may hold what the format is made of.
        assert!(Refusal::parse(br#"{"message":"Guest Invite"}"#, |text| text.replace("message", "")).is_guest_cap());
    }

    fn add(cursor: &mut PageCursor, ids: &[&'static str], pages: u64) -> Result<(), String> {
        cursor.add(&Page { entries: ids.to_vec(), totals: [pages, 0] })
    }

    #[test]
    fn a_list_is_read_by_the_servers_count_also_when_it_changes() {
        let mut cursor = PageCursor::default();
        assert_eq!(cursor.next(), Some(1));
        add(&mut cursor, &["a", "b"], 2).unwrap();
        assert_eq!((cursor.next(), cursor.pages, cursor.read), (Some(2), 2, 1));
        add(&mut cursor, &["c"], 3).unwrap();
        assert_eq!(cursor.next(), Some(3));
        add(&mut cursor, &[], 2).unwrap();
        assert_eq!(cursor.next(), None);
    }

    #[test]
    fn an_empty_list_ends_at_once() {
        for pages in [0, 1] {
            let mut cursor = PageCursor::default();
            add(&mut cursor, &[], pages).unwrap();
            assert_eq!(cursor.next(), None);
        }
    }

    #[test]
    fn a_list_that_does_not_add_up_is_an_error_never_an_end() {
        let mut cursor = PageCursor::default();
        assert_eq!(add(&mut cursor, &[], 2).unwrap_err(), "page 1 of 2 is empty");
        let lost = Page { entries: Vec::<&str>::new(), totals: [1, 3] };
        assert_eq!(cursor.add(&lost).unwrap_err(), "page 1 of 1 is empty");
        add(&mut cursor, &["a"], 5).unwrap();
        assert_eq!(add(&mut cursor, &["a"], 5).unwrap_err(), "page 2 repeats the page before");
        add(&mut cursor, &["b"], 1010).unwrap();
        let growing = "the list keeps growing while it is read, to 1011 pages";
        assert_eq!(add(&mut cursor, &["c"], 1011).unwrap_err(), growing);
    }
}
