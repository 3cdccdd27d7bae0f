//! Predictions: `infer` with tensors, `:predict` with rows.

use std::sync::Arc;

use bytes::Bytes;
use ferrule_artifact::TensorSpec;
use ferrule_base::Limits;
use ferrule_runtime::{InputTensor, OutputTensor, ServedModel, TensorData, Wanted, rows};
use http::Request;

use super::error::{RestError, from_coded};
use super::infer_request::InferRequest;
use super::path::ModelPath;
use super::predict_request::{Form, PredictRequest, RowSpec};
use super::predict_tensors::{self, PredictTensors, Rows};
use super::respond::{self, HEADER_LENGTH};
use super::{Answer, find, media};
use crate::App;
use crate::batch::{Handled, Predicted};

/// An answer, and how many rows it is about.
type Counted = Result<(http::Response<Bytes>, u64), RestError>;

/// `POST /v2/models/{model}/infer`.
pub(super) fn infer(request: &Request<Bytes>, path: &ModelPath<'_>, app: &App) -> Handled<Answer> {
    measured(request, path, app, |served| infer_on(request, served, &app.config.limits))
}

/// `POST /v1/models/{model}:predict`.
pub(super) fn predict(
    request: &Request<Bytes>,
    path: &ModelPath<'_>,
    app: &App,
) -> Handled<Answer> {
    measured(request, path, app, |served| rows_on(request.body(), served, &app.config.limits))
}

/// What `begin` makes or begins with the model that the path names, counted.
fn measured(
    request: &Request<Bytes>,
    path: &ModelPath<'_>,
    app: &App,
    begin: impl FnOnce(&Arc<ServedModel>) -> Result<Handled<Counted>, RestError>,
) -> Handled<Answer> {
    match media::check_prediction(request).and_then(|()| find(path, app)) {
        Ok(served) => app.measure(&served, RestError::code, || {
            begin(&served).unwrap_or_else(|error| Handled::Now(Err(error)))
        }),
        Err(error) => Handled::Now(Err(error)),
    }
}

fn infer_on(
    request: &Request<Bytes>,
    served: &Arc<ServedModel>,
    limits: &Limits,
) -> Result<Handled<Counted>, RestError> {
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
    let form = respond::Form::of(&parsed, signature);
    let model = Arc::clone(served);
    Ok(Handled::predict(served, &inputs, wanted, move |predicted| {
        let outputs = made(predicted)?;
        Ok((respond::infer_response(&model, &form, &outputs)?, rows(&outputs)))
    }))
}

fn rows_on(
    body: &Bytes,
    served: &Arc<ServedModel>,
    limits: &Limits,
) -> Result<Handled<Counted>, RestError> {
    let signature = served.model.signature();
    let Some(spec) = RowSpec::of(signature) else { return tensors_on(body, served, limits) };
    let parsed = PredictRequest::parse(body, spec, limits)?;
    let sizes = [parsed.rows, spec.width].map(|size| i64::try_from(size).unwrap_or(i64::MAX));
    let input = InputTensor {
        name: &spec.input.name,
        dtype: spec.input.dtype,
        shape: &sizes,
        data: TensorData::Raw(&parsed.bytes),
    };
    Ok(predicted(served, &[input], parsed.form))
}

/// As `rows_on`, of a model whose rows are no lists of numbers.
fn tensors_on(
    body: &Bytes,
    served: &Arc<ServedModel>,
    limits: &Limits,
) -> Result<Handled<Counted>, RestError> {
    let signature = served.model.signature();
    if !predict_tensors::takes_rows(signature) {
        return Err(RestError::bad_request(
            "the model does not take rows; use /v2/models/{model}/infer",
        ));
    }
    let parsed = PredictTensors::parse(body, signature, limits)?;
    let given = signature.inputs.iter().zip(&parsed.inputs);
    let given: Vec<(&TensorSpec, &Rows, Vec<i64>)> = given
        .filter_map(|(spec, rows)| Some((spec, rows.as_ref()?)))
        .map(|(spec, rows)| {
            let count = i64::try_from(rows.count).unwrap_or(i64::MAX);
            let inner = spec.shape.get(1..).unwrap_or_default();
            (spec, rows, std::iter::once(count).chain(inner.iter().copied()).collect())
        })
        .collect();
    let inputs: Vec<InputTensor<'_>> = given
        .iter()
        .map(|(spec, rows, shape)| InputTensor {
            name: &spec.name,
            dtype: spec.dtype,
            shape,
            data: TensorData::Raw(&rows.bytes),
        })
        .collect();
    Ok(predicted(served, &inputs, parsed.form))
}

/// The answer to rows, once it is there.
fn predicted(
    served: &Arc<ServedModel>,
    inputs: &[InputTensor<'_>],
    form: Form,
) -> Handled<Counted> {
    let model = Arc::clone(served);
    let wanted = Wanted::defaults(served.model.signature());
    Handled::predict(served, inputs, wanted, move |predicted| {
        let outputs = made(predicted)?;
        let response = respond::predict_response(form, model.model.signature(), &outputs)?;
        Ok((response, rows(&outputs)))
    })
}

fn made(predicted: Predicted) -> Result<Vec<OutputTensor>, RestError> {
    predicted.map_err(|error| from_coded(&error))
}
