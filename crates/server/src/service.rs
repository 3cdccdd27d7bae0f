//! One request, whatever its protocol: who asks, what arrives, what is said of it.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use ferrule_base::{Coded, ErrorCode};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header, request};

use crate::access_log::Entry;
use crate::app::Phase;
use crate::batch::Handled;
use crate::compute::ComputeError;
use crate::net::body::{Arriving, BodyError, BodyLimits, Reply, RequestBody, gather};
use crate::net::connection::{Connection, Face};
use crate::net::stream::InFlight;
use crate::{App, grpc, host, request_id, rest};

/// An answer that is there, or one that will be.
///
/// Most requests are answered where they are accepted, so that their task carries an answer and not the
/// state of everything that might have had to be waited for.
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for each request")]
pub(crate) enum Answer {
    Now(Option<Response<Reply>>),
    Later(Pin<Box<dyn Future<Output = Response<Reply>>>>),
}

impl Answer {
    pub(crate) fn now(response: Response<Reply>) -> Self {
        Self::Now(Some(response))
    }

    pub(crate) fn later(response: impl Future<Output = Response<Reply>> + 'static) -> Self {
        Self::Later(Box::pin(response))
    }
}

impl Future for Answer {
    type Output = Result<Response<Reply>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Now(response) => {
                response.take().map_or(Poll::Pending, |now| Poll::Ready(Ok(now)))
            }
            Self::Later(response) => response.as_mut().poll(cx).map(Ok),
        }
    }
}

/// Answers one request of `connection`; after those of other connections where it has had its turn.
pub(crate) fn respond(connection: &Rc<Connection>, request: Request<RequestBody>) -> Answer {
    let asked = Asked::new(connection, &request);
    if connection.has_had_its_turn() {
        let connection = Rc::clone(connection);
        return Answer::later(async move {
            tokio::task::yield_now().await;
            let Ok(response) = answer(&connection, request, asked.started).await;
            asked.finish(&connection, response)
        });
    }
    match answer(connection, request, asked.started) {
        Answer::Now(response) => {
            Answer::Now(response.map(|response| asked.finish(connection, response)))
        }
        Answer::Later(response) => {
            let connection = Rc::clone(connection);
            Answer::later(async move { asked.finish(&connection, response.await) })
        }
    }
}

fn answer(connection: &Rc<Connection>, request: Request<RequestBody>, started: Instant) -> Answer {
    let refusal = admit(&request, connection).err();
    let (head, body) = request.into_parts();
    let body = Arriving::new(body);
    match (refusal, connection.face) {
        (None, Face::Grpc) => grpc::respond(connection, head, body, started),
        (None, Face::Http) => respond_http(connection, head, body),
        (Some(refusal), Face::Grpc) => Answer::now(grpc::refuse(refusal.code, &refusal.text)),
        (Some(refusal), Face::Http) => Answer::now(refuse(refusal.status(), &refusal.text)),
    }
}

/// What is kept of a request until it is answered.
struct Asked {
    started: Instant,
    in_flight: InFlight,
    id: HeaderValue,
    version: Version,
    /// For the access log, where there is one.
    line: Option<(Method, String)>,
}

impl Asked {
    fn new(connection: &Rc<Connection>, request: &Request<RequestBody>) -> Self {
        let limits = &connection.worker.app.config.limits;
        let logs = connection.worker.access_log.is_some();
        Self {
            started: Instant::now(),
            in_flight: InFlight::begin(&connection.activity),
            id: request_id::of(request.headers(), limits.name_bytes_max),
            version: request.version(),
            line: logs.then(|| (request.method().clone(), request.uri().path().to_owned())),
        }
    }

    fn finish(self, connection: &Connection, mut response: Response<Reply>) -> Response<Reply> {
        let draining = connection.worker.app.phase() == Phase::Draining;
        if draining && self.version < Version::HTTP_2 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        self.log(connection, &response);
        response.headers_mut().insert(request_id::X_REQUEST_ID, self.id);
        response.body_mut().hold(self.in_flight);
        response
    }

    fn log(&self, connection: &Connection, response: &Response<Reply>) {
        let (Some(log), Some((method, path))) = (&connection.worker.access_log, &self.line) else {
            return;
        };
        let http_status = response.status();
        let (protocol, status) = match connection.face {
            Face::Grpc => ("grpc", response.headers().get("grpc-status")),
            Face::Http => ("http", None),
        };
        let status = status.and_then(|status| status.to_str().ok());
        let default = if protocol == "grpc" { "0" } else { http_status.as_str() };
        log.write(&Entry {
            protocol,
            peer: connection.peer.map(|peer| peer.to_string()).unwrap_or_default(),
            method: method.as_str(),
            path,
            status: status.unwrap_or(default),
            request_id: self.id.to_str().unwrap_or_default(),
            response_bytes: response.body().len(),
            elapsed: self.started.elapsed(),
        });
    }
}

