//! Predictions: `infer` with tensors, `:predict` with rows.

use std::time::Instant;

use bytes::Bytes;
use ferrule_artifact::TensorSpec;
use ferrule_base::Limits;
use ferrule_runtime::{InputTensor, OutputTensor, ServedModel, TensorData, Wanted};
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
    observed(&served, app, || infer_on(request, &served, &app.config.limits))
}

/// `POST /v1/models/{model}:predict`.
pub(super) fn rows(request: &Request<Bytes>, path: &ModelPath<'_>, app: &App) -> Answer {
    media::check_prediction(request)?;
    let served = find(path, app)?;
    observed(&served, app, || rows_on(request.body(), &served, &app.config.limits))
}

/// Counts what `predict` takes and how it ends.
fn observed(served: &ServedModel, app: &App, predict: impl FnOnce() -> Counted) -> Answer {
    let metrics = app.metrics.model(&served.name, &served.version);
    let _in_flight = metrics.enter();
    let started = Instant::now();
    let answer = predict();
    let outcome = answer.as_ref().map(|(_, rows)| *rows).map_err(RestError::code);
    metrics.observe(outcome, started.elapsed());
    answer.map(|(response, _)| response)
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
    let outputs = predict(served, &inputs, wanted)?;
    let response = respond::infer_response((&served.name, &served.version), &parsed, &outputs)?;
    Ok((response, row_count(&outputs)))
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
    let outputs = predict(served, &[input], Wanted::defaults(signature))?;
    let (spec, output) = outputs.first().ok_or_else(|| {
        RestError::bad_request(
            "every output of the model is on request; use /v2/models/{model}/infer",
        )
    })?;
    Ok((respond::predict_response(parsed.form, spec, output)?, row_count(&outputs)))
}

fn predict<'a>(
    served: &'a ServedModel,
    inputs: &[InputTensor<'_>],
    wanted: Wanted,
) -> Result<Vec<(&'a TensorSpec, OutputTensor)>, RestError> {
    let outputs = served.predict(inputs, wanted).map_err(|error| from_coded(&error))?;
    let specs = &served.model.signature().outputs;
    Ok(outputs
        .into_iter()
        .filter_map(|output| specs.get(output.index).map(|spec| (spec, output)))
        .collect())
}

fn row_count(outputs: &[(&TensorSpec, OutputTensor)]) -> u64 {
    let rows = outputs.first().and_then(|(_, output)| output.shape.first());
    rows.and_then(|rows| u64::try_from(*rows).ok()).unwrap_or(0)
}
