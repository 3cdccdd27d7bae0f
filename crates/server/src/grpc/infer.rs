//! `ModelInfer`: typed or raw contents to tensors, and back in the form that they came.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use ferrule_artifact::Signature;
use ferrule_base::{DType, Limits};
use ferrule_proto::inference::model_infer_request::InferInputTensor;
use ferrule_proto::inference::model_infer_response::InferOutputTensor;
use ferrule_proto::inference::{
    InferParameter, InferTensorContents, ModelInferRequest, ModelInferResponse,
};
use ferrule_runtime::{
    InputTensor, OutputTensor, RequestError, ServedModel, TensorData, Wanted, rows,
};

use ferrule_base::ErrorCode;

use super::status::Status;
use crate::App;
use crate::batch::Handled;

/// Parameters that would change what an input or output means; the others may be ignored.
const REFUSED_PARAMETERS: [&str; 2] = ["shared_memory_region", "classification"];

pub(super) fn model_infer(
    app: &App,
    request: ModelInferRequest,
) -> Handled<Result<ModelInferResponse, Status>> {
    let served = match app.registry.get(&request.model_name, &request.model_version) {
        Ok(served) => served,
        Err(error) => return Handled::Now(Err(error.into())),
    };
    app.measure(&served, Status::code, || {
        let begun = infer(&served, request, &app.config.limits);
        begun.unwrap_or_else(|status| Handled::Now(Err(status)))
    })
}

/// An answer, and how many rows it is about.
type Counted = Result<(ModelInferResponse, u64), Status>;

fn infer(
    served: &Arc<ServedModel>,
    request: ModelInferRequest,
    limits: &Limits,
) -> Result<Handled<Counted>, Status> {
    check_request(&request, limits)?;
    let signature = served.model.signature();
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for (index, input) in request.inputs.iter().enumerate() {
        let raw = request.raw_input_contents.get(index);
        inputs.push(read_input(input, raw, signature)?);
    }
    let names = request.outputs.iter().map(|output| output.name.as_str());
    let wanted = Wanted::named(signature, names)?;
    let raw = !request.raw_input_contents.is_empty();
    let (model, id) = (Arc::clone(served), request.id.clone());
    Ok(Handled::predict(served, &inputs, wanted, move |predicted| {
        let outputs = predicted?;
        let rows = rows(&outputs);
        let response = write_response(&model, outputs, raw);
        Ok((ModelInferResponse { id, ..response }, rows))
    }))
}

fn check_request(request: &ModelInferRequest, limits: &Limits) -> Result<(), Status> {
    if request.id.len() > limits.name_bytes_max {
        let (got, max) = (request.id.len(), limits.name_bytes_max);
        return Err(invalid(format!("id has {got} bytes; at most {max} are allowed")));
    }
    let tensors = request.inputs.len().max(request.outputs.len());
    if tensors > limits.tensors_max {
        let max = limits.tensors_max;
        return Err(invalid(format!(
            "the request has {tensors} tensors; at most {max} are allowed"
        )));
    }
    let (inputs, raw) = (request.inputs.len(), request.raw_input_contents.len());
    if raw != 0 && raw != inputs {
        return Err(invalid(format!(
            "raw_input_contents must have an entry for each of the {inputs} inputs, got {raw}"
        )));
    }
    let inputs = request.inputs.iter().map(|input| (&input.name, &input.parameters));
    let outputs = request.outputs.iter().map(|output| (&output.name, &output.parameters));
    inputs.chain(outputs).try_for_each(|(name, parameters)| check_parameters(name, parameters))
}

fn check_parameters(
    name: &str,
    parameters: &HashMap<String, InferParameter>,
) -> Result<(), Status> {
    let refused = REFUSED_PARAMETERS.iter().find(|refused| parameters.contains_key(**refused));
    match refused {
        None => Ok(()),
        Some(refused) => {
            Err(invalid(format!("tensor {name:?} has the parameter {refused}; leave it out")))
        }
    }
}

fn read_input<'a>(
    input: &'a InferInputTensor,
    raw: Option<&'a Bytes>,
    signature: &Signature,
) -> Result<InputTensor<'a>, Status> {
    let Some(dtype) = DType::from_oip_name(&input.datatype) else {
        let spec = signature.inputs.iter().find(|spec| spec.name == input.name);
        let spec = spec.or(signature.inputs.first());
        let got = input.datatype.chars().take(32).collect();
        let expected = spec.map_or(DType::Fp64, |spec| spec.dtype);
        let input = input.name.clone();
        return Err(RequestError::UnknownDataType { input, expected, got }.into());
    };
    let data = match (raw, &input.contents) {
        (Some(_), Some(contents)) if *contents != InferTensorContents::default() => {
            let name = &input.name;
            return Err(invalid(format!(
                "input {name:?} has both contents and raw_input_contents; give one of them"
            )));
        }
        (Some(raw), _) => TensorData::Raw(raw),
        (None, Some(contents)) => typed(&input.name, dtype, contents)?,
        (None, None) => TensorData::Other(0),
    };
    Ok(InputTensor { name: &input.name, dtype, shape: &input.shape, data })
}

