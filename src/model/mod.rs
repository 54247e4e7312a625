//! Nouns that several modules share: row, group, problem, outcome, event. No I/O, no clock.
//!
//! A row with [`Fields`] leaves `read`, becomes a [`Group`] or a list of [`Problem`]s in `check` and an operation in the journal,
//! and ends with an [`Outcome`]; results and rejects show it as a [`ResultRow`].

mod blame;
mod choice;
mod edit;
mod entries;
mod event;
mod existing;
mod filter;
mod group;
mod hash;
mod name;
mod outcome;
mod owned;
mod plan;
mod problem;
mod rate;
mod result_row;
mod row;
mod span;
mod text;
mod user;

pub use blame::is_misplaced;
pub use choice::{LogFormat, MembersAs, MembersMode, ProblemFormat, ProgressMode};
pub use edit::{Edit, ListChange, lacking, parted, person_key};
pub use entries::{Entries, object};
pub use event::{Event, GuestWait, Listener, StopReason, Wait};
pub use existing::{ExistingGroup, GroupRef, best};
pub use filter::Filter;
pub use group::{Group, Member, Texts, WantedGroup};
pub use hash::hash;
pub use name::{MatchNames, NameKey, OnDuplicate, OnExisting};
pub use outcome::{Outcome, RequestError};
pub use owned::OwnedGroup;
pub use plan::{Action, ActionKind, DesiredRow, Guard, Plan};
pub use problem::{Code, Problem, ProblemCount, Severity};
pub use rate::{Rate, Speed};
pub use result_row::{ResultRow, Status, StatusCounts, Validity};
pub use row::{
    Cell, Dialect, ERROR_COLUMN, Field, Fields, Format, InputFile, InputFormat, Item, Place, Raw, RowId, is_delimiter,
};
pub use span::span;
pub(crate) use text::{are_addresses, grouped, has_address, is_json_address, listed, sheet_name, without_sheet};
pub use text::{is_invisible, is_plain, json_shown, place, shortened, shown, shown_path};
pub use user::{PeopleCounts, UnknownMembers, User, UserStatus};
