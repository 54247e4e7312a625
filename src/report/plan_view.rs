//! A plan of any command: for a terminal, as Markdown, and as JSON.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::io::{self, Write};
use std::iter;

use console::{Style, Term, measure_text_width, style};
use hashbrown::HashMap;
use serde_json::{Value, json};
use strum::VariantArray;

use super::counted;
use super::forecast::{self, Forecast};
use crate::model::{
    Action, ActionKind, Group, Guard, InputFile, ListChange, Plan, grouped, json_shown, place as at, shortened, shown,
    without_sheet,
};

/// How many people of a list are named, unless all are wanted.
const NAMED_MAX: usize = 10;
/// The most columns of a group's name, and the fewest of its details.
const NAME_MAX: usize = 32;
const DETAIL_MIN: usize = 30;
/// The columns of a page.
const PAGE: usize = 100;
/// The columns before the name: the mark and the action.
const LEAD: usize = 13;
/// The most characters of a comment on GitHub are 65,536.
const MARKDOWN_MAX: usize = 60_000;

/// What a plan has, counted before it is written.
#[derive(Default)]
pub(crate) struct PlanTally {
    kinds: [u64; ActionKind::VARIANTS.len()],
    name_width: usize,
}

impl PlanTally {
    /// Counts an action.
    pub(crate) fn add(&mut self, action: &Action) {
        if !action.is_step() {
            self.kinds[action.kind as usize] += 1;
            self.name_width = self.name_width.max(measure_text_width(&name(action))).min(NAME_MAX);
        }
    }

    /// How many actions there are of a kind.
    pub(crate) fn of(&self, kind: ActionKind) -> u64 {
        self.kinds[kind as usize]
    }
}

/// What is shown of a plan beside its actions.
pub(crate) struct PlanView<'a> {
    /// What the plan is made from.
    pub(crate) title: String,
    /// The files.
    pub(crate) files: &'a [InputFile],
    /// How many rows they have.
    pub(crate) rows: u64,
    /// How many of them are merged into others, repeat others, and are left out.
    pub(crate) unsent: [u64; 3],
    /// The organization.
    pub(crate) organization: &'a str,
    /// What is done.
    pub(crate) tally: PlanTally,
    /// The plan, if it is one of a sync.
    pub(crate) plan: Option<&'a Plan>,
    /// The names of users.
    pub(crate) labels: HashMap<u64, String>,
    /// What it takes, if that is known.
    pub(crate) forecast: Option<&'a Forecast>,
    /// Whether all people are named.
    pub(crate) is_full: bool,
}

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For a terminal of this width.
    Text(usize),
    /// For scripts.
    Json,
}

impl Form {
    /// As text for a terminal, or for a page.
    pub(crate) fn text(term: &Term) -> Self {
        Self::Text(term.size_checked().map_or(PAGE, |(_, columns)| columns.into()))
    }
}

/// Writes a plan, action by action: a large one is not in memory.
pub(crate) struct PlanWriter<'a, W> {
    view: &'a PlanView<'a>,
    out: W,
    form: Form,
    has_actions: bool,
}

/// The mark of an action, and its colour.
fn mark(kind: ActionKind) -> (&'static str, Style) {
    match kind {
        ActionKind::Invalid | ActionKind::Fail | ActionKind::Held => ("!", Style::new().yellow()),
        ActionKind::Delete => ("-", Style::new().red()),
        ActionKind::Rename => (">", Style::new().cyan()),
        ActionKind::Update => ("~", Style::new().yellow()),
        ActionKind::Create => ("+", Style::new().green()),
        ActionKind::Exists | ActionKind::Gone | ActionKind::Adopt | ActionKind::Note => ("=", Style::new().dim()),
    }
}

