//! gRPC, straight on HTTP/2: unary calls are decoded, answered and encoded with nothing in between.

mod deadline;
mod frame;
mod health;
mod infer;
mod metadata;
mod predictor;
mod reflection;
mod repository;
mod status;

use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use ferrule_base::ErrorCode;
use http::{Method, Request, Response, header, request};
use prost::Message;

use crate::App;
use crate::net::body::{BodyLimits, Reply, RequestBody, gather};
use crate::net::connection::Connection;
use status::Status;

pub(crate) use status::refuse;

/// A unary method: a message's bytes to an answer's frame.
type Unary = fn(&App, Bytes) -> Result<Bytes, Status>;

enum Call {
    Unary(Unary),
    Watch,
    Reflect,
}

/// Answers one call.
pub(crate) async fn respond(
    connection: &Rc<Connection>,
    request: Request<RequestBody>,
    started: Instant,
) -> Response<Reply> {
    match answer(connection, request, started).await {
        Ok(response) => response,
        Err(status) => status.into_response(),
    }
}

async fn answer(
    connection: &Rc<Connection>,
    request: Request<RequestBody>,
    started: Instant,
) -> Result<Response<Reply>, Status> {
    let app = &connection.worker.app;
    let (head, mut body) = request.into_parts();
    check_head(&head)?;
    let call = find(head.uri.path())?;
    if matches!(call, Call::Reflect) {
        return Ok(reflection::stream(connection, body));
    }
    let limits = &app.config.limits;
    let deadline = deadline::of(&head.headers, started, limits.request_timeout)?;
    let body_limits = BodyLimits {
        bytes_max: limits.body_bytes_max,
        idle: limits.body_idle_timeout,
        deadline: deadline.into(),
    };
    let body = gather(&mut body, body_limits, &app.budget).await?;
    let message = frame::message(&body.bytes)?;
    match call {
        Call::Unary(method) => run(connection, method, message, deadline).await,
        Call::Watch => health::watch(connection, message),
        Call::Reflect => Err(Status::new(ErrorCode::Internal, "reflection takes a stream")),
    }
}

/// Runs a method here where it is a matter of microseconds, on the compute threads where it would
/// hold up other requests. One whose deadline has passed is not run.
async fn run(
    connection: &Connection,
    method: Unary,
    message: Bytes,
    deadline: Instant,
) -> Result<Response<Reply>, Status> {
    let app = &connection.worker.app;
    let expired =
        || Status::new(ErrorCode::DeadlineExceeded, "the deadline passed before the call ran");
    if Instant::now() >= deadline {
        return Err(expired());
    }
    let frame = if app.is_heavy(message.len()) {
        let shared = std::sync::Arc::clone(app);
        let job = move || {
            if Instant::now() >= deadline { Err(expired()) } else { method(&shared, message) }
        };
        connection.worker.compute.run(job).await??
    } else {
        method(app, message)?
    };
    Ok(status::success(frame))
}

fn check_head(head: &request::Parts) -> Result<(), Status> {
    let content_type = head.headers.get(header::CONTENT_TYPE);
    let is_grpc =
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if head.method == Method::POST && is_grpc {
        return Ok(());
    }
    Err(Status::new(
        ErrorCode::InvalidArgument,
        "this port speaks gRPC: expected POST with content-type application/grpc",
    ))
}

/// A method on messages as one on bytes.
macro_rules! unary {
    ($method:path) => {
        Call::Unary(|app, bytes| typed(app, bytes, $method))
    };
}

/// The table of methods. The first is the one that matters.
fn find(path: &str) -> Result<Call, Status> {
    Ok(match path {
        "/inference.GRPCInferenceService/ModelInfer" => unary!(infer::model_infer),
        "/ferrule.v1.Predictor/Predict" => unary!(predictor::predict),
        "/inference.GRPCInferenceService/ServerLive" => unary!(metadata::server_live),
        "/inference.GRPCInferenceService/ServerReady" => unary!(metadata::server_ready),
        "/inference.GRPCInferenceService/ModelReady" => unary!(metadata::model_ready),
        "/inference.GRPCInferenceService/ServerMetadata" => unary!(metadata::server_metadata),
        "/inference.GRPCInferenceService/ModelMetadata" => unary!(metadata::model_metadata),
        "/inference.GRPCInferenceService/ModelStatistics" => unary!(repository::statistics),
        "/inference.GRPCInferenceService/RepositoryIndex" => unary!(repository::index),
        "/inference.GRPCInferenceService/RepositoryModelLoad" => unary!(repository::load),
        "/inference.GRPCInferenceService/RepositoryModelUnload" => unary!(repository::unload),
        "/grpc.health.v1.Health/Check" => unary!(health::check),
        "/grpc.health.v1.Health/Watch" => Call::Watch,
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
        | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => Call::Reflect,
        _ => {
            let path: String = path.chars().take(128).collect();
            return Err(Status::new(
                ErrorCode::Unimplemented,
                format!("there is no method {path}"),
            ));
        }
    })
}

fn typed<Req: Message + Default, Resp: Message>(
    app: &App,
    bytes: Bytes,
    method: fn(&App, Req) -> Result<Resp, Status>,
) -> Result<Bytes, Status> {
    Ok(frame::encode(&method(app, frame::decode(bytes)?)?))
}
