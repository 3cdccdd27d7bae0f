//! An open-loop client: requests leave on a fixed timetable whatever the server does, and latency
//! counts from the intended send time, so that a stall is charged to every request it delayed.
//!
//! usage: open-loop rest|grpc PORT PATH BODY RATE SECONDS CONNECTIONS STREAMS REPLY_BYTES
//!
//! BODY is a file: what each request carries, framed already for gRPC. An answer counts as an error
//! unless its status is 200, its grpc-status (for gRPC) 0 and its body REPLY_BYTES long. The first
//! half second is warm-up. Prints one line of JSON; latencies in microseconds.

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Failure = Box<dyn Error>;

const WARM_UP: Duration = Duration::from_millis(500);

struct Plan {
    grpc: bool,
    port: u16,
    path: String,
    body: Bytes,
    rate: f64,
    duration: Duration,
    connections: usize,
    streams: usize,
    reply_bytes: usize,
}

impl Plan {
    fn parse() -> Result<Self, Failure> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let [kind, port, path, body, rate, seconds, connections, streams, reply] =
            arguments.as_slice()
        else {
            return Err("expected 9 arguments: see the head of open-loop.rs".into());
        };
        Ok(Self {
            grpc: kind == "grpc",
            port: port.parse()?,
            path: path.clone(),
            body: std::fs::read(body)?.into(),
            rate: rate.parse()?,
            duration: Duration::from_secs_f64(seconds.parse()?),
            connections: connections.parse()?,
            streams: streams.parse()?,
            reply_bytes: reply.parse()?,
        })
    }

    fn request(&self) -> http::request::Builder {
        let uri = format!("http://127.0.0.1:{}{}", self.port, self.path);
        let kind = if self.grpc { "application/grpc" } else { "application/json" };
        let builder = Request::builder().method(Method::POST).header("content-type", kind);
        match self.grpc {
            true => builder.uri(uri).header("te", "trailers"),
            false => builder.uri(&self.path).header("host", format!("127.0.0.1:{}", self.port)),
        }
    }
}

/// One connection or stream: it has at most one request in flight.
enum Slot {
    Rest(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Grpc(h2::client::SendRequest<Bytes>),
}

impl Slot {
    /// Sends one request and says whether the answer was what it should be.
    async fn call(&mut self, plan: &Plan) -> Result<bool, Failure> {
        match self {
            Self::Rest(sender) => {
                sender.ready().await?;
                let request = plan.request().body(Full::new(plan.body.clone()))?;
                let response = sender.send_request(request).await?;
                let fine = response.status() == 200;
                Ok(response.into_body().collect().await?.to_bytes().len() == plan.reply_bytes
                    && fine)
            }
            Self::Grpc(sender) => {
                *sender = sender.clone().ready().await?;
                let (response, mut upload) =
                    sender.send_request(plan.request().body(())?, false)?;
                upload.send_data(plan.body.clone(), true)?;
                let response = response.await?;
                let mut fine = response.status() == 200;
                let (mut body, mut length) = (response.into_body(), 0);
                while let Some(chunk) = body.data().await {
                    length += chunk?.len();
                }
                let trailers = body.trailers().await?;
                fine &= trailers.is_some_and(|t| t.get("grpc-status").is_some_and(|s| s == "0"));
                Ok(fine && length == plan.reply_bytes)
            }
        }
    }
}

async fn connect(plan: &Plan) -> Result<Vec<Slot>, Failure> {
    let mut slots = Vec::new();
    for _ in 0..plan.connections {
        let stream = TcpStream::connect(("127.0.0.1", plan.port)).await?;
        stream.set_nodelay(true)?;
        if plan.grpc {
            let (sender, connection) = h2::client::handshake(stream).await?;
            tokio::task::spawn_local(connection);
            slots.extend((0..plan.streams).map(|_| Slot::Grpc(sender.clone())));
        } else {
            let io = TokioIo::new(stream);
            let (sender, connection) = hyper::client::conn::http1::handshake(io).await?;
            tokio::task::spawn_local(connection);
            slots.push(Slot::Rest(sender));
        }
    }
    Ok(slots)
}

#[derive(Default)]
struct Tally {
    micros: Vec<f64>,
    errors: u64,
    late_sends: u64,
}

/// Runs the timetable of one slot: request j leaves at `first + j * interval`, or as soon after as
/// the one before it has been answered.
async fn drive(mut slot: Slot, plan: &Plan, first: Instant, interval: Duration) -> Tally {
    let mut tally = Tally::default();
    let (mut due, end) = (first, first + WARM_UP + plan.duration);
    let counted_from = first + WARM_UP;
    while due < end {
        tally.late_sends += u64::from(due >= counted_from && Instant::now() > due + interval);
        // Timers tick in milliseconds, which is too coarse here, so the client spins on its core.
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
        let fine = slot.call(plan).await.unwrap_or(false);
        if due >= counted_from {
            tally.micros.push(due.elapsed().as_secs_f64() * 1e6);
            tally.errors += u64::from(!fine);
        }
        due += interval;
    }
    tally
}

async fn run(plan: &'static Plan) -> Result<Tally, Failure> {
    let slots = connect(plan).await?;
    let interval = Duration::from_secs_f64(slots.len() as f64 / plan.rate);
    let start = Instant::now() + Duration::from_millis(20);
    let step = Duration::from_secs_f64(1.0 / plan.rate);
    let tasks: Vec<_> = slots
        .into_iter()
        .zip(0u32..)
        .map(|(slot, i)| tokio::task::spawn_local(drive(slot, plan, start + step * i, interval)))
        .collect();
    let mut all = Tally::default();
    for task in tasks {
        let tally = task.await?;
        all.micros.extend(tally.micros);
        all.errors += tally.errors;
        all.late_sends += tally.late_sends;
    }
    all.micros.sort_by(f64::total_cmp);
    Ok(all)
}

fn main() -> Result<(), Failure> {
    let plan: &'static Plan = Box::leak(Box::new(Plan::parse()?));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tally = tokio::task::LocalSet::new().block_on(&runtime, run(plan))?;
    let count = tally.micros.len();
    let at = |share: f64| tally.micros.get((count as f64 * share) as usize).or(tally.micros.last());
    println!(
        "{}",
        serde_json::json!({
            "requests": count, "errors": tally.errors, "late_sends": tally.late_sends,
            "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1.0),
        })
    );
    Ok(())
}
