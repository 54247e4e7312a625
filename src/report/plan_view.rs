//! The plan of a sync: for a terminal, as Markdown, and as JSON. Pure.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use console::{Style, measure_text_width, style};
use hashbrown::HashMap;
use serde_json::{Value, json};

use super::forecast::{self, Forecast};
use super::{counted, grouped};
use crate::model::{
    Action, ActionKind, Edit, Group, Guard, InputFile, ListChange, Plan, json_shown, shortened, shown, without_sheet,
};

/// How many people of a list are named, unless all are wanted.
const NAMED_MAX: usize = 10;
/// The most columns of a group's name, and the fewest of its details.
const NAME_MAX: usize = 32;
const DETAIL_MIN: usize = 30;
/// The columns before the name: the mark and the action.
const LEAD: usize = 13;
/// The most characters of a comment on GitHub are 65,536.
const MARKDOWN_MAX: usize = 60_000;

/// A plan, and what is shown beside it.
pub(crate) struct PlanView<'a> {
    /// The plan.
    pub(crate) plan: &'a Plan,
    /// The files.
    pub(crate) files: &'a [InputFile],
    /// How many rows they have.
    pub(crate) rows: u64,
    /// The organization.
    pub(crate) organization: &'a str,
    /// The names of users.
    pub(crate) labels: &'a HashMap<u64, String>,
    /// What it takes.
    pub(crate) forecast: &'a Forecast,
    /// Whether all people are named.
    pub(crate) is_full: bool,
}

/// The mark of an action, and its colour.
fn mark(kind: ActionKind) -> (&'static str, Style) {
    match kind {
        ActionKind::Fail | ActionKind::Held => ("!", Style::new().yellow()),
        ActionKind::Delete => ("-", Style::new().red()),
        ActionKind::Rename => (">", Style::new().cyan()),
        ActionKind::Update => ("~", Style::new().yellow()),
        ActionKind::Create => ("+", Style::new().green()),
        ActionKind::Note => ("=", Style::new().dim()),
    }
}

