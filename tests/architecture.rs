//! The rules of `src` that the compiler does not check: which module may import which, what is pure, sizes, names and words.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of code of a file and of a function, without comments, blank lines and tests.
const FILE_MAX: usize = 400;
const FUNCTION_MAX: usize = 60;

/// What each module may import beside itself, each module after those it imports. So no two import each other.
/// `commands` and `main` are at the end and may import all.
const MODULES: [(&str, &[&str]); 16] = [
    ("model", &[]),
    ("sandbox", &[]),
    ("read", &["model"]),
    ("check", &["model"]),
    ("resolve", &["model"]),
    ("plan", &["model"]),
    ("tallyfy", &["model"]),
    ("report", &["model"]),
    ("journal", &["model"]),
    ("exit", &["model"]),
    ("cli", &["model", "sandbox", "read", "plan", "report", "resolve"]),
    ("limit", &["model", "tallyfy", "journal"]),
    ("execute", &["model", "plan", "tallyfy", "journal", "limit"]),
    ("settings", &["model", "read", "check", "tallyfy", "report", "resolve", "limit", "execute", "cli"]),
    (
        "commands",
        &[
            "model", "sandbox", "read", "check", "resolve", "plan", "tallyfy", "report", "journal", "exit", "cli",
            "limit", "execute", "settings",
        ],
    ),
    ("lib", &[]),
];

/// Modules without input, output and clocks; so is each file whose first paragraph says "Pure.".
const PURE: [&str; 6] = ["model/", "check/", "resolve/", "plan/", "exit.rs", "cli"];

/// What pure code does not use.
const IMPURE: [&str; 11] = [
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

/// Words of types that have a standard word instead.
const BANNED_NAMES: [&str; 26] = [
    "Draft",
    "Fault",
    "Account",
    "Identity",
    "Likeness",
    "Recall",
    "Glance",
    "Census",
    "Weather",
    "Shelf",
    "Outlook",
    "Timetable",
    "Rehearsal",
    "Mend",
    "Repair",
    "Standing",
    "Doubt",
    "Fate",
    "Job",
    "Pace",
    "Tag",
    "Ticket",
    "Trail",
    "Trouble",
    "Verdict",
    "Walk",
];

/// Phrases that comments and messages do not use.
const BANNED_PHRASES: [&str; 12] = [
    "is told",
    "are told",
    "so many",
    "parted by",
    "what came of",
    "going on with",
    "goes on with",
    "come to its end",
    "whoever",
    "that is none",
    "that are none",
    "in vain",
];

/// One source file: its path under `src`, its text, and its code without tests and comments.
struct Source {
    path: String,
    text: String,
    code: String,
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(!paths.is_empty());
    let source = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        Source { path, code: code(&text), text }
    };
    paths.into_iter().map(source).collect()
}

