//! Deletes one group: from its intent to its outcome.
//!
//! Deleting by id is safe to repeat: after a lost answer the group is read again.

use std::sync::Arc;

use super::api::{Api, Unread};
use super::classify::Class;
use crate::journal::{DeletionAttempt, Intent, RemovalState};
use crate::model::{Creation, Event, Listener, Removal, Trouble};
use crate::plan::changes;
use crate::tallyfy::Transport;

/// What it takes to delete groups.
pub struct Deleter<E> {
    /// The API.
    pub api: Arc<Api<E>>,
    /// Whether groups are deleted that were changed since.
    pub is_forced: bool,
    /// Receives an event for every group that is done.
    pub listener: Listener,
}

/// The state of one deletion.
struct DeletionState<'a> {
    creation: &'a Creation,
    /// How often the deletion was sent.
    sends: u32,
    /// The error of the last attempt.
    trouble: Option<Trouble>,
    /// Whether a send may have been applied.
    may_be_deleted: bool,
}

impl<E: Transport> Deleter<E> {
    /// Deletes one group, unless it was changed since or the run stops.
    pub async fn take(&self, intent: Intent<Creation>) -> DeletionAttempt {
        let creation = intent.spend();
        let may_be_deleted = creation.may_be_deleted;
        let mut deletion = DeletionState { creation: &creation, sends: 0, trouble: None, may_be_deleted };
        let progress = self.remove(&mut deletion).await;
        let sends = deletion.sends;
        if let RemovalState::Settled(removal) = &progress {
            match removal {
                Removal::Deleted(_) => self.api.refusals.reset(),
                Removal::Failed(trouble) | Removal::Unknown(trouble) => self.api.write_failed(trouble),
                Removal::Gone | Removal::Changed(_) => {}
            }
            (self.listener)(Event::Settled(removal.status()));
        }
        DeletionAttempt { row: creation.row, sends, progress }
    }

    /// Reads, deletes, and reads again where the answer is lost.
    async fn remove(&self, deletion: &mut DeletionState<'_>) -> RemovalState {
        loop {
            if let Some(progress) = self.look(deletion).await {
                return progress;
            }
            deletion.sends += 1;
            let class = self.api.delete_group(&deletion.creation.tag.id).await;
            if let Some(progress) = self.follow(deletion, class).await {
                return progress;
            }
        }
    }

    /// Reads the group; gives how far it came, unless the group is to be deleted now.
    async fn look(&self, deletion: &DeletionState<'_>) -> Option<RemovalState> {
        let seen = match self.api.group(&deletion.creation.tag.id).await {
            Ok(Some(seen)) => seen,
            Ok(None) => {
                if deletion.sends > 0 {
                    self.api.limiter.had_effect();
                }
                return Some(deletion.not_there());
            }
            Err(Unread::Stopped) => return Some(deletion.stopped()),
            Err(Unread::Failed(why)) => return Some(deletion.unread(why)),
        };
        let changes = changes(&deletion.creation.group, deletion.creation.tag.stamp.as_deref(), &seen);
        if !changes.is_empty() && !self.is_forced {
            return Some(RemovalState::Settled(Removal::Changed(changes.join("; "))));
        }
        let trouble = deletion.trouble.clone().filter(|_| deletion.sends >= self.api.attempts_max)?;
        // It is there: nothing is in doubt.
        Some(if self.api.gives_up(&trouble) {
            RemovalState::Settled(Removal::Failed(trouble))
        } else {
            RemovalState::Released
        })
    }

    /// Gives how far it came, unless the group is to be looked at again.
    async fn follow(&self, deletion: &mut DeletionState<'_>, class: Class<()>) -> Option<RemovalState> {
        match class {
            Class::Applied(()) => return Some(RemovalState::Settled(Removal::Deleted(204))),
            Class::NotThere => return Some(deletion.not_there()),
            Class::Refused(trouble) | Class::NameTaken(trouble) | Class::MaybeTaken(trouble) => {
                return Some(RemovalState::Settled(Removal::Failed(trouble)));
            }
            Class::NotApplied(trouble) => self.wait(deletion, trouble).await,
            Class::Ambiguous(trouble) | Class::GuestQuota(trouble, _) => {
                deletion.may_be_deleted = true;
                self.wait(deletion, trouble).await;
            }
            Class::Stop(halt) => {
                self.api.stop.raise(halt);
                return Some(deletion.stopped());
            }
            Class::Held => {
                deletion.sends -= 1;
                return Some(deletion.stopped());
            }
        }
        None
    }

    async fn wait(&self, deletion: &mut DeletionState<'_>, trouble: Trouble) {
        let row = deletion.creation.row.0;
        tracing::info!(row, attempt = deletion.sends, "deleting: {}; looking whether it is there", trouble.message);
        deletion.trouble = Some(trouble);
        // A stop is noticed by the read that follows.
        self.api.back_off(deletion.sends).await;
    }
}

impl DeletionState<'_> {
    fn not_there(&self) -> RemovalState {
        // The status that says so.
        RemovalState::Settled(if self.may_be_deleted { Removal::Deleted(404) } else { Removal::Gone })
    }

    fn stopped(&self) -> RemovalState {
        if self.may_be_deleted { RemovalState::InDoubt } else { RemovalState::Released }
    }

    /// The group cannot be read; if nothing was sent that deletes it, it is there.
    fn unread(&self, why: Trouble) -> RemovalState {
        let trouble = self.trouble.clone().map_or(why.clone(), |trouble| Unread::Failed(why).on(trouble));
        RemovalState::Settled(if self.may_be_deleted { Removal::Unknown(trouble) } else { Removal::Failed(trouble) })
    }
}
