//! The guards of a sync: how much one run may change without somebody who agrees. Pure.

use std::str::FromStr;

use clap::Args;

use crate::model::Guard;

/// The most that may change: a part of all there is, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardLimit {
    /// Percent.
    Part(u32),
    /// Whatever there is.
    Number(u64),
}

impl FromStr for GuardLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "a number, or a percentage from 0% to 100%, is expected";
        match text.trim().strip_suffix('%') {
            Some(part) => part.trim().parse().ok().filter(|part| *part <= 100).map(Self::Part),
            None => text.trim().parse().ok().map(Self::Number),
        }
        .ok_or(expected)
    }
}

/// The limits of the guards. The doc comments are the help of the flags.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Guards")]
pub struct GuardOptions {
    /// Most groups deleted, of the groups that this journal owns
    #[arg(long, value_name = "N[%]", default_value = "10%")]
    pub max_delete: GuardLimit,
    /// Most members and guests removed, of those in the groups that this journal owns
    #[arg(long, value_name = "N[%]", default_value = "20%")]
    pub max_remove: GuardLimit,
    /// Most groups updated or renamed, of the groups that this journal owns
    #[arg(long, value_name = "N[%]", default_value = "50%", hide_short_help = true)]
    pub max_update: GuardLimit,
    /// Most groups created, of the groups that this journal owns; not in its first sync
    #[arg(long, value_name = "N[%]", default_value = "50%", hide_short_help = true)]
    pub max_create: GuardLimit,
    /// Most members and guests added, of those in the groups that this journal owns; not in its first sync
    #[arg(long, value_name = "N[%]", default_value = "50%", hide_short_help = true)]
    pub max_add: GuardLimit,
    /// Most rows fewer than in the last sync
    #[arg(long, value_name = "N[%]", default_value = "30%")]
    pub max_shrink: GuardLimit,
}

/// What a plan changes, and what there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PlanTotals {
    /// Groups that the journal owns, with those that the plan takes over.
    pub(super) owned: u64,
    /// Members and guests of those.
    pub(super) memberships: u64,
    /// Groups that are deleted.
    pub(super) deleted: u64,
    /// Members and guests who are removed, with those of deleted groups.
    pub(super) removed: u64,
    /// Groups that are updated or renamed.
    pub(super) updated: u64,
    /// Groups that are created.
    pub(super) created: u64,
    /// Members and guests who are added.
    pub(super) added: u64,
    /// Rows of the files.
    pub(super) rows: u64,
    /// Rows of the last sync that ended well; none before the first.
    pub(super) rows_before: Option<u64>,
}

impl GuardOptions {
    /// The guards of a plan. Below its floor a percentage says nothing: of three groups, one may go.
    pub(super) fn guards(&self, totals: &PlanTotals) -> [Guard; 6] {
        let PlanTotals { owned, memberships, rows, rows_before, .. } = *totals;
        let (is_always, is_later) = (true, rows_before.is_some());
        let rows_before = rows_before.unwrap_or_default();
        [
            ("delete", self.max_delete, totals.deleted, owned, 1, is_always),
            ("remove", self.max_remove, totals.removed, memberships, 5, is_always),
            ("update", self.max_update, totals.updated, owned, 10, is_always),
            ("create", self.max_create, totals.created, owned, 10, is_later),
            ("add", self.max_add, totals.added, memberships, 20, is_later),
            ("shrink", self.max_shrink, rows_before.saturating_sub(rows), rows_before, 3, is_later),
        ]
        .map(|(name, most, count, base, floor, is_on)| {
            let limit = match most {
                GuardLimit::Part(percent) => (base.saturating_mul(percent.into()) / 100).max(floor),
                GuardLimit::Number(number) => number,
            };
            Guard { name, count, base, limit: is_on.then_some(limit) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::options;
    use super::*;

    type Change = fn(&PlanTotals, u64) -> PlanTotals;

    #[test]
    fn each_guard_allows_its_limit_and_refuses_one_more() {
        let there =
            PlanTotals { owned: 405, memberships: 3120, rows: 412, rows_before: Some(409), ..PlanTotals::default() };
        let tiny = PlanTotals { owned: 3, memberships: 4, rows: 4, rows_before: Some(4), ..PlanTotals::default() };
        let rows: [(usize, Change, u64, u64); 6] = [
            (0, |totals, deleted| PlanTotals { deleted, ..*totals }, 40, 1),
            (1, |totals, removed| PlanTotals { removed, ..*totals }, 624, 5),
            (2, |totals, updated| PlanTotals { updated, ..*totals }, 202, 10),
            (3, |totals, created| PlanTotals { created, ..*totals }, 202, 10),
            (4, |totals, added| PlanTotals { added, ..*totals }, 1560, 20),
            (
                5,
                |totals, fewer| PlanTotals { rows: totals.rows_before.unwrap().saturating_sub(fewer), ..*totals },
                122,
                3,
            ),
        ];
        for (index, change, limit, floor) in rows {
            for (totals, most) in [(there, limit), (tiny, floor)] {
                let guard = |count| options(&[]).guards(&change(&totals, count))[index];
                let name = guard(0).name;
                assert_eq!(guard(0).limit, Some(most), "{name}");
                assert!(!guard(most).is_exceeded(), "{name} {most}");
                assert!(guard(most + 1).is_exceeded(), "{name} {most}");
            }
        }
    }

    #[test]
    fn a_first_sync_may_create_and_add_whatever_the_file_has() {
        let first = PlanTotals { created: 5000, added: 90_000, rows: 5000, ..PlanTotals::default() };
        assert!(options(&[]).guards(&first).iter().all(|guard| !guard.is_exceeded()));
        let limits = options(&[]).guards(&first).map(|guard| guard.limit);
        assert_eq!(limits, [Some(1), Some(5), Some(10), None, None, None]);
    }

    #[test]
    fn a_number_is_a_limit_without_a_floor_and_nonsense_is_refused() {
        let totals = PlanTotals { owned: 1000, deleted: 1, rows_before: Some(1), rows: 1, ..PlanTotals::default() };
        assert!(options(&["--max-delete", "0"]).guards(&totals)[0].is_exceeded());
        assert_eq!(options(&["--max-delete", "0%"]).guards(&totals)[0].limit, Some(1), "the floor");
        assert_eq!("50 %".parse(), Ok(GuardLimit::Part(50)));
        for wrong in ["", "%", "-1", "101%", "1.5", "ten"] {
            assert!(wrong.parse::<GuardLimit>().is_err(), "{wrong}");
        }
    }
}
