//! `layouts`: the exports of other systems that are recognized, how, and how each is obtained.

use std::fmt::Write as _;

use crate::exit::Ending;
use crate::model::shown;
use crate::read::all_layouts;
use crate::settings::Config;

use super::{Context, Failure, print};

/// Lists the layouts.
pub(super) fn run(context: &Context<'_>) -> Result<Ending, Failure> {
    let mut text = String::new();
    for (name, layout) in all_layouts(&Config::read(context.config, context.environment)?.layout) {
        let (kind, by) = if layout.header.is_empty() { ("keys", layout.keys) } else { ("columns", layout.header) };
        let _ = writeln!(text, "{}\n  {}", shown(&name), shown(&layout.what));
        let _ = writeln!(text, "  from: {}\n  {kind}: {}", shown(&layout.from), shown(&by.join(", ")));
        if let Some(why) = &layout.refuse {
            let _ = writeln!(text, "  not importable: {}", shown(why));
        }
    }
    print(text.as_bytes())
}
