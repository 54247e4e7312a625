//! Groups of rows with guests that were found, rather than answered: each is seen to have all of them.
//!
//! The cap on guest invites may strike when the group is made already. A group that lacks guests is given all that it is to
//! have at once, which is safe to repeat.

use std::iter;
use std::time::Duration;

use tokio::time::Instant;

use super::compare::completed;
use super::deliver::{Lane, Step};
use super::gate::{Pass, guests};
use super::judge::{Verdict, When, judge_update};
use super::reads::Unread;
use crate::journal::Down;
use crate::model::{Effect, Fate, Found, Job, Tag, Trouble};
use crate::plan;
use crate::tallyfy::Exchange;

/// A group, as far as its guests go.
enum Seen {
    /// It has all of its row's.
    Whole(Tag),
    /// It is to have these.
    Lacking(Vec<String>),
}

impl<E: Exchange> Lane<E> {
    /// Settles a row whose group was found, unless it lacks guests: then they are sent next.
    pub(super) async fn see_to_guests(&self, job: &Job, group: &Tag, sends: u32) -> Step {
        match self.look_at(job, group).await {
            Ok(Seen::Whole(group)) => Step::Settle(Fate::found(group)),
            Ok(Seen::Lacking(_)) => self.lacking_again(lack(group), sends, When::Allowed).await,
            Err(unread) => unseen(unread, group),
        }
    }

    /// Gives a group that was made the guests that it lacks.
    pub(super) async fn complete(&self, mut job: Job, pass: Pass, sends: u32) -> Result<(Job, Step), Down> {
        let step = self.see_and_send(&mut job, pass, sends).await?;
        Ok((job, step))
    }

    async fn see_and_send(&self, job: &mut Job, pass: Pass, sends: u32) -> Result<Step, Down> {
        let waits = iter::once(Duration::ZERO).chain(self.api.looks(Duration::ZERO));
        let group = match self.seek(job, waits).await {
            Ok(Found::One(group)) => group,
            // It was deleted since.
            Ok(Found::None) => return Ok(Step::SendAgain(Effect::Absent)),
            Ok(Found::Many { first, count }) => {
                return Ok(Step::Settle(Fate::Unknown(lack(&first).and(&plan::ambiguous(count)))));
            }
            Err(Unread::Stopped) => return Ok(Step::GiveBack(Effect::Made)),
            Err(unread) => return Ok(Step::Settle(Fate::Unknown(unread.on(Trouble::interrupted())))),
        };
        match self.look_at(job, &group).await {
            Ok(Seen::Whole(group)) => {
                if sends > 1 {
                    // A send of this run did it, although its answer did not say so.
                    self.api.limiter.had_effect(Instant::now());
                }
                Ok(Step::Settle(Fate::found(group)))
            }
            Ok(Seen::Lacking(guests)) => self.send_guests(job, &group, &guests, (pass, sends)).await,
            Err(unread) => Ok(unseen(unread, &group)),
        }
    }

    async fn send_guests(
        &self,
        job: &mut Job,
        group: &Tag,
        guests: &[String],
        (pass, sends): (Pass, u32),
    ) -> Result<Step, Down> {
        let body = serde_json::json!({ "guests": guests }).to_string();
        let Some(sending) = self.begin(job.clone()).await? else { return Ok(Step::GiveBack(Effect::Made)) };
        let (begun, ready) = sending.spend();
        *job = begun;
        let verdict = judge_update(ready.update_group(&group.id, body.into()).await);
        pass.hear(&verdict);
        let told = |trouble: Trouble| trouble.and(&lack(group).message);
        Ok(match verdict {
            Verdict::Created { group, http_status } => Step::Settle(Fate::Created { group, http_status }),
            Verdict::GuestCap(trouble, _) => self.lacking_again(told(trouble), sends, When::Allowed).await,
            Verdict::InDoubt(trouble) => self.lacking_again(told(trouble), sends, When::BackedOff).await,
            Verdict::Again(trouble, when) => self.lacking_again(told(trouble), sends, when).await,
            Verdict::Refused(trouble) | Verdict::NameTaken(trouble) => Step::Settle(Fate::Unknown(told(trouble))),
            Verdict::Halt(halt) => {
                self.api.stop.raise(halt);
                Step::GiveBack(Effect::Made)
            }
            Verdict::Held => Step::Release,
        })
    }

    /// The group lacks guests, which are sent again as often as a row is.
    async fn lacking_again(&self, trouble: Trouble, sends: u32, when: When) -> Step {
        if sends >= self.policy.attempts_max {
            return Step::Settle(Fate::Unknown(trouble));
        }
        tracing::info!(attempt = sends, "{}; sending them", trouble.message);
        if self.api.back_off(sends, when).await { Step::SendAgain(Effect::Made) } else { Step::GiveBack(Effect::Made) }
    }

    async fn look_at(&self, job: &Job, group: &Tag) -> Result<Seen, Unread> {
        let sent = guests(&job.body);
        let Some(seen) = self.api.group(&group.id).await? else { return Ok(Seen::Lacking(sent)) };
        Ok(completed(&sent, &seen).map_or(Seen::Whole(seen.tag), Seen::Lacking))
    }
}

fn unseen(unread: Unread, group: &Tag) -> Step {
    match unread {
        Unread::Stopped => Step::GiveBack(Effect::Made),
        unread @ Unread::Failed(_) => Step::Settle(Fate::Unknown(unread.on(lack(group)))),
    }
}

fn lack(group: &Tag) -> Trouble {
    let message = format!("the group is there ({}), but not known to have all of its guests", group.id);
    Trouble { message, ..Trouble::guests_missing() }
}
