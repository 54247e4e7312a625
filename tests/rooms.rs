//! The rules of the house, held by reading its source: who may import whom, what is pure, what is small.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of a file, without its tests, and of a function.
const FILE_MAX: usize = 300;
const FUNCTION_MAX: usize = 70;

/// What each room may import beside itself. The conductors and the settings see all of them.
const ROOMS: [(&str, &[&str]); 11] = [
    ("model", &[]),
    ("read", &["model"]),
    ("check", &["model"]),
    ("plan", &["model"]),
    ("tallyfy", &["model"]),
    ("report", &["model"]),
    ("journal", &["model"]),
    ("exit", &["model"]),
    ("cli", &["model"]),
    ("send", &["model", "tallyfy", "journal", "plan"]),
    ("sandbox", &[]),
];

/// Files and folders that only think.
const PURE: &str = "
    model check plan.rs exit.rs cli.rs
    send/judge.rs send/refusals.rs send/settle.rs send/judge_delete.rs send/compare.rs send/guests.rs send/invites.rs
    send/guest_estimate.rs send/meter.rs send/berths.rs send/patience.rs send/rate.rs send/sign.rs send/stated.rs send/valve.rs
    send/remaining.rs send/window.rs send/auto.rs send/auto/counts.rs send/auto/course.rs send/auto/evidence.rs send/auto/header.rs
    tallyfy/pages.rs tallyfy/wire.rs
    read/block.rs read/columns.rs read/contents.rs read/csv.rs read/delimiter.rs read/guess.rs read/header.rs read/jsonl.rs read/lines.rs read/machine.rs read/row.rs read/shape.rs read/shape/odd.rs
    report/columns.rs report/eta.rs report/explain.rs report/fold.rs report/problem_line.rs report/repeat.rs report/tally.rs report/forecast.rs report/span.rs
    sandbox/faults.rs sandbox/fields.rs sandbox/groups.rs sandbox/limit.rs sandbox/list.rs sandbox/organization.rs
    sandbox/route.rs sandbox/script.rs sandbox/users.rs
";

/// What thinking has no use for.
const DOING: [&str; 11] = [
    "tokio",
    "reqwest",
    "rusqlite",
    "hyper",
    "std::fs",
    "std::env",
    "std::net",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
];

/// One source file: its path under the root, and its text with and without tests and comments.
struct Source {
    path: String,
    text: String,
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of a folder, in order.
fn sources(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join(folder), &mut paths);
    paths.sort();
    assert!(!paths.is_empty());
    let source = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(root().join(folder)).unwrap().to_str().unwrap().replace('\\', "/");
        Source { path, code: code(&text), text }
    };
    paths.into_iter().map(source).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// The lines before the tests, without comments.
