//! Finds the people that files name among the users of the organization. Nothing is guessed: who is not found, or cannot be a
//! member, is a problem. Pure.

mod directory;

use std::fmt::Display;

use clap::Args;
use hashbrown::HashSet;

pub use directory::Directory;

use crate::model::{
    Code, Field, Group, Member, PeopleCounts, Problem, Severity, UnknownMembers, User, UserStatus, WantedGroup,
    shortened,
};

/// How people are found. The doc comments are the help of the flags.
#[derive(Debug, Clone, Default, Args)]
pub struct PeopleRules {
    /// What happens to members who are no users of the organization
    #[arg(long, value_enum, default_value_t, value_name = "WHAT", help_heading = "Rules", hide_short_help = true)]
    pub unknown_members: UnknownMembers,
    /// With --unknown-members guest: addresses of this domain may become guests, although users have it too
    #[arg(long, value_name = "DOMAIN", help_heading = "Rules", hide_short_help = true)]
    pub guest_domain: Vec<String>,
}

/// The group of one row with the people who were found, and all that is wrong with them.
pub fn resolve(
    wanted: &WantedGroup,
    directory: &Directory,
    rules: &PeopleRules,
    counts: &mut PeopleCounts,
) -> (Group, Vec<Problem>) {
    let (group, ids, invited) = (wanted.with_people(Vec::new(), Vec::new()), HashSet::new(), HashSet::new());
    let mut row = RowPeople { directory, rules, counts, group, problems: Vec::new(), ids, invited };
    wanted.members.iter().for_each(|member| row.member(member));
    wanted.guests.iter().for_each(|guest| row.guest(guest));
    (row.group, row.problems)
}

struct RowPeople<'a> {
    directory: &'a Directory,
    rules: &'a PeopleRules,
    counts: &'a mut PeopleCounts,
    group: Group,
    problems: Vec<Problem>,
    ids: HashSet<u64>,
    /// In lower case.
    invited: HashSet<String>,
}

