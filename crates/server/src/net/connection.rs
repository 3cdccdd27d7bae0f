//! One connection: which protocol it speaks, and when it has to end.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::sending::Here;
use super::stream::{Activity, Watched};
use super::worker::Worker;
use crate::lifecycle::Stage;
use crate::service;

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// REST on HTTP/1.1 and HTTP/2.
    Http,
    /// gRPC on HTTP/2.
    Grpc,
}

/// How often a connection's watchdog looks.
const TICK: Duration = Duration::from_millis(500);
/// How long a connection that was told to end may take to say so.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a connection accepted as the doors closed may take to send its request.
const LAST_CALL: Duration = Duration::from_millis(100);
/// Bytes of an HTTP/2 client's preface and the head of its first frame.
const PREFACE_BYTES: u64 = 33;
/// How long a connection may answer requests before the others of its thread have their turn.
const TURN: Duration = Duration::from_micros(250);
const KIB: u32 = 1 << 10;

/// What the requests of a connection share.
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) activity: Rc<Activity>,
    pub(crate) face: Face,
    pub(crate) peer: Option<SocketAddr>,
}

impl Connection {
    /// Whether the others of this thread should have their turn before another request is answered.
    pub(crate) fn has_had_its_turn(&self) -> bool {
        self.activity.turn.get().elapsed() > TURN
    }
}

/// Serves one accepted connection to its end.
pub(crate) async fn serve(worker: Rc<Worker>, stream: std::net::TcpStream, face: Face) {
    if stream.set_nonblocking(true).is_err() || stream.set_nodelay(true).is_err() {
        return;
    }
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    let limits = &worker.app.config.limits;
    let first_byte = stream.readable();
    if !matches!(timeout(limits.first_byte_timeout, first_byte).await, Ok(Ok(()))) {
        return;
    }
    let peer = stream.peer_addr().ok();
    let Some(acceptor) = worker.tls.clone() else {
        let Some(http2) = speaks_http2(&stream, face, limits.header_timeout).await else { return };
        return run(worker, stream, face, http2, peer).await;
    };
    let handshake = timeout(limits.handshake_timeout, acceptor.accept(stream)).await;
    let Ok(Ok(stream)) = handshake else { return };
    let http2 = face == Face::Grpc || stream.get_ref().1.alpn_protocol() == Some(b"h2");
    run(worker, stream, face, http2, peer).await;
}

