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
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ferrule_base::ErrorCode;
use http::{Method, Response, header, request};
use prost::Message;

use crate::App;
use crate::batch::Handled;
use crate::net::body::{Arriving, BodyLimits, Reply, gather};
use crate::net::connection::Connection;
use crate::service::Answer;

pub use status::Status;
pub(crate) use status::refuse;

/// A unary method: a message's bytes to an answer's frame.
type Unary = fn(&App, Bytes) -> Handled<Result<Bytes, Status>>;

enum Call {
    Unary(Unary),
    Watch,
    Reflect,
}

/// Answers a unary call whose body has arrived, within the limits: one framed message in, one out.
/// A message of reflection's stream is answered too.
///
/// # Errors
/// The status that the caller gets instead.
pub fn handle(path: &str, body: &Bytes, app: &App) -> Result<Bytes, Status> {
    let message = frame::message(body)?;
    match find(path)? {
        Call::Unary(method) => method(app, message).alone(),
        Call::Reflect => reflection::answer(message),
        Call::Watch => Err(Status::new(ErrorCode::Unimplemented, "the answer is a stream")),
    }
}

/// Answers one call: at once where its message has arrived and is a matter of microseconds.
pub(crate) fn respond(
    connection: &Rc<Connection>,
    head: request::Parts,
    mut body: Arriving,
    started: Instant,
) -> Answer {
    match answer_now(&connection.worker.app, &head, &mut body, started) {
        Ok(Some((Handled::Now(frame), _))) => Answer::now(response(frame)),
        Ok(Some((Handled::Waits(waits), deadline))) => {
            let connection = Rc::clone(connection);
            Answer::later(async move { response(waits.answer(&connection.worker, deadline).await) })
        }
        Ok(None) => {
            let connection = Rc::clone(connection);
            Answer::later(async move {
                let answer = answer_later(&connection, &head, body, started).await;
                answer.unwrap_or_else(Status::into_response)
            })
        }
        Err(status) => Answer::now(status.into_response()),
    }
}

fn response(frame: Result<Bytes, Status>) -> Response<Reply> {
    frame.map_or_else(Status::into_response, status::success)
}

/// What came of a call, and until when it must have ended.
type Begun = (Handled<Result<Bytes, Status>>, Instant);

/// The answer, or a prediction that is to be waited for, where the message has arrived.
fn answer_now(
    app: &App,
    head: &request::Parts,
    body: &mut Arriving,
    started: Instant,
) -> Result<Option<Begun>, Status> {
    check_head(head)?;
    let Call::Unary(method) = find(head.uri.path())? else { return Ok(None) };
    let Some(whole) = body.take_whole() else { return Ok(None) };
    if whole.len() > app.config.limits.body_bytes_max || app.is_heavy(whole.len()) {
        body.put_back(whole);
        return Ok(None);
    }
    let deadline = deadline::of(&head.headers, started, app.config.limits.request_timeout)?;
    check_deadline(deadline)?;
    Ok(Some((method(app, frame::message(&whole)?), deadline)))
}

async fn answer_later(
    connection: &Rc<Connection>,
    head: &request::Parts,
    body: Arriving,
    started: Instant,
) -> Result<Response<Reply>, Status> {
    let app = &connection.worker.app;
    let call = find(head.uri.path())?;
    if matches!(call, Call::Reflect) {
        return Ok(reflection::stream(connection, body.into_body()));
    }
    let limits = &app.config.limits;
    let deadline = deadline::of(&head.headers, started, limits.request_timeout)?;
    let body_limits = BodyLimits {
        bytes_max: limits.body_bytes_max,
        idle: limits.body_idle_timeout,
        deadline: deadline.into(),
    };
    let body = gather(body, body_limits, &app.budget).await?;
    let message = frame::message(&body.bytes)?;
    match call {
        Call::Unary(method) => run(connection, method, message, deadline).await,
        Call::Watch => health::watch(connection, message),
        Call::Reflect => Err(Status::new(ErrorCode::Internal, "reflection takes a stream")),
    }
}

fn check_deadline(deadline: Instant) -> Result<(), Status> {
    if Instant::now() < deadline {
        return Ok(());
    }
    Err(Status::new(ErrorCode::DeadlineExceeded, "the deadline passed before the call ran"))
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
    check_deadline(deadline)?;
    let handled = if app.is_heavy(message.len()) {
        let shared = Arc::clone(app);
        let job = move || check_deadline(deadline).map(|()| method(&shared, message));
        connection.worker.compute.run(job).await??
    } else {
        method(app, message)
    };
    let frame = match handled {
        Handled::Now(frame) => frame,
        Handled::Waits(waits) => waits.answer(&connection.worker, deadline).await,
    };
    Ok(status::success(frame?))
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
        Call::Unary(|app, bytes| Handled::Now(typed(app, bytes, $method)))
    };
}

/// A prediction on messages as one on bytes.
macro_rules! prediction {
    ($method:path) => {
        Call::Unary(|app, bytes| match frame::decode(bytes) {
            Ok(request) => $method(app, request).map(|answer| Ok(frame::encode(&answer?))),
            Err(status) => Handled::Now(Err(status)),
        })
    };
}

/// The table of methods. The first is the one that matters.
fn find(path: &str) -> Result<Call, Status> {
    Ok(match path {
        "/inference.GRPCInferenceService/ModelInfer" => prediction!(infer::model_infer),
        "/ferrule.v1.Predictor/Predict" => prediction!(predictor::predict),
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