impl RowPeople<'_> {
    fn member(&mut self, member: &Member) {
        match self.directory.find(member).as_slice() {
            [] => self.unknown(member),
            [user] => {
                self.counts.found += u64::from(matches!(member, Member::Address(_)));
                self.add(user, Field::Members, member);
            }
            several => self.ambiguous(Field::Members, &member.to_string(), several),
        }
    }

    /// The API refuses the address of a member as a guest.
    fn guest(&mut self, guest: &str) {
        match self.directory.by_address(guest).as_slice() {
            [] => _ = self.invite(guest),
            [user] => {
                if user.status != UserStatus::Disabled {
                    self.counts.made_members += 1;
                    let message = format!("`{}` is a user ({}), and becomes a member", shortened(guest), user.id);
                    self.note(Severity::Warning, Field::Guests, Code::GuestMember, &message);
                }
                self.add(user, Field::Guests, &guest);
            }
            several => self.ambiguous(Field::Guests, guest, several),
        }
    }

    /// Adds a guest, and says whether it is a new one.
    fn invite(&mut self, address: &str) -> bool {
        let is_new = self.invited.insert(address.to_lowercase());
        self.group.guests.extend(is_new.then(|| address.to_owned()));
        is_new
    }

    fn add(&mut self, user: &User, field: Field, named: &dyn Display) {
        let shown = || shortened(&named.to_string());
        let warning = match user.status {
            UserStatus::Active => None,
            UserStatus::Invited => {
                Some((Code::MemberInvited, format!("`{}` was invited and has not accepted yet", shown())))
            }
            UserStatus::Bot => Some((Code::MemberBot, format!("`{}` is a program, not a person", shown()))),
            UserStatus::Disabled => {
                self.counts.disabled += 1;
                let message = format!("the account of `{}` is disabled, so it cannot be a member", shown());
                return self.lost(field, Code::MemberDisabled, &message, "");
            }
        };
        if let Some((code, message)) = warning {
            self.note(Severity::Warning, field, code, &message);
        }
        if self.ids.insert(user.id) {
            self.group.members.push(user.id);
        } else {
            let message = format!("`{}` is a user who is listed already ({}); counts once", shown(), user.id);
            self.note(Severity::Warning, field, Code::MemberRepeated, &message);
        }
    }

    fn unknown(&mut self, member: &Member) {
        self.counts.unknown += 1;
        let shown = shortened(&member.to_string());
        let Member::Address(address) = member else {
            let message = format!("`{shown}` is not the id of a user of this organization");
            return self.lost(Field::Members, Code::MemberUnknown, &message, "");
        };
        let domain = address.rsplit('@').next().unwrap_or_default().to_lowercase();
        let is_allowed = |allowed: &String| allowed.trim_start_matches('@').eq_ignore_ascii_case(&domain);
        let is_own = self.directory.domains.contains(&domain) && !self.rules.guest_domain.iter().any(is_allowed);
        let may_be_guest = self.rules.unknown_members == UnknownMembers::Guest;
        let message = format!("`{shown}` is not a user of this organization");
        if may_be_guest && !is_own {
            self.counts.made_guests += u64::from(self.invite(address));
            let message = format!("{message}, and becomes a guest");
            return self.note(Severity::Note, Field::Members, Code::MemberUnknown, &message);
        }
        let own = || format!("; users have the domain {domain} (--guest-domain {domain} allows it)");
        let nearest =
            self.directory.nearest(address).map(|nearest| format!("; did you mean `{}`?", shortened(nearest)));
        let hint: String = may_be_guest.then(own).into_iter().chain(nearest).collect();
        self.lost(Field::Members, Code::MemberUnknown, &message, &hint);
    }

    fn ambiguous(&mut self, field: Field, address: &str, users: &[&User]) {
        let ids = users.iter().map(|user| user.id.to_string()).collect::<Vec<_>>().join(", ");
        let message = format!("`{}` is the address of several users; write the id of one: {ids}", shortened(address));
        self.note(Severity::Error, field, Code::MemberAmbiguous, &message);
    }

    /// Somebody cannot be a member.
    fn lost(&mut self, field: Field, code: Code, message: &str, hint: &str) {
        let (severity, left_out) = match self.rules.unknown_members {
            UnknownMembers::Skip => (Severity::Warning, "; left out"),
            UnknownMembers::Fail | UnknownMembers::Guest => (Severity::Error, ""),
        };
        self.group.is_partial |= severity == Severity::Warning && code == Code::MemberUnknown;
        self.note(severity, field, code, &format!("{message}{left_out}{hint}"));
    }

    fn note(&mut self, severity: Severity, field: Field, code: Code, message: &str) {
        let message = format!("{}: {message}", field.as_ref());
        self.problems.push(Problem { severity, ..Problem::error(field, code, message) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: u64, email: &str, status: UserStatus) -> User {
        User { id, name: String::new(), email: email.to_owned(), status }
    }

    fn directory() -> Directory {
        Directory::new(vec![
            user(1, "Ada@acme.example", UserStatus::Active),
            user(2, "linus@acme.example", UserStatus::Invited),
            user(3, "old@acme.example", UserStatus::Disabled),
            user(4, "gone@acme.example.deleted.4", UserStatus::Active),
            user(5, "twin@acme.example", UserStatus::Active),
            user(6, "Twin@acme.example", UserStatus::Active),
            user(7, "bot@acme.example", UserStatus::Bot),
        ])
    }

    fn wanted(members: &[&str], guests: &[&str]) -> WantedGroup {
        let member = |text: &&str| text.parse().map_or_else(|_| Member::Address((*text).to_owned()), Member::Id);
        WantedGroup {
            members: members.iter().map(member).collect(),
            guests: guests.iter().map(|guest| (*guest).to_owned()).collect(),
            ..WantedGroup::default()
        }
    }

    type Found = (Vec<u64>, Vec<String>, Vec<(Severity, Code)>);

    fn found(wanted: &WantedGroup, unknown: UnknownMembers) -> Found {
        let rules = PeopleRules { unknown_members: unknown, guest_domain: Vec::new() };
        let (Group { members, guests, .. }, problems) =
            resolve(wanted, &directory(), &rules, &mut PeopleCounts::default());
        let kinds = problems.into_iter().map(|problem| (problem.severity, problem.code)).collect();
        (members, guests, kinds)
    }

    #[test]
    fn an_address_becomes_the_id_of_its_user_whatever_its_case_and_a_person_counts_once() {
        let expected = (vec![1, 2], vec![], vec![(Severity::Warning, Code::MemberInvited)]);
        assert_eq!(found(&wanted(&["ADA@acme.example", "2"], &[]), UnknownMembers::Fail), expected);
        let twice = found(&wanted(&["ada@acme.example", "1"], &[]), UnknownMembers::Fail);
        assert_eq!(twice, (vec![1], vec![], vec![(Severity::Warning, Code::MemberRepeated)]));
    }

    #[test]
    fn who_cannot_be_a_member_is_an_error_or_left_out_with_a_warning() {
        for (named, code) in [
            ("9", Code::MemberUnknown),
            ("nobody@else.example", Code::MemberUnknown),
            ("gone@acme.example", Code::MemberUnknown),
            ("old@acme.example", Code::MemberDisabled),
            ("3", Code::MemberDisabled),
        ] {
            let wanted = wanted(&[named, "1"], &[]);
            assert_eq!(found(&wanted, UnknownMembers::Fail).2, [(Severity::Error, code)], "{named}");
            let skipped = found(&wanted, UnknownMembers::Skip);
            assert_eq!(skipped, (vec![1], vec![], vec![(Severity::Warning, code)]), "{named}");
        }
    }

    #[test]
    fn the_address_of_two_users_is_never_one_of_them() {
        for unknown in [UnknownMembers::Fail, UnknownMembers::Skip, UnknownMembers::Guest] {
            let (members, guests, problems) = found(&wanted(&["twin@acme.example"], &["twin@acme.example"]), unknown);
            assert_eq!((members.len(), guests.len()), (0, 0));
            assert_eq!(problems, [(Severity::Error, Code::MemberAmbiguous); 2]);
        }
    }

    #[test]
    fn strangers_become_guests_if_that_is_wanted_but_not_those_of_the_organizations_own_domains() {
        let both = wanted(&["fran@else.example", "adda@acme.example"], &["Fran@else.example"]);
        let (members, guests, problems) = found(&both, UnknownMembers::Guest);
        assert_eq!((members.len(), guests), (0, vec!["fran@else.example".to_owned()]));
        assert_eq!(problems, [(Severity::Note, Code::MemberUnknown), (Severity::Error, Code::MemberUnknown)]);
        let rules =
            PeopleRules { unknown_members: UnknownMembers::Guest, guest_domain: vec!["acme.example".to_owned()] };
        let (allowed, _) = resolve(&both, &directory(), &rules, &mut PeopleCounts::default());
        assert!(allowed.guests.contains(&"adda@acme.example".to_owned()));
    }

    #[test]
    fn a_guest_who_is_a_user_becomes_a_member_with_a_warning() {
        let mixed = wanted(&[], &["ada@acme.example", "fran@else.example", "bot@acme.example", "old@acme.example"]);
        let (members, guests, problems) = found(&mixed, UnknownMembers::Fail);
        assert_eq!((members, guests), (vec![1, 7], vec!["fran@else.example".to_owned()]));
        let expected = [
            (Severity::Warning, Code::GuestMember),
            (Severity::Warning, Code::GuestMember),
            (Severity::Warning, Code::MemberBot),
            (Severity::Error, Code::MemberDisabled),
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    fn an_unknown_address_is_told_with_the_nearest_one() {
        let told = |address: &str| {
            let rules = PeopleRules::default();
            resolve(&wanted(&[address], &[]), &directory(), &rules, &mut PeopleCounts::default()).1.remove(0).message
        };
        let expected =
            "members: `lnius@acme.example` is not a user of this organization; did you mean `linus@acme.example`?";
        assert_eq!(told("lnius@acme.example"), expected);
        assert!(told("ada@acme.com").contains("did you mean `Ada@acme.example`?"));
        assert!(!told("zoe@else.example").contains("did you mean"));
    }
}