/// The files of `src` that are not tests.
fn product() -> Vec<Source> {
    let is_test = |source: &Source| source.path.contains("/tests/") || source.path.ends_with("/tests.rs");
    sources("src").into_iter().filter(|source| !is_test(source)).collect()
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

/// The lines before `mod tests`, which is last, without comments and blank lines.
fn code(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests {"));
    let is_code = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    let lines: Vec<&str> = lines[..tests.unwrap_or(lines.len())].iter().filter(is_code).copied().collect();
    lines.join("\n")
}

impl Source {
    /// The top-level module of the file.
    fn module(&self) -> &str {
        let end = self.path.find('/').unwrap_or(self.path.len() - ".rs".len());
        &self.path[..end]
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// The modules after every `PREFIX` in the code: `crate::read` or `crate::{read, check}`.
    fn imports(&self, prefix: &str) -> Vec<String> {
        let mut modules = Vec::new();
        for (at, _) in self.code.match_indices(prefix) {
            let rest = &self.code[at + prefix.len()..];
            let (paths, count) = match rest.strip_prefix('{') {
                Some(group) => (group.split_once('}').unwrap().0, usize::MAX),
                None => (rest, 1),
            };
            for path in paths.split(',').take(count) {
                let word = |letter: char| !(letter.is_alphanumeric() || letter == '_');
                modules.push(path.trim().split(word).next().unwrap_or_default().to_owned());
            }
        }
        modules
    }
}

#[track_caller]
fn assert_none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn modules_import_only_those_before_them() {
    for (index, (module, imports)) in MODULES.iter().enumerate() {
        let is_before = |import: &&str| MODULES[..index].iter().any(|(before, _)| before == import);
        assert!(imports.iter().all(is_before), "{module} must be after what it imports");
    }
    let mut broken = Vec::new();
    for source in product().iter().filter(|source| source.module() != "main") {
        let allowed = MODULES.iter().find(|(module, _)| *module == source.module());
        let Some((module, allowed)) = allowed else {
            broken.push(format!("src/{}: its module is not listed", source.path));
            continue;
        };
        let is_allowed = |import: &String| import == module || allowed.contains(&import.as_str());
        let imports = source.imports("crate::").into_iter().filter(|import| !is_allowed(import));
        broken.extend(imports.map(|import| format!("src/{} imports {import}", source.path)));
    }
    assert_none(&broken, "a module imports one that it may not");
}

#[test]
fn no_two_files_of_a_module_import_each_other() {
    let mut imports: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for source in product() {
        let Some((folder, file)) = source.path.rsplit_once('/') else { continue };
        let key = (folder.to_owned(), file.trim_end_matches(".rs").to_owned());
        imports.insert(key, source.imports("super::"));
    }
    let mut broken = Vec::new();
    for ((folder, file), imported) in &imports {
        for other in imported.iter().filter(|other| *other > file) {
            if imports.get(&(folder.clone(), other.clone())).is_some_and(|back| back.contains(file)) {
                broken.push(format!("src/{folder}: {file} and {other}"));
            }
        }
    }
    assert_none(&broken, "files that import each other");
}

#[test]
fn pure_code_has_no_input_output_or_clock() {
    let mut broken = Vec::new();
    for source in product() {
        let page: String = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
        if source.is_in(&PURE) || page.contains("Pure.") || page.contains("Pure:") {
            let found = IMPURE.into_iter().filter(|word| source.code.contains(word));
            broken.extend(found.map(|word| format!("src/{}: {word}", source.path)));
        }
    }
    assert_none(&broken, "pure code that is not");
}

#[test]
fn only_the_journal_makes_intents() {
    let is_maker = |source: &Source| source.code.contains("Intent(");
    let makers = product().into_iter().filter(|source| source.module() != "journal" && is_maker(source));
    let makers: Vec<String> = makers.map(|source| source.path).collect();
    assert_none(&makers, "an attempt must be on disk before its request leaves");
}

#[test]
fn only_the_settings_read_the_environment() {
    let is_reader = |source: &Source| source.module() != "settings" && source.code.contains("env::var");
    let readers: Vec<String> = product().into_iter().filter(is_reader).map(|source| source.path).collect();
    assert_none(&readers, "the environment is read elsewhere");
}

#[test]
fn only_few_tests_name_the_inside_of_the_crate() {
    const ALLOWED: [&str; 6] =
        ["kit/import.rs", "kit/sync.rs", "limits/client.rs", "model.rs", "rejects.rs", "architecture.rs"];
    let is_inside = |path: &str| !path.is_empty() && !path.starts_with("sandbox");
    let names_inside = |source: &Source| {
        !ALLOWED.contains(&source.path.as_str()) && source.code.split("tallyfy_groups::").skip(1).any(is_inside)
    };
    let broken: Vec<String> = sources("tests").into_iter().filter(names_inside).map(|source| source.path).collect();
    assert_none(&broken, "tests use the command, the sandbox or the kit");
}

#[test]
fn every_file_of_tests_is_run() {
    let program = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite.rs")).unwrap();
    let is_left_out = |path: &String| {
        let is_program = ["suite.rs", "storms.rs"].contains(&path.as_str());
        let name = path.strip_suffix(".rs").filter(|name| !name.contains('/') && !is_program);
        name.is_some_and(|name| !program.contains(&format!("\nmod {name};\n")))
    };
    let left_out: Vec<String> = sources("tests").into_iter().map(|source| source.path).filter(is_left_out).collect();
    assert_none(&left_out, "tests/suite.rs does not have them");
}

#[test]
fn every_file_says_what_it_is() {
    let is_silent = |source: &Source| !source.text.starts_with("//! ");
    let silent = ["src", "tests"].into_iter().flat_map(sources).filter(is_silent);
    assert_none(&silent.map(|source| source.path).collect::<Vec<_>>(), "no `//!` at the top");
}

#[test]
fn no_type_name_is_used_twice() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in product() {
        for line in source.code.lines().filter(|line| !line.starts_with(' ')) {
            let words =
                line.trim_start_matches("pub(super) ").trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            let Some((kind, name)) = words.split_once(' ') else { continue };
            if ["struct", "enum", "trait", "type"].contains(&kind) {
                let end = name.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(name.len());
                places.entry(name[..end].to_owned()).or_default().push(source.path.clone());
            }
        }
    }
    let twice = places.iter().filter(|(_, paths)| paths.len() > 1);
    assert_none(&twice.map(|(name, paths)| format!("{name}: {}", paths.join(", "))).collect::<Vec<_>>(), "one name");
    let banned = places.iter().filter(|(name, _)| BANNED_NAMES.contains(&name.as_str()));
    assert_none(&banned.map(|(name, paths)| format!("{name}: {}", paths.join(", "))).collect::<Vec<_>>(), "old words");
}

#[test]
fn comments_and_messages_use_plain_words() {
    let mut broken = Vec::new();
    for source in product() {
        for (index, line) in source.text.lines().enumerate() {
            for phrase in BANNED_PHRASES.iter().filter(|phrase| line.to_lowercase().contains(*phrase)) {
                broken.push(format!("src/{}:{}: {phrase}", source.path, index + 1));
            }
        }
    }
    assert_none(&broken, "phrases to rewrite");
}

#[test]
fn files_and_functions_are_small() {
    let mut long = Vec::new();
    for source in ["src", "tests"].into_iter().flat_map(sources) {
        let lines = source.code.lines().count();
        if lines > FILE_MAX {
            long.push(format!("{}: {lines} lines", source.path));
        }
        let functions = functions(&source.code).into_iter().filter(|(_, lines)| *lines > FUNCTION_MAX);
        long.extend(functions.map(|(name, lines)| format!("{}: {name}: {lines} lines", source.path)));
    }
    assert_none(&long, "split them");
}

/// Every function and its lines: rustfmt closes it in the column in which it begins.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut functions = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let Some(name) = function_name(line.trim_start()) else { continue };
        let is_short = line.ends_with('}') || line.ends_with(';');
        let closing = [format!("{indent}}}"), format!("{indent});")];
        let end = lines[at..].iter().position(|line| closing.iter().any(|closing| line == closing));
        functions.push((name.to_owned(), if is_short { 1 } else { end.unwrap_or(lines.len()) + 1 }));
    }
    functions
}

/// The name of the function that begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_modifier =
        |word: &str| ["pub", "const", "async", "unsafe", "extern"].contains(&word) || word.starts_with("pub(");
    let end = after.find(['(', '<'])?;
    (before.split_whitespace().all(is_modifier) && end > 0).then(|| &after[..end])
}