impl<'a, W: Write> PlanWriter<'a, W> {
    /// Begins a plan.
    ///
    /// # Errors
    /// If it cannot be written; so for the other functions.
    pub(crate) fn new(view: &'a PlanView<'a>, form: Form, mut out: W) -> io::Result<Self> {
        match form {
            Form::Text(_) => writeln!(out, "{}\n", view.head().join("\n"))?,
            Form::Json => write!(out, "{},\"actions\":[", json_shown(view.json().to_string().trim_end_matches('}')))?,
        }
        Ok(Self { view, out, form, has_actions: false })
    }

    /// Writes an action.
    pub(crate) fn action(&mut self, action: &Action) -> io::Result<()> {
        if action.is_step() {
            return Ok(());
        }
        match self.form {
            Form::Text(width) => self.out.write_all(self.view.text(action, width).as_bytes())?,
            Form::Json => {
                let comma = if self.has_actions { "," } else { "" };
                write!(self.out, "{comma}{}", json_shown(&self.view.action_json(action).to_string()))?;
            }
        }
        self.has_actions = true;
        Ok(())
    }

    /// Writes the end.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        match self.form {
            Form::Text(width) => {
                let gap = if self.has_actions { "\n" } else { "" };
                write!(self.out, "{gap}{}", self.view.end(width))?;
            }
            Form::Json => {
                let forecast = self.view.forecast.map(forecast::json);
                writeln!(self.out, "],\"forecast\":{}}}", json!(forecast))?;
            }
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

impl PlanView<'_> {
    /// Writes the plan with all its actions.
    pub(crate) fn write<'a, W: Write>(
        &self,
        form: Form,
        mut actions: impl Iterator<Item = &'a Action>,
        out: W,
    ) -> io::Result<W> {
        let mut writer = PlanWriter::new(self, form, out)?;
        actions.try_for_each(|action| writer.action(action))?;
        writer.finish()
    }

    /// What the files of a run are called, and how many rows they have.
    pub(crate) fn title(files: &[InputFile], rows: u64) -> String {
        let names: Vec<String> = files.iter().map(|file| shortened(without_sheet(&file.path))).collect();
        format!("{}   {}", names.join(", "), counted(rows, "row"))
    }

    /// What is read, and what is owned.
    fn head(&self) -> Vec<String> {
        let title = format!("{}   organization {}", self.title, shortened(self.organization));
        let plan = self.plan.map(|Plan { id, owned, others, .. }| {
            format!("plan {id}   {}, {} not touched", counted(*owned, "owned group"), counted(*others, "other"))
        });
        iter::once(title).chain(plan).collect()
    }

    fn text(&self, action: &Action, width: usize) -> String {
        let name_width = self.tally.name_width;
        let is_narrow = LEAD + name_width + 2 + DETAIL_MIN > width;
        let indent = if is_narrow { 6 } else { LEAD + name_width + 2 };
        let (mark, colour) = mark(action.kind);
        let lead = colour.apply_to(format!("  {mark} {:<8}", action.kind.as_ref()));
        let named = name(action);
        let gap = name_width.saturating_sub(measure_text_width(&named));
        let details = self.details(action).into_iter();
        let mut lines = details.flat_map(|line| line.wrapped(width.saturating_sub(indent)));
        let first = if is_narrow || action.kind == ActionKind::Rename { None } else { lines.next() };
        let first = first.map_or_else(String::new, |first| format!("{}  {first}", " ".repeat(gap)));
        let mut text = format!("{lead} {named}{first}\n");
        lines.for_each(|line| _ = writeln!(text, "{}{line}", " ".repeat(indent)));
        text
    }

    /// The guards, the counts and the forecast.
    fn end(&self, width: usize) -> String {
        let guards = Line { label: "  guards     ", items: self.guards(), gap: "   " };
        let counts = Line { label: "  ", items: self.counts(), gap: ", " };
        let mut text = String::new();
        for line in guards.wrapped(width).into_iter().chain(counts.wrapped(width)) {
            let line = if line.contains("! ") { style(line).red() } else { style(line) };
            let _ = writeln!(text, "{line}");
        }
        self.requests().for_each(|line| _ = writeln!(text, "  {line}"));
        text
    }

    fn requests(&self) -> impl Iterator<Item = String> {
        let forecast = self.forecast.filter(|forecast| forecast.requests > 0).map(forecast::text);
        forecast.into_iter().flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    /// What is done, line by line.
    fn details(&self, action: &Action) -> Vec<Line> {
        let Action { kind, place, edit, group, reason, .. } = action;
        let [members, guests] = [group.members.len() as u64, group.guests.len() as u64];
        let mut lines = Vec::new();
        if matches!(kind, ActionKind::Delete | ActionKind::Create) {
            let guests = (guests > 0).then(|| counted(guests, "guest"));
            let items = [counted(members, "member")].into_iter().chain(guests).collect();
            lines.push(Line { label: "", items, gap: ", " });
        }
        let place = place.filter(|_| matches!(kind, ActionKind::Invalid | ActionKind::Fail));
        let place = place.map(|place| at(&self.files[place.file].path, Some(place.line), None) + ": ");
        let why = reason.as_ref().map(|why| place.unwrap_or_default() + &shown(why));
        lines.extend(why.map(|why| Line::of(&why)));
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
    fn guards(&self) -> Vec<String> {
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
        let guards = self.plan.map_or(&[][..], |plan| &plan.guards);
        // It counts only after a first sync.
        let shrink = guards.iter().find(|guard| guard.name == "shrink" && guard.limit.is_some());
        let rows = shrink.map(|guard| format!("rows {} (was {})", grouped(self.rows), grouped(guard.base)));
        guards.iter().filter_map(one).chain(rows).collect()
    }

    /// How much there is of everything, in words.
    fn counts(&self) -> Vec<String> {
        use ActionKind::{Adopt, Create, Delete, Exists, Fail, Gone, Held, Invalid, Note, Rename, Update};
        let of = |kind| self.tally.of(kind);
        let [unchanged, absent, drift] = self.plan.map_or([0; 3], |plan| [plan.unchanged, plan.absent, plan.drift]);
        let [merged, duplicate, excluded] = self.unsent;
        let all = [
            (of(Create), "to create"),
            (of(Rename), "to rename"),
            (of(Update), "to update"),
            (of(Delete), "to delete"),
            (of(Adopt), "to take over"),
            (of(Held), "held"),
            (of(Fail), "failed"),
            (of(Invalid), "invalid"),
            (unchanged + of(Note), "unchanged"),
            (of(Exists), "there already"),
            (of(Gone), "gone"),
            (merged, "merged"),
            (duplicate, "repeated"),
            (excluded, "left out"),
            (absent, "not in the files any more"),
            (drift, "people added in Tallyfy kept in unchanged groups"),
        ];
        let words = all.into_iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = words.map(|(count, words)| format!("{} {words}", grouped(count))).collect();
        if words.is_empty() { vec!["nothing to do".to_owned()] } else { words }
    }

    /// The plan as GitHub Markdown: a table, with people folded.
    pub(crate) fn markdown<'a>(&self, actions: impl Iterator<Item = &'a Action>) -> String {
        let [mut head, guards, counts, requests] =
            [self.head(), self.guards(), self.counts(), self.requests().collect()]
                .map(|lines| lines.iter().map(|line| markdown_text(line)).collect::<Vec<_>>());
        let title = head.pop().unwrap_or_default();
        let mut text = format!("### {title}\n\n{}\n\n", head.concat());
        let mut end = format!("\n**{}**\n", counts.join(", "));
        for (name, lines) in [("Guards: ", guards), ("", requests)] {
            if !lines.is_empty() {
                let _ = write!(end, "\n{name}{}\n", lines.join("; "));
            }
        }
        // With a line about the rest.
        let mut length = text.chars().count() + end.chars().count() + 100;
        let mut rows = actions.filter(|action| !action.is_step()).map(|action| self.markdown_row(action)).peekable();
        if rows.peek().is_some() {
            text.push_str("| | action | group | what |\n|---|---|---|---|\n");
        }
        while let Some(row) = rows.next_if(|row| length + row.chars().count() <= MARKDOWN_MAX) {
            length += row.chars().count();
            text.push_str(&row);
        }
        match rows.count() as u64 {
            0 => {}
            left => _ = writeln!(text, "\n… and {}", counted(left, "more action")),
        }
        text + &end
    }

    fn markdown_row(&self, action: &Action) -> String {
        let (mark, _) = mark(action.kind);
        let lines: Vec<String> = self.details(action).iter().map(|line| markdown_text(&line.text())).collect();
        let what = match lines.as_slice() {
            [] => String::new(),
            [line] => line.clone(),
            lines => format!("<details><summary>{}</summary>{}</details>", lines[0], lines[1..].join("<br>")),
        };
        format!("| `{mark}` | {} | {} | {what} |\n", action.kind.as_ref(), markdown_text(&name(action)))
    }

    /// All but the actions and the forecast.
    fn json(&self) -> Value {
        let guard = |guard: &Guard| {
            let Guard { name, count, base, limit } = guard;
            json!({"name": name, "n": count, "base": base, "limit": limit, "exceeded": guard.is_exceeded()})
        };
        let kinds = ActionKind::VARIANTS.iter().map(|kind| (kind.as_ref(), self.tally.of(*kind)));
        let [merged, duplicate, excluded] = self.unsent;
        let rows = [("rows", self.rows), ("merged", merged), ("duplicate", duplicate), ("excluded", excluded)];
        let mut counts: BTreeMap<&str, u64> = kinds.chain(rows).collect();
        if let Some(Plan { unchanged, drift, absent, owned, others, .. }) = self.plan {
            counts.extend([("unchanged", *unchanged), ("drift", *drift), ("absent", *absent)]);
            counts.extend([("owned", *owned), ("others", *others)]);
        }
        json!({
            "schema": "plan/1",
            "plan": self.plan.map(|plan| &plan.id),
            "organization": self.organization,
            "files": self.files.iter().map(|file| without_sheet(&file.path)).collect::<Vec<_>>(),
            "counts": counts,
            "guards": self.plan.map_or(&[][..], |plan| &plan.guards).iter().map(guard).collect::<Vec<Value>>(),
        })
    }

    fn action_json(&self, action: &Action) -> Value {
        let Action { kind, place, target, before, group, edit, reason, .. } = action;
        let after = match kind {
            ActionKind::Create => Some(whole(group)),
            ActionKind::Rename | ActionKind::Update => before.as_ref().map(|before| whole(&edit.apply(before))),
            _ => None,
        };
        json!({
            "action": kind.as_ref(),
            "file": place.map(|place| without_sheet(&self.files[place.file].path)),
            "row": place.map(|place| place.row),
            "line": place.map(|place| place.line),
            "name": action.name(),
            "id": target.as_ref().map(|target| &target.id),
            "key": group.key,
            "before": before.as_ref().map(whole),
            "after": after,
            "members": edit.members,
            "guests": edit.guests,
            "reason": reason,
        })
    }
}

