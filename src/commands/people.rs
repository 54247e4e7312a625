//! Finds the members of a run's rows among the users of the organization, before anything is planned.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use crate::execute::{Api, Unread};
use crate::journal::Journal;
use crate::model::{
    Code, ExistingGroup, Member, PeopleCounts, Problem, RequestError, StopReason, User, UserStatus, WantedGroup,
    shortened, shown_path,
};
use crate::report::Problems;
use crate::resolve::{Directory, PeopleRules, resolve};
use crate::tallyfy::{List, PageCursor, Transport};

use super::Failure;
use super::staging::Staged;

/// Reads the users, if a row names members, and settles who is who; gives the users too. Where the users may not be listed, ids are sent unchecked.
/// If the list cannot be had, the run is stopped.
pub(super) async fn find_people<E: Transport>(
    api: &Api<E>,
    journal: &mut Journal,
    Staged { run, files, .. }: &Staged,
    rules: &PeopleRules,
    problems: &mut Problems<impl Write>,
) -> Result<(PeopleCounts, Directory), Failure> {
    let mut counts = PeopleCounts::default();
    let (has_members, has_merged) = journal.people_to_find(*run)?;
    let users = if has_members { Some(api.all(List::Users).await) } else { None };
    let directory = match users.transpose() {
        // Rows that are merged have guests only.
        Ok(None) if has_merged => Err(String::new()),
        Ok(None) => return Ok((counts, Directory::default())),
        Ok(Some((users, _))) => Ok(Directory::new(users)),
        Err(Unread::Failed(RequestError { http_status: Some(status @ (403 | 404)), message, .. })) => {
            // The whole organization may be missing.
            let mut groups = PageCursor::default();
            if status == 404
                && let Err(unread) = api.next_page::<ExistingGroup>(List::Groups, &mut groups).await
            {
                api.stop_unread(unread);
                return Ok((counts, Directory::default()));
            }
            let why = format!("the users of the organization cannot be listed ({message}): members are not checked");
            let problem = Problem::general(Code::UsersUnlisted, why);
            problems.report(&files[0].path, None, &problem, None).map_err(Failure::Print)?;
            Err(message)
        }
        Err(unread) => {
            api.stop_unread(unread);
            return Ok((counts, Directory::default()));
        }
    };
    let found = journal.find_people(*run, |place, wanted| {
        let (group, found) = match &directory {
            Ok(directory) => resolve(wanted, directory, rules, &mut counts),
            Err(refusal) => (wanted.with_people(ids(wanted, refusal)?, wanted.guests.clone()), Vec::new()),
        };
        for problem in &found {
            problems.report(&files[place.file].path, Some(place), problem, None).map_err(Failure::Print)?;
        }
        Ok((group, found))
    });
    match found {
        Err(Failure::Stopped(reason)) => api.stop.raise(reason),
        found => found?,
    }
    Ok((counts, directory.unwrap_or_default()))
}

/// Reads a file of users, as `export --users` writes it: CSV with the columns `id`, `email` and `status`.
pub(super) fn users_of(flag: &str, path: &Path) -> Result<Vec<User>, Failure> {
    let failed = |why: String| {
        let shape = "it must be CSV with the columns id, email and status, as `export --users` writes it";
        Failure::Usage(format!("{flag} {}: {why}; {shape}", shown_path(path)))
    };
    let unread = |reason: csv::Error| failed(reason.to_string());
    let unopened = |reason: io::Error| Failure::Usage(format!("{flag} {}: {reason}", shown_path(path)));
    let mut file = BufReader::new(File::open(path).map_err(unopened)?);
    let header = file.fill_buf().map_err(unopened)?.split(|byte| *byte == b'\n').next();
    let delimiter = if header.is_some_and(|header| header.contains(&b';')) { b';' } else { b',' };
    // The mark is skipped by the reader of CSV.
    let mut rows = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(file);
    let header = rows.headers().map_err(unread)?.clone();
    let column = |name: &str| {
        let column = header.iter().position(|column| column.eq_ignore_ascii_case(name));
        column.ok_or_else(|| failed(format!("there is no column `{name}`")))
    };
    let (id, email, status) = (column("id")?, column("email")?, column("status").ok());
    let (mut row, mut users) = (csv::StringRecord::new(), Vec::new());
    while rows.read_record(&mut row).map_err(unread)? {
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let wrong = |what: &str, found: &str| {
            let line = row.position().map_or(0, csv::Position::line);
            failed(format!("line {line}: the {what}, not `{}`", shortened(found)))
        };
        let id = cell(id).parse().map_err(|_| wrong("id is a number", cell(id)))?;
        let status = match status.map_or("", cell) {
            "" => UserStatus::Active,
            word => word.parse().map_err(|_| wrong("status is active, invited, disabled or bot", word))?,
        };
        users.push(User { id, name: String::new(), email: cell(email).to_owned(), status });
    }
    Ok(users)
}

/// The members, if all are named by id.
fn ids(wanted: &WantedGroup, refusal: &str) -> Result<Vec<u64>, Failure> {
    let id = |member: &Member| match member {
        Member::Id(id) => Ok(*id),
        Member::Address(address) => {
            Err(Failure::Stopped(StopReason::UsersRefused { address: address.clone(), refusal: refusal.to_owned() }))
        }
    };
    wanted.members.iter().map(id).collect()
}
