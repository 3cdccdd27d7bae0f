//! gRPC, straight on HTTP/2: unary calls are decoded, answered and encoded with nothing in between.

mod frame;
mod status;

use http::{Method, Request, Response, header};
use tokio::time::Instant;

use crate::App;
use crate::net::body::{BodyLimits, Reply, RequestBody, gather};
use status::{Code, Status};

/// Answers one call.
pub(crate) async fn respond(request: Request<RequestBody>, app: &App) -> Response<Reply> {
    match answer(request, app).await {
        Ok(response) => response,
        Err(status) => status.into_response(),
    }
}

async fn answer(request: Request<RequestBody>, app: &App) -> Result<Response<Reply>, Status> {
    let (head, mut body) = request.into_parts();
    check_head(&head)?;
    let limits = &app.config.limits;
    let limits = BodyLimits {
        bytes_max: limits.body_bytes_max,
        idle: limits.body_idle_timeout,
        deadline: Instant::now() + limits.request_timeout,
    };
    let body = gather(&mut body, limits).await.map_err(|error| Status::of_body(&error, limits))?;
    let _message = frame::message(&body)?;
    Err(Status::new(Code::Unimplemented, format!("unknown method {}", head.uri.path())))
}

fn check_head(head: &http::request::Parts) -> Result<(), Status> {
    let content_type = head.headers.get(header::CONTENT_TYPE);
    let is_grpc =
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if head.method == Method::POST && is_grpc {
        return Ok(());
    }
    Err(Status::new(
        Code::InvalidArgument,
        "this port speaks gRPC: expected POST with content-type application/grpc",
    ))
}