fn whole(Group { name, description, members, guests, .. }: &Group) -> Value {
    json!({"name": name, "description": description, "members": members, "guests": guests})
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
    use crate::model::{Dialect, Edit, Format, GroupRef, Place, Rate, RowId};

    fn group(name: &str, members: &[u64]) -> Group {
        Group { name: name.to_owned(), members: members.to_vec(), ..Group::default() }
    }

    fn action(kind: ActionKind, name: &str, edit: Edit, reason: Option<&str>) -> Action {
        let (before, target) = (Some(group(name, &[1, 2])), Some(GroupRef::new("g1")));
        let before = before.filter(|_| kind != ActionKind::Create);
        let reason = reason.map(str::to_owned);
        let action = Action::of(kind, RowId(1), group(name, &[1, 2]));
        let place = Some(Place { file: 0, row: 3, line: 4 });
        Action { place, target, before, edit, reason, ..action }
    }

    /// The plan of the documentation, written in some form.
    fn written(form: Option<Form>, repeated: usize) -> String {
        let members = ListChange { add: vec![1, 2], remove: vec![3], kept: vec![9] };
        let guests = ListChange { add: vec!["a@partner.example".to_owned()], ..ListChange::default() };
        let update = Edit { description: Some("d".to_owned()), members, guests, ..Edit::default() };
        let rename = Edit { name: Some("Sales EMEA".to_owned()), ..Edit::default() };
        let actions = vec![
            action(ActionKind::Invalid, "Lab", Edit::default(), Some("members: `x` is nobody")),
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
        let (unchanged, owned, others) = (401, 405, 38);
        let plan = Plan { id, actions, group_ids: vec![], guards, unchanged, drift: 0, owned, others, absent: 0 };
        let dialect = Dialect { format: Format::Csv, delimiter: b',', header: Vec::new(), is_rejects: false };
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
        let files = [InputFile { path: "teams.csv".to_owned(), dialect }];
        let actions: Vec<Action> = plan.actions.iter().cycle().take(6 * repeated).cloned().collect();
        let mut tally = PlanTally::default();
        for action in &actions {
            tally.add(action);
        }
        let view = PlanView {
            title: PlanView::title(&files, 412),
            files: &files,
            rows: 412,
            unsent: [0, 2, 0],
            organization: "acme",
            tally,
            plan: Some(&plan),
            labels: labels.map(|(id, label)| (id, label.to_owned())).into_iter().collect(),
            forecast: Some(&forecast),
            is_full: false,
        };
        let Some(form) = form else { return view.markdown(actions.iter()) };
        String::from_utf8(view.write(form, actions.iter(), Vec::new()).unwrap()).unwrap()
    }

    #[test]
    fn the_plan_is_aligned_and_fits_80_columns_and_50() {
        let wide = written(Some(Form::Text(80)), 1);
        assert_eq!(
            wide,
            "teams.csv   412 rows   organization acme
plan 7b31e04c91d2aa05   405 owned groups, 38 others not touched

  ! invalid  Lab                 teams.csv:4: members: `x` is nobody
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
  1 to create, 1 to rename, 1 to update, 1 to delete, 1 held, 1 invalid,
  401 unchanged, 2 repeated
  7 requests; about 1 s at 600 a minute
"
        );
        let narrow = written(Some(Form::Text(50)), 1);
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
        let (markdown, json) = (written(None, 1), written(Some(Form::Json), 1));
        assert!(markdown.contains("| `>` | rename | Sales → Sales EMEA |"), "{markdown}");
        assert!(markdown.contains("<summary>description</summary>members  +Ada Lovelace"), "{markdown}");
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["schema"], &json["plan"]), (&json!("plan/1"), &json!("7b31e04c91d2aa05")));
        assert_eq!(
            json["guards"][1],
            json!({"name": "remove", "n": 700, "base": 3120, "limit": 624, "exceeded": true})
        );
        let update = &json["actions"][4];
        assert_eq!(update["members"], json!({"add": [1, 2], "remove": [3], "kept": [9]}));
        assert_eq!(
            (&update["id"], &update["row"], &update["after"]["description"]),
            (&json!("g1"), &json!(3), &json!("d"))
        );
        assert_eq!((&json["counts"]["duplicate"], &json["forecast"]["requests"]), (&json!(2), &json!(7)));
    }

    #[test]
    fn markdown_is_not_longer_than_a_comment_may_be() {
        let text = written(None, 2000);
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
