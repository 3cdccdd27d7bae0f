//! gRPC's status codes, and the one table from our error codes to them.

use std::fmt::Write as _;

use ferrule_base::{Coded, ErrorCode};
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use crate::net::body::{BodyError, BodyLimits, Reply};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

/// gRPC's codes, as its specification numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Ok = 0,
    Cancelled = 1,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl From<ErrorCode> for Code {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::InvalidArgument => Self::InvalidArgument,
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::AlreadyExists => Self::AlreadyExists,
            ErrorCode::FailedPrecondition => Self::FailedPrecondition,
            ErrorCode::ResourceExhausted => Self::ResourceExhausted,
            ErrorCode::Unauthenticated => Self::Unauthenticated,
            ErrorCode::PermissionDenied => Self::PermissionDenied,
            ErrorCode::DeadlineExceeded => Self::DeadlineExceeded,
            ErrorCode::Cancelled => Self::Cancelled,
            ErrorCode::Unavailable => Self::Unavailable,
            ErrorCode::Unimplemented => Self::Unimplemented,
            ErrorCode::DataLoss => Self::DataLoss,
            ErrorCode::Io | ErrorCode::Internal => Self::Internal,
        }
    }
}

/// How a call failed.
#[derive(Debug)]
pub(crate) struct Status {
    code: Code,
    message: String,
}

impl Status {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Why a body did not come.
    pub(crate) fn of_body(error: &BodyError, limits: BodyLimits) -> Self {
        match error {
            BodyError::TooLarge => Self::new(
                Code::ResourceExhausted,
                format!("the message is larger than {} bytes", limits.bytes_max),
            ),
            BodyError::Stalled => Self::new(Code::Cancelled, "the message stopped arriving"),
            BodyError::DeadlinePassed => {
                Self::new(Code::DeadlineExceeded, "the message did not arrive in time")
            }
            BodyError::Broken => Self::new(Code::Cancelled, "the message broke off"),
        }
    }

    /// A response of headers alone.
    pub(crate) fn into_response(self) -> Response<Reply> {
        let mut response = Response::new(Reply::whole(bytes::Bytes::new()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        headers.insert(GRPC_STATUS, HeaderValue::from(self.code as u16));
        if let Ok(message) = HeaderValue::try_from(percent_encode(&self.message)) {
            headers.insert(GRPC_MESSAGE, message);
        }
        response
    }
}

impl<E: Coded> From<E> for Status {
    fn from(error: E) -> Self {
        Self::new(error.code().into(), error.to_string())
    }
}

/// A unary call's answer.
pub(crate) fn success(frame: bytes::Bytes) -> Response<Reply> {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, const { HeaderValue::from_static("0") });
    let mut response = Response::new(Reply::unary(frame, trailers));
    response.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
    response
}

/// gRPC's encoding of messages: printable ASCII without `%` as it is, every other byte as `%XX`.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
