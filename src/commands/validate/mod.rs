//! `validate`: read → check → problems, on all cores. Never touches the network.

mod collate;
mod compare;
mod copy;
mod crew;
mod inspect;
mod mend;
mod past;
mod spots;
mod whole;

use std::io::{self, BufWriter};

use crate::cli::ValidateArgs;
use crate::exit::Ending;
use crate::report::{Problems, explanation};
use crate::settings::{Environment, Input, problem_style};

use super::outputs::keep_apart;
use super::{Failure, print};
use collate::Collator;
use copy::Copy;
use crew::work;

/// Checks files, or explains what a problem means.
pub(super) fn run(args: &ValidateArgs, environment: &Environment) -> Result<Ending, Failure> {
    if let Some(code) = args.explain {
        return print(explanation(code).as_bytes());
    }
    let input = Input::resolve(&args.input, environment)?;
    if let Some(fix) = &args.fix {
        keep_apart(&input.files, &[("--fix", fix.clone())])?;
        if input.files.len() > 1 {
            return Err(Failure::FixesOne);
        }
    }
    let problems = Problems::new(BufWriter::new(io::stdout().lock()), problem_style(args, environment)?);
    let mut collator = Collator::new(&input, problems, Copy::new(args.fix.clone()));
    work(&input, args.fix.is_some(), |piece| collator.collect(piece))?;
    let (problems, copy, unread) = collator.finish();
    let is_clean = problems.is_clean(args.strict);
    let copied = if unread.is_empty() { copy.finish() } else { Ok(None) };
    problems.finish(copied.as_ref().ok().and_then(Option::as_deref)).map_err(Failure::Print)?;
    if !unread.is_empty() {
        return Err(Failure::Unread { errors: unread, is_uncopied: args.fix.is_some() });
    }
    copied?;
    Ok(if is_clean { Ending::Complete } else { Ending::Problems })
}
