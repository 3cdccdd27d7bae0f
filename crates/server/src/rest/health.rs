//! Whether the server lives and takes traffic, and which methods a path answers.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::error::json_response;
use crate::App;

/// `GET /v2/health/live`: 200 for as long as requests are answered.
pub(super) fn live(app: &App) -> Response<Bytes> {
    json_response(body(app))
}

/// `GET /v2/health/ready`: 200 where traffic should come here, else 503.
pub(super) fn ready(app: &App) -> Response<Bytes> {
    let mut response = json_response(body(app));
    if !app.is_ready() {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// The specification's text and its examples disagree on the member's name, so both are there.
fn body(app: &App) -> Vec<u8> {
    format!(r#"{{"live":true,"ready":{}}}"#, app.is_ready()).into_bytes()
}

/// `OPTIONS`: which methods the path answers.
pub(super) fn options(allow: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}
