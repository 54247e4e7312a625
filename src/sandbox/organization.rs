//! The simulated organization: one request in, one response out. Time and faults reach it only as [`Conditions`]. Pure.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::Options;
use super::fields::{self, FieldRules};
use super::groups::{GroupStore, SandboxGroup, stamp};
use super::limit::{GuestCap, GuestList};
use super::list::ListQuery;
use super::message::{Request, Response};
use super::route::{self, ApiCall, RouteAction};
use super::users::{SandboxUser, Users};

/// Groups to a page, unless the query asks for another number.
const GROUPS_PER_PAGE: usize = 10;
const GROUPS_PER_PAGE_MAX: usize = 100;
const USERS_PER_PAGE: usize = 9999;
/// The id of the organization, where any is accepted.
const DEFAULT_ORG: &str = "sandbox";

/// The conditions under which one request is answered.
#[derive(Default)]
pub(super) struct Conditions {
    /// Since the simulation began.
    pub(super) now: Duration,
    /// How long a group created now stays out of lists.
    pub(super) lag: Duration,
    /// The cap on guest invites, where one is in force.
    pub(super) guest_cap: Option<GuestCap>,
    /// What is put before the name of a group created now, and its members instead of those that were sent.
    pub(super) altered: Option<(String, Vec<u64>)>,
}

/// The organization: its groups, its users, its rules.
pub(super) struct Organization {
    groups: GroupStore,
    users: Users,
    guests: GuestList,
    org: Option<String>,
    /// The one token that is accepted; `None` accepts any.
    pub(super) token: Option<String>,
    allow_same_names: bool,
    needs_description: bool,
    ids: StdRng,
}

impl Organization {
    pub(super) fn new(options: &Options) -> Self {
        let mut organization = Self {
            groups: GroupStore::default(),
            users: Users::new(options.users, options.user_list.as_deref()),
            guests: GuestList::default(),
            org: options.org.clone(),
            token: options.token.clone(),
            allow_same_names: options.allow_same_names,
            needs_description: options.require_description,
            ids: StdRng::seed_from_u64(options.seed),
        };
        for number in 1..=options.groups {
            let name = format!("Existing group {number:04}");
            let group = SandboxGroup { id: organization.new_id(), name, ..SandboxGroup::default() };
            organization.plant(group, Duration::ZERO);
        }
        organization
    }

    /// Carries out the request and gives the API's response.
    pub(super) fn answer(&mut self, request: &Request, conditions: &Conditions) -> Response {
        self.act(request, conditions).unwrap_or_else(|refusal| refusal)
    }

    fn act(&mut self, request: &Request, conditions: &Conditions) -> Result<Response, Response> {
        let ApiCall { org, action } = route::read(request, self.token.as_deref())?;
        if self.org.is_some() && org.is_some() && self.org != org {
            return Err(route::no_resource());
        }
        let found = |data: Option<Value>| data.map(|data| Response::data(200, &data)).ok_or_else(route::no_resource);
        match action {
            RouteAction::Create => self.create(request, conditions),
            RouteAction::List => {
                let wanted = ListQuery::read(request, GROUPS_PER_PAGE, GROUPS_PER_PAGE_MAX)?;
                Ok(wanted.answer(&self.groups.find(&wanted, conditions.now), |group| *group, request))
            }
            RouteAction::Read(id) => {
                self.groups.get(&id).map(|group| Response::data(200, group)).ok_or_else(route::no_resource)
            }
            RouteAction::Update(id) => self.update(&id, request, conditions),
            RouteAction::Delete(id) if self.groups.delete(&id) => Ok(Response::empty(204)),
            RouteAction::Delete(_) => Err(route::no_resource()),
            RouteAction::Users => {
                let wanted = ListQuery::read(request, USERS_PER_PAGE, USERS_PER_PAGE)?;
                Ok(wanted.answer(&self.users.search(&wanted.q), |id| self.users.get(*id), request))
            }
            RouteAction::User(id) => found(id.parse().ok().and_then(|id| self.users.get(id)).map(|user| json!(user))),
            RouteAction::Guests => {
                let wanted = ListQuery::read(request, GROUPS_PER_PAGE, GROUPS_PER_PAGE_MAX)?;
                Ok(wanted.answer(&self.guests.search(&wanted.q), |address| self.guests.get(address), request))
            }
            RouteAction::Guest(address) => found(self.guests.get(&address)),
            RouteAction::Me => found(self.users.me().map(|user| json!(user))),
            RouteAction::MyOrganizations => {
                let wanted = ListQuery::read(request, GROUPS_PER_PAGE, GROUPS_PER_PAGE_MAX)?;
                Ok(wanted.answer(&[self.org.as_deref().unwrap_or(DEFAULT_ORG)], |org| self.shown(org), request))
            }
            RouteAction::Organization(org) => found(Some(self.shown(&org))),
        }
    }

