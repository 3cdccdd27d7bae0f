//! The answers of `infer` and `:predict`, written straight to bytes.

use bytes::Bytes;
use ferrule_artifact::{Signature, TensorSpec};
use ferrule_base::DType;
use ferrule_runtime::{OutputTensor, ServedModel};
use http::{HeaderName, HeaderValue, Response, header};

use super::error::{RestError, json_response};
use super::infer_request::InferRequest;
use super::json::{write_str, write_tensor_values};
use super::predict_request;

/// Says where in a body the JSON ends and the binary data begins.
pub(crate) const HEADER_LENGTH: HeaderName =
    HeaderName::from_static("inference-header-content-length");

/// What the answer to an `infer` request takes from it.
pub(crate) struct Form {
    id: Option<String>,
    /// For each output of the model, whether it is to come as binary data.
    binary: Vec<bool>,
}

impl Form {
    pub(crate) fn of(request: &InferRequest<'_>, signature: &Signature) -> Self {
        let binary = signature.outputs.iter().map(|spec| request.wants_binary(&spec.name));
        Self { id: request.id.as_deref().map(str::to_owned), binary: binary.collect() }
    }
}

/// The answer to an `infer` request, with the outputs that it wants as binary data after the JSON.
///
/// # Errors
/// [`RestError`] where an output that is to come as JSON has a value that JSON has not.
pub(crate) fn infer_response(
    served: &ServedModel,
    form: &Form,
    outputs: &[OutputTensor],
) -> Result<Response<Bytes>, RestError> {
    let mut body = Vec::with_capacity(256);
    body.extend_from_slice(b"{\"model_name\":");
    write_str(&mut body, &served.name);
    body.extend_from_slice(b",\"model_version\":");
    write_str(&mut body, &served.version);
    if let Some(id) = &form.id {
        body.extend_from_slice(b",\"id\":");
        write_str(&mut body, id);
    }
    body.extend_from_slice(b",\"outputs\":[");
    let mut binary: Vec<&OutputTensor> = Vec::new();
    let specs = &served.model.signature().outputs;
    for (place, output) in outputs.iter().enumerate() {
        let Some(spec) = specs.get(output.index) else { continue };
        if place > 0 {
            body.push(b',');
        }
        let is_binary = form.binary.get(output.index) == Some(&true);
        write_output(&mut body, spec, output, is_binary)?;
        if is_binary {
            binary.push(output);
        }
    }
    body.extend_from_slice(b"]}");
    let header_length = body.len();
    binary.iter().for_each(|output| body.extend_from_slice(&output.bytes));
    let mut response = json_response(body);
    if !binary.is_empty() {
        let headers = response.headers_mut();
        headers.insert(HEADER_LENGTH, HeaderValue::from(header_length));
        let octets = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, octets);
    }
    Ok(response)
}

fn write_output(
    body: &mut Vec<u8>,
    spec: &TensorSpec,
    output: &OutputTensor,
    is_binary: bool,
) -> Result<(), RestError> {
    body.extend_from_slice(b"{\"name\":");
    write_str(body, &spec.name);
    body.extend_from_slice(b",\"datatype\":");
    write_str(body, output.dtype.oip_name());
    body.extend_from_slice(b",\"shape\":[");
    write_integers(body, &output.shape);
    if is_binary {
        body.extend_from_slice(b"],\"parameters\":{\"binary_data_size\":");
        body.extend_from_slice(itoa::Buffer::new().format(output.bytes.len()).as_bytes());
        body.extend_from_slice(b"}}");
        return Ok(());
    }
    body.extend_from_slice(b"],\"data\":[");
    write_values(body, spec, output.dtype, &output.bytes)?;
    body.extend_from_slice(b"]}");
    Ok(())
}

fn write_integers(body: &mut Vec<u8>, integers: &[i64]) {
    for (index, integer) in integers.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(itoa::Buffer::new().format(*integer).as_bytes());
    }
}

fn write_values(
    body: &mut Vec<u8>,
    spec: &TensorSpec,
    dtype: DType,
    bytes: &[u8],
) -> Result<(), RestError> {
    if write_tensor_values(body, dtype, bytes) {
        return Ok(());
    }
    Err(RestError::bad_request(format!(
        "output `{}` has a value that JSON has not (an infinity or a NaN): the inputs are so large \
         that it overflows; send smaller ones, or ask for binary data",
        spec.name
    )))
}

/// The answer to a `:predict` request: of the first output, for each row its value or its list.
///
/// # Errors
/// [`RestError`] where there is no output that comes unasked, or it has a value that JSON has not.
pub(crate) fn predict_response(
    form: predict_request::Form,
    signature: &Signature,
    outputs: &[OutputTensor],
) -> Result<Response<Bytes>, RestError> {
    let first = outputs.first();
    let first = first.and_then(|output| Some((signature.outputs.get(output.index)?, output)));
    let (spec, output) = first.ok_or_else(|| {
        RestError::bad_request("every output of this model must be asked for; use `infer`")
    })?;
    let mut body = Vec::with_capacity(64);
    body.extend_from_slice(match form {
        predict_request::Form::Rows => b"{\"predictions\":[".as_slice(),
        predict_request::Form::Columns => b"{\"outputs\":[".as_slice(),
    });
    write_rows(&mut body, spec, output, &output.shape, &output.bytes)?;
    body.extend_from_slice(b"]}");
    Ok(json_response(body))
}

/// Appends the elements of an array, those along its first axis with commas between them.
fn write_rows(
    body: &mut Vec<u8>,
    spec: &TensorSpec,
    output: &OutputTensor,
    shape: &[i64],
    bytes: &[u8],
) -> Result<(), RestError> {
    let Some((rows, inner @ [_, ..])) = shape.split_first() else {
        return write_values(body, spec, output.dtype, bytes);
    };
    let rows = usize::try_from(*rows).unwrap_or_default();
    let row_bytes = bytes.len().checked_div(rows).unwrap_or_default();
    for index in 0..rows {
        body.extend_from_slice(if index == 0 { b"[" } else { b",[" });
        let start = index.saturating_mul(row_bytes);
        let row = bytes.get(start..start.saturating_add(row_bytes)).unwrap_or_default();
        write_rows(body, spec, output, inner, row)?;
        body.push(b']');
    }
    Ok(())
}
