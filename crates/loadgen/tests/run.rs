//! Runs against small servers that answer right, wrong, late or not at all.

use bytes::Bytes;
use ferrule_base::DType;
use ferrule_loadgen::{
    Exchange, Load, LoadError, Protocol, Report, Rows, Target, Values, probe, run,
};
use ferrule_proto::inference::{
    ModelInferRequest, ModelInferResponse, model_infer_response::InferOutputTensor,
};
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use prost::Message;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// What a server does with call number n (from 0): the label to add, or a failure.
type Behaviour = fn(u64) -> Deed;

enum Deed {
    Answer { off_by: i32 },
    Refuse,
    Hang(Duration),
}

const GOOD: Behaviour = |_| Deed::Answer { off_by: 0 };

/// The label of a row is its first value, rounded.
fn label(value: f64) -> i32 {
    value.round() as i32
}

/// Starts a server on a free port; it lives as long as the test's process.
fn serve(protocol: Protocol, behaviour: Behaviour) -> Target {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            let calls = Arc::new(AtomicU64::new(0));
            loop {
                let stream = listener.accept().await.unwrap().0;
                stream.set_nodelay(true).unwrap();
                match protocol {
                    Protocol::Grpc => tokio::spawn(grpc(stream, behaviour, Arc::clone(&calls))),
                    Protocol::Rest => tokio::spawn(rest(stream, behaviour, Arc::clone(&calls))),
                };
            }
        });
    });
    let address = receiver.recv().unwrap().to_string();
    Target { protocol, address, model: "demo".to_owned(), api_key: None }
}

async fn grpc(stream: tokio::net::TcpStream, behaviour: Behaviour, calls: Arc<AtomicU64>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let deed = behaviour(calls.fetch_add(1, Ordering::SeqCst));
        tokio::spawn(async move {
            assert_eq!(request.uri().path(), "/inference.GRPCInferenceService/ModelInfer");
            let mut body = request.into_body();
            let mut bytes = Vec::new();
            while let Some(Ok(chunk)) = body.data().await {
                bytes.extend_from_slice(&chunk);
            }
            let (off_by, code) = match deed {
                Deed::Answer { off_by } => (off_by, "0"),
                Deed::Refuse => (0, "8"),
                Deed::Hang(pause) => {
                    thread::sleep(pause);
                    (0, "0")
                }
            };
            let request = ModelInferRequest::decode(&bytes[5..]).unwrap();
            let value = f64::from_le_bytes(request.raw_input_contents[0][..8].try_into().unwrap());
            let answer = ModelInferResponse {
                outputs: vec![InferOutputTensor {
                    name: "label".to_owned(),
                    datatype: "INT32".to_owned(),
                    shape: vec![1],
                    ..Default::default()
                }],
                raw_output_contents: vec![(label(value) + off_by).to_le_bytes().to_vec().into()],
                ..Default::default()
            }
            .encode_to_vec();
            let mut framed = vec![0];
            framed.extend_from_slice(&(answer.len() as u32).to_be_bytes());
            framed.extend_from_slice(&answer);
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", code.parse().unwrap());
            trailers.insert("grpc-message", "too%20much".parse().unwrap());
            if code == "0" {
                stream.send_data(Bytes::from(framed), false).unwrap();
            }
            stream.send_trailers(trailers).unwrap();
        });
    }
}

async fn rest(stream: tokio::net::TcpStream, behaviour: Behaviour, calls: Arc<AtomicU64>) {
    let service =
        hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let deed = behaviour(calls.fetch_add(1, Ordering::SeqCst));
            async move {
                assert_eq!(request.uri().path(), "/v2/models/demo/infer");
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
                let value = body["inputs"][0]["data"][0].as_f64().unwrap();
                let (status, off_by) = match deed {
                    Deed::Answer { off_by } => (200, off_by),
                    Deed::Refuse => (429, 0),
                    Deed::Hang(pause) => {
                        thread::sleep(pause);
                        (200, 0)
                    }
                };
                let text = match status {
                    200 => format!(r#"{{"outputs":[{{"data":[{}]}}]}}"#, label(value) + off_by),
                    _ => r#"{"error":"too much"}"#.to_owned(),
                };
                let response =
                    Response::builder().status(status).body(Full::new(Bytes::from(text)));
                Ok::<_, Infallible>(response.unwrap())
            }
        });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn exchanges(target: &Target) -> Result<Vec<Exchange>, LoadError> {
    let values: Vec<f64> = (0..16).flat_map(|row| [f64::from(row), 0.5]).collect();
    let rows = Rows { input: "X", dtype: DType::Fp64, values: &values, width: 2, per_request: 1 };
    probe(target, &rows, Duration::from_secs(5))
}

fn load(connections: usize, streams: usize) -> Load {
    Load {
        connections,
        streams,
        seconds: 0.3,
        warm_up: 0.05,
        rate: None,
        threads: 1,
        timeout: Duration::from_secs(5),
        check_every: 1,
    }
}