fn code(text: &str) -> String {
    let lines = own_lines(text).into_iter().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The lines without those of an inner `mod tests`, which stands last.
fn own_lines(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests {"));
    lines[..tests.unwrap_or(lines.len())].to_vec()
}

impl Source {
    /// The room the file belongs to.
    fn room(&self) -> &str {
        let end = self.path.find('/').unwrap_or(self.path.len() - ".rs".len());
        &self.path[..end]
    }

    /// Whether all of it is a test.
    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// The rooms its code names.
    fn imports(&self) -> Vec<String> {
        let mut rooms = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            let rest = &self.code[at + "crate::".len()..];
            let paths = match rest.strip_prefix('{') {
                Some(group) => group.split_once('}').unwrap().0,
                None => rest,
            };
            let is_group = rest.starts_with('{');
            for path in paths.split(',').take(if is_group { usize::MAX } else { 1 }) {
                let word = |letter: char| !(letter.is_alphanumeric() || letter == '_');
                let room = path.trim().split(word).next().unwrap_or_default();
                rooms.push(room.to_owned());
            }
        }
        rooms
    }
}

#[track_caller]
fn assert_none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn rooms_import_only_the_rooms_they_may() {
    let mut broken = Vec::new();
    for source in sources("src").iter().filter(|source| !source.is_test()) {
        let Some((room, allowed)) = ROOMS.into_iter().find(|(room, _)| *room == source.room()) else { continue };
        for import in source.imports() {
            if import != room && !allowed.contains(&import.as_str()) {
                broken.push(format!("src/{} imports {import}", source.path));
            }
        }
        if room == "sandbox" && source.code.contains("crate::") {
            broken.push(format!("src/{} looks out of the sandbox", source.path));
        }
    }
    assert_none(&broken, "a room imports another");
}

#[test]
fn every_room_is_known_here_and_only_the_conductors_see_several() {
    let known: Vec<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    let conductors = ["commands", "settings", "main", "lib"];
    let strangers: Vec<String> = sources("src")
        .iter()
        .filter(|source| !known.contains(&source.room()) && !conductors.contains(&source.room()))
        .map(|source| source.path.clone())
        .collect();
    assert_none(&strangers, "a room that no rule speaks of");
}

#[test]
fn thinking_is_pure() {
    let all = sources("src");
    let mut broken = Vec::new();
    for pure in PURE.split_whitespace() {
        let of: Vec<&Source> = all
            .iter()
            .filter(|source| source.path == pure || source.path.starts_with(&format!("{pure}/")))
            .filter(|source| !source.is_test())
            .collect();
        assert!(!of.is_empty(), "{pure} is gone; where is it now?");
        for source in of {
            for word in DOING.into_iter().filter(|word| source.code.contains(word)) {
                broken.push(format!("src/{}: {word}", source.path));
            }
        }
    }
    assert_none(&broken, "thinking that does");
}

#[test]
fn whoever_calls_itself_pure_is() {
    let mut broken = Vec::new();
    for source in sources("src") {
        let page: String = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
        if page.contains("Pure.") || page.contains("Pure:") {
            let found = DOING.into_iter().filter(|word| source.code.contains(word));
            broken.extend(found.map(|word| format!("src/{}: {word}", source.path)));
        }
    }
    assert_none(&broken, "a page that promises too much");
}

#[test]
fn only_the_journal_makes_the_right_to_send() {
    let makers: Vec<String> = sources("src")
        .iter()
        .filter(|source| source.room() != "journal")
        .filter(|source| source.code.contains("Begun(") || source.code.contains("Condemned("))
        .map(|source| source.path.clone())
        .collect();
    assert_none(&makers, "an intent must be on disk before a request leaves");
}

#[test]
fn only_the_settings_read_the_environment() {
    let readers: Vec<String> = sources("src")
        .iter()
        .filter(|source| source.room() != "settings" && source.code.contains("env::var"))
        .map(|source| source.path.clone())
        .collect();
    assert_none(&readers, "the environment is read elsewhere");
}

#[test]
fn only_few_tests_name_the_inside_of_the_crate() {
    const ALLOWED: [&str; 4] = ["kit/import.rs", "limits/client.rs", "rejects.rs", "rooms.rs"];
    let is_inside = |path: &str| !path.is_empty() && !path.starts_with("sandbox");
    let curious: Vec<String> = sources("tests")
        .into_iter()
        .filter(|source| !ALLOWED.contains(&source.path.as_str()))
        .filter(|source| source.code.split("tallyfy_groups::").skip(1).any(is_inside))
        .map(|source| source.path)
        .collect();
    assert_none(&curious, "tests use the command, the sandbox or the kit");
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = ["src", "tests"]
        .into_iter()
        .flat_map(|folder| sources(folder).into_iter().map(move |source| (folder, source)))
        .filter(|(_, source)| !source.text.starts_with("//! "))
        .map(|(folder, source)| format!("{folder}/{}", source.path))
        .collect();
    assert_none(&silent, "no `//!` at the top");
}

#[test]
fn files_are_of_a_size_to_be_read() {
    let mut long = Vec::new();
    for folder in ["src", "tests"] {
        for source in sources(folder) {
            let lines = own_lines(&source.text).len();
            if lines > FILE_MAX {
                long.push(format!("{folder}/{}: {lines} lines", source.path));
            }
        }
    }
    assert_none(&long, "files of more than 300 lines without tests");
}

#[test]
fn functions_are_of_a_size_to_be_seen() {
    let mut long = Vec::new();
    for folder in ["src", "tests"] {
        for source in sources(folder) {
            for (name, lines) in functions(&source.text) {
                if lines > FUNCTION_MAX {
                    long.push(format!("{folder}/{}: {name}: {lines} lines", source.path));
                }
            }
        }
    }
    assert_none(&long, "functions of more than 70 lines");
}

/// Every function and its lines: rustfmt closes it in the column in which it begins.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let Some(name) = name(line.trim_start()) else { continue };
        let closing = [format!("{indent}}}"), format!("{indent});"), format!("{indent});")];
        let is_short = line.ends_with('}') || line.ends_with(';');
        let end = lines[at..].iter().position(|line| closing.iter().any(|closing| line == closing));
        functions.push((name.to_owned(), if is_short { 1 } else { end.unwrap_or(lines.len()) + 1 }));
    }
    functions
}

/// The name of the function that begins on this line.
fn name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_start = before
        .split_whitespace()
        .all(|word| ["pub", "const", "async", "unsafe", "extern"].contains(&word) || word.starts_with("pub("));
    let end = after.find(['(', '<'])?;
    (is_start && end > 0).then(|| &after[..end])
}
