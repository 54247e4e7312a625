//! The simulated organization: one request in, one response out. Time and faults reach it only as [`Conditions`]. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use serde_json::{Value, json};

use super::groups::{GroupStore, SandboxGroup, stamp};
use super::limit::GuestList;
use super::message::{Request, Response, expect_json, header};
use super::users::{SandboxUser, users};
use super::{Conditions, Options};

/// Entries to a page: unless the query asks for another number, and at most.
const PER_PAGE: (usize, usize) = (10, 100);
const USERS_PER_PAGE: (usize, usize) = (9999, 9999);

/// The organization: its groups, its users, its rules.
pub(super) struct Organization {
    pub(super) options: Options,
    pub(super) groups: GroupStore,
    pub(super) users: BTreeMap<u64, SandboxUser>,
    pub(super) guests: GuestList,
    /// The one token that is accepted; `None` accepts any.
    pub(super) token: Option<String>,
    ids: StdRng,
}

impl Organization {
    pub(super) fn new(options: &Options) -> Self {
        let mut organization = Self {
            options: options.clone(),
            groups: GroupStore::default(),
            users: users(options.users, options.user_list.as_deref()),
            guests: GuestList::default(),
            token: options.token.clone(),
            ids: StdRng::seed_from_u64(options.seed),
        };
        for number in 1..=options.groups {
            let name = format!("Existing group {number:04}");
            let group = SandboxGroup { id: organization.new_id(), name, ..SandboxGroup::default() };
            organization.plant(group, Duration::ZERO);
        }
        organization
    }

