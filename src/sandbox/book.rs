//! The organization's book: one request in, one answer out; the oracle of the tests. It must know neither
//! time nor weather but through the [`Terms`] it is given.

use std::time::Duration;

use super::Options;
use super::form::{self, Complaints, Rules};
use super::limit::{GuestCap, GuestList};
use super::list::Wanted;
use super::message::{Answer, Request};
use super::people::People;
use super::route::{self, Action, Call};
use super::shelf::{Group, Planted, Shelf};
use super::weather::Admission;

/// Groups to a page, unless the query asks for another number.
const GROUPS_PER_PAGE: usize = 10;
const GROUPS_PER_PAGE_MAX: usize = 100;
const USERS_PER_PAGE: usize = 9999;

/// The circumstances under which one request is answered.
pub(super) struct Terms {
    /// Since the simulation began.
    pub(super) now: Duration,
    /// How long a group created now stays out of lists.
    pub(super) lag: Duration,
    /// The cap on guest invites, where one is in force.
    pub(super) guest_cap: Option<GuestCap>,
    /// Whose token is accepted.
    pub(super) admission: Admission,
}

/// The organization: its groups, its users, its rules.
pub(super) struct Book {
    shelf: Shelf,
    people: People,
    guests: GuestList,
    org: Option<String>,
    token: Option<String>,
    unique_names: bool,
    seed: u64,
    ids: u64,
    complaints: u64,
}

impl Book {
    pub(super) fn new(options: &Options) -> Self {
        let mut book = Self {
            shelf: Shelf::default(),
            people: People::new(options.users),
            guests: GuestList::default(),
            org: options.org.clone(),
            token: options.token.clone(),
            unique_names: options.unique_names,
            seed: options.seed,
            ids: 0,
            complaints: 0,
        };
        for number in 1..=options.groups {
            let group =
                Planted { id: book.new_id(), name: format!("Existing group {number:04}"), ..Planted::default() };
            book.plant(group, Duration::ZERO);
        }
        book
    }

    /// What the API answers, once what was asked for is done.
    pub(super) fn answer(&mut self, request: &Request, terms: &Terms) -> Answer {
        let token = match &terms.admission {
            Admission::Only(token) => Some(token),
            Admission::AsSetUp | Admission::Nobody => self.token.as_ref(),
        };
        let call = match route::read(request, token.map(String::as_str)) {
            Ok(_) if matches!(terms.admission, Admission::Nobody) => return route::unauthenticated(),
            Ok(call) => call,
            Err(answer) => return answer,
        };
        if self.org.as_ref().is_some_and(|org| *org != call.org) {
            return route::no_resource();
        }
        match self.act(&call, request, terms) {
            Ok(answer) | Err(Refusal::Answer(answer)) => answer,
            Err(Refusal::Complaints(complaints)) => {
                self.complaints += 1;
                complaints.answer(self.complaints % 2 == 1)
            }
        }
    }

    fn act(&mut self, call: &Call, request: &Request, terms: &Terms) -> Result<Answer, Refusal> {
        match &call.action {
            Action::Create => self.create(request, terms),
            Action::List => self.list(request, terms),
            Action::Read(id) => match self.shelf.get(id) {
                Some(group) => Ok(Answer::data(200, group)),
                None => Ok(route::no_resource()),
            },
            Action::Update(id) => self.update(id, request, terms),
            Action::Delete(id) if self.shelf.remove(id) => Ok(Answer::empty(204)),
            Action::Delete(_) => Ok(route::no_resource()),
            Action::Users => self.users(request),
        }
    }

    fn create(&mut self, request: &Request, terms: &Terms) -> Result<Answer, Refusal> {
        let draft = form::read(
            parse(request)?,
            &Rules {
                update: false,
                taken: &|name| self.unique_names && self.shelf.named(name) > 0,
                people: &self.people,
            },
        )?;
        let wanted = draft.guests.unwrap_or_default();
        let (guests, refused) = match (self.invite(&wanted, terms), &terms.guest_cap) {
            (Ok(()), _) => (wanted, None),
            (Err(refusal), Some(cap)) if cap.is_partial => {
                (self.guests.invite_some(wanted, cap, terms.now), Some(refusal))
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
        .grown(terms.now);
        let answer = Answer::data(201, &group);
        self.shelf.put(group, terms.now, terms.lag);
        refused.map_or(Ok(answer), Err)
    }

    fn update(&mut self, id: &str, request: &Request, terms: &Terms) -> Result<Answer, Refusal> {
        let Some(group) = self.shelf.get(id) else {
            return Ok(route::no_resource());
        };
        let own = group.name.to_lowercase();
        let draft = form::read(
            parse(request)?,
            &Rules {
                update: true,
                taken: &|name| {
                    let its_own = usize::from(name.to_lowercase() == own);
                    self.unique_names && self.shelf.named(name) > its_own
                },
                people: &self.people,
            },
        )?;
        self.invite(draft.guests.as_deref().unwrap_or_default(), terms)?;
        let changed = self.shelf.change(id, terms.now, |group| {
            set(&mut group.name, draft.name);
            set(&mut group.members, draft.members);
            set(&mut group.guests, draft.guests);
            group.description = draft.description.or(group.description.take());
        });
        Ok(changed.map_or_else(route::no_resource, |group| Answer::data(201, group)))
    }

    fn list(&mut self, request: &Request, terms: &Terms) -> Result<Answer, Refusal> {
        let wanted = Wanted::read(request.query.as_deref(), GROUPS_PER_PAGE, GROUPS_PER_PAGE_MAX)?;
        let (groups, total) = self.shelf.page(&wanted, terms.now);
        Ok(wanted.answer(&groups, total, request))
    }

    fn users(&self, request: &Request) -> Result<Answer, Refusal> {
        let wanted = Wanted::read(request.query.as_deref(), USERS_PER_PAGE, USERS_PER_PAGE)?;
        let found = self.people.search(wanted.q.as_deref());
        let page: Vec<_> = found.iter().skip(wanted.skip()).take(wanted.per_page).collect();
        Ok(wanted.answer(&page, found.len(), request))
    }

    fn invite(&mut self, guests: &[String], terms: &Terms) -> Result<(), Refusal> {
        let cap = terms.guest_cap.as_ref();
        let invited = self.guests.invite(guests, cap, terms.now);
        match cap {
            Some(cap) if !invited => Err(Refusal::Answer(cap.refusal())),
            _ => Ok(()),
        }
    }

    /// Puts a group in past every rule; its guests count as met.
    pub(super) fn plant(&mut self, planted: Planted, now: Duration) {
        self.guests.greet(&planted.guests);
        self.shelf.put(planted.grown(now), now, Duration::ZERO);
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.shelf.groups()
    }

    /// An id that looks like a real one. The counter goes through a bijection, so none comes twice.
    fn new_id(&mut self) -> String {
        loop {
            self.ids += 1;
            let first = mix(self.seed.wrapping_add(self.ids));
            let id = format!("{first:016x}{:016x}", mix(first ^ self.seed.rotate_left(32)));
            // Only a planted group can have it already.
            if self.shelf.get(&id).is_none() {
                return id;
            }
        }
    }
}

/// Why a call is not done.
enum Refusal {
    Answer(Answer),
    Complaints(Complaints),
}

impl From<Complaints> for Refusal {
    fn from(complaints: Complaints) -> Self {
        Self::Complaints(complaints)
    }
}

fn parse(request: &Request) -> Result<serde_json::Value, Refusal> {
    serde_json::from_slice(&request.body)
        .map_err(|_| Refusal::Answer(Answer::error(400, "The request body is not valid JSON.")))
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
