//! Wherever a stream is cut, the rows and their lines are those of a reader that goes byte by byte.

use std::collections::BTreeSet;
use std::io::{self, Read};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::block::End;
use super::super::cutter::{Cutter, Grammar, Sizes};
use super::super::{csv, jsonl};
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
    /// Whether text stands behind a closing quote.
    is_stray: bool,
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
            (At::CellStart, '"') => at = At::Quoted,
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

fn blocks(text: &str, grammar: Grammar, sizes: Sizes, dribble: usize) -> Vec<Block> {
    let stream = Dribble(io::Cursor::new(text.as_bytes().to_vec()), dribble);
    let mut cutter = Cutter::new(Box::new(stream), grammar, sizes);
    let blocks: Vec<Block> = std::iter::from_fn(|| cutter.next().unwrap()).collect();
    for block in blocks.iter().filter(|block| block.end == End::Whole) {
        let start = usize::try_from(block.offset).unwrap();
        assert_eq!(text.as_bytes()[start..start + block.bytes.len()], block.bytes);
    }
    blocks
}

fn random_text(random: &mut StdRng, pieces: &[&str], most: usize) -> String {
    let count = random.random_range(0..most);
    (0..count).map(|_| pieces[random.random_range(0..pieces.len())]).collect()
}

fn random_sizes(random: &mut StdRng) -> Sizes {
    Sizes {
        first: random.random_range(1..8),
        block: random.random_range(1..20),
        row: usize::MAX,
        kept: 4,
        tail: random.random_range(0..6),
    }
}

#[test]
fn rows_are_the_same_wherever_a_csv_file_is_cut() {
    for seed in 0..4000 {
        let mut random = StdRng::seed_from_u64(seed);
        let text = random_text(&mut random, &PIECES, 60);
        let sizes = random_sizes(&mut random);
        let header = "name,x\n";
        let whole = format!("{header}{text}");
        let mut blocks = blocks(&whole, Grammar::Csv(b','), sizes, random.random_range(1..9)).into_iter();
        let mut first = blocks.next().unwrap();
        let parser = csv::Parser::open(b',', &mut first, &Options::default()).parser.unwrap();
        let mut seen = Vec::new();
        for block in std::iter::once(first).chain(blocks) {
            let text = std::str::from_utf8(&block.bytes).unwrap();
            parser.rows(&block, text, &mut |row| {
                let cells = match row.text {
                    RowText::Cells(cells)
                    | RowText::OpenQuote(cells)
                    | RowText::Header(cells)
                    | RowText::Ragged { cells, .. } => cells.iter().map(str::to_owned).collect(),
                    RowText::Stray(_) => vec!["stray".to_owned()],
                    other => panic!("{other:?}"),
                };
                seen.push((row.line, cells));
            });
        }
        let cells = |row: Plain| if row.is_stray && !row.is_open { vec!["stray".to_owned()] } else { row.cells };
        let plain: Vec<_> = plain_rows(&whole).into_iter().skip(1).map(|row| (row.line, cells(row))).collect();
        assert_eq!(seen, plain, "seed {seed}: {}", shown(&text));
    }
}

#[test]
fn a_row_beyond_the_bound_is_passed_over_and_the_next_one_has_its_line() {
    let mut skipped = 0;
    for seed in 0..4000 {
        let mut random = StdRng::seed_from_u64(seed);
        let text = random_text(&mut random, &PIECES, 80);
        let sizes = Sizes { row: random.random_range(4..30), ..random_sizes(&mut random) };
        let mut seen = Vec::new();
        for block in blocks(&text, Grammar::Csv(b','), sizes, random.random_range(1..9)) {
            match block.end {
                End::Whole => {
                    let rows = plain_rows(std::str::from_utf8(&block.bytes).unwrap());
                    seen.extend(rows.into_iter().map(|row| (row.line + block.line - 1, false)));
                }
                End::OpenQuote { .. } => seen.push((block.line, true)),
                End::TooLong { length, .. } => {
                    skipped += 1;
                    assert!(length > sizes.row as u64, "seed {seed}: {block:?}");
                    seen.push((block.line, false));
                }
            }
        }
        let plain: Vec<(u64, bool)> = plain_rows(&text).into_iter().map(|row| (row.line, row.is_open)).collect();
        assert_eq!(seen, plain, "seed {seed}: {}", shown(&text));
    }
    assert!(skipped > 1000, "{skipped}");
}

#[test]
fn an_open_quote_is_found_on_its_line_whether_its_row_is_kept_or_not() {
    let text = "name,x\nA,\"b\nc\",d\r\nE,f\",\"g\r\nh\ri\n\n";
    for row in [usize::MAX, 8] {
        let sizes = Sizes { first: 3, block: 3, row, kept: 4, tail: 2 };
        let last = blocks(text, Grammar::Csv(b','), sizes, 2).pop().unwrap();
        let is_cut = row == 8;
        assert_eq!((last.line, last.end), (4, End::OpenQuote { line: 4, lines: 3, is_cut }), "{row}");
    }
}

#[test]
fn lines_of_json_are_the_same_wherever_a_file_is_cut() {
    let pieces = ["{\"name\":\"A\"}", "{\"name\":\"é\\\"\"}", "\n", "\n", "\r\n", "\r", " "];
    for seed in 0..3000 {
        let mut random = StdRng::seed_from_u64(seed);
        let text = random_text(&mut random, &pieces, 20);
        let sizes = random_sizes(&mut random);
        let parser = jsonl::Parser::new(&[]);
        let mut seen = Vec::new();
        for block in blocks(&text, Grammar::Lines, sizes, random.random_range(1..9)) {
            let text = std::str::from_utf8(&block.bytes).unwrap();
            parser.rows(&block, text, &mut BTreeSet::new(), &mut |row| {
                let RowText::Line(line) = row.text else { panic!("{row:?}") };
                seen.push((row.line, line.to_owned()));
            });
        }
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        let lines = (1..).zip(lines.split('\n')).filter(|(_, line)| !line.trim().is_empty());
        let plain: Vec<(u64, String)> = lines.map(|(number, line)| (number, line.to_owned())).collect();
        assert_eq!(seen, plain, "seed {seed}: {}", shown(&text));
    }
}
