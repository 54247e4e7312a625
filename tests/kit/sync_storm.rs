//! Storms of a sync: faults, kills and edits by others while a changed file is applied. When the faults end, it must converge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::faults::fault;
use super::nights::{FINAL_SYNCS, FREE, Nights, Shown};
use super::server::OTHERS;
use super::sync::{Synchronized, sync};
use super::{End, Network, Server, Settings, in_paused_time};

/// Plays one file change under faults, kills and edits by others; when the faults end, it must converge. Gives the log of the server
/// too.
pub(crate) fn storm(seed: u64) -> (Vec<String>, Result<(), String>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let network = Network {
        usual: Duration::from_millis(rng.random_range(0..60)),
        longest: Duration::from_millis(rng.random_range(0..2000)),
        tail: rng.random_range(0.0..0.1),
    };
    in_paused_time(async {
        let mut world = Nights::new(rng, seed, false, network);
        let result = world.storm().await;
        (world.server.log(), result)
    })
}

impl Nights {
    /// Changes, faults, kills, edits; then calm.
    async fn storm(&mut self) -> Result<(), String> {
        let mode = *["managed", "managed", "mirror", "add"].choose(&mut self.rng).unwrap();
        let flags: Vec<&str> = FREE.iter().copied().chain(["--prune", "--members", mode]).collect();
        self.write(true);
        self.sync(&flags).await?;
        let foreign: BTreeMap<String, Shown> =
            self.by_id().into_iter().filter(|(_, group)| group.0.starts_with('F')).collect();
        self.change_source();
        self.change_source();
        let (mut added, mut is_killed) = (BTreeMap::<String, BTreeSet<u64>>::new(), false);
        let faults: String =
            (0..self.rng.random_range(0..7)).map(|_| fault(&mut self.rng, &METHODS, 40.0, 3500)).collect();
        self.server.set_faults(&faults);
        self.write(true);
        for _ in 0..self.rng.random_range(0..5) {
            let after = Duration::from_millis(self.rng.random_range(0..9000));
            let end = [End::Natural, End::Interrupted(after), End::Killed(after), End::Killed(after)];
            let end = *end.choose(&mut self.rng).unwrap();
            // Requests of a killed sync may arrive later.
            is_killed |= matches!(end, End::Killed(_));
            let settings = Settings { max_attempts: *[8, 8, 3, 1].choose(&mut self.rng).unwrap(), ..self.settings };
            let edit = self.hand_edit();
            let (server, delay) = (self.server.clone(), Duration::from_millis(self.rng.random_range(0..4000)));
            let edits = async {
                tokio::time::sleep(delay).await;
                edit.and_then(|edit| edit.apply(&server))
            };
            let (_, edited) = tokio::join!(sync(&self.workspace, &self.server, &settings, &flags, end), edits);
            if let Some((id, person)) = edited {
                added.entry(id).or_default().insert(person);
            }
            if self.rng.random_bool(0.3) {
                self.change_source();
                self.write(true);
            }
        }
        self.server.heal();
        tokio::time::sleep(Duration::from_secs(30)).await;
        // A mirror removes those whom the plan showed.
        let may_remove = is_killed || mode == "mirror";
        if let Some(violation) = self.server.violation().or_else(|| self.server.overwritten().filter(|_| !may_remove)) {
            return Err(violation);
        }
        let mut last = None;
        for _ in 0..=FINAL_SYNCS {
            let done = sync(&self.workspace, &self.server, &self.settings, &flags, End::Natural).await.unwrap();
            let is_done = done.changes == Some(0) && done.is_settled();
            last = Some(done);
            if is_done {
                break;
            }
        }
        self.check_storm(mode, &last.unwrap(), &foreign, &added)
    }

    /// What somebody will do to a group by hand.
    fn hand_edit(&mut self) -> Option<HandEdit> {
        let groups = self.server.groups();
        let group = groups.choose(&mut self.rng).filter(|group| !group.name.starts_with('F'))?;
        let (id, number) = (group.id.clone(), OTHERS + self.rng.random_range(0..50));
        Some(HandEdit { id, number, kind: self.rng.random_range(0..8) })
    }

    fn check_storm(
        &self,
        mode: &str,
        last: &Synchronized,
        foreign: &BTreeMap<String, Shown>,
        added: &BTreeMap<String, BTreeSet<u64>>,
    ) -> Result<(), String> {
        if last.changes != Some(0) || !last.is_settled() {
            return Err(format!("it does not converge: {last:?}"));
        }
        let is_for_somebody = |why: &str| HELD.iter().any(|reason| why.contains(reason));
        if last.rows.iter().any(|row| row.status == "held" && row.error.as_deref().is_some_and(is_for_somebody)) {
            return Ok(());
        }
        let mut groups = self.by_id();
        for (id, group) in foreign {
            if groups.remove(id).as_ref() != Some(group) {
                return Err(format!("a foreign group was changed: {group:?}"));
            }
        }
        for entity in &self.entities {
            let row = last.rows.iter().find(|row| row.name == entity.name).ok_or("a row is missing")?;
            let Some((id, (name, description, members, guests))) =
                row.group_id.as_ref().and_then(|id| groups.remove_entry(id))
            else {
                return Err(format!("{entity:?} has no group: {row:?}"));
            };
            let by_hand = added.get(&id).cloned().unwrap_or_default();
            // Somebody may have been added between a read and its update.
            let is_known = |id: &u64| entity.members.contains(id) || mode == "managed" && by_hand.contains(id);
            let nobody_else = mode == "add" || members.iter().all(is_known) && guests == entity.guests;
            let has_people = entity.members.is_subset(&members) && entity.guests.is_subset(&guests) && nobody_else;
            let is_described = entity.description.is_none() || entity.description == description;
            if name != entity.name || !has_people || !is_described {
                return Err(format!(
                    "{entity:?} became {name:?} {description:?} {members:?} {guests:?}; by hand: {by_hand:?}; {row:?}"
                ));
            }
        }
        if groups.is_empty() { Ok(()) } else { Err(format!("left over: {groups:?}")) }
    }
}

/// What somebody does to a group by hand, as it is then.
struct HandEdit {
    id: String,
    kind: u32,
    number: u64,
}

impl HandEdit {
    /// Gives the group and the person who is added, if one is.
    fn apply(self, server: &Server) -> Option<(String, u64)> {
        let Self { id, kind, number } = self;
        let mut group = server.groups().into_iter().find(|group| group.id == id)?;
        group.updated_at = format!("changed by hand at {:?}", server.elapsed());
        match kind {
            0 => group.description = Some(format!("by hand {number}")),
            1 => _ = group.members.pop(),
            2 => group.name = format!("H{number} {}", server.elapsed().as_millis()),
            3 => {
                server.edit("DELETE", &id, "");
                return None;
            }
            _ => group.members.push(number),
        }
        server.with(|simulation| simulation.plant(group));
        (kind > 3).then_some((id, number))
    }
}

const METHODS: [&str; 5] = ["POST", "PUT", "PUT", "DELETE", "GET"];

/// Reasons for which a group is left alone until somebody decides, and which may hold others up.
const HELD: [&str; 3] = ["exchange their names", "would become empty", "has another key"];
