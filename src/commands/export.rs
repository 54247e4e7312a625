//! `export`: list the groups, or the users → sort them → write the text. It only reads, and needs no journal on disk.
//!
//! Everything is in memory before the first byte is written, so a list that breaks off leaves nothing half-written.
//! 100,000 groups take about 100 MB.

use std::hash::Hash;
use std::io::{self, IsTerminal};
use std::path::Path;

use hashbrown::{HashMap, HashSet};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::ExportArgs;
use crate::execute::Api;
use crate::exit::Ending;
use crate::journal::Journal;
use crate::model::{ExistingGroup, MembersAs, StopReason, User, shortened, shown_path};
use crate::report::{Output, export_text, probe};
use crate::resolve::Directory;
use crate::settings::{Connection, export_format};
use crate::tallyfy::{List, Transport};

use super::organization::{connect, stop_reason};
use super::outputs::keep_apart;
use super::signals::Signals;
use super::{Context, Failure, block_on, print};

/// The columns of groups: the import format.
const GROUP_COLUMNS: &str = "tallyfy_id,name,description,members,guests";
/// The same with the keys that a journal knows.
const KEYED_COLUMNS: &str = "tallyfy_id,key,name,description,members,guests";
/// The columns of users: what `validate --users` reads.
const USER_COLUMNS: &str = "id,email,status";

/// Exports the groups or the users of the organization.
pub(super) fn run(args: &ExportArgs, context: &Context<'_>) -> Result<Ending, Failure> {
    let signals = Signals::listen(context.bars)?;
    let connection = Connection::resolve(&args.connection, context.environment)?;
    let out = args.out.as_deref().filter(|path| *path != Path::new("-"));
    if let Some(path) = out {
        let log = context.log.log_file.as_deref();
        keep_apart(args.connection.token_file.as_slice(), [("--out", path.to_owned())], log)?;
        probe(path, true).map_err(Failure::Unwritten)?;
    }
    let progress = context.progress(args.progress);
    let past = Journal::scratch()?;
    let keys = args.journal.as_deref().map(keys).transpose()?;
    let rows: Vec<_> = block_on(async {
        let api = connect(&connection, &past, &signals.stop, &progress.listener()).await?;
        let is_users_wanted = args.users || args.members == MembersAs::Email;
        let mut users =
            if is_users_wanted { listed(&api, List::Users, |user: &User| user.id).await? } else { Vec::new() };
        if args.users {
            users.sort_by_key(|user| user.id);
            let row = |user: User| vec![user.id.into(), user.email.into(), user.status.to_string().into()];
            return Ok(users.into_iter().map(row).collect());
        }
        let mut groups = listed(&api, List::Groups, |group: &ExistingGroup| group.group_ref.id.clone()).await?;
        groups.retain(|group| !group.is_deleted);
        // An order that creations and other changes do not disturb.
        groups.sort_by_cached_key(|group| (group.name.clone(), group.group_ref.id.clone()));
        let directory = Directory::new(users);
        let addresses = directory.addresses();
        groups.into_iter().map(|group| group_row(group, &addresses, keys.as_ref())).collect()
    })?;
    drop(progress);
    let columns = match keys {
        _ if args.users => USER_COLUMNS,
        Some(_) => KEYED_COLUMNS,
        None => GROUP_COLUMNS,
    };
    let text = export_text(columns, &rows, export_format(args), out.is_none() && io::stdout().is_terminal());
    let Some(path) = out else { return print(&text) };
    let mut file = Output::create(path).map_err(Failure::Unwritten)?;
    file.bytes(&text).and_then(|()| file.finish()).map_err(Failure::Unwritten)?;
    Ok(Ending::Complete)
}

/// The entries of a list, each once: a list that changes while it is read may show one twice.
async fn listed<T: DeserializeOwned + Hash, K: Eq + Hash>(
    api: &Api<impl Transport>,
    list: List<'_>,
    id: impl Fn(&T) -> K,
) -> Result<Vec<T>, Failure> {
    let listed = api.all(list).await;
    let (mut entries, _) = listed.map_err(|unread| Failure::Unexported(stop_reason(api, unread)))?;
    let mut known = HashSet::new();
    entries.retain(|entry| known.insert(id(entry)));
    Ok(entries)
}

/// The keys of the groups that a journal owns, by their ids.
fn keys(path: &Path) -> Result<HashMap<String, String>, Failure> {
    let Some(journal) = Journal::peek(path)? else {
        return Err(Failure::Usage(format!("--journal {}: there is none", shown_path(path))));
    };
    let owned = journal.owned_groups(true)?;
    Ok(owned.into_iter().filter_map(|(id, owned)| Some((id, owned.key()?.clone()))).collect())
}

/// The people are sorted, so that their order is the same in every export. A group that the list does not show whole is an error:
/// an empty cell would say that nobody is in it.
fn group_row(
    group: ExistingGroup,
    addresses: &HashMap<u64, &str>,
    keys: Option<&HashMap<String, String>>,
) -> Result<Vec<Value>, Failure> {
    let ExistingGroup { group_ref, name, description, members, guests, .. } = group;
    let (Some(description), Some(mut members), Some(mut guests)) = (description, members, guests) else {
        let name = shortened(&name);
        let why = format!("the list of groups does not show the description, members and guests of `{name}`");
        return Err(Failure::Unexported(StopReason::Unreachable(why)));
    };
    members.sort_unstable();
    guests.sort_unstable();
    let member = |id| addresses.get(&id).map_or_else(|| Value::from(id), |address| (*address).into());
    let members = members.into_iter().map(member).collect();
    let key = keys.map(|keys| keys.get(&group_ref.id).cloned().into());
    let rest = [name.into(), description.into(), members, guests.into()];
    Ok([group_ref.id.into()].into_iter().chain(key).chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_the_list_does_not_show_whole_is_an_error_not_an_empty_cell() {
        let row = |fields: &str| {
            let group = format!(r#"{{"id":"g1","name":"A"{fields}}}"#);
            group_row(serde_json::from_str(&group).unwrap(), &HashMap::new(), None)
        };
        let whole = row(r#","description":null,"members":[3,"1"],"guests":["b@x.example","a@x.example"]"#).unwrap();
        let expected = r#"["g1","A","",[1,3],["a@x.example","b@x.example"]]"#;
        assert_eq!(Value::from(whole).to_string(), expected);
        for fields in [
            r#","description":null,"members":[]"#,
            r#","description":null,"guests":[]"#,
            r#","members":[],"guests":[]"#,
            r#","description":null,"members":[{"id":1}],"guests":[]"#,
        ] {
            assert!(matches!(row(fields), Err(Failure::Unexported(StopReason::Unreachable(_)))), "{fields}");
        }
    }
}
