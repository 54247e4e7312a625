//! `sandbox`, and the simulated organization inside the process for `import --sandbox`.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::cli::SandboxArgs;
use crate::exit::Ending;
use crate::model::{OwnedGroup, Rate, User, shown_path};
use crate::sandbox::{FaultScript, Options, RequestRate, SandboxGroup, SandboxUser, Simulation, serve};
use crate::settings::Connection;
use crate::tallyfy::Token;

use super::people::users_of;
use super::{Failure, block_on, print, signals};

/// Serves until interrupted.
pub(super) fn run(args: &SandboxArgs) -> Result<Ending, Failure> {
    let faults = match &args.faults {
        Some(path) => {
            let failed = |reason: &dyn Display| Failure::Usage(format!("--faults {}: {reason}", shown_path(path)));
            let text = fs::read_to_string(path).map_err(|reason| failed(&reason))?;
            FaultScript::parse(&text).map_err(|reason| failed(&reason))?
        }
        None => FaultScript::default(),
    };
    let wrong = |reason| Failure::Usage(format!("--rate: {reason}; and `none` refuses nothing"));
    let rate = Some(args.rate.trim()).filter(|text| *text != "none").map(Rate::parse).transpose().map_err(wrong)?;
    let rate = rate.map(|rate| RequestRate { requests: rate.requests.get(), period: rate.period });
    let user_list = user_list("--users-from", args.users_from.as_deref())?;
    let options = Options { user_list, rate, latency: args.latency, ..args.options.clone() };
    let (token, org) = (options.token.as_deref().unwrap_or("any-token"), options.org.as_deref().unwrap_or("any"));
    Token::new(token).map_err(|reason| Failure::Usage(format!("--token: {reason}")))?;
    let command = format!("TALLYFY_API_TOKEN={token} tallyfy-groups import --org {org} --base-url");
    let simulation = Arc::new(Mutex::new(Simulation::new(&options, faults)));
    let port = args.port;
    block_on(async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(Failure::Serve)?;
        let address = listener.local_addr().map_err(Failure::Serve)?;
        let hint = "a simulated Tallyfy API. To import into it:";
        print(format!("http://{address}\n{hint}\n  {command} http://{address} FILE\n").as_bytes())?;
        serve(listener, simulation, signals::interrupted()).await.map_err(Failure::Serve)
    })?;
    Ok(Ending::Complete)
}

/// The users of a file, for the sandbox.
fn user_list(flag: &str, path: Option<&Path>) -> Result<Option<Vec<SandboxUser>>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let user = |User { id, email, status, .. }| SandboxUser { id, email, status: status.to_string() };
    Ok(Some(users_of(flag, path)?.into_iter().map(user).collect()))
}

/// Starts a simulated organization that has the groups that earlier runs created in it; gives its address. It is served by the
/// runtime this is called in, as long as that lives.
pub(super) async fn simulate(
    owned: HashMap<String, OwnedGroup>,
    connection: &Connection,
) -> Result<SocketAddr, Failure> {
    let options = Options {
        user_list: user_list("--sandbox-users", connection.sandbox_users.as_deref())?,
        org: Some(connection.organization.clone()),
        ..Options::default()
    };
    let mut simulation = Simulation::new(&options, FaultScript::default());
    let mut owned: Vec<_> = owned.into_values().collect();
    owned.sort_unstable_by_key(|owned| owned.row);
    for owned in owned {
        let (group_ref, group) = (owned.group_ref.clone(), owned.group().clone());
        let stamp = group_ref.stamp.unwrap_or_default();
        simulation.plant(SandboxGroup {
            id: group_ref.id,
            name: group.name,
            description: group.description,
            members: group.members,
            guests: group.guests,
            created_at: stamp.clone(),
            updated_at: stamp,
            ..SandboxGroup::default()
        });
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Failure::Serve)?;
    let address = listener.local_addr().map_err(Failure::Serve)?;
    tokio::spawn(async move {
        if let Err(error) = serve(listener, Arc::new(Mutex::new(simulation)), std::future::pending()).await {
            tracing::error!("the sandbox cannot serve: {error}");
        }
    });
    Ok(address)
}
