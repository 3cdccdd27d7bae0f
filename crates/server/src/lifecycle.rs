//! A server's life: start, serve, drain, stop.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::access_log::AccessLog;
use crate::app::Phase;
use crate::compute::Compute;
use crate::net::connection::Face;
use crate::net::worker::{Kit, Lanes};
use crate::net::{listener, worker};
use crate::{App, Config, ServerError, tls};

/// For how long a draining server goes on as before, save that it is not ready and asks peers to
/// close: requests already on their way are answered, and balancers look elsewhere.
const NOTICE: Duration = Duration::from_millis(250);
const POLL: Duration = Duration::from_millis(5);
/// How often the models' files are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How soon the watching thread sees that the server ends.
const WATCH_STEP: Duration = Duration::from_millis(50);

/// How far the server is towards its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// All is open.
    Open,
    /// Not ready; answers say that the connection closes.
    Noticed,
    /// Nothing new is accepted; connections close as soon as nothing is in flight.
    Closing,
    /// Whatever is left is dropped.
    Stopped,
}

/// A view of the stage that can be waited on.
#[derive(Clone, Debug)]
pub(crate) struct Stages(watch::Receiver<Stage>);

impl Stages {
    fn now(&self) -> Stage {
        *self.0.borrow()
    }

    /// Waits for `stage` or a later one.
    pub(crate) async fn reach(&mut self, stage: Stage) {
        // An error means that the server is gone, which is later than any stage.
        let _ = self.0.wait_for(|now| *now >= stage).await;
    }
}

/// A running server. Dropping it stops it at once; [`Server::shutdown`] first lets it drain.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    http_address: SocketAddr,
    grpc_address: SocketAddr,
    stage: watch::Sender<Stage>,
    lanes: Lanes,
    acceptor: Threads,
    threads: Threads,
}

/// Threads that are waited for once.
type Threads = Mutex<Vec<JoinHandle<()>>>;

fn join(threads: &Threads) {
    for thread in threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // A thread that panicked has nothing left to wait for.
        let _ = thread.join();
    }
}

/// Loads the models, binds both ports and starts serving.
///
/// # Errors
/// [`ServerError`] where the configuration, a model or an address cannot be had; then nothing is
/// left running.
pub fn start(config: Config) -> Result<Server, ServerError> {
    let http = listener::bind(&config, Face::Http)?;
    let grpc = listener::bind(&config, Face::Grpc)?;
    let tls = tls::acceptor(&config)?;
    let app = Arc::new(App::new(config)?);
    let (http_address, grpc_address) = (http.local_addr()?, grpc.local_addr()?);
    let (stage, receiver) = watch::channel(Stage::Open);
    let stages = Stages(receiver);
    let kit = Kit {
        app: Arc::clone(&app),
        stages: stages.clone(),
        compute: Compute::start(app.config.thread_count(), app.config.limits.queue_max)?,
        access_log: app.config.access_log.then(AccessLog::start).transpose()?,
        tls,
    };
    let (lanes, mut threads) = worker::start(&kit)?;
    if app.config.watch {
        threads.push(start_watching(Arc::clone(&app), stages.clone())?);
    }
    let acceptor = Mutex::new(vec![start_accepting(http, grpc, lanes.clone(), stages)?]);
    app.set_phase(Phase::Ready);
    let threads = Mutex::new(threads);
    Ok(Server { app, http_address, grpc_address, stage, lanes, acceptor, threads })
}

fn start_accepting(
    http: TcpListener,
    grpc: TcpListener,
    lanes: Lanes,
    stages: Stages,
) -> Result<JoinHandle<()>, ServerError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || {
        let http = listener::accept(http, Face::Http, lanes.clone(), stages.clone());
        let grpc = listener::accept(grpc, Face::Grpc, lanes, stages);
        runtime.block_on(async { tokio::join!(http, grpc) });
    };
    Ok(std::thread::Builder::new().name("ferrule-accept".to_owned()).spawn(run)?)
}

fn start_watching(app: Arc<App>, stages: Stages) -> Result<JoinHandle<()>, ServerError> {
    let run = move || {
        let mut rested = Duration::ZERO;
        while stages.now() < Stage::Closing {
            std::thread::sleep(WATCH_STEP);
            rested = rested.saturating_add(WATCH_STEP);
            if rested >= WATCH_INTERVAL {
                rested = Duration::ZERO;
                app.refresh();
            }
        }
    };
    Ok(std::thread::Builder::new().name("ferrule-watch".to_owned()).spawn(run)?)
}

impl Server {
    /// What the requests share.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Where REST is served.
    pub fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Where gRPC is served.
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc_address
    }

    /// Drains and stops: not ready at once, nothing accepted after a short notice, requests in
    /// flight answered, all over after `drain_timeout` at the latest. Returns whether everything
    /// was answered.
    pub fn shutdown(&self) -> bool {
        let started = Instant::now();
        let longest = self.app.config.limits.drain_timeout;
        self.app.set_phase(Phase::Draining);
        self.advance(Stage::Noticed);
        self.wait(started, longest.min(NOTICE));
        self.advance(Stage::Closing);
        // Only then is the count of open connections the last word.
        join(&self.acceptor);
        self.wait(started, longest);
        let drained = self.lanes.are_idle();
        self.stop();
        drained
    }

    /// Stops at once: whatever is in flight is dropped.
    pub fn stop(&self) {
        self.app.set_phase(Phase::Draining);
        self.advance(Stage::Stopped);
        join(&self.acceptor);
        join(&self.threads);
    }

    fn advance(&self, stage: Stage) {
        self.stage.send_if_modified(|now| {
            let later = stage > *now;
            if later {
                *now = stage;
            }
            later
        });
    }

    /// Waits until no connection is open, or `longest` has gone by since `started`.
    fn wait(&self, started: Instant, longest: Duration) {
        let stopped = || *self.stage.borrow() == Stage::Stopped;
        while started.elapsed() < longest && !self.lanes.are_idle() && !stopped() {
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