/// Whether the peer starts with HTTP/2's preface; `None` where it does not tell in time.
async fn speaks_http2(stream: &TcpStream, face: Face, patience: Duration) -> Option<bool> {
    const START: &[u8] = b"PRI ";
    if face == Face::Grpc {
        return Some(true);
    }
    let started = Instant::now();
    let mut seen = [0; START.len()];
    loop {
        let count = stream.peek(&mut seen).await.ok().filter(|count| *count > 0)?;
        let start = seen.get(..count)?;
        if !START.starts_with(start) {
            return Some(false);
        }
        if count == START.len() {
            return Some(true);
        }
        if started.elapsed() > patience {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn run<S>(worker: Rc<Worker>, stream: S, face: Face, http2: bool, peer: Option<SocketAddr>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let activity = Activity::new();
    let io = TokioIo::new(Watched::new(stream, Rc::clone(&activity)));
    let connection = Rc::new(Connection { worker, activity, face, peer });
    let shared = Rc::clone(&connection);
    let service = service_fn(move |request| service::respond(&shared, request));
    if http2 {
        let http = http2_builder(&connection).serve_connection(io, service);
        let http = pin!(http);
        watch(&connection, http, http2::Connection::graceful_shutdown, true).await;
    } else {
        let http = http1_builder(&connection.worker).serve_connection(io, service);
        let http = pin!(http);
        watch(&connection, http, http1::Connection::graceful_shutdown, false).await;
    }
}

fn http1_builder(worker: &Worker) -> http1::Builder {
    let limits = &worker.app.config.limits;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.keep_alive_timeout)
        .max_headers(limits.header_fields_max)
        .max_header_size(limits.header_bytes_max);
    builder
}

fn http2_builder(connection: &Connection) -> http2::Builder<Here> {
    let limits = &connection.worker.app.config.limits;
    let mut builder =
        http2::Builder::new(Here::new(&connection.activity, limits.body_idle_timeout));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(1024)
        .initial_stream_window_size(256 * KIB)
        .initial_connection_window_size(1024 * KIB)
        .max_send_buf_size(256 << 10)
        // HTTP asks for a date, gRPC does not.
        .auto_date_header(connection.face == Face::Http)
        .keep_alive_interval(limits.keep_alive_timeout.mul_f32(0.25))
        .keep_alive_timeout(limits.header_timeout);
    builder
}

/// Drives a connection; ends it when it stalls, idles too long, or the server drains.
async fn watch<C>(
    connection: &Connection,
    mut http: Pin<&mut C>,
    say_goodbye: fn(Pin<&mut C>),
    http2: bool,
) where
    C: Future<Output = Result<(), hyper::Error>>,
{
    let mut stages = connection.worker.stages.clone();
    let mut closing = false;
    let mut told: Option<Instant> = None;
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            // How a connection ended, the requests on it have said or logged.
            _ = turn(connection, http.as_mut()) => return,
            () = stages.reach(Stage::Closing), if !closing => {
                closing = true;
                if last_call(connection, http.as_mut()).await {
                    return;
                }
                say_goodbye(http.as_mut());
            }
            _ = tick.tick() => match verdict(connection, http2) {
                _ if told.is_some_and(|told| told.elapsed() > FAREWELL) => return,
                Verdict::Fine => {}
                Verdict::Idle if told.is_some() => {}
                Verdict::Idle => {
                    told = Some(Instant::now());
                    say_goodbye(http.as_mut());
                }
                Verdict::Stalled => return,
            },
        }
    }
}

/// Polls a connection, noting when each of its turns begins.
async fn turn<C: Future>(connection: &Connection, mut http: Pin<&mut C>) -> C::Output {
    poll_fn(|cx| {
        connection.activity.turn.set(Instant::now());
        http.as_mut().poll(cx)
    })
    .await
}

/// Lets a connection that has said nothing yet say it, before it is told to end. Whether it ended by
/// itself.
async fn last_call<C: Future<Output = Result<(), hyper::Error>>>(
    connection: &Connection,
    mut http: Pin<&mut C>,
) -> bool {
    if connection.activity.read.get() > 0 {
        return false;
    }
    let heard = poll_fn(|cx| {
        let ended = http.as_mut().poll(cx).is_ready();
        let heard = ended || connection.activity.read.get() > 0;
        if heard { Poll::Ready(ended) } else { Poll::Pending }
    });
    timeout(LAST_CALL, heard).await.unwrap_or(false)
}

enum Verdict {
    Fine,
    Idle,
    Stalled,
}

fn verdict(connection: &Connection, http2: bool) -> Verdict {
    let limits = &connection.worker.app.config.limits;
    let activity = &connection.activity;
    let blocked = activity.blocked_since.get();
    if blocked.is_some_and(|since| since.elapsed() > limits.body_idle_timeout) {
        return Verdict::Stalled;
    }
    if activity.in_flight.get() > 0 {
        let stuck =
            activity.moved.get().elapsed() > limits.request_timeout.saturating_add(FAREWELL);
        return if stuck { Verdict::Stalled } else { Verdict::Fine };
    }
    let head_is_late = activity.head_since.get().is_some_and(|since| {
        let whole = http2 && activity.read.get() >= PREFACE_BYTES;
        !whole && since.elapsed() > limits.header_timeout
    });
    if head_is_late {
        return Verdict::Stalled;
    }
    if activity.idle_since.get().elapsed() > limits.keep_alive_timeout {
        return Verdict::Idle;
    }
    Verdict::Fine
}
