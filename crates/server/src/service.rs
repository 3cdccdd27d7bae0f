//! One request, whatever its protocol: body, limits, identity, dispatch.

use std::convert::Infallible;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use tokio::time::Instant;

use crate::app::Phase;
use crate::net::body::{BodyError, BodyLimits, Reply, RequestBody, gather};
use crate::net::connection::{Connection, Face};
use crate::net::stream::InFlight;
use crate::{App, grpc, rest};

/// Answers one request of `connection`.
pub(crate) async fn respond(
    connection: Rc<Connection>,
    request: Request<RequestBody>,
) -> Result<Response<Reply>, Infallible> {
    let in_flight = InFlight::begin(&connection.activity);
    let app = &*connection.worker.app;
    let mut response = match connection.face {
        Face::Grpc => grpc::respond(request, app).await,
        Face::Http => respond_http(request, app).await,
    };
    response.body_mut().hold(in_flight);
    Ok(response)
}

async fn respond_http(request: Request<RequestBody>, app: &App) -> Response<Reply> {
    let version = request.version();
    let (head, mut body) = request.into_parts();
    let limits = &app.config.limits;
    if head.uri.path().len() > limits.uri_bytes_max {
        return refuse(StatusCode::URI_TOO_LONG, "the request target is too long");
    }
    let limits = BodyLimits {
        bytes_max: limits.body_bytes_max,
        idle: limits.body_idle_timeout,
        deadline: Instant::now() + limits.request_timeout,
    };
    let body = match gather(&mut body, limits).await {
        Ok(body) => body,
        Err(error) => return refuse_body(&error, limits.bytes_max),
    };
    let mut response = rest::handle(Request::from_parts(head, body), app);
    if app.phase() == Phase::Draining && version < http::Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(Reply::whole)
}

fn refuse_body(error: &BodyError, bytes_max: usize) -> Response<Reply> {
    match error {
        BodyError::TooLarge => refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body is larger than {bytes_max} bytes"),
        ),
        BodyError::Stalled => refuse(StatusCode::REQUEST_TIMEOUT, "the body stopped arriving"),
        BodyError::DeadlinePassed => {
            refuse(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
        }
        BodyError::Broken => refuse(StatusCode::BAD_REQUEST, "the body broke off"),
    }
}

fn refuse(status: StatusCode, message: &str) -> Response<Reply> {
    let body = serde_json::json!({ "error": message }).to_string();
    let mut response = Response::new(Reply::whole(Bytes::from(body)));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
