//! Nights of a sync over random files, with others who edit the organization meanwhile; and what must be true after each of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write;
use std::fs;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tallyfy_groups::sandbox::{Options, SandboxGroup};

use super::server::OTHERS;
use super::sync::{Synchronized, sync, undo};
use super::{End, Network, Server, Settings, Workspace, in_paused_time};

/// All guards off.
pub(super) const FREE: [&str; 12] = [
    "--max-delete",
    "100%",
    "--max-remove",
    "1000",
    "--max-update",
    "1000",
    "--max-create",
    "1000",
    "--max-add",
    "1000",
    "--max-shrink",
    "1000",
];
/// The most syncs after the faults end.
pub(super) const FINAL_SYNCS: usize = 4;

/// A group of the source.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) key: u32,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) members: BTreeSet<u64>,
    pub(super) guests: BTreeSet<String>,
}

/// A group: name, description, members and guests.
pub(super) type Shown = (String, Option<String>, BTreeSet<u64>, BTreeSet<String>);

fn shown(group: &SandboxGroup) -> Shown {
    let description = group.description.clone();
    (group.name.clone(), description, group.members.iter().copied().collect(), group.guests.iter().cloned().collect())
}

pub(super) struct Nights {
    pub(super) rng: StdRng,
    pub(super) server: Server,
    pub(super) workspace: Workspace,
    pub(super) settings: Settings,
    pub(super) entities: Vec<Entity>,
    last_key: u32,
    /// The groups that syncs created or took over.
    owned: HashSet<String>,
    /// Whom a file listed for each group.
    listed: HashMap<String, (BTreeSet<u64>, BTreeSet<String>)>,
}

/// Plays nights without faults, and checks each promise. Gives the log of the server.
pub(crate) fn play(seed: u64) -> Result<(), String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let nights = rng.random_range(2..6);
    in_paused_time(async {
        let mut world = Nights::new(
            rng,
            seed,
            true,
            Network { usual: Duration::from_millis(5), longest: Duration::from_millis(20), tail: 0.0 },
        );
        for _ in 0..nights {
            world.change_source();
            (0..world.rng.random_range(0..3)).for_each(|_| world.others_edit());
            let flags = world.flags();
            world.night(&flags).await?;
        }
        Ok(())
    })
}

impl Nights {
    /// `may_clash` if groups of others have names that files may have.
    pub(super) fn new(mut rng: StdRng, seed: u64, may_clash: bool, network: Network) -> Self {
        let options = Options { allow_same_names: false, seed: rng.random(), ..Options::default() };
        let server = Server::new(&options, "", network, seed);
        for number in 0..rng.random_range(0..4) {
            let members = [OTHERS + number, 1];
            let letter = if may_clash && rng.random_bool(0.5) { 'T' } else { 'F' };
            server.create(&json!({"name": format!("{letter}{number}"), "members": members}).to_string());
        }
        let settings = Settings { seed, timeout: Duration::from_secs(3), rate: "none", ..Settings::default() };
        let workspace = Workspace::new("");
        let (owned, listed) = (HashSet::new(), HashMap::new());
        let mut world = Self { rng, server, workspace, settings, entities: Vec::new(), last_key: 0, owned, listed };
        (0..world.rng.random_range(1..7)).for_each(|_| world.add());
        world
    }

    fn people(&mut self) -> BTreeSet<u64> {
        let count = if self.rng.random_bool(0.1) { 0 } else { self.rng.random_range(1..4) };
        (0..count).map(|_| self.rng.random_range(1..9)).collect()
    }

    /// A name that no row has.
    fn free_name(&mut self) -> String {
        loop {
            let name = format!("T{}", self.rng.random_range(0..14));
            if self.entities.iter().all(|entity| entity.name != name) {
                return name;
            }
        }
    }

    fn add(&mut self) {
        self.last_key += 1;
        let (key, name, members) = (self.last_key, self.free_name(), self.people());
        let description = self.rng.random_bool(0.5).then(|| format!("d{key}"));
        let guests =
            if self.rng.random_bool(0.3) { BTreeSet::from([format!("g{key}@x.org")]) } else { BTreeSet::new() };
        self.entities.push(Entity { key, name, description, members, guests });
    }