/// Why a request was turned away at the door.
struct Refusal {
    code: ErrorCode,
    text: String,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self.code {
            ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorCode::PermissionDenied => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Paths that probes ask without a key: they tell nothing but that the server is there.
const OPEN_PATHS: [&str; 6] = [
    "/healthz",
    "/readyz",
    "/v2/health/live",
    "/v2/health/ready",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
];

fn admit(request: &Request<RequestBody>, connection: &Connection) -> Result<(), Refusal> {
    let app = &connection.worker.app;
    if connection.face == Face::Http && !host::is_allowed(request, app) {
        return Err(Refusal {
            code: ErrorCode::PermissionDenied,
            text: "this Host is not served; start the server with --allowed-host to allow it"
                .to_owned(),
        });
    }
    match &app.keys {
        Some(keys) if !keys.admit(request.headers()) => {
            if OPEN_PATHS.contains(&request.uri().path()) {
                return Ok(());
            }
            let text = "an API key is needed: send `Authorization: Bearer KEY`".to_owned();
            Err(Refusal { code: ErrorCode::Unauthenticated, text })
        }
        _ => Ok(()),
    }
}

fn respond_http(connection: &Rc<Connection>, head: request::Parts, mut body: Arriving) -> Answer {
    let app = &connection.worker.app;
    let limits = &app.config.limits;
    let target = head.uri.path().len().saturating_add(head.uri.query().map_or(0, str::len));
    if target > limits.uri_bytes_max {
        let text = format!("the target is longer than {} bytes", limits.uri_bytes_max);
        return Answer::now(refuse(StatusCode::URI_TOO_LONG, &text));
    }
    if let Some(whole) = body.take_whole() {
        if whole.len() <= limits.body_bytes_max && !app.is_heavy(whole.len()) {
            let request = Request::from_parts(head, whole);
            return match rest::begin(request, app) {
                Handled::Now(response) => Answer::now(response.map(Reply::whole)),
                Handled::Waits(waits) => {
                    let (connection, deadline) = (Rc::clone(connection), deadline(app));
                    Answer::later(async move {
                        waits.answer(&connection.worker, deadline).await.map(Reply::whole)
                    })
                }
            };
        }
        body.put_back(whole);
    }
    let deadline = deadline(app);
    let limits = BodyLimits {
        bytes_max: limits.body_bytes_max,
        idle: limits.body_idle_timeout,
        deadline: deadline.into(),
    };
    let connection = Rc::clone(connection);
    Answer::later(async move {
        let app = &connection.worker.app;
        match gather(body, limits, &app.budget).await {
            Ok(body) => handle(&connection, app, head, body.bytes, deadline).await,
            Err(error) => refuse(status_of(&error), &error.to_string()),
        }
    })
}

/// When a request that is read now must have ended.
fn deadline(app: &App) -> Instant {
    let now = Instant::now();
    now.checked_add(app.config.limits.request_timeout).unwrap_or(now)
}

/// Runs the REST face here, or on the compute threads where it would hold up other requests.
async fn handle(
    connection: &Connection,
    app: &Arc<App>,
    head: request::Parts,
    body: Bytes,
    deadline: Instant,
) -> Response<Reply> {
    let heavy = app.is_heavy(body.len());
    let request = Request::from_parts(head, body);
    let handled = if heavy {
        let shared = Arc::clone(app);
        connection.worker.compute.run(move || rest::begin(request, &shared)).await
    } else {
        Ok(rest::begin(request, app))
    };
    match handled {
        Ok(Handled::Now(response)) => response.map(Reply::whole),
        Ok(Handled::Waits(waits)) => {
            waits.answer(&connection.worker, deadline).await.map(Reply::whole)
        }
        Err(error @ ComputeError::Full { .. }) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
        Err(error @ ComputeError::Lost) => {
            refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
        }
    }
}

fn status_of(error: &BodyError) -> StatusCode {
    match (error, error.code()) {
        (BodyError::TooLarge { .. }, _) => StatusCode::PAYLOAD_TOO_LARGE,
        (_, ErrorCode::ResourceExhausted) => StatusCode::SERVICE_UNAVAILABLE,
        (_, ErrorCode::DeadlineExceeded) => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn refuse(status: StatusCode, message: &str) -> Response<Reply> {
    let body = serde_json::json!({ "error": message }).to_string();
    let mut response = Response::new(Reply::whole(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}
