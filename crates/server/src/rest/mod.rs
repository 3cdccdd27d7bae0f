//! REST: one synchronous, pure function from request to response.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};

use crate::App;

/// Answers a request whose whole body has arrived, within the limits.
pub fn handle(request: Request<Bytes>, app: &App) -> Response<Bytes> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/healthz" | "/v2/health/live") => {
            json(StatusCode::OK, r#"{"live":true}"#.to_owned())
        }
        (&Method::GET, "/readyz" | "/v2/health/ready") => {
            let ready = app.is_ready();
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            json(status, format!(r#"{{"live":true,"ready":{ready}}}"#))
        }
        _ => json(StatusCode::NOT_FOUND, r#"{"error":"no such path"}"#.to_owned()),
    }
}

fn json(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
