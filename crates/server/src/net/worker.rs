//! The I/O threads: a current-thread runtime each, fed with accepted connections.

use std::net::TcpStream;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;

use super::connection::{self, Face};
use crate::access_log::AccessLog;
use crate::compute::Compute;
use crate::lifecycle::{Stage, Stages};
use crate::{App, ServerError};

/// How long a thread waits for a connection's last bytes beyond the drain.
const LAST_LOOK: Duration = Duration::from_millis(20);

/// What the connections of a thread share.
pub(crate) struct Worker {
    kit: Kit,
    /// Connections over all threads.
    open: Arc<AtomicUsize>,
    /// Connections of this thread.
    load: Arc<AtomicUsize>,
}

impl Deref for Worker {
    type Target = Kit;

    fn deref(&self) -> &Kit {
        &self.kit
    }
}

/// One connection counted, for as long as this lives.
struct Counted(Rc<Worker>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        self.0.load.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The acceptors' end of a worker.
#[derive(Debug)]
struct Lane {
    inbox: mpsc::UnboundedSender<(TcpStream, Face)>,
    load: Arc<AtomicUsize>,
}

/// Where accepted connections go: to the thread that has the fewest.
#[derive(Clone, Debug)]
pub(crate) struct Lanes {
    lanes: Arc<[Lane]>,
    open: Arc<AtomicUsize>,
    connections_max: usize,
}

impl Lanes {
    /// Hands a connection over; drops it where there are too many, which closes it.
    pub(crate) fn hand_over(&self, stream: TcpStream, face: Face) {
        if self.open.load(Ordering::Acquire) >= self.connections_max {
            return;
        }
        let Some(lane) = self.lanes.iter().min_by_key(|lane| lane.load.load(Ordering::Acquire))
        else {
            return;
        };
        self.open.fetch_add(1, Ordering::AcqRel);
        lane.load.fetch_add(1, Ordering::AcqRel);
        if lane.inbox.send((stream, face)).is_err() {
            self.open.fetch_sub(1, Ordering::AcqRel);
            lane.load.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Whether no connection is open.
    pub(crate) fn are_idle(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }
}

/// What every I/O thread is given.
#[derive(Clone)]
pub(crate) struct Kit {
    pub(crate) app: Arc<App>,
    pub(crate) stages: Stages,
    pub(crate) compute: Compute,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) tls: Option<TlsAcceptor>,
}

/// Starts the I/O threads.
pub(crate) fn start(kit: &Kit) -> Result<(Lanes, Vec<JoinHandle<()>>), ServerError> {
    let open = Arc::new(AtomicUsize::new(0));
    let mut lanes = Vec::new();
    let mut threads = Vec::new();
    for index in 0..kit.app.config.thread_count() {
        let (sender, inbox) = mpsc::unbounded_channel();
        let load = Arc::new(AtomicUsize::new(0));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let kit = kit.clone();
        let (open, thread_load) = (Arc::clone(&open), Arc::clone(&load));
        let run = move || {
            let worker = Rc::new(Worker { kit, open, load: thread_load });
            LocalSet::new().block_on(&runtime, serve(worker, inbox));
        };
        threads.push(std::thread::Builder::new().name(format!("ferrule-io-{index}")).spawn(run)?);
        lanes.push(Lane { inbox: sender, load });
    }
    let connections_max = kit.app.config.limits.connections_max;
    Ok((Lanes { lanes: lanes.into(), open, connections_max }, threads))
}

/// Serves what comes in until the server stops; then whatever is left is dropped.
async fn serve(worker: Rc<Worker>, mut inbox: mpsc::UnboundedReceiver<(TcpStream, Face)>) {
    let mut stages = worker.stages.clone();
    loop {
        tokio::select! {
            next = inbox.recv() => match next {
                Some((stream, face)) => take(&worker, stream, face),
                None => break,
            },
            () = stages.reach(Stage::Stopped) => break,
        }
    }
    tokio::time::sleep(LAST_LOOK).await;
}

fn take(worker: &Rc<Worker>, stream: TcpStream, face: Face) {
    let counted = Counted(Rc::clone(worker));
    let worker = Rc::clone(worker);
    tokio::task::spawn_local(async move {
        connection::serve(worker, stream, face).await;
        drop(counted);
    });
}