/// The one field of `contents` that fits `dtype`; the others must be empty.
fn typed<'a>(
    name: &str,
    dtype: DType,
    contents: &'a InferTensorContents,
) -> Result<TensorData<'a>, Status> {
    let lengths = [
        ("bool_contents", contents.bool_contents.len()),
        ("int_contents", contents.int_contents.len()),
        ("int64_contents", contents.int64_contents.len()),
        ("uint_contents", contents.uint_contents.len()),
        ("uint64_contents", contents.uint64_contents.len()),
        ("fp32_contents", contents.fp32_contents.len()),
        ("fp64_contents", contents.fp64_contents.len()),
        ("bytes_contents", contents.bytes_contents.len()),
    ];
    let field = match dtype {
        DType::Bool => "bool_contents",
        DType::Int8 | DType::Int16 | DType::Int32 => "int_contents",
        DType::Int64 => "int64_contents",
        DType::Uint8 | DType::Uint16 | DType::Uint32 => "uint_contents",
        DType::Uint64 => "uint64_contents",
        DType::Fp32 => "fp32_contents",
        DType::Fp64 => "fp64_contents",
        DType::Bytes => "bytes_contents",
        DType::Fp16 | DType::Bf16 => {
            return Err(invalid(format!("input {name:?}: {dtype} goes in raw_input_contents")));
        }
    };
    if let Some((other, _)) = lengths.iter().find(|(other, len)| *len > 0 && *other != field) {
        return Err(invalid(format!(
            "input {name:?} of datatype {dtype} must be in {field}, got {other}"
        )));
    }
    Ok(match dtype {
        DType::Fp32 => TensorData::Fp32(&contents.fp32_contents),
        DType::Fp64 => TensorData::Fp64(&contents.fp64_contents),
        DType::Int32 => TensorData::Int32(&contents.int_contents),
        DType::Int64 => TensorData::Int64(&contents.int64_contents),
        DType::Uint8 => TensorData::Uint8(&contents.uint_contents),
        DType::Bool => TensorData::Bool(&contents.bool_contents),
        _ => TensorData::Other(lengths.iter().map(|(_, len)| *len).max().unwrap_or(0)),
    })
}

fn write_response(
    served: &ServedModel,
    outputs: Vec<OutputTensor>,
    raw: bool,
) -> ModelInferResponse {
    let signature = served.model.signature();
    let mut response = ModelInferResponse {
        model_name: served.name.clone(),
        model_version: served.version.clone(),
        outputs: Vec::with_capacity(outputs.len()),
        ..ModelInferResponse::default()
    };
    for output in outputs {
        let name = signature.outputs.get(output.index).map(|spec| spec.name.clone());
        response.outputs.push(InferOutputTensor {
            name: name.unwrap_or_default(),
            datatype: output.dtype.oip_name().to_owned(),
            shape: output.shape,
            contents: (!raw).then(|| contents(output.dtype, &output.bytes)),
            ..InferOutputTensor::default()
        });
        if raw {
            response.raw_output_contents.push(Bytes::from(output.bytes));
        }
    }
    response
}

/// Little-endian bytes as the typed field of `dtype`.
fn contents(dtype: DType, bytes: &[u8]) -> InferTensorContents {
    let mut contents = InferTensorContents::default();
    match dtype {
        DType::Int32 => {
            let (chunks, _) = bytes.as_chunks();
            contents.int_contents = chunks.iter().map(|chunk| i32::from_le_bytes(*chunk)).collect();
        }
        DType::Int64 => {
            let (chunks, _) = bytes.as_chunks();
            contents.int64_contents =
                chunks.iter().map(|chunk| i64::from_le_bytes(*chunk)).collect();
        }
        DType::Uint8 => contents.uint_contents = bytes.iter().copied().map(u32::from).collect(),
        DType::Bool => contents.bool_contents = bytes.iter().map(|&byte| byte != 0).collect(),
        DType::Fp32 => {
            let (chunks, _) = bytes.as_chunks();
            contents.fp32_contents =
                chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
        }
        DType::Fp64 => {
            let (chunks, _) = bytes.as_chunks();
            contents.fp64_contents =
                chunks.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect();
        }
        _ => {}
    }
    contents
}

fn invalid(message: String) -> Status {
    Status::new(ErrorCode::InvalidArgument, message)
}