impl PlanView<'_> {
    fn actions(&self) -> impl Iterator<Item = &Action> {
        self.plan.actions.iter().filter(|action| !action.is_step())
    }

    /// The plan for people, this wide.
    pub(crate) fn text(&self, width: usize) -> String {
        let (head, owned) = self.head();
        let mut text = format!("{head}\n{owned}\n\n");
        let widths = self.actions().map(|action| measure_text_width(&name(action)));
        let name_width = widths.max().unwrap_or_default().min(NAME_MAX);
        let is_narrow = LEAD + name_width + 2 + DETAIL_MIN > width;
        let indent = if is_narrow { 6 } else { LEAD + name_width + 2 };
        for action in self.actions() {
            let (mark, colour) = mark(action.kind);
            let lead = colour.apply_to(format!("  {mark} {:<8}", action.kind.as_ref()));
            let named = name(action);
            let gap = name_width.saturating_sub(measure_text_width(&named));
            let details = self.details(action).into_iter();
            let mut lines = details.flat_map(|line| line.wrapped(width.saturating_sub(indent)));
            let first = if is_narrow || action.kind == ActionKind::Rename { None } else { lines.next() };
            let first = first.map_or_else(String::new, |first| format!("{}  {first}", " ".repeat(gap)));
            let _ = writeln!(text, "{lead} {named}{first}");
            lines.for_each(|line| _ = writeln!(text, "{}{line}", " ".repeat(indent)));
        }
        if self.actions().next().is_some() {
            text.push('\n');
        }
        let guards = Line { label: "  guards     ", items: self.guards().collect(), gap: "   " };
        let counts = Line { label: "  ", items: self.counts(), gap: ", " };
        for line in guards.wrapped(width).into_iter().chain(counts.wrapped(width)) {
            let line = if line.contains("! ") { style(line).red() } else { style(line) };
            let _ = writeln!(text, "{line}");
        }
        if self.forecast.requests > 0 {
            forecast::text(self.forecast).lines().for_each(|line| _ = writeln!(text, "  {line}"));
        }
        text
    }

    /// What is read, and what is owned.
    fn head(&self) -> (String, String) {
        let names: Vec<String> = self.files.iter().map(|file| shortened(without_sheet(&file.path))).collect();
        let Plan { id, owned, others, .. } = self.plan;
        let (rows, organization) = (counted(self.rows, "row"), shortened(self.organization));
        (
            format!("{}   {rows}   organization {organization}", names.join(", ")),
            format!("plan {id}   {}, {} not touched", counted(*owned, "owned group"), counted(*others, "other")),
        )
    }

    /// What is done, line by line.
    fn details(&self, action: &Action) -> Vec<Line> {
        let Action { kind, edit, group, reason, .. } = action;
        let [members, guests] = [group.members.len() as u64, group.guests.len() as u64];
        let mut lines = Vec::new();
        if matches!(kind, ActionKind::Delete | ActionKind::Create) {
            let guests = (guests > 0).then(|| counted(guests, "guest"));
            let items = [counted(members, "member")].into_iter().chain(guests).collect();
            lines.push(Line { label: "", items, gap: ", " });
        }
        lines.extend(reason.as_ref().map(|why| Line::of(&shown(why))));
        lines.extend(edit.description.as_ref().map(|_| Line::of("description")));
        let label = |id: &u64| self.labels.get(id).map_or_else(|| id.to_string(), |label| shortened(label));
        lines.extend(self.people("members  ", &edit.members, label));
        lines.extend(self.people("guests   ", &edit.guests, |guest| shortened(guest)));
        let kept = (edit.members.kept.len() + edit.guests.kept.len()) as u64;
        let (noun, verb) = match (edit.guests.kept.is_empty(), kept) {
            (_, 0) => return lines,
            (true, 1) => ("member", "is"),
            (true, _) => ("members", "are"),
            (false, 1) => ("guest", "is"),
            (false, _) => ("people", "are"),
        };
        lines.push(Line::of(&format!("{} {noun} added in Tallyfy {verb} kept", grouped(kept))));
        lines
    }

    fn people<T: Clone + Display>(
        &self,
        list: &'static str,
        change: &ListChange<T>,
        label: impl Fn(&T) -> String,
    ) -> Option<Line> {
        let mut items: Vec<String> = change.signed(label).collect();
        let more = if self.is_full { 0 } else { items.len().saturating_sub(NAMED_MAX) };
        if more > 0 {
            items.truncate(NAMED_MAX);
            items.push(format!("and {} more", grouped(more as u64)));
        }
        (!items.is_empty()).then_some(Line { label: list, items, gap: "  " })
    }

    /// The guards that count, with their numbers.
    fn guards(&self) -> impl Iterator<Item = String> {
        let one = |guard: &Guard| {
            let Guard { name, count, base, limit } = *guard;
            let limit = limit.filter(|_| count > 0)?;
            let mark = if guard.is_exceeded() { "! " } else { "" };
            let limit = grouped(limit);
            Some(match name {
                "shrink" => format!("{mark}{} fewer than {} (limit {limit})", counted(count, "row"), grouped(base)),
                _ => format!("{mark}{name} {} of {} (limit {limit})", grouped(count), grouped(base)),
            })
        };
        // It counts only after a first sync.
        let shrink = self.plan.guards.iter().find(|guard| guard.name == "shrink" && guard.limit.is_some());
        let rows = shrink.map(|guard| format!("rows {} (was {})", grouped(self.rows), grouped(guard.base)));
        self.plan.guards.iter().filter_map(one).chain(rows)
    }

    /// How many actions there are of each kind.
    fn counts(&self) -> Vec<String> {
        use ActionKind::{Create, Delete, Fail, Held, Note, Rename, Update};
        let count = |kind| self.plan.count(kind);
        let changes = [(Create, "to create"), (Rename, "to rename"), (Update, "to update"), (Delete, "to delete")];
        let changes = changes.map(|(kind, words)| (count(kind), words));
        let adopted = self.actions().filter(|action| action.kind == Note && action.reason.is_some()).count() as u64;
        let noted = count(Note) - adopted;
        let others = [
            (adopted, "to take over"),
            (count(Held), "held"),
            (count(Fail), "failed"),
            (self.plan.unchanged + noted, "unchanged"),
            (self.plan.absent, "not in the files any more"),
            (self.plan.drift, "people added in Tallyfy kept in unchanged groups"),
        ];
        let words = changes.into_iter().chain(others).filter(|(count, _)| *count > 0);
        let words: Vec<String> = words.map(|(count, words)| format!("{} {words}", grouped(count))).collect();
        if words.is_empty() { vec!["nothing to do".to_owned()] } else { words }
    }

    /// The plan as GitHub Markdown: a table, with people folded.
    pub(crate) fn markdown(&self) -> String {
        let (head, owned) = self.head();
        let mut text = format!("### {}\n\n{}\n\n", markdown_text(&owned), markdown_text(&head));
        let guards: Vec<String> = self.guards().map(|guard| markdown_text(&guard)).collect();
        let mut end = format!("\n**{}**\n", markdown_text(&self.counts().join(", ")));
        if !guards.is_empty() {
            let _ = write!(end, "\nGuards: {}\n", guards.join("; "));
        }
        if self.forecast.requests > 0 {
            let _ = write!(end, "\n{}\n", markdown_text(&forecast::text(self.forecast).replace('\n', "; ")));
        }
        if self.actions().next().is_some() {
            text.push_str("| | action | group | what |\n|---|---|---|---|\n");
        }
        // With a line about the rest.
        let mut length = text.chars().count() + end.chars().count() + 100;
        for (number, action) in self.actions().enumerate() {
            let (mark, _) = mark(action.kind);
            let lines: Vec<String> = self.details(action).iter().map(|line| markdown_text(&line.text())).collect();
            let what = match lines.as_slice() {
                [] => String::new(),
                [line] => line.clone(),
                lines => format!("<details><summary>{}</summary>{}</details>", lines[0], lines[1..].join("<br>")),
            };
            let row = format!("| `{mark}` | {} | {} | {what} |\n", action.kind.as_ref(), markdown_text(&name(action)));
            length += row.chars().count();
            if length > MARKDOWN_MAX {
                let left = (self.actions().count() - number) as u64;
                let _ = write!(text, "\n… and {}\n", counted(left, "more action"));
                break;
            }
            text.push_str(&row);
        }
        text + &end
    }

    /// The plan for scripts.
    pub(crate) fn json(&self) -> String {
        let whole = |group: &Group| {
            let Group { name, description, members, guests, .. } = group;
            json!({"name": name, "description": description, "members": members, "guests": guests})
        };
        let action = |action: &Action| {
            let Action { kind, number, target, before, group, edit, reason, .. } = action;
            let Edit { members, guests, .. } = edit;
            let after = match kind {
                ActionKind::Create => Some(whole(group)),
                ActionKind::Rename | ActionKind::Update => before.as_ref().map(|before| whole(&edit.apply(before))),
                _ => None,
            };
            json!({
                "action": kind.as_ref(), "row": number, "name": action.name(), "id": target.as_ref().map(|target| &target.id),
                "key": group.key, "before": before.as_ref().map(whole), "after": after, "members": members,
                "guests": guests, "reason": reason,
            })
        };
        let guard = |guard: &Guard| {
            let Guard { name, count, base, limit } = guard;
            json!({"name": name, "n": count, "base": base, "limit": limit, "exceeded": guard.is_exceeded()})
        };
        let kinds = <ActionKind as strum::VariantArray>::VARIANTS.iter();
        let mut counts: BTreeMap<&str, u64> = kinds.map(|kind| (kind.as_ref(), self.plan.count(*kind))).collect();
        let Plan { unchanged, drift, absent, owned, others, .. } = self.plan;
        counts.extend([
            ("unchanged", *unchanged),
            ("drift", *drift),
            ("absent", *absent),
            ("owned", *owned),
            ("others", *others),
        ]);
        counts.insert("rows", self.rows);
        let plan = json!({
            "schema": "plan/1",
            "plan": self.plan.id,
            "organization": self.organization,
            "files": self.files.iter().map(|file| without_sheet(&file.path)).collect::<Vec<_>>(),
            "counts": counts,
            "guards": self.plan.guards.iter().map(guard).collect::<Vec<Value>>(),
            "actions": self.actions().map(action).collect::<Vec<Value>>(),
            "forecast": forecast::json(self.forecast),
        });
        json_shown(&plan.to_string())
    }
}