    /// The organization as the API shows it to the token's owner.
    fn shown(&self, org: &str) -> Value {
        json!({
            "id": org,
            "name": "Sandbox",
            "slug": "sandbox",
            "users_count": self.users.count_active(),
            "user_role": "standard",
            "user_status": "active",
            "payment_state": "paid",
            "disabled_on": null,
        })
    }

    fn create(&mut self, request: &Request, conditions: &Conditions) -> Result<Response, Response> {
        let is_taken = |name: &str| !self.allow_same_names && self.groups.named(name) > 0;
        let rules = self.rules(false, &is_taken);
        let fields = fields::read(&request.body, &rules)?;
        let mut guests = fields.guests.unwrap_or_default();
        let (cap, now) = (conditions.guest_cap.as_ref(), conditions.now);
        let invited = self.guests.invite(&guests, cap, now);
        if invited.is_err() {
            if !cap.is_some_and(|cap| cap.partial) {
                return invited.map(|()| Response::empty(201));
            }
            guests.retain(|guest| self.guests.invite(std::slice::from_ref(guest), cap, now).is_ok());
        }
        let (name, members) = (fields.name.unwrap_or_default(), fields.members.unwrap_or_default());
        let (name, members) = match &conditions.altered {
            Some((prefix, members)) => (format!("{prefix}{name}"), members.clone()),
            None => (name, members),
        };
        let group = SandboxGroup {
            id: self.new_id(),
            name,
            description: fields.description,
            members,
            guests,
            created_at: stamp(now),
            updated_at: stamp(now),
            ..SandboxGroup::default()
        };
        let answer = Response::data(201, &group);
        self.groups.put(group, now.saturating_add(conditions.lag));
        invited.map(|()| answer)
    }

    fn update(&mut self, id: &str, request: &Request, conditions: &Conditions) -> Result<Response, Response> {
        let mut group = self.groups.get(id).cloned().ok_or_else(route::no_resource)?;
        let is_taken = |name: &str| {
            let is_own = name.to_lowercase() == group.name.to_lowercase();
            !self.allow_same_names && self.groups.named(name) > usize::from(is_own)
        };
        let rules = self.rules(true, &is_taken);
        let fields = fields::read(&request.body, &rules)?;
        let invited = fields.guests.as_deref().unwrap_or_default();
        self.guests.invite(invited, conditions.guest_cap.as_ref(), conditions.now)?;
        group.name = fields.name.unwrap_or(group.name);
        group.members = fields.members.unwrap_or(group.members);
        group.guests = fields.guests.unwrap_or(group.guests);
        group.description = fields.description.or(group.description);
        group.updated_at = stamp(conditions.now);
        let answer = Response::data(201, &group);
        self.groups.replace(group);
        Ok(answer)
    }

    fn rules<'a>(&'a self, is_update: bool, is_taken: &'a dyn Fn(&str) -> bool) -> FieldRules<'a> {
        FieldRules { is_update, needs_description: self.needs_description, is_taken, users: &self.users }
    }

    /// Adds a user, or replaces one.
    pub(super) fn plant_user(&mut self, user: SandboxUser) {
        self.users.plant(user);
    }

    /// Adds a guest, or replaces one.
    pub(super) fn plant_guest(&mut self, address: &str, disabled_at: Option<&str>) {
        self.guests.plant(address, disabled_at);
    }

    /// Puts a group in without applying rules; its guests count as known. One without times is created now.
    pub(super) fn plant(&mut self, mut group: SandboxGroup, now: Duration) {
        self.guests.add_known(&group.guests);
        for time in [&mut group.created_at, &mut group.updated_at] {
            if time.is_empty() {
                *time = stamp(now);
            }
        }
        self.groups.put(group, now);
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &SandboxGroup> {
        self.groups.groups()
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
