//! `ferrule.v1.Predictor`: rows of packed doubles in, packed doubles out.

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_proto::predictor::{PredictRequest, PredictResponse};
use ferrule_runtime::{InputTensor, OutputTensor, ServedModel, TensorData, Wanted, rows};

use ferrule_base::ErrorCode;

use super::status::Status;
use crate::App;
use crate::batch::Handled;

pub(super) fn predict(
    app: &App,
    request: PredictRequest,
) -> Handled<Result<PredictResponse, Status>> {
    let served = match app.registry.get(&request.model, &request.version) {
        Ok(served) => served,
        Err(error) => return Handled::Now(Err(error.into())),
    };
    app.measure(&served, Status::code, || {
        let begun = begin(&served, &request);
        begun.unwrap_or_else(|status| Handled::Now(Err(status)))
    })
}

/// An answer, and how many rows it is about.
type Counted = Result<(PredictResponse, u64), Status>;

fn begin(served: &Arc<ServedModel>, request: &PredictRequest) -> Result<Handled<Counted>, Status> {
    let signature = served.model.signature();
    let unimplemented = |text| Status::new(ErrorCode::Unimplemented, text);
    let [spec] = signature.inputs.as_slice() else {
        return Err(unimplemented("the model takes more than one input; use ModelInfer"));
    };
    if spec.shape.len() != 2 || signature.outputs.iter().any(|output| output.shape.len() > 2) {
        return Err(unimplemented("the model does not take and give rows; use ModelInfer"));
    }
    let columns = columns(spec.shape.get(1).copied(), request)?;
    let row_count =
        i64::try_from(request.values.len()).ok().and_then(|len| len.checked_div(columns));
    let shape = [row_count.unwrap_or(0), columns];
    let narrow: Vec<f32>;
    let data = match spec.dtype {
        DType::Fp64 => TensorData::Fp64(&request.values),
        DType::Fp32 => {
            narrow = request.values.iter().map(|&value| value as f32).collect();
            TensorData::Fp32(&narrow)
        }
        _ => return Err(unimplemented("the model does not take floats; use ModelInfer")),
    };
    let input = InputTensor { name: &spec.name, dtype: spec.dtype, shape: &shape, data };
    let wanted = Wanted::defaults(signature);
    Ok(Handled::predict(served, &[input], wanted, |predicted| {
        let outputs = predicted?;
        let first = outputs.first().map(|output| (response(output), rows(&outputs)));
        first.ok_or_else(|| {
            let text = "the model has no output that comes unasked";
            Status::new(ErrorCode::FailedPrecondition, text)
        })
    }))
}

/// The model's number of columns, where the request agrees with it.
fn columns(expected: Option<i64>, request: &PredictRequest) -> Result<i64, Status> {
    let expected = expected.filter(|columns| *columns > 0).unwrap_or(1);
    let got = i64::from(request.columns);
    let invalid = |text| Err(Status::new(ErrorCode::InvalidArgument, text));
    if got != 0 && got != expected {
        return invalid(format!("columns must be {expected} for this model, got {got}"));
    }
    let values = request.values.len();
    if !i64::try_from(values).is_ok_and(|len| len.checked_rem(expected) == Some(0)) {
        return invalid(format!("values must be rows of {expected}, got {values} values"));
    }
    Ok(expected)
}

fn response(output: &OutputTensor) -> PredictResponse {
    let predictions = match output.dtype {
        DType::Int32 => {
            let (chunks, _) = output.bytes.as_chunks();
            chunks.iter().map(|chunk| f64::from(i32::from_le_bytes(*chunk))).collect()
        }
        DType::Fp32 => {
            let (chunks, _) = output.bytes.as_chunks();
            chunks.iter().map(|chunk| f64::from(f32::from_le_bytes(*chunk))).collect()
        }
        DType::Int64 => {
            let (chunks, _) = output.bytes.as_chunks();
            chunks.iter().map(|chunk| i64::from_le_bytes(*chunk) as f64).collect()
        }
        DType::Uint8 | DType::Bool => output.bytes.iter().copied().map(f64::from).collect(),
        _ => {
            let (chunks, _) = output.bytes.as_chunks();
            chunks.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect()
        }
    };
    let columns = output.shape.get(1).and_then(|columns| u32::try_from(*columns).ok());
    PredictResponse { predictions, columns: columns.unwrap_or(1) }
}
