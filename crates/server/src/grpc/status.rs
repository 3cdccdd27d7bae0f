//! gRPC's status codes, the one table from our error codes to them, and the responses that carry them.

use std::fmt::Write as _;
use std::future::Future;

use bytes::Bytes;
use ferrule_base::{Coded, ErrorCode};
use ferrule_runtime::RuntimeError;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body::Frame;
use tokio::sync::mpsc;

use crate::net::body::Reply;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");
/// Messages of a stream that wait for the caller to read.
const STREAM_DEPTH: usize = 4;

/// gRPC's codes, as its specification numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
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
pub struct Status {
    code: ErrorCode,
    message: String,
}

impl Status {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What kind of failure it is.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the caller is told.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Why a model was not loaded, without the paths.
    pub(super) fn of_load(error: &RuntimeError) -> Self {
        Self::new(error.code(), error.public_message())
    }

    /// A response of headers alone.
    pub(super) fn into_response(self) -> Response<Reply> {
        let mut response = Response::new(Reply::whole(Bytes::new()));
        response.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
        self.write(response.headers_mut());
        response
    }

    fn write(&self, headers: &mut HeaderMap) {
        headers.insert(GRPC_STATUS, HeaderValue::from(Code::from(self.code) as u16));
        if let Ok(message) = HeaderValue::try_from(percent_encode(&self.message)) {
            headers.insert(GRPC_MESSAGE, message);
        }
    }
}

impl<E: Coded> From<E> for Status {
    fn from(error: E) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// The response for a request that was refused before it reached a method.
pub(crate) fn refuse(code: ErrorCode, message: &str) -> Response<Reply> {
    Status::new(code, message).into_response()
}

/// A unary call's answer.
pub(super) fn success(frame: Bytes) -> Response<Reply> {
    let mut response = Response::new(Reply::unary(frame, ok_trailers()));
    response.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
    response
}

fn ok_trailers() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, const { HeaderValue::from_static("0") });
    trailers
}

/// A streaming call's answer: what `write` sends, then how it ended. It runs on this thread.
pub(super) fn streaming<F>(
    write: impl FnOnce(mpsc::Sender<Frame<Bytes>>) -> F + 'static,
) -> Response<Reply>
where
    F: Future<Output = Result<(), Status>> + 'static,
{
    let (sender, receiver) = mpsc::channel(STREAM_DEPTH);
    tokio::task::spawn_local(async move {
        let mut trailers = ok_trailers();
        if let Err(status) = write(sender.clone()).await {
            status.write(&mut trailers);
        }
        // An error means that the caller is gone.
        let _ = sender.send(Frame::trailers(trailers)).await;
    });
    let mut response = Response::new(Reply::streaming(receiver));
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
