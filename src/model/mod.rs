//! The nouns that cross rooms. No I/O, no clock.
//!
//! A [`Record`] leaves `read`, becomes a [`Group`] or a list of [`Fault`]s in `check`, a [`Job`] in the
//! journal, and ends with a [`Fate`]; an [`Account`] is what is reported of it.

mod account;
mod blame;
mod choice;
mod entries;
mod event;
mod fate;
mod fault;
mod forecast;
mod found;
mod group;
mod job;
mod name;
mod row;
mod span;
mod text;
mod undone;

pub use account::{Account, Counts, Standing, Status};
pub use blame::is_misplaced;
pub use choice::{LogFormat, ProblemFormat, ProgressMode};
pub use entries::{Entries, object};
pub use event::{Event, GuestWait, Halt, Listener, Wait};
pub use fate::{Fate, Tag, Trouble};
pub use fault::{Code, Fault, Severity, Verdict};
pub use forecast::{Forecast, GuestCap};
pub use found::{Found, Sightings};
pub use group::{Group, United};
pub use job::{Effect, Job, Past, RowId};
pub use name::{Identity, MatchNames, OnDuplicate, OnExisting};
pub use row::{Cell, ERROR_COLUMN, Field, Fields, Format, InputFile, Item, Layout, Place, Raw, Record, is_delimiter};
pub use span::{exact_span, span};
pub(crate) use text::listed;
pub use text::{has_double_space, is_invisible, json_shown, place, shortened, shown, shown_path, with_line_feeds};
pub use undone::{Creation, Removal, Undone};
