//! A plan: what is done about each group, and in a sync how much that is.

use super::edit::Edit;
use super::existing::GroupRef;
use super::group::Group;
use super::row::{Place, RowId};

/// A row of a sync, with the group that it defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredRow {
    /// The row.
    pub row: RowId,
    /// Where it is.
    pub place: Place,
    /// The group.
    pub group: Group,
    /// Whether it is to be made so; else its people are invalid, and the group stays as it is.
    pub is_valid: bool,
    /// Whether everybody whom the file lists is known: else nobody is removed.
    pub may_remove: bool,
    /// The id of its group, as the journal knows it.
    pub group_id: Option<String>,
}

/// What is done about a group, in the order of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::AsRefStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum ActionKind {
    /// The row has an error: nothing is sent for it.
    Invalid,
    /// The organization has no group of its id, or one of its name that may not be there.
    Fail,
    /// Nothing: a rule protects it.
    Held,
    /// It is deleted.
    Delete,
    /// It gets another name, and perhaps other changes.
    Rename,
    /// It is changed.
    Update,
    /// An import: it is there already, and stays as it is.
    Exists,
    /// It is created.
    Create,
    /// An undo: it is not there any more.
    Gone,
    /// It is taken over as it is.
    Adopt,
    /// A file lists people who are there already: only the journal notes it.
    Note,
}

/// What is done about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What.
    pub kind: ActionKind,
    /// The row that it is done for. One without a file has an id beyond those of the rows.
    pub row: RowId,
    /// Where the row is; none if no file has it.
    pub place: Option<Place>,
    /// The group's version and id, if it exists.
    pub target: Option<GroupRef>,
    /// The group as it is, if it exists and shows its people.
    pub before: Option<Group>,
    /// The group as its row defines it; of one that is deleted, as it is.
    pub group: Group,
    /// What changes.
    pub edit: Edit,
    /// Why it is held, or what is special about it.
    pub reason: Option<String>,
    /// When it is done: actions of a lower level end before it begins.
    pub level: u32,
    /// The action that frees its name, by its row.
    pub waits_for: Option<RowId>,
}

impl ActionKind {
    /// Whether a group of the organization changes.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Delete | Self::Rename | Self::Update | Self::Create)
    }
}

impl Action {
    /// An action for a row of a file.
    pub fn of_row(kind: ActionKind, row: &DesiredRow) -> Self {
        Self { place: Some(row.place), ..Self::of(kind, row.row, row.group.clone()) }
    }

    /// An action for a row without a file, without any detail.
    pub fn of(kind: ActionKind, row: RowId, group: Group) -> Self {
        let (edit, target, before, reason) = (Edit::default(), None, None, None);
        Self { kind, row, place: None, target, before, group, edit, reason, level: 0, waits_for: None }
    }

    /// Nothing is done.
    pub fn hold(&mut self, why: String) {
        (self.kind, self.reason, self.edit) = (ActionKind::Held, Some(why), Edit::default());
    }

    /// Whether it gives a group a temporary name only.
    pub fn is_step(&self) -> bool {
        self.kind == ActionKind::Rename && self.place.is_none()
    }

    /// The name that the group has now, or is created with.
    pub fn name(&self) -> &str {
        &self.before.as_ref().unwrap_or(&self.group).name
    }
}

/// One guard, and what the plan has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Guard {
    /// Its flag is `--max-` and this.
    pub name: &'static str,
    /// How much the plan changes.
    pub count: u64,
    /// How much there is.
    pub base: u64,
    /// The most that may change; none if the guard does not count in this run.
    pub limit: Option<u64>,
}

impl Guard {
    /// Whether it refuses the plan.
    pub fn is_exceeded(&self) -> bool {
        self.limit.is_some_and(|limit| self.count > limit)
    }
}

/// The plan of a sync.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The first 16 hexadecimal digits of a digest of its changes.
    pub id: String,
    /// What is done, by kind and name.
    pub actions: Vec<Action>,
    /// The ids of the groups of rows, where the journal does not know them yet.
    pub group_ids: Vec<(RowId, String)>,
    /// The guards.
    pub guards: [Guard; 6],
    /// Rows that change nothing.
    pub unchanged: u64,
    /// People in their groups whom no file lists, and who stay.
    pub drift: u64,
    /// Groups that the journal owns.
    pub owned: u64,
    /// Groups that it does not own: they are not touched.
    pub others: u64,
    /// Owned groups that the files do not have, and that stay.
    pub absent: u64,
}

impl Plan {
    /// How many actions there are of a kind.
    pub fn count(&self, kind: ActionKind) -> u64 {
        self.actions.iter().filter(|action| action.kind == kind && !action.is_step()).count() as u64
    }

    /// How many groups of the organization change.
    pub fn changes(&self) -> u64 {
        self.actions.iter().filter(|action| action.kind.is_change() && !action.is_step()).count() as u64
    }
}
