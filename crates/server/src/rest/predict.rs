//! Predictions: `infer` with tensors, `:predict` with rows.

use bytes::Bytes;
use ferrule_base::Limits;
use ferrule_runtime::{InputTensor, ServedModel, TensorData, Wanted, rows};
use http::Request;

use super::error::{RestError, from_coded};
use super::infer_request::InferRequest;
use super::path::ModelPath;
use super::predict_request::{PredictRequest, RowSpec};
use super::respond::{self, HEADER_LENGTH};
use super::{Answer, find, media};
use crate::App;

/// An answer, and how many rows it is about.
type Counted = Result<(http::Response<Bytes>, u64), RestError>;

/// `POST /v2/models/{model}/infer`.
pub(super) fn infer(request: &Request<Bytes>, path: &ModelPath<'_>, app: &App) -> Answer {
    media::check_prediction(request)?;
    let served = find(path, app)?;
    app.measure(&served, RestError::code, || infer_on(request, &served, &app.config.limits))
}

/// `POST /v1/models/{model}:predict`.
pub(super) fn predict(request: &Request<Bytes>, path: &ModelPath<'_>, app: &App) -> Answer {
    media::check_prediction(request)?;
    let served = find(path, app)?;
    app.measure(&served, RestError::code, || rows_on(request.body(), &served, &app.config.limits))
}

fn infer_on(request: &Request<Bytes>, served: &ServedModel, limits: &Limits) -> Counted {
    let header_length = media::byte_count(request, &HEADER_LENGTH)?;
    let parsed = InferRequest::parse(request.body(), header_length, limits)?;
    let inputs: Vec<InputTensor<'_>> = parsed
        .inputs
        .iter()
        .map(|input| InputTensor {
            name: &input.name,
            dtype: input.dtype,
            shape: &input.shape,
            data: TensorData::Raw(&input.bytes),
        })
        .collect();
    let signature = served.model.signature();
    let names = parsed.outputs.iter().map(|output| &*output.name);
    let wanted = Wanted::named(signature, names).map_err(|error| from_coded(&error))?;
    let outputs = served.predict(&inputs, wanted).map_err(|error| from_coded(&error))?;
    Ok((respond::infer_response(served, &parsed, &outputs)?, rows(&outputs)))
}

fn rows_on(body: &Bytes, served: &ServedModel, limits: &Limits) -> Counted {
    let signature = served.model.signature();
    let spec = RowSpec::of(signature).ok_or_else(|| {
        RestError::bad_request("the model does not take rows; use /v2/models/{model}/infer")
    })?;
    let parsed = PredictRequest::parse(body, spec, limits)?;
    let sizes = [parsed.rows, spec.width].map(|size| i64::try_from(size).unwrap_or(i64::MAX));
    let input = InputTensor {
        name: &spec.input.name,
        dtype: spec.input.dtype,
        shape: &sizes,
        data: TensorData::Raw(&parsed.bytes),
    };
    let wanted = Wanted::defaults(signature);
    let outputs = served.predict(&[input], wanted).map_err(|error| from_coded(&error))?;
    Ok((respond::predict_response(parsed.form, signature, &outputs)?, rows(&outputs)))
}