    /// The source changes.
    pub(super) fn change_source(&mut self) {
        for _ in 0..self.rng.random_range(0..5) {
            let count = self.entities.len();
            let at = self.rng.random_range(0..count.max(1));
            match self.rng.random_range(0..8) {
                0 => self.add(),
                _ if count == 0 => self.add(),
                1 if count > 1 => _ = self.entities.remove(at),
                2 => self.entities[at].name = self.free_name(),
                3 if count > 1 => {
                    let other = (at + 1) % count;
                    let name = self.entities[at].name.clone();
                    self.entities[at].name = std::mem::replace(&mut self.entities[other].name, name);
                }
                4 | 5 => self.entities[at].members = self.people(),
                6 => self.entities[at].description = Some(format!("e{}", self.rng.random_range(0..100))),
                _ => {
                    let guest = format!("h{}@x.org", self.rng.random_range(0..4));
                    if !self.entities[at].guests.remove(&guest) {
                        self.entities[at].guests.insert(guest);
                    }
                }
            }
        }
    }

    /// Somebody edits a group in Tallyfy.
    fn others_edit(&mut self) {
        let groups = self.server.groups();
        let Some(group) = groups.choose(&mut self.rng) else { return };
        let mut group = group.clone();
        match self.rng.random_range(0..6) {
            0 | 1 => group.members.push(OTHERS + self.rng.random_range(0..5)),
            2 => _ = group.members.pop(),
            3 => group.description = Some("edited".to_owned()),
            4 => group.name = format!("T{}", self.rng.random_range(0..14)),
            _ => {
                self.server.edit("DELETE", &group.id, "");
                return;
            }
        }
        let mut body = json!({"name": group.name, "members": group.members, "guests": group.guests});
        if let Some(description) = group.description {
            body["description"] = description.into();
        }
        // A name that is taken is refused.
        self.server.edit("PUT", &group.id, &body.to_string());
    }

