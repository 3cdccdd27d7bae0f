//! One request, whatever its protocol: who asks, what arrives, what is said of it.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ferrule_base::{Coded, ErrorCode};
use http::{HeaderValue, Request, Response, StatusCode, Version, header, request};

use crate::access_log::{AccessLog, Entry};
use crate::app::Phase;
use crate::compute::ComputeError;
use crate::net::body::{BodyError, BodyLimits, Reply, RequestBody, gather};
use crate::net::connection::{Connection, Face};
use crate::net::stream::InFlight;
use crate::{App, grpc, host, request_id, rest};

/// Answers one request of `connection`.
pub(crate) async fn respond(
    connection: Rc<Connection>,
    request: Request<RequestBody>,
) -> Result<Response<Reply>, Infallible> {
    let started = Instant::now();
    let in_flight = InFlight::begin(&connection.activity);
    let app = &*connection.worker.app;
    let id = request_id::of(request.headers(), app.config.limits.name_bytes_max);
    let logged = connection.worker.access_log.as_ref().map(|log| (log, Asked::of(&request)));
    let version = request.version();
    let mut response = match (admit(&request, &connection), connection.face) {
        (Ok(()), Face::Grpc) => grpc::respond(&connection, request, started).await,
        (Ok(()), Face::Http) => respond_http(&connection, request).await,
        (Err(refusal), Face::Grpc) => grpc::refuse(refusal.code, &refusal.text),
        (Err(refusal), Face::Http) => refuse(refusal.status(), &refusal.text),
    };
    if version < Version::HTTP_2 && app.phase() == Phase::Draining {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some((log, asked)) = logged {
        asked.log(log, &connection, &response, &id, started);
    }
    response.headers_mut().insert(request_id::X_REQUEST_ID, id);
    response.body_mut().hold(in_flight);
    Ok(response)
}

/// What the access log tells of a request that is consumed before its answer.
struct Asked {
    method: http::Method,
    path: String,
}

impl Asked {
    fn of(request: &Request<RequestBody>) -> Self {
        Self { method: request.method().clone(), path: request.uri().path().to_owned() }
    }

    fn log(
        &self,
        log: &AccessLog,
        connection: &Connection,
        response: &Response<Reply>,
        id: &HeaderValue,
        started: Instant,
    ) {
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
            method: self.method.as_str(),
            path: &self.path,
            status: status.unwrap_or(default),
            request_id: id.to_str().unwrap_or_default(),
            response_bytes: response.body().len(),
            elapsed: started.elapsed(),
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

async fn respond_http(connection: &Connection, request: Request<RequestBody>) -> Response<Reply> {
    let app = &connection.worker.app;
    let limits = &app.config.limits;
    let (head, mut body) = request.into_parts();
    if head.uri.path().len().saturating_add(head.uri.query().map_or(0, str::len))
        > limits.uri_bytes_max
    {
        let text = format!("the target is longer than {} bytes", limits.uri_bytes_max);
        return refuse(StatusCode::URI_TOO_LONG, &text);
    }
    let now = tokio::time::Instant::now();
    let limits = BodyLimits {
        bytes_max: limits.body_bytes_max,
        idle: limits.body_idle_timeout,
        deadline: now.checked_add(limits.request_timeout).unwrap_or(now),
    };
    match gather(&mut body, limits, &app.budget).await {
        Ok(body) => handle(connection, app, head, body.bytes).await,
        Err(error) => refuse(status_of(&error), &error.to_string()),
    }
}

/// Runs the REST face here, or on the compute threads where it would hold up other requests.
async fn handle(
    connection: &Connection,
    app: &Arc<App>,
    head: request::Parts,
    body: Bytes,
) -> Response<Reply> {
    let heavy = app.is_heavy(body.len());
    let request = Request::from_parts(head, body);
    if !heavy {
        return rest::handle(request, app).map(Reply::whole);
    }
    let shared = Arc::clone(app);
    match connection.worker.compute.run(move || rest::handle(request, &shared)).await {
        Ok(response) => response.map(Reply::whole),
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