fn drive(protocol: Protocol, behaviour: Behaviour, load: &Load) -> Report {
    let target = serve(protocol, behaviour);
    let exchanges = exchanges(&target).unwrap();
    run(&target, &exchanges, load, &Arc::new(AtomicBool::new(false))).unwrap()
}

#[test]
fn a_good_server_is_driven_without_an_error_and_every_answer_is_checked() {
    for (protocol, streams) in [(Protocol::Grpc, 4), (Protocol::Rest, 1)] {
        let target = serve(protocol, GOOD);
        let exchanges = exchanges(&target).unwrap();
        let labels: Vec<_> = exchanges.iter().map(|e| e.values().clone()).collect();
        assert_eq!(labels[3], Values::Integers(vec![3]));
        let load = Load { threads: 2, ..load(3, streams) };
        let report = run(&target, &exchanges, &load, &Arc::default()).unwrap();
        assert!(report.throughput > 100.0, "{protocol:?}: {}", report.throughput);
        assert!(report.errors.is_empty(), "{:?}", report.errors);
        assert!(report.checked >= report.latency.count() && report.wrong == 0);
        assert!(report.drained <= 3 * streams as u64);
    }
}

#[test]
fn wrong_answers_are_found() {
    for protocol in [Protocol::Grpc, Protocol::Rest] {
        let report = drive(
            protocol,
            |call| Deed::Answer { off_by: i32::from(call >= 16 && call % 4 == 0) },
            &load(2, 1),
        );
        let share = report.wrong as f64 / report.checked as f64;
        assert!((share - 0.25).abs() < 0.05, "{protocol:?}: {share}");
    }
}

#[test]
fn errors_are_counted_by_their_text_and_are_not_throughput() {
    let behaviour: Behaviour = |call| match call {
        0..16 => Deed::Answer { off_by: 0 },
        _ => Deed::Refuse,
    };
    for (protocol, text) in
        [(Protocol::Grpc, "grpc status 8: too much"), (Protocol::Rest, "http 429: too much")]
    {
        let report = drive(protocol, behaviour, &load(2, 1));
        assert_eq!(report.errors.keys().collect::<Vec<_>>(), [text]);
        assert_eq!((report.throughput, report.latency.count()), (0.0, 0));
    }
}

#[test]
fn a_stall_is_counted_by_every_call_that_was_due_while_it_lasted() {
    // 200 ms of silence in a second at 500 calls/s: a fifth of the calls were late.
    let behaviour: Behaviour = |call| match call {
        216 => Deed::Hang(Duration::from_millis(200)),
        _ => Deed::Answer { off_by: 0 },
    };
    let load = Load { rate: Some(500.0), seconds: 1.0, ..load(4, 1) };
    let report = drive(Protocol::Grpc, behaviour, &load);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert_eq!((report.latency.count(), report.abandoned), (500, 0));
    let p90 = Duration::from_nanos(report.latency.quantile(0.9));
    assert!(p90 > Duration::from_millis(80), "p90 {p90:?} hides the stall");
    assert!(report.latency.max() > 180_000_000);
}

#[test]
fn a_call_without_an_answer_ends_at_its_timeout() {
    let behaviour: Behaviour = |call| match call {
        0..16 => Deed::Answer { off_by: 0 },
        _ => Deed::Hang(Duration::from_millis(700)),
    };
    let load = Load { timeout: Duration::from_millis(100), ..load(1, 1) };
    let report = drive(Protocol::Rest, behaviour, &load);
    assert!(report.errors.contains_key("no answer in time"), "{:?}", report.errors);
}

#[test]
fn a_run_stops_when_told() {
    let target = serve(Protocol::Grpc, GOOD);
    let exchanges = exchanges(&target).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let started = Instant::now();
    let setter = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        flag.store(true, Ordering::Relaxed);
    });
    let outcome = run(&target, &exchanges, &Load { seconds: 60.0, ..load(2, 2) }, &stop);
    setter.join().unwrap();
    assert!(matches!(outcome, Err(LoadError::Cancelled)), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_server_that_is_not_there_or_refuses_is_said_before_the_run() {
    let mut target = serve(Protocol::Grpc, |_| Deed::Refuse);
    let refused = exchanges(&target).unwrap_err();
    assert!(refused.to_string().ends_with("refused the request: grpc status 8: too much"));
    target.address = "127.0.0.1:1".to_owned();
    let missing = exchanges(&target).unwrap_err();
    assert!(matches!(missing, LoadError::Connect { .. }), "{missing}");
}

#[test]
fn a_load_that_makes_no_sense_is_refused() {
    let target = serve(Protocol::Rest, GOOD);
    let exchanges = exchanges(&target).unwrap();
    for bad in [
        Load { connections: 0, ..load(1, 1) },
        Load { seconds: f64::NAN, ..load(1, 1) },
        Load { rate: Some(-1.0), ..load(1, 1) },
        Load { threads: 0, ..load(1, 1) },
    ] {
        let outcome = run(&target, &exchanges, &bad, &Arc::default());
        assert!(matches!(outcome, Err(LoadError::Setting { .. })), "{bad:?}: {outcome:?}");
    }
}