    fn flags(&mut self) -> Vec<&'static str> {
        let mode = *["managed", "managed", "mirror", "add"].choose(&mut self.rng).unwrap();
        let mut flags = FREE.to_vec();
        flags.extend(["--members", mode]);
        for (flag, chance) in [("--prune", 0.6), ("--adopt", 0.3), ("--allow-empty", 0.3)] {
            flags.extend(self.rng.random_bool(chance).then_some(flag));
        }
        flags
    }

    pub(super) fn write(&self, has_members: bool) {
        let mut csv = format!("key,name,description,{}guests\n", if has_members { "members," } else { "" });
        for Entity { key, name, description, members, guests } in &self.entities {
            let members: Vec<String> = members.iter().map(u64::to_string).collect();
            let members = if has_members { format!("{},", members.join(";")) } else { String::new() };
            let guests = guests.iter().cloned().collect::<Vec<_>>().join(";");
            let description = description.as_deref().unwrap_or_default();
            let _ = writeln!(csv, "{key},{name},{description},{members}{guests}");
        }
        fs::write(self.workspace.input(), csv).unwrap();
    }

    pub(super) fn by_id(&self) -> BTreeMap<String, Shown> {
        self.server.groups().iter().map(|group| (group.id.clone(), shown(group))).collect()
    }

    /// One night, its promises, and sometimes its undo.
    async fn night(&mut self, flags: &[&'static str]) -> Result<(), String> {
        let has_members = self.rng.random_bool(0.85);
        self.write(has_members);
        let before = self.by_id();
        let done = self.sync(flags).await?;
        let after = self.by_id();
        self.check(flags, has_members, &done, &before, &after)?;
        let again = self.again(flags).await?;
        if again {
            return Ok(());
        }
        if self.rng.random_bool(0.4) {
            self.take_back(&done, &before).await?;
        }
        Ok(())
    }

    pub(super) async fn sync(&mut self, flags: &[&'static str]) -> Result<Synchronized, String> {
        let done = sync(&self.workspace, &self.server, &self.settings, flags, End::Natural).await.unwrap();
        if !done.is_settled() {
            return Err(format!("not settled: {done:?}"));
        }
        Ok(done)
    }

    /// A second sync changes nothing; one whose names only a deletion freed may take some nights. Gives whether it changed something.
    async fn again(&mut self, flags: &[&'static str]) -> Result<bool, String> {
        let mut has_changed = false;
        for _ in 0..FINAL_SYNCS {
            let before = self.by_id();
            let done = self.sync(flags).await?;
            let after = self.by_id();
            self.learn(&done, flags);
            if done.changes == Some(0) {
                return if before == after {
                    Ok(has_changed)
                } else {
                    Err("an empty plan changed something".to_owned())
                };
            }
            has_changed = true;
        }
        Err("the plan does not become empty".to_owned())
    }

    /// Notes what is owned and listed after a night.
    fn learn(&mut self, done: &Synchronized, _: &[&str]) {
        for row in &done.rows {
            let Some(id) = &row.group_id else { continue };
            if matches!(row.status, "created" | "updated" | "unchanged") {
                self.owned.insert(id.clone());
                if let Some(entity) = self.entities.iter().find(|entity| entity.name == row.name) {
                    let (members, guests) = self.listed.entry(id.clone()).or_default();
                    members.extend(&entity.members);
                    guests.extend(entity.guests.iter().cloned());
                }
            }
        }
    }

    fn check(
        &mut self,
        flags: &[&str],
        has_members: bool,
        done: &Synchronized,
        before: &BTreeMap<String, Shown>,
        after: &BTreeMap<String, Shown>,
    ) -> Result<(), String> {
        let (adopts, prunes) = (flags.contains(&"--adopt"), flags.contains(&"--prune"));
        for (id, group) in before {
            let now = after.get(id);
            let is_ours = self.owned.contains(id);
            let is_adopted = adopts && done.rows.iter().any(|row| row.group_id.as_ref() == Some(id));
            if !is_ours && !is_adopted && now != Some(group) {
                return Err(format!("a foreign group was changed: {group:?} {now:?}"));
            }
            let Some(now) = now else {
                if !prunes {
                    return Err(format!("{group:?} was deleted without --prune"));
                }
                continue;
            };
            let none = (BTreeSet::new(), BTreeSet::new());
            let (members, guests) = self.listed.get(id).unwrap_or(&none);
            let gone: Vec<&u64> = group.2.difference(&now.2).collect();
            let gone_guests: Vec<&String> = group.3.difference(&now.3).collect();
            let may_go = if flags.contains(&"mirror") {
                true
            } else if flags.contains(&"add") {
                gone.is_empty() && gone_guests.is_empty()
            } else {
                gone.iter().all(|id| members.contains(*id)) && gone_guests.iter().all(|guest| guests.contains(*guest))
            };
            if !may_go {
                return Err(format!(
                    "{flags:?} removed {gone:?} {gone_guests:?} of {group:?}, and files listed {members:?}"
                ));
            }
        }
        for row in &done.rows {
            if !matches!(row.status, "created" | "updated" | "unchanged") {
                continue;
            }
            let entity =
                self.entities.iter().find(|entity| entity.name == row.name).ok_or("a row without an entity")?;
            let group = row.group_id.as_ref().and_then(|id| after.get(id));
            let Some((name, description, members, guests)) = group else { return Err(format!("no group of {row:?}")) };
            let wants = entity.description.is_none() || entity.description == *description;
            let has = !has_members || entity.members.is_subset(members);
            let is_exact = !flags.contains(&"mirror") || !has_members || entity.members == *members;
            if *name != entity.name || !wants || !has || !is_exact || !entity.guests.is_subset(guests) {
                return Err(format!("{entity:?} became {group:?}"));
            }
        }
        if done.rows.iter().filter(|row| row.status == "deleted").count() > 0 && !prunes {
            return Err("something was deleted".to_owned());
        }
        self.learn(done, flags);
        Ok(())
    }

    /// Takes the last night back: everything is as before, but for new ids.
    async fn take_back(&mut self, done: &Synchronized, before: &BTreeMap<String, Shown>) -> Result<(), String> {
        let undone = undo(&self.workspace, &self.server, &self.settings, done.run, End::Natural).await.unwrap();
        if undone.stopped.is_some()
            || undone.rows.iter().any(|row| matches!(row.status, "failed" | "unknown" | "pending"))
        {
            return Err(format!("not undone: {undone:?}"));
        }
        let again = undone.rows.iter().filter(|row| row.status == "created");
        self.owned.extend(again.filter_map(|row| row.group_id.clone()));
        if undone.rows.iter().any(|row| row.status == "held") {
            // The API cannot take a description away.
            return Ok(());
        }
        let sorted = |groups: &BTreeMap<String, Shown>| groups.values().cloned().collect::<BTreeSet<Shown>>();
        let (now, then) = (sorted(&self.by_id()), sorted(before));
        if now != then {
            return Err(format!("the undo left {now:?} instead of {then:?}: {undone:?}"));
        }
        Ok(())
    }
}
