//! Errors as REST tells them: a status and `{"error": "..."}`.

use bytes::Bytes;
use ferrule_base::{Coded, ErrorCode};
use http::{HeaderValue, Response, StatusCode, header};

use super::json::{Fault, write_str};

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) struct RestError {
    pub(crate) status: StatusCode,
    message: String,
    allow: Option<&'static str>,
}

impl RestError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), allow: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// An error of another crate; the message must be fit for any client.
    pub(crate) fn of_code(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(status_of(code), message)
    }

    /// The resource exists but does not answer this method; `allow` lists those that it answers.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("the method is not allowed here; use {allow}");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, message) }
    }

    /// The code that the metrics count this error under.
    pub(crate) fn code(&self) -> ErrorCode {
        match self.status {
            StatusCode::NOT_FOUND => ErrorCode::NotFound,
            StatusCode::CONFLICT => ErrorCode::FailedPrecondition,
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::ResourceExhausted,
            StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Unavailable,
            StatusCode::GATEWAY_TIMEOUT => ErrorCode::DeadlineExceeded,
            status if status.is_client_error() => ErrorCode::InvalidArgument,
            _ => ErrorCode::Internal,
        }
    }

    pub(crate) fn into_response(self) -> Response<Bytes> {
        let mut body = Vec::with_capacity(self.message.len().saturating_add(16));
        body.extend_from_slice(b"{\"error\":");
        write_str(&mut body, &self.message);
        body.push(b'}');
        let mut response = json_response(body);
        *response.status_mut() = self.status;
        if let Some(allow) = self.allow {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

impl From<Fault> for RestError {
    fn from(fault: Fault) -> Self {
        Self::bad_request(fault.to_string())
    }
}

/// The error of a crate whose messages name nothing of this machine, under the status of its code.
pub(crate) fn from_coded(error: &impl Coded) -> RestError {
    RestError::of_code(error.code(), error.to_string())
}

/// The one table from error codes to HTTP statuses.
fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidArgument => StatusCode::BAD_REQUEST,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::AlreadyExists | ErrorCode::FailedPrecondition => StatusCode::CONFLICT,
        ErrorCode::ResourceExhausted => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorCode::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::Cancelled | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        ErrorCode::DataLoss | ErrorCode::Io | ErrorCode::Internal => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// 200 with a JSON body.
pub(crate) fn json_response(body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
