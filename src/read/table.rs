//! One file, laid open: its layout, its blocks, and the parser that makes rows of them.

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::block::Block;
use super::cutter::{Cutter, Grammar, Sizes};
use super::delimiter::delimiter_of;
use super::error::{FileProblem, ReadError};
use super::guess::readings;
use super::lines::{ends_line, line_ends};
use super::recall::Recall;
use super::row::Row;
use super::source::{self, Source, explain};
use super::{Options, csv, jsonl};
use crate::model::{Field, Format, Layout, Place, Record};

/// One file, laid open: an iterator over its blocks.
pub struct Table {
    parser: Arc<Parser>,
    cutter: Cutter,
    first: Option<Block>,
}

impl Table {
    /// Opens a file (or standard input, for `-`) and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read as a table at all.
    pub fn open(path: &Path, options: &Options) -> Result<Self, ReadError> {
        Self::flawless(path, source::open(path, options.encoding)?, options)
    }

    /// The same for what comes as a stream; `path` is what messages call it.
    ///
    /// # Errors
    /// If it cannot be read as a table at all.
    pub fn of_stream(path: &Path, stream: Box<dyn Read + Send>, options: &Options) -> Result<Self, ReadError> {
        Self::flawless(path, source::of_stream(path, stream, options.encoding)?, options)
    }

    /// The same, with a way to look at its rows again later, and also where its header is flawed and yet likely to mean
    /// something: then what is wrong with it comes along.
    ///
    /// # Errors
    /// If the file cannot be read as a table at all, or neither twice nor copied.
    pub fn open_to_recall(path: &Path, options: &Options) -> Result<(Self, Recall, Option<ReadError>), ReadError> {
        let (source, recall) = source::open_to_recall(path, options.encoding)?;
        let (table, flaw) = Self::lay_open(path, source, options)?;
        Ok((table, recall, flaw))
    }

    fn flawless(path: &Path, source: Source, options: &Options) -> Result<Self, ReadError> {
        let (table, flaw) = Self::lay_open(path, source, options)?;
        flaw.map_or(Ok(table), Err)
    }

    fn lay_open(path: &Path, source: Source, options: &Options) -> Result<(Self, Option<ReadError>), ReadError> {
        let format = options.format.unwrap_or_else(|| source.format(path));
        if let Some(problem) = source.misfit(format, options) {
            return Err(problem.at(path, 1, None));
        }
        let (delimiter, mut announced) = match format {
            Format::Csv => delimiter_of(&source.head, options),
            Format::Jsonl => (b',', 0),
        };
        let announcing = (announced > 0).then(|| "the line `sep=` removed".to_owned());
        let grammar = if format == Format::Csv { Grammar::Csv(delimiter) } else { Grammar::Lines };
        let mut cutter = Cutter::new(source.stream, grammar, Sizes::default());
        let mut first = loop {
            let block = cutter.next().map_err(|reason| explain(reason).of(path))?;
            let mut block = block.ok_or_else(|| FileProblem::Empty.of(path))?;
            if announced > 0 {
                block.drop_row(std::mem::take(&mut announced));
            }
            if block.length() > 0 {
                break block;
            }
        };
        let Source { is_decoded, mut origin, .. } = source;
        origin.extend(announcing);
        text_of(&first, path, is_decoded)?;
        let line = first.line;
        let mut flaw = None;
        let kind = match format {
            Format::Csv => {
                let csv::Opening { parser, errors } = csv::Parser::open(delimiter, &mut first, options);
                let error = || FileProblem::Header(errors.clone()).at(path, line, None);
                flaw = (!errors.is_empty()).then(error);
                Kind::Csv(Box::new(parser.ok_or_else(error)?))
            }
            Format::Jsonl => Kind::Jsonl(jsonl::Parser::new(&options.map)),
        };
        let header = if let Kind::Csv(parser) = &kind { parser.header().to_vec() } else { Vec::new() };
        // Nothing parts one column, and whoever reads it again takes it for a comma.
        let delimiter = if header.len() == 1 { b',' } else { delimiter };
        let layout = Layout { format, delimiter, header };
        let parser = Arc::new(Parser { path: path.to_owned(), layout, is_decoded, origin, kind });
        Ok((Self { parser, cutter, first: Some(first) }, flaw))
    }

    /// How the file is laid out.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        self.parser.layout()
    }

    /// What makes rows of its blocks.
    #[must_use]
    pub fn parser(&self) -> Arc<Parser> {
        Arc::clone(&self.parser)
    }

    /// Its rows, one after the other; `file` is its index among the files.
    #[must_use]
    pub fn into_records(self, file: usize) -> Records {
        let unknown = self.parser.unknown().iter().cloned().collect();
        Records { table: self, last: Place { file, row: 0, line: 0 }, ready: VecDeque::new(), unknown }
    }
}

impl Iterator for Table {
    type Item = Result<Block, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        let line = self.cutter.line();
        self.cutter.next().map_err(|reason| explain(reason).at(&self.parser.path, line, None)).transpose()
    }
}

