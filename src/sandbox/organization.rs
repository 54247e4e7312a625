//! The simulated organization: one request in, one response out. Time and faults reach it only as [`Conditions`]. Pure.

use std::time::Duration;

use super::Options;
use super::faults::AcceptedToken;
use super::fields::{self, FieldErrors, FieldRules};
use super::groups::{GroupStore, Planted, SandboxGroup};
use super::limit::{CapOnGuests, GuestList};
use super::list::ListQuery;
use super::message::{Request, Response};
use super::route::{self, ApiCall, RouteAction};
use super::users::Users;

/// Groups to a page, unless the query asks for another number.
const GROUPS_PER_PAGE: usize = 10;
const GROUPS_PER_PAGE_MAX: usize = 100;
const USERS_PER_PAGE: usize = 9999;

/// The conditions under which one request is answered.
pub(super) struct Conditions {
    /// Since the simulation began.
    pub(super) now: Duration,
    /// How long a group created now stays out of lists.
    pub(super) lag: Duration,
    /// The cap on guest invites, where one is in force.
    pub(super) guest_cap: Option<CapOnGuests>,
    /// Which token is accepted.
    pub(super) accepted_token: AcceptedToken,
}

/// The organization: its groups, its users, its rules.
pub(super) struct Organization {
    groups: GroupStore,
    users: Users,
    guests: GuestList,
    org: Option<String>,
    token: Option<String>,
    unique_names: bool,
    seed: u64,
    ids: u64,
    errors: u64,
}

impl Organization {
    pub(super) fn new(options: &Options) -> Self {
        let mut organization = Self {
            groups: GroupStore::default(),
            users: Users::new(options.users),
            guests: GuestList::default(),
            org: options.org.clone(),
            token: options.token.clone(),
            unique_names: options.unique_names,
            seed: options.seed,
            ids: 0,
            errors: 0,
        };
        for number in 1..=options.groups {
            let group = Planted {
                id: organization.new_id(),
                name: format!("Existing group {number:04}"),
                ..Planted::default()
            };
            organization.plant(group, Duration::ZERO);
        }
        organization
    }

    /// Carries out the request and gives the API's response.
    pub(super) fn answer(&mut self, request: &Request, conditions: &Conditions) -> Response {
        let token = match &conditions.accepted_token {
            AcceptedToken::Only(token) => Some(token),
            AcceptedToken::AsSetUp | AcceptedToken::Nobody => self.token.as_ref(),
        };
        let call = match route::read(request, token.map(String::as_str)) {
            Ok(_) if matches!(conditions.accepted_token, AcceptedToken::Nobody) => return route::unauthenticated(),
            Ok(call) => call,
            Err(answer) => return answer,
        };
        if self.org.as_ref().is_some_and(|org| *org != call.org) {
            return route::no_resource();
        }
        match self.act(&call, request, conditions) {
            Ok(answer) | Err(Rejection::Answer(answer)) => answer,
            Err(Rejection::FieldErrors(errors)) => {
                self.errors += 1;
                errors.answer(self.errors % 2 == 1)
            }
        }
    }

    fn act(&mut self, call: &ApiCall, request: &Request, conditions: &Conditions) -> Result<Response, Rejection> {
        match &call.action {
            RouteAction::Create => self.create(request, conditions),
            RouteAction::List => self.list(request, conditions),
            RouteAction::Read(id) => match self.groups.get(id) {
                Some(group) => Ok(Response::data(200, group)),
                None => Ok(route::no_resource()),
            },
            RouteAction::Update(id) => self.update(id, request, conditions),
            RouteAction::Delete(id) if self.groups.remove(id) => Ok(Response::empty(204)),
            RouteAction::Delete(_) => Ok(route::no_resource()),
            RouteAction::Users => self.users(request),
        }
    }

