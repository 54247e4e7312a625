//! Pages for reviewers: commands as they are typed, with their input and what they print.

mod runs;
pub(crate) mod samples;
mod servers;

use std::fs;

use servers::SERVERS;

use crate::support::{Desk, ORG, Outcome};
use samples::Sample;

/// What differs from run to run or from machine to machine, and what the page shows instead.
const FILTERS: [(&str, &str); 12] = [
    (ORG, "ORGANIZATION"),
    (r"\b[0-9a-f]{32}\b", "GROUP-ID"),
    (r"http://127\.0\.0\.1:\d+", "http://SERVER"),
    (r"127\.0\.0\.1:\d+", "SERVER"),
    (r"/\S*/\.tmp\w+/work\b", "/FOLDER"),
    (r" +\d+\.\d s\b", " TIME"),
    (r#""seconds":[0-9.]+"#, r#""seconds":TIME"#),
    (r"seconds=[0-9.]+", "seconds=TIME"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIMESTAMP"),
    (r"process \d+", "process ID"),
    // A line every ten seconds.
    (r"(?m)^! sending  .*\n", ""),
    (concat!("tallyfy-groups ", env!("CARGO_PKG_VERSION")), "tallyfy-groups VERSION"),
];

/// A file with an error in three of its five rows, and some warnings.
pub(crate) const FAULTY: &str = "\
name,description,members,guests,owner
Ops,Runs it,1001;1002,ann@partner.example,Ann
 ops ,Runs it,1003,,Bob
Dev,,x;1004,,
,No name,1005,,
Law,\"Contracts, claims\",1006;1006,eve@,Eve
";

/// Commands with their input and what they print, for a reader.
#[derive(Default)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn title(&mut self, title: &str) {
        self.line(&format!("\n──── {title}"));
    }

    pub(crate) fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    /// A file as it stands; what cannot be seen is escaped, and long texts are cut.
    pub(crate) fn file(&mut self, name: &str, content: &[u8]) {
        const LINES_MAX: usize = 30;
        const LINE_MAX: usize = 400;
        self.line(name);
        let text = std::str::from_utf8(content).map_or_else(|_| content.escape_ascii().to_string(), visible);
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().take(LINES_MAX) {
            let shown: String = line.chars().take(LINE_MAX).collect();
            let cut = if shown.len() < line.len() { " …" } else { "" };
            self.line(&format!("| {shown}{cut}"));
        }
        if lines.len() > LINES_MAX {
            self.line(&format!("| … {} lines", lines.len()));
        }
    }

    /// A file that a command wrote.
    pub(crate) fn written(&mut self, desk: &Desk, name: &str) {
        self.file(name, &fs::read(desk.path(name)).unwrap());
    }

    /// A command and what it printed: standard error behind `!`.
    pub(crate) fn outcome(&mut self, arguments: &[&str], outcome: &Outcome) {
        self.line(&format!("$ tallyfy-groups {}", arguments.join(" ")));
        for line in outcome.stdout.lines() {
            self.line(&format!("  {line}"));
        }
        for line in outcome.stderr.lines() {
            self.line(&format!("! {line}"));
        }
        self.line(&format!("exit code {}", outcome.code().unwrap()));
    }

    /// Runs a command and shows it.
    pub(crate) fn run(&mut self, desk: &Desk, arguments: &[&str]) {
        self.outcome(arguments, &desk.run(arguments));
    }

    /// A title and one command.
    pub(crate) fn case(&mut self, title: &str, desk: &Desk, arguments: &[&str]) {
        self.title(title);
        self.run(desk, arguments);
    }

    /// Validates each sample in a folder of its own.
    pub(crate) fn samples(&mut self, samples: &[Sample]) {
        for sample in samples {
            self.title(sample.title);
            self.file(sample.name, &sample.content);
            let desk = Desk::bare().with(sample.name, &sample.content);
            self.run(&desk, &[&["validate", sample.name], sample.flags].concat());
        }
    }

    /// The page is as it was.
    pub(crate) fn compare(self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for (pattern, shown) in FILTERS {
            settings.add_filter(pattern, shown);
        }
        settings.bind(|| insta::assert_snapshot!(name, self.0));
    }
}

/// Text with escapes for all that cannot be seen or told from something else.
fn visible(text: &str) -> String {
    let is_plain = |letter: &char| matches!(letter, '\n' | ' '..='~') || letter.is_alphanumeric();
    text.chars().fold(String::new(), |mut shown, letter| {
        if is_plain(&letter) {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_default());
        }
        shown
    })
}