/// Makes rows of the blocks of one file.
#[derive(Debug)]
pub struct Parser {
    path: PathBuf,
    /// Whether a decoder stood before, which replaces what it cannot decode.
    is_decoded: bool,
    layout: Layout,
    origin: Vec<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Csv(Box<csv::Parser>),
    Jsonl(jsonl::Parser),
}

impl Parser {
    /// Gives each row of a block. Keys that are no field of a group are added to `unknown`.
    ///
    /// # Errors
    /// If the block is not in the encoding expected; it gives no row then.
    pub fn rows(
        &self,
        block: &Block,
        unknown: &mut BTreeSet<String>,
        each: &mut dyn FnMut(Row<'_>),
    ) -> Result<(), ReadError> {
        let text = text_of(block, &self.path, self.is_decoded)?;
        match &self.kind {
            Kind::Csv(parser) => parser.rows(block, text, each),
            Kind::Jsonl(parser) => parser.rows(block, text, unknown, each),
        }
        Ok(())
    }

    /// The columns that are no field of a group; the keys of JSON lines show themselves only row by row.
    #[must_use]
    pub fn unknown(&self) -> &[String] {
        if let Kind::Csv(parser) = &self.kind { parser.unknown() } else { &[] }
    }

    /// Fields that no column holds, and columns that may, by what stands in their first rows.
    #[must_use]
    pub fn likely(&self) -> &[(Field, String)] {
        if let Kind::Csv(parser) = &self.kind { parser.likely() } else { &[] }
    }

    /// The column that holds a field, if it has another name than the field.
    #[must_use]
    pub fn column(&self, field: Field) -> Option<&str> {
        if let Kind::Csv(parser) = &self.kind { parser.column(field) } else { None }
    }

    /// The index of the column that holds a field, in CSV.
    #[must_use]
    pub fn index(&self, field: Field) -> Option<usize> {
        if let Kind::Csv(parser) = &self.kind { parser.index(field) } else { None }
    }

    /// The field that a key holds, in JSON lines.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<Field> {
        if let Kind::Jsonl(parser) = &self.kind { parser.field(key) } else { None }
    }

    /// How the file is laid out.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How the file was packed, encoded and marked, where it was: what each means for a copy in plain UTF-8.
    #[must_use]
    pub fn origin(&self) -> &[String] {
        &self.origin
    }
}

/// The text of a block, or the first place that is not in the encoding expected.
fn text_of<'a>(block: &'a Block, path: &Path, is_decoded: bool) -> Result<&'a str, ReadError> {
    let at = |good: usize, problem: FileProblem| {
        let before = &block.bytes[..good];
        let line_start = before.iter().rposition(|byte| ends_line(*byte)).map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[line_start..]).chars().count() as u64 + 1;
        problem.at(path, block.line + line_ends(before), Some(column))
    };
    match std::str::from_utf8(&block.bytes) {
        Err(error) if is_decoded => Err(at(error.valid_up_to(), FileProblem::Undecodable)),
        Err(error) => {
            let (good, bad) = block.bytes.split_at(error.valid_up_to());
            let (byte, readings) = (bad[0], readings(&block.bytes, good.len()));
            let problem = if good.is_ascii() {
                FileProblem::NotUtf8 { byte, readings }
            } else {
                FileProblem::Mixed { byte, readings, lines: further_lines(block, good.len()) }
            };
            Err(at(good.len(), problem))
        }
        Ok(text) if is_decoded => match text.find(char::REPLACEMENT_CHARACTER) {
            Some(bad) => Err(at(bad, FileProblem::Undecodable)),
            None => Ok(text),
        },
        Ok(text) => Ok(text),
    }
}

/// The next lines of a block with bytes that are not UTF-8, after the line of the first of them.
fn further_lines(block: &Block, first: usize) -> Vec<u64> {
    let mut lines = Vec::new();
    let (mut at, mut line) = (0, block.line);
    for chunk in block.bytes.utf8_chunks() {
        line += line_ends(chunk.valid().as_bytes());
        at += chunk.valid().len();
        if at > first && !chunk.invalid().is_empty() && lines.last() != Some(&line) {
            lines.push(line);
        }
        at += chunk.invalid().len();
    }
    let first_line = block.line + line_ends(&block.bytes[..first]);
    lines.into_iter().filter(|line| *line != first_line).take(LINES_MAX).collect()
}

/// So many further lines are named.
const LINES_MAX: usize = 20;

/// The rows of a file, one after the other.
pub struct Records {
    table: Table,
    last: Place,
    ready: VecDeque<Record>,
    unknown: BTreeSet<String>,
}

impl Records {
    /// Columns or keys seen so far that are no field of a group, in alphabetical order.
    #[must_use]
    pub fn unknown_columns(&self) -> &BTreeSet<String> {
        &self.unknown
    }
}

impl Iterator for Records {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            let block = match self.table.next()? {
                Ok(block) => block,
                Err(error) => return Some(Err(error)),
            };
            let Self { table, last, ready, unknown } = self;
            let parsed = table.parser.rows(&block, unknown, &mut |row| {
                *last = Place { row: last.row + 1, line: row.line, ..*last };
                let fields = row.fields.map(crate::model::Fields::into_owned);
                ready.push_back(Record { place: *last, raw: row.text.raw(), fields });
            });
            if let Err(error) = parsed {
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}
