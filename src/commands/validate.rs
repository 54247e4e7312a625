//! `validate`: read → check → problems. Never touches the network.

use std::io::{self, BufWriter};
use std::sync::Arc;

use crate::cli::ValidateArgs;
use crate::exit::Ending;
use crate::model::{Place, Verdict};
use crate::report::Problems;
use crate::settings::Input;

use super::Failure;
use super::intake::{Seen, take_in};

/// Checks files.
pub(super) fn run(args: &ValidateArgs) -> Result<Ending, Failure> {
    let input = Input::resolve(&args.input);
    let mut problems = Problems::new(BufWriter::new(io::stdout().lock()), args.json);
    take_in(
        &input,
        &(Arc::new(|_| {}) as _),
        |_, place| place,
        |seen| tell(&mut problems, &seen).map_err(Failure::Print),
    )?;
    let found = problems.count();
    problems.finish().map_err(Failure::Print)?;
    Ok(if found > 0 { Ending::Problems } else { Ending::Complete })
}

fn tell<W: io::Write>(problems: &mut Problems<W>, seen: &Seen<'_, Place>) -> io::Result<()> {
    let place = seen.record.place;
    let path = |place: Place| seen.files.get(place.file).map_or("-", |file| file.path.as_str());
    match &seen.verdict {
        Verdict::Good(_) => {
            problems.good();
            Ok(())
        }
        Verdict::Twin(first, _) => problems.duplicate(path(place), place, &format!("{}:{}", path(*first), first.line)),
        Verdict::Bad(faults) => problems.bad(path(place), place, faults),
    }
}
