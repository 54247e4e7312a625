//! However a stream is split, the rows and their lines are those of a reader that goes byte by byte.

use std::io::{self, Read};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::batch::{Batch, Grammar, Splitter};
use super::*;
use crate::model::shown;

const PIECES: [&str; 12] = ["\"", "\"", "\"", ",", ",", "\n", "\r\n", "\r", "a", "bc", "é", " "];

/// Hands out a few bytes a call: the worst case for anything that spans two calls.
struct Dribble(io::Cursor<Vec<u8>>, usize);

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

/// A row as somebody reads it who goes through the bytes one by one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Plain {
    line: u64,
    cells: Vec<String>,
    length: usize,
    is_open: bool,
    /// Whether there is text after a closing quote.
    is_stray: bool,
    is_quoted: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    CellStart,
    Bare,
    Quoted,
    AfterQuote,
    Stray,
}

fn plain_rows(text: &str) -> Vec<Plain> {
    let (mut rows, mut line, mut at, mut row) = (Vec::new(), 1, At::CellStart, None::<Plain>);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_end = matches!(letter, '\n' | '\r');
        let is_crlf = letter == '\r' && letters.peek() == Some(&'\n');
        if row.is_none() && is_end {
            if is_crlf {
                letters.next();
            }
            line += 1;
            continue;
        }
        let current = row.get_or_insert_with(|| Plain { line, cells: vec![String::new()], ..Plain::default() });
        let cell = current.cells.last_mut().unwrap();
        current.length += letter.len_utf8();
        match (at, letter) {
            (At::CellStart, '"') => {
                at = At::Quoted;
                current.is_quoted = true;
            }
            (At::Quoted, '"') => at = At::AfterQuote,
            (At::AfterQuote, '"') => {
                cell.push('"');
                at = At::Quoted;
            }
            (At::Quoted, _) => {
                cell.push(letter);
                if is_end && !is_crlf {
                    line += 1;
                }
            }
            (_, ',') => {
                current.cells.push(String::new());
                at = At::CellStart;
            }
            _ if is_end => {
                if is_crlf {
                    letters.next();
                }
                line += 1;
                at = At::CellStart;
                current.length -= 1;
                rows.extend(row.take());
            }
            (before, _) => {
                cell.push(letter);
                at = if matches!(before, At::AfterQuote | At::Stray) { At::Stray } else { At::Bare };
                current.is_stray |= at == At::Stray && !letter.is_whitespace();
            }
        }
    }
    rows.extend(row.map(|row| Plain { is_open: at == At::Quoted, ..row }));
    rows
}

fn batches(text: &str, grammar: Grammar, target: usize, dribble: usize) -> Vec<Batch> {
    let stream = Dribble(io::Cursor::new(text.as_bytes().to_vec()), dribble);
    let mut splitter = Splitter::new(Box::new(stream), grammar);
    splitter.target = target;
    std::iter::from_fn(|| splitter.next().unwrap()).collect()
}

fn random_text(random: &mut StdRng, pieces: &[&str], most: usize) -> String {
    let count = random.random_range(0..most);
    (0..count).map(|_| pieces[random.random_range(0..pieces.len())]).collect()
}

/// Line, and cells or what is unusual, of all rows.
fn parsed(text: &str, target: usize, dribble: usize) -> Vec<(u64, Vec<String>)> {
    let mut batches = batches(text, Grammar::Csv(b','), target, dribble).into_iter();
    let mut first = batches.next().unwrap();
    let mut parser = Parser::new("g.csv".to_owned(), Grammar::Csv(b','), ReadOptions::default());
    parser.read_header(&mut first, std::path::Path::new("g.csv")).unwrap();
    let mut seen = Vec::new();
    for batch in std::iter::once(first).chain(batches) {
        let each = &mut |row: &Row<'_>| {
            let cells = match &row.text {
                Raw::Cells(cells) | Raw::OpenQuote(cells) => cells.iter().map(ToString::to_string).collect(),
                Raw::Stray(_) => vec!["stray".to_owned()],
                Raw::Line(line) => panic!("{line}"),
            };
            seen.push((row.line, cells));
        };
        parser.rows(&batch, &mut Notes::default(), each).unwrap();
    }
    seen
}

/// The rows of a text behind a header, as they are expected.
fn expected(text: &str) -> Vec<(u64, Vec<String>)> {
    let cells = |row: Plain| match row {
        row if row.is_stray && !row.is_open => vec!["stray".to_owned()],
        row => row.cells,
    };
    let is_blank = |row: &Plain| row.cells.concat().trim().is_empty() && !row.is_quoted;
    plain_rows(text).into_iter().skip(1).filter(|row| !is_blank(row)).map(|row| (row.line, cells(row))).collect()
}

#[test]
fn rows_are_the_same_however_a_csv_file_is_split() {
    for seed in 0..4000 {
        let mut random = StdRng::seed_from_u64(seed);
        let text = format!("name,x\n{}", random_text(&mut random, &PIECES, 60));
        let target = random.random_range(1..20);
        let seen = parsed(&text, target, random.random_range(1..9));
        assert_eq!(seen, expected(&text), "seed {seed}: {}", shown(&text));
    }
}

#[test]
fn a_row_beyond_the_bound_ends_the_file_behind_the_rows_before_it() {
    let mut refused = 0;
    for seed in 0..4000 {
        let mut random = StdRng::seed_from_u64(seed);
        let text = random_text(&mut random, &PIECES, 80);
        let row_max = random.random_range(8..30);
        let stream = Dribble(io::Cursor::new(text.as_bytes().to_vec()), random.random_range(1..9));
        let mut splitter = Splitter::new(Box::new(stream), Grammar::Csv(b','));
        (splitter.target, splitter.row_max) = (random.random_range(1..20), row_max);
        let read: Result<Vec<_>, _> = std::iter::from_fn(|| splitter.next().transpose()).collect();
        let long = plain_rows(&text).into_iter().find(|row| row.length > row_max);
        refused += usize::from(read.is_err());
        assert_eq!(read.err().map(|error| error.line), long.map(|row| Some(row.line)), "seed {seed}: {}", shown(&text));
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn lines_of_json_are_the_same_however_a_file_is_split() {
    let pieces = ["{\"name\":\"A\"}", "{\"name\":\"é\\\"\"}", "\n", "\n", "\r\n", "\r", " "];
    for seed in 0..3000 {
        let mut random = StdRng::seed_from_u64(seed);
        let text = random_text(&mut random, &pieces, 20);
        let target = random.random_range(1..20);
        let parser = Parser::new("g.jsonl".to_owned(), Grammar::Lines, ReadOptions::default());
        let mut seen = Vec::new();
        for batch in batches(&text, Grammar::Lines, target, random.random_range(1..9)) {
            let each = &mut |row: &Row<'_>| {
                let Raw::Line(line) = &row.text else { panic!("{row:?}") };
                seen.push((row.line, line.clone().into_owned()));
            };
            parser.rows(&batch, &mut Notes::default(), each).unwrap();
        }
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        let lines = (1..).zip(lines.split('\n')).filter(|(_, line)| !line.trim().is_empty());
        let plain: Vec<(u64, String)> = lines.map(|(number, line)| (number, line.to_owned())).collect();
        assert_eq!(seen, plain, "seed {seed}: {}", shown(&text));
    }
}
