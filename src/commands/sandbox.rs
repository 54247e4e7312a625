//! `sandbox`, and the simulated organization inside the process for `import --sandbox`.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::{fs, io};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::cli::SandboxArgs;
use crate::exit::Ending;
use crate::journal::SentGroup;
use crate::sandbox::{FaultScript, Options, RequestRate, SandboxGroup, Simulation, serve};
use crate::send;

use super::{Failure, block_on, signals};

/// Serves until interrupted.
pub(super) fn run(args: &SandboxArgs) -> Result<Ending, Failure> {
    let faults = match &args.faults {
        Some(path) => {
            let text =
                fs::read_to_string(path).map_err(|reason| Failure::FaultScriptFile { path: path.clone(), reason })?;
            FaultScript::parse(&text)?
        }
        None => FaultScript::default(),
    };
    let rate = match args.rate.trim() {
        "none" => None,
        text => send::Rate::parse(text)
            .map(|rate| Some(RequestRate { requests: rate.requests.get(), period: rate.period }))?,
    };
    let options = Options {
        groups: args.groups,
        users: args.users,
        rate,
        allow_same_names: args.allow_same_names,
        latency: args.latency,
        ..Options::default()
    };
    let simulation = Arc::new(Mutex::new(Simulation::new(&options, faults)));
    let port = args.port;
    block_on(async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(Failure::Serve)?;
        let address = listener.local_addr().map_err(Failure::Serve)?;
        print_address(address).map_err(Failure::Print)?;
        serve(listener, simulation, signals::interrupted()).await.map_err(Failure::Serve)
    })??;
    Ok(Ending::Complete)
}

fn print_address(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "http://{address}")?;
    writeln!(out, "a simulated Tallyfy API; any organization, any token. To import into it:")?;
    writeln!(out, "  TALLYFY_API_TOKEN=any tallyfy-groups import --org any --base-url http://{address} FILE")?;
    out.flush()
}

/// A simulated organization on its own thread; it ends when this is dropped.
pub(super) struct Simulated {
    /// Its address.
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulated {
    /// Starts it with the groups that earlier runs created in it.
    pub(super) fn start(remembered: Vec<SentGroup>) -> Result<Self, Failure> {
        let mut simulation = Simulation::new(&Options::default(), FaultScript::default());
        for sent in remembered {
            let group = sent.group;
            let stamp = sent.tag.stamp.unwrap_or_default();
            simulation.plant(SandboxGroup {
                id: sent.tag.id,
                name: group.name,
                description: group.description,
                members: group.members,
                guests: group.guests,
                created_at: stamp.clone(),
                updated_at: stamp,
                ..SandboxGroup::default()
            });
        }
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Failure::Serve)?;
        listener.set_nonblocking(true).map_err(Failure::Serve)?;
        let address = listener.local_addr().map_err(Failure::Serve)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
            let served = block_on(async move {
                let listener = TcpListener::from_std(listener)?;
                let stopped = async move {
                    let _ = stopped.await;
                };
                serve(listener, Arc::new(Mutex::new(simulation)), stopped).await
            });
            if let Ok(Err(error)) = served {
                tracing::error!("the sandbox cannot serve: {error}");
            }
        });
        Ok(Self { address, stop: Some(stop), thread: Some(thread.map_err(Failure::Start)?) })
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
