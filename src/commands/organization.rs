//! The organization as it is: connecting to it, and settling rows whose group is there.

use std::sync::Arc;

use crate::check::Names;
use crate::journal::Journal;
use crate::model::{Event, Fate, Halt, Listener, OnExisting, RowId};
use crate::plan::{self, Next};
use crate::send::{Api, Pace, Paced, Stop, Unread};
use crate::settings::{Connection, SettingsError, Target};
use crate::tallyfy::{BaseUrl, Client, Http, Listed, Token, Walk};

use super::Failure;
use super::sandbox::Simulated;

/// A connection, ready to be used; the simulated organization lives as long as this.
pub(super) struct Line {
    /// The API.
    pub(super) api: Arc<Api<Http>>,
    _simulated: Option<Simulated>,
}

impl Line {
    /// Connects to the server, or starts the simulated organization with what the runs of a journal created in it.
    pub(super) fn open(
        connection: &Connection,
        past: &Journal,
        stop: &Stop,
        listener: &Listener,
    ) -> Result<Self, Failure> {
        let (base, token, simulated) = match &connection.target {
            Target::Server(base, token) => (base.clone(), token.clone(), None),
            Target::Simulated => {
                let simulated = Simulated::start(past.created_groups()?)?;
                let base = BaseUrl::parse(&format!("http://{}", simulated.address)).map_err(SettingsError::from)?;
                (base, Token::simulated(), Some(simulated))
            }
        };
        let http = Http::new(base, &token, connection.timeout)?;
        let pace = Arc::new(Pace::new(connection.rate, connection.wait_max, stop.clone(), Arc::clone(listener)));
        let client = Client::new(Paced::new(http, Arc::clone(&pace)), &connection.organization);
        let attempts_max = connection.policy.attempts_max;
        let api = Api { client, pace, stop: stop.clone(), attempts_max };
        Ok(Self { api: Arc::new(api), _simulated: simulated })
    }
}

/// Lists the organization's groups and settles the rows whose group is there. Where that cannot be done, the run is stopped.
pub(super) async fn settle_existing(
    api: &Api<Http>,
    journal: &mut Journal,
    names: &Names<RowId>,
    on_existing: OnExisting,
    listener: &Listener,
) -> Result<(), Failure> {
    let mut walk = Walk::default();
    loop {
        match api.next_page(None, &mut walk).await {
            Ok(Some(groups)) => {
                listener(Event::Listed { page: walk.read(), pages: walk.pages() });
                settle_page(&groups, journal, names, on_existing)?;
            }
            Ok(None) | Err(Unread::Stopped) => return Ok(()),
            Err(Unread::Failed(trouble)) => {
                api.stop.raise(Halt::Unreachable(trouble.message));
                return Ok(());
            }
        }
    }
}

fn settle_page(
    groups: &[Listed],
    journal: &mut Journal,
    names: &Names<RowId>,
    on_existing: OnExisting,
) -> Result<(), Failure> {
    let mut fates: Vec<(RowId, Fate)> = Vec::new();
    for group in groups {
        let Some(row) = names.get(&group.name) else { continue };
        let Some(past) = journal.past(row)? else { continue };
        let is_met = fates.iter().any(|(met, _)| *met == row);
        if let (false, Next::Settle(fate)) = (is_met, plan::next(past, Some(&group.id), on_existing)) {
            fates.push((row, fate));
        }
    }
    journal.settle(&fates)?;
    Ok(())
}
