//! Which bodies a request may bring, told from its headers.

use bytes::Bytes;
use http::{HeaderName, Request, StatusCode, header};

use super::error::RestError;

/// Errs for a body that is compressed, or says that it is something else than JSON or bytes.
///
/// What curl sends unless it is told otherwise is taken for JSON, so that `curl -d '{...}'` works.
///
/// # Errors
/// 415, with what is taken.
pub(crate) fn check_prediction(request: &Request<Bytes>) -> Result<(), RestError> {
    let taken = ["application/json", "application/octet-stream", CURL_DEFAULT];
    check(request, &taken)
}

const CURL_DEFAULT: &str = "application/x-www-form-urlencoded";

/// Errs for a body that a web page of another site could send unasked, and for a request that a web
/// page sent: what changes the server is not for them.
///
/// # Errors
/// 415 for the type of the body, 403 for a request with an `Origin`.
pub(crate) fn check_administration(request: &Request<Bytes>) -> Result<(), RestError> {
    if request.headers().contains_key(header::ORIGIN) {
        let message = "a web page may not change which models are loaded";
        return Err(RestError::new(StatusCode::FORBIDDEN, message));
    }
    check(request, &["application/json", "application/octet-stream"])
}

fn check(request: &Request<Bytes>, taken: &[&str]) -> Result<(), RestError> {
    let unsupported = |message| RestError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    if let Some(encoding) = request.headers().get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(unsupported(
            "the body is compressed; send it without `content-encoding`".into(),
        ));
    }
    let Some(given) = request.headers().get(header::CONTENT_TYPE) else { return Ok(()) };
    let given = given.as_bytes();
    let essence = given.split(|byte| *byte == b';').next().unwrap_or(given).trim_ascii();
    if taken.iter().any(|taken| essence.eq_ignore_ascii_case(taken.as_bytes())) {
        return Ok(());
    }
    let expected = "`application/json` (or `application/octet-stream` with binary tensors)";
    Err(unsupported(format!("expected the content type {expected}")))
}

/// A header that holds a number of bytes.
///
/// # Errors
/// 400 where it is not one.
pub(crate) fn byte_count(
    request: &Request<Bytes>,
    name: &HeaderName,
) -> Result<Option<usize>, RestError> {
    let Some(value) = request.headers().get(name) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let count = digits.and_then(|digits| digits.parse().ok());
    count.map(Some).ok_or_else(|| {
        RestError::bad_request(format!("header `{name}`: expected a number of bytes"))
    })
}