    /// Carries out the request and gives the API's response, which is an error if it refuses the request.
    pub(super) fn answer(&mut self, request: &Request, conditions: &Conditions) -> Result<Response, Response> {
        if header(request, "X-Tallyfy-Client").is_empty() {
            return Err(no_endpoint());
        }
        let token = header(request, "Authorization").strip_prefix("Bearer ").unwrap_or_default().trim();
        if token.is_empty() || self.token.as_ref().is_some_and(|accepted| token != accepted) {
            return Err(Response::error(401, "Unauthenticated."));
        }
        expect_json(request, "Accept", 406)?;
        // A base URL may carry a path of its own, such as `/api`.
        let segments =
            request.uri().path().split('/').skip_while(|segment| !matches!(*segment, "organizations" | "me"));
        let segments: Vec<_> = segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy()).collect();
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let (org, rest) = match segments.as_slice() {
            ["organizations", org, rest @ ..] if !org.is_empty() => (Some(*org), rest),
            rest => (None, rest),
        };
        let known_org = self.options.org.as_deref();
        if org.is_some() && known_org.is_some() && org != known_org {
            return Err(no_resource());
        }
        let now = conditions.now;
        match (request.method().as_str(), org, rest) {
            ("GET", _, ["me"]) => found(self.users.values().find(|user| user.is_present())),
            ("GET", None, ["me", "organizations"]) => {
                list(request, PER_PAGE, |_| vec![self.shown(known_org.unwrap_or("sandbox"))])
            }
            ("GET", Some(org), []) => found(Some(self.shown(org))),
            ("GET", Some(_), ["groups"]) => list(request, PER_PAGE, |q| self.groups.search(q, now)),
            ("GET", Some(_), ["groups", id]) => found(self.groups.get(id)),
            ("POST", Some(_), ["groups"]) => self.create(request, conditions),
            ("PUT", Some(_), ["groups", id]) => self.update(id, request, conditions),
            ("DELETE", Some(_), ["groups", id]) => {
                self.groups.remove(id).map(|_| Response::empty(204)).ok_or_else(no_resource)
            }
            ("GET", Some(_), ["users"]) => {
                list(request, USERS_PER_PAGE, |q| self.users.values().filter(|user| user.contains(q)).collect())
            }
            ("GET", Some(_), ["users", id]) => found(id.parse().ok().and_then(|id| self.users.get(&id))),
            ("GET", Some(_), ["guests"]) => list(request, PER_PAGE, |q| self.guests.search(q)),
            ("GET", Some(_), ["guests", address]) => found(self.guests.get(address)),
            _ => Err(no_endpoint()),
        }
    }

    /// The organization as the API shows it to the token's owner.
    fn shown(&self, org: &str) -> Value {
        json!({
            "id": org,
            "name": "Sandbox",
            "slug": "sandbox",
            "users_count": self.users.values().filter(|user| user.status == "active").count(),
            "user_role": "standard",
            "user_status": "active",
            "payment_state": "paid",
            "disabled_on": null,
        })
    }

    fn create(&mut self, request: &Request, conditions: &Conditions) -> Result<Response, Response> {
        let mut group = self.parse_group(request, None)?;
        let (cap, now) = (conditions.guest_cap.as_ref(), conditions.now);
        let invited = self.guests.invite(&group.guests, cap, now);
        if cap.is_some_and(|cap| cap.partial) && invited.is_err() {
            group.guests.retain(|guest| self.guests.invite(std::slice::from_ref(guest), cap, now).is_ok());
        } else {
            invited.clone()?;
        }
        if let Some((prefix, members)) = &conditions.altered {
            group.name.insert_str(0, prefix);
            group.members.clone_from(members);
        }
        group.id = self.new_id();
        group.created_at = stamp(now);
        group.visible_at = now.saturating_add(conditions.lag);
        let answer = self.save(group, now);
        invited.map(|()| answer)
    }

    fn update(&mut self, id: &str, request: &Request, conditions: &Conditions) -> Result<Response, Response> {
        let existing = self.groups.get(id).ok_or_else(no_resource)?;
        let group = self.parse_group(request, Some(existing))?;
        self.guests.invite(&group.guests, conditions.guest_cap.as_ref(), conditions.now)?;
        Ok(self.save(group, conditions.now))
    }

    fn save(&mut self, mut group: SandboxGroup, now: Duration) -> Response {
        group.updated_at = stamp(now);
        let answer = Response::json(201, &json!({ "data": group }));
        self.groups.put(group);
        answer
    }

    /// Puts a group in without applying rules; its guests count as known. One without times is created now.
    pub(super) fn plant(&mut self, mut group: SandboxGroup, now: Duration) {
        group.guests.iter().for_each(|guest| self.guests.plant(guest, None));
        for time in [&mut group.created_at, &mut group.updated_at] {
            if time.is_empty() {
                *time = stamp(now);
            }
        }
        group.visible_at = now;
        self.groups.put(group);
    }

    /// An id that looks like a real one. Planted groups may have those of an organization with the same seed.
    fn new_id(&mut self) -> String {
        loop {
            let id = format!("{:032x}", self.ids.random::<u128>());
            if self.groups.get(&id).is_none() {
                return id;
            }
        }
    }
}

/// The response with an organization, a group or a person; or that there is none.
fn found(data: Option<impl Serialize>) -> Result<Response, Response> {
    data.map(|data| Response::json(200, &json!({ "data": data }))).ok_or_else(no_resource)
}

fn no_resource() -> Response {
    not_found("Resource not found", "RESOURCE_NOT_FOUND")
}

fn no_endpoint() -> Response {
    not_found("API endpoint not found", "ENDPOINT_NOT_FOUND")
}

fn not_found(message: &str, code: &str) -> Response {
    Response::json(404, &json!({"error": true, "message": message, "code": code}))
}

/// The response with the requested page of all entries that `find` gives for the text to search for, which is in lower case. It
/// has `per_page` entries, unless the query asks for another number, and at most `most`.
///
/// Other keys of the query (`with`, …) are ignored: groups come in the order of their creation. Only `%20` is a space: a `+` is a
/// plus, as in the real API.
fn list<T: Serialize>(
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