/// The name of a group, and the one that it gets.
fn name(action: &Action) -> String {
    let name = shortened(action.name());
    match &action.edit.name {
        Some(new) => format!("{name} → {}", shortened(new)),
        None => name,
    }
}

/// A line of several items, which may be too long for the terminal.
struct Line {
    label: &'static str,
    items: Vec<String>,
    /// What is between two items.
    gap: &'static str,
}

impl Line {
    /// A sentence.
    fn of(text: &str) -> Self {
        Self { label: "", items: text.split(' ').map(str::to_owned).collect(), gap: " " }
    }

    fn text(&self) -> String {
        format!("{}{}", self.label, self.items.join(self.gap))
    }

    /// The lines, broken between items; one that is wider than the terminal stays whole.
    fn wrapped(&self, width: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for item in &self.items {
            match lines.last_mut() {
                Some(line) if measure_text_width(line) + self.gap.len() + measure_text_width(item) <= width => {
                    line.push_str(self.gap);
                    line.push_str(item);
                }
                Some(line) => {
                    line.push_str(self.gap.trim_end());
                    lines.push(format!("{}{item}", " ".repeat(self.label.len())));
                }
                None => lines.push(format!("{}{item}", self.label)),
            }
        }
        lines
    }
}

/// Text that means itself in Markdown, names nobody on GitHub, and stays in its cell.
fn markdown_text(text: &str) -> String {
    let escaped = |letter: char| match letter {
        '&' | '<' | '>' | '|' | '*' | '_' | '[' | ']' | '`' | '@' | '#' | '~' | '\\' | '$' | ':' => {
            format!("&#{};", u32::from(letter))
        }
        letter => letter.to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Dialect, Format, GroupRef, Rate, RowId};

    fn group(name: &str, members: &[u64]) -> Group {
        Group { name: name.to_owned(), members: members.to_vec(), ..Group::default() }
    }

    fn action(kind: ActionKind, name: &str, edit: Edit, reason: Option<&str>) -> Action {
        let (before, target) = (Some(group(name, &[1, 2])), Some(GroupRef::new("g1")));
        let before = before.filter(|_| kind != ActionKind::Create);
        let reason = reason.map(str::to_owned);
        let action = Action::of(kind, RowId(1), group(name, &[1, 2]));
        Action { number: Some(1), before, target, edit, reason, ..action }
    }

    /// The plan of the documentation.
    fn shown<T>(show: impl FnOnce(&PlanView<'_>) -> T) -> T {
        let members = ListChange { add: vec![1, 2], remove: vec![3], kept: vec![9] };
        let guests = ListChange { add: vec!["a@partner.example".to_owned()], ..ListChange::default() };
        let update = Edit { description: Some("d".to_owned()), members, guests, ..Edit::default() };
        let rename = Edit { name: Some("Sales EMEA".to_owned()), ..Edit::default() };
        let actions = vec![
            action(ActionKind::Held, "Finance", Edit::default(), Some("would become empty")),
            action(ActionKind::Delete, "Old Pilot", Edit::default(), None),
            action(ActionKind::Rename, "Sales", rename, None),
            action(ActionKind::Update, "Support", update, None),
            action(ActionKind::Create, "Data Office", Edit::default(), None),
        ];
        let guard = |name, count, base, limit| Guard { name, count, base, limit: Some(limit) };
        let guards = [
            guard("delete", 1, 405, 40),
            guard("remove", 700, 3120, 624),
            guard("update", 2, 405, 202),
            guard("create", 1, 405, 202),
            guard("add", 3, 3120, 1560),
            guard("shrink", 0, 409, 122),
        ];
        let id = "7b31e04c91d2aa05".to_owned();
        let plan = Plan {
            id,
            actions,
            group_ids: vec![],
            guards,
            unchanged: 401,
            drift: 0,
            owned: 405,
            others: 38,
            absent: 0,
        };
        let dialect = Dialect { format: Format::Csv, delimiter: b',', header: Vec::new() };
        let rate = Rate::parse("600/min").unwrap();
        let forecast = Forecast {
            requests: 7,
            rate: Some(rate),
            guests: 1,
            are_guests_new: true,
            guest_rate: rate,
            is_guest_rate_chosen: false,
            guest_time: Duration::ZERO,
        };
        let labels = [(1, "Ada Lovelace"), (2, "Alan Turing"), (3, "Grace Hopper")];
        show(&PlanView {
            plan: &plan,
            files: &[InputFile { path: "teams.csv".to_owned(), dialect }],
            rows: 412,
            organization: "acme",
            labels: &labels.map(|(id, label)| (id, label.to_owned())).into_iter().collect(),
            forecast: &forecast,
            is_full: false,
        })
    }

    #[test]
    fn the_plan_is_aligned_and_fits_80_columns_and_50() {
        let wide = shown(|view| view.text(80));
        assert_eq!(
            wide,
            "teams.csv   412 rows   organization acme
plan 7b31e04c91d2aa05   405 owned groups, 38 others not touched

  ! held     Finance             would become empty
  - delete   Old Pilot           2 members
  > rename   Sales → Sales EMEA
  ~ update   Support             description
                                 members  +Ada Lovelace  +Alan Turing
                                          -Grace Hopper
                                 guests   +a@partner.example
                                 1 member added in Tallyfy is kept
  + create   Data Office         2 members

  guards     delete 1 of 405 (limit 40)   ! remove 700 of 3,120 (limit 624)
             update 2 of 405 (limit 202)   create 1 of 405 (limit 202)
             add 3 of 3,120 (limit 1,560)   rows 412 (was 409)
  1 to create, 1 to rename, 1 to update, 1 to delete, 1 held, 401 unchanged
  7 requests; about 1 s at 600 a minute
"
        );
        let narrow = shown(|view| view.text(50));
        assert!(
            narrow.contains("  ~ update   Support\n      description\n      members  +Ada Lovelace  +Alan Turing\n")
        );
        for (text, width) in [(&wide, 80), (&narrow, 50)] {
            let long: Vec<&str> = text.lines().skip(2).filter(|line| measure_text_width(line) > width).collect();
            assert!(long.is_empty(), "{long:?}");
        }
    }

    #[test]
    fn the_same_plan_is_markdown_and_json() {
        let (markdown, json) = shown(|view| (view.markdown(), view.json()));
        assert!(markdown.contains("| `>` | rename | Sales → Sales EMEA |"), "{markdown}");
        assert!(markdown.contains("<summary>description</summary>members  +Ada Lovelace"), "{markdown}");
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["schema"], &json["plan"]), (&json!("plan/1"), &json!("7b31e04c91d2aa05")));
        assert_eq!(
            json["guards"][1],
            json!({"name": "remove", "n": 700, "base": 3120, "limit": 624, "exceeded": true})
        );
        let update = &json["actions"][3];
        assert_eq!(update["members"], json!({"add": [1, 2], "remove": [3], "kept": [9]}));
        assert_eq!(
            (&update["id"], &update["row"], &update["after"]["description"]),
            (&json!("g1"), &json!(1), &json!("d"))
        );
    }

    #[test]
    fn markdown_is_not_longer_than_a_comment_may_be() {
        let long = |view: &PlanView<'_>| {
            let mut plan = view.plan.clone();
            plan.actions = vec![plan.actions[3].clone(); 2000];
            let files = [InputFile { path: "teams.csv".to_owned(), dialect: view.files[0].dialect.clone() }];
            PlanView { plan: &plan, files: &files, ..*view }.markdown()
        };
        let text = shown(long);
        assert!(text.chars().count() <= MARKDOWN_MAX && text.contains("more actions"), "{}", text.len());
    }

    #[test]
    fn long_lines_are_broken_between_people_and_not_within_a_name() {
        let items = ["+Ada Lovelace", "+Alan", "-Grace"].map(str::to_owned).to_vec();
        let line = Line { label: "members  ", items, gap: "  " };
        assert_eq!(line.wrapped(30), ["members  +Ada Lovelace  +Alan", "         -Grace"]);
        assert_eq!(Line::of("too long").wrapped(3), ["too", "long"]);
    }

    #[test]
    fn a_name_is_no_markdown() {
        assert_eq!(markdown_text("a|b <x> @all [l](u)"), "a&#124;b &#60;x&#62; &#64;all &#91;l&#93;(u)");
    }
}
