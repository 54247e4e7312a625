//! Reads of the organization, repeated until they are answered: all groups, or the groups of one name.

use std::sync::Arc;
use std::time::SystemTime;

use super::judge::{Reading, backoff, judge_read};
use super::pace::{Pace, Paced};
use super::stop::Stop;
use crate::model::{MatchNames, Trouble};
use crate::tallyfy::{Client, Exchange, Listed, Page, Walk};

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No group has the name.
    None,
    /// One group has it: its id.
    One(String),
    /// So many groups have it.
    Many(usize),
}

/// A read that was never answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The run stops.
    Stopped,
    /// Every attempt failed; the last one so.
    Failed(Trouble),
}

/// The API, paced, with patience.
pub struct Api<E> {
    /// The endpoints.
    pub client: Client<Paced<E>>,
    /// The pace of all requests.
    pub pace: Arc<Pace>,
    /// Ends every wait.
    pub stop: Stop,
    /// How often one request is made at most.
    pub attempts_max: u32,
}

impl<E: Exchange> Api<E> {
    /// The next page of a walk through the list of all groups, or of those that a search finds; none when all are read.
    ///
    /// # Errors
    /// If it cannot be had, or the list does not add up.
    pub async fn next_page(&self, search: Option<&str>, walk: &mut Walk) -> Result<Option<Vec<Listed>>, Unread> {
        let Some(number) = walk.next() else { return Ok(None) };
        let page = self.page(search, number).await?;
        walk.take(&page).map_err(|error| Unread::Failed(unreadable(&error.to_string())))?;
        Ok(Some(page.groups))
    }

    /// Looks for the groups of this name. The server's search is for parts of names and descriptions: names are compared here.
    ///
    /// # Errors
    /// If a page cannot be had.
    pub async fn find(&self, name: &str, matching: MatchNames) -> Result<Found, Unread> {
        let mut same: Vec<Listed> = Vec::new();
        let mut walk = Walk::default();
        while let Some(groups) = self.next_page(Some(name), &mut walk).await? {
            for group in groups {
                let is_new = !same.iter().any(|known| known.id == group.id);
                if is_new && matching.same(&group.name, name) {
                    same.push(group);
                }
            }
        }
        Ok(match same.len() {
            0 => Found::None,
            1 => Found::One(same.swap_remove(0).id),
            many => Found::Many(many),
        })
    }

    async fn page(&self, search: Option<&str>, number: u64) -> Result<Page, Unread> {
        let mut sends = 0;
        loop {
            sends += 1;
            let answer = self.client.list_groups(search, number).await;
            let (trouble, pause) = match judge_read(answer, SystemTime::now()) {
                Reading::Body(body) => match Page::parse(&body) {
                    Ok(page) => return Ok(page),
                    Err(lack) => (unreadable(&lack), None),
                },
                Reading::Again(trouble, pause) => (trouble, pause),
                Reading::Halt(halt) => {
                    self.stop.raise(halt);
                    return Err(Unread::Stopped);
                }
                Reading::Held => return Err(Unread::Stopped),
            };
            if sends >= self.attempts_max {
                return Err(Unread::Failed(trouble));
            }
            tracing::info!(page = number, attempt = sends, "list of groups: {}; asking again", trouble.message);
            match pause {
                Some(pause) => self.pace.pause(pause),
                None if self.stop.sleep(backoff(sends, rand::random())).await => {}
                None => return Err(Unread::Stopped),
            }
        }
    }
}

fn unreadable(lack: &str) -> Trouble {
    let message = format!("the list of groups cannot be read: {lack}");
    Trouble { code: "answer-unreadable".to_owned(), message, http_status: Some(200) }
}
