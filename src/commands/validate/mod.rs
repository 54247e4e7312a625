//! `validate`: read → check → problems, on all cores. Never touches the network.

mod collate;
mod crew;
mod inspect;
mod past;
mod spots;

use std::io::{self, BufWriter};

use crate::cli::ValidateArgs;
use crate::exit::Ending;
use crate::report::{Problems, explanation};
use crate::settings::{Input, problem_style};

use super::{Failure, print};
use collate::Collator;
use crew::work;

/// Checks files, or explains what a problem means.
pub(super) fn run(args: &ValidateArgs) -> Result<Ending, Failure> {
    if let Some(code) = args.explain {
        return print(explanation(code).as_bytes());
    }
    let input = Input::resolve(&args.input);
    crate::read::look(&input.files)?;
    let problems = Problems::new(BufWriter::new(io::stdout().lock()), problem_style(args));
    let mut collator = Collator::new(&input, problems);
    work(&input, |piece| collator.collect(piece))?;
    let (problems, unread) = collator.finish();
    let is_clean = problems.is_clean(args.strict);
    problems.finish().map_err(Failure::Print)?;
    match unread {
        unread if !unread.is_empty() => Err(Failure::Unread(unread)),
        _ if is_clean => Ok(Ending::Complete),
        _ => Ok(Ending::Problems),
    }
}
