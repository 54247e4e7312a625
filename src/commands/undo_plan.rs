//! The plan of `undo`: compares what a run created with what the organization has now, and decides for each group whether it is
//! deleted, left alone, or gone already. Sends no request that changes anything.

use std::collections::{HashMap, HashSet};
use std::slice;

use futures::{StreamExt, TryStreamExt, stream};

use crate::execute::{Api, Unread};
use crate::journal::{Change, Creation, GroupOperation, Operation, State};
use crate::model::{ExistingGroup, Outcome, RequestError, Status};
use crate::plan::{changes, claim};
use crate::report::UndoPlan;
use crate::tallyfy::{List, PageCursor, Transport};

/// What `undo` will do.
#[derive(Default)]
pub(super) struct Deletions {
    /// The deletions, in the order of the rows, and what is known of them: those without an outcome are carried out.
    pub(super) operations: Vec<(Operation, Vec<Change>)>,
    /// How many groups will be deleted.
    pub(super) count: u64,
    /// What the user is shown.
    pub(super) view: UndoPlan,
}

/// Compares the groups of a run with those that exist, when no row is in doubt any more; with `is_forced` changed groups are
/// deleted too. At most `concurrency` lookups are in flight.
pub(super) async fn plan_deletions<E: Transport>(
    creations: Vec<Creation>,
    is_forced: bool,
    api: &Api<E>,
    concurrency: usize,
) -> Result<Deletions, Unread> {
    let ids = creations.iter().filter_map(|creation| creation.sent.target.as_ref());
    let mut unlisted: HashSet<&str> = ids.map(|group| group.id.as_str()).collect();
    let (mut existing, mut cursor) = (Vec::new(), PageCursor::default());
    while let Some(groups) = api.next_page(List::Groups, &mut cursor).await? {
        let is_created = |group: &ExistingGroup| !group.is_deleted && unlisted.remove(group.group_ref.id.as_str());
        existing.extend(groups.into_iter().filter(is_created));
    }
    // A group that is missing in the list may not be in lists yet: it is read by its id.
    let read = stream::iter(unlisted).map(|id| api.group(id)).buffer_unordered(concurrency);
    let found: Vec<_> = read.try_collect().await?;
    existing.extend(found.into_iter().flatten());
    let existing: HashMap<_, _> = existing.iter().map(|group| (group.group_ref.id.as_str(), group)).collect();
    let mut plan = Deletions::default();
    for creation in creations {
        let found = creation.sent.target.as_ref().and_then(|group| existing.get(group.id.as_str()).copied());
        plan.add(creation, found, is_forced);
    }
    Ok(plan)
}

impl Deletions {
    fn add(&mut self, Creation { deletion, sent }: Creation, found: Option<&ExistingGroup>, is_forced: bool) {
        let GroupOperation { operation, group } = deletion;
        let may_be_deleted = operation.was_sent() || matches!(operation.state, State::Ended(Outcome::Unknown(_)));
        let (detail, outcome) = match (&sent.state, found) {
            (State::Ended(Outcome::Unknown(error)), None) if sent.target.is_none() => {
                (error.message.clone(), Some(Outcome::Unknown(error.clone())))
            }
            // 404 is the status of a group that does not exist.
            (_, None) => (String::new(), Some(if may_be_deleted { Outcome::Deleted(404) } else { Outcome::Gone })),
            (State::Ended(Outcome::Created { group: made, .. }), Some(found)) => {
                let changes = changes(&group, made, found);
                (changes.clone().unwrap_or_default(), changes.filter(|_| !is_forced).map(Outcome::Changed))
            }
            (_, Some(found)) => match claim(&group, &sent.sent_ms, slice::from_ref(found)) {
                Err(why) => (why.clone(), Some(Outcome::Unknown(RequestError::guests_missing().and(&why)))),
                Ok(_) => (String::new(), None),
            },
        };
        let status = outcome.as_ref().map_or(Status::Pending, Outcome::status);
        self.view.add(status, &group.name, sent.target.as_ref().map(|group| group.id.as_str()), &detail);
        self.count += u64::from(outcome.is_none());
        let known = match operation.state {
            State::Ended(_) => Some(Change::Resume),
            State::Sending => found.map(|_| Change::Absent),
            State::Planned => None,
        };
        let changes = known.into_iter().chain(outcome.map(Change::End)).collect();
        self.operations.push((Operation { target: sent.target, ..operation }, changes));
    }
}