    fn create(&mut self, request: &Request, conditions: &Conditions) -> Result<Response, Rejection> {
        let draft = fields::read(
            parse(request)?,
            &FieldRules {
                update: false,
                taken: &|name| self.unique_names && self.groups.named(name) > 0,
                users: &self.users,
            },
        )?;
        let wanted = draft.guests.unwrap_or_default();
        let (guests, refused) = match (self.invite(&wanted, conditions), &conditions.guest_cap) {
            (Ok(()), _) => (wanted, None),
            (Err(refusal), Some(cap)) if cap.is_partial => {
                (self.guests.invite_some(wanted, cap, conditions.now), Some(refusal))
            }
            (Err(refusal), _) => return Err(refusal),
        };
        let group = Planted {
            id: self.new_id(),
            name: draft.name.unwrap_or_default(),
            description: draft.description,
            members: draft.members.unwrap_or_default(),
            guests,
            stamp: None,
        }
        .into_group(conditions.now);
        let answer = Response::data(201, &group);
        self.groups.put(group, conditions.now, conditions.lag);
        refused.map_or(Ok(answer), Err)
    }

    fn update(&mut self, id: &str, request: &Request, conditions: &Conditions) -> Result<Response, Rejection> {
        let Some(group) = self.groups.get(id) else {
            return Ok(route::no_resource());
        };
        let own = group.name.to_lowercase();
        let draft = fields::read(
            parse(request)?,
            &FieldRules {
                update: true,
                taken: &|name| {
                    let its_own = usize::from(name.to_lowercase() == own);
                    self.unique_names && self.groups.named(name) > its_own
                },
                users: &self.users,
            },
        )?;
        self.invite(draft.guests.as_deref().unwrap_or_default(), conditions)?;
        let changed = self.groups.change(id, conditions.now, |group| {
            set(&mut group.name, draft.name);
            set(&mut group.members, draft.members);
            set(&mut group.guests, draft.guests);
            group.description = draft.description.or(group.description.take());
        });
        Ok(changed.map_or_else(route::no_resource, |group| Response::data(201, group)))
    }

    fn list(&mut self, request: &Request, conditions: &Conditions) -> Result<Response, Rejection> {
        let wanted = ListQuery::read(request.query.as_deref(), GROUPS_PER_PAGE, GROUPS_PER_PAGE_MAX)?;
        let (groups, total) = self.groups.page(&wanted, conditions.now);
        Ok(wanted.answer(&groups, total, request))
    }

    fn users(&self, request: &Request) -> Result<Response, Rejection> {
        let wanted = ListQuery::read(request.query.as_deref(), USERS_PER_PAGE, USERS_PER_PAGE)?;
        let found = self.users.search(wanted.q.as_deref());
        let page: Vec<_> = found.iter().skip(wanted.skip()).take(wanted.per_page).collect();
        Ok(wanted.answer(&page, found.len(), request))
    }

    fn invite(&mut self, guests: &[String], conditions: &Conditions) -> Result<(), Rejection> {
        let cap = conditions.guest_cap.as_ref();
        let invited = self.guests.invite(guests, cap, conditions.now);
        match cap {
            Some(cap) if !invited => Err(Rejection::Answer(cap.refusal())),
            _ => Ok(()),
        }
    }

    /// Puts a group in without applying rules; its guests count as known.
    pub(super) fn plant(&mut self, planted: Planted, now: Duration) {
        self.guests.add_known(&planted.guests);
        self.groups.put(planted.into_group(now), now, Duration::ZERO);
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &SandboxGroup> {
        self.groups.groups()
    }

    /// An id that looks like a real one. A bijection of a counter, so it is unique.
    fn new_id(&mut self) -> String {
        loop {
            self.ids += 1;
            let first = mix(self.seed.wrapping_add(self.ids));
            let id = format!("{first:016x}{:016x}", mix(first ^ self.seed.rotate_left(32)));
            // Only a planted group can have it already.
            if self.groups.get(&id).is_none() {
                return id;
            }
        }
    }
}

/// Why a call is not carried out.
enum Rejection {
    Answer(Response),
    FieldErrors(FieldErrors),
}

impl From<FieldErrors> for Rejection {
    fn from(errors: FieldErrors) -> Self {
        Self::FieldErrors(errors)
    }
}

fn parse(request: &Request) -> Result<serde_json::Value, Rejection> {
    serde_json::from_slice(&request.body)
        .map_err(|_| Rejection::Answer(Response::error(400, "The request body is not valid JSON.")))
}

fn set<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}

/// The finalizer of splitmix64, a bijection on 64 bits (Steele, Lea and Flood, 2014).
fn mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
