//! The JSON Schemas of a model's requests and answers, from its signature.

use ferrule_artifact::{Signature, TensorSpec};
use ferrule_base::DType;
use serde_json::{Map, Value, json};

use super::list;

/// The body of `infer`.
pub(super) fn infer_request(signature: &Signature) -> Value {
    let inputs: Vec<Value> = signature.inputs.iter().map(|spec| tensor(spec, "data")).collect();
    let names: Vec<&String> = signature.outputs.iter().map(|spec| &spec.name).collect();
    let output = json!({
        "type": "object",
        "required": ["name"],
        "properties": { "name": { "enum": names }, "parameters": parameters() },
    });
    json!({
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": { "type": "string" },
            "parameters": parameters(),
            "inputs": exactly(&inputs),
            "outputs": { "type": "array", "items": output, "uniqueItems": true },
        },
    })
}

/// The answer of `infer`.
pub(super) fn infer_response(signature: &Signature) -> Value {
    let outputs: Vec<Value> = signature.outputs.iter().map(|spec| tensor(spec, "data")).collect();
    json!({
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": { "type": "string" },
            "model_version": { "type": "string" },
            "id": { "type": "string" },
            "outputs": { "type": "array", "items": { "anyOf": outputs } },
        },
    })
}

/// The body of `:predict`: rows of the one input, or objects where inputs or features have names.
pub(super) fn predict_request(signature: &Signature) -> Value {
    let row_of = |spec: &TensorSpec| {
        let all = values(&spec.shape, spec);
        all.get("items").cloned().unwrap_or(all)
    };
    let inputs: Map<String, Value> =
        signature.inputs.iter().map(|spec| (spec.name.clone(), row_of(spec))).collect();
    let required: Vec<&String> =
        signature.inputs.iter().filter(|spec| !spec.optional).map(|spec| &spec.name).collect();
    let by_name = json!({ "type": "object", "required": required, "properties": inputs });
    let mut forms = match signature.inputs.as_slice() {
        [only] => vec![row_of(only)],
        _ => vec![by_name],
    };
    if let Some(names) = &signature.feature_names {
        let number = json!({ "type": "number" });
        let properties: Map<String, Value> =
            names.iter().map(|name| (name.clone(), number.clone())).collect();
        forms.push(json!({ "type": "object", "required": names, "properties": properties }));
    }
    json!({
        "type": "object",
        "required": ["instances"],
        "properties": { "instances": list(&json!({ "anyOf": forms })) },
    })
}

/// The answer of `:predict`: the first output of each row.
pub(super) fn predict_response(signature: &Signature) -> Value {
    let predictions = signature.outputs.first().map(|spec| values(&spec.shape, spec));
    json!({
        "type": "object",
        "required": ["predictions"],
        "properties": { "predictions": predictions },
    })
}

fn parameters() -> Value {
    let scalar = json!({ "type": ["string", "number", "boolean"] });
    json!({ "type": "object", "additionalProperties": scalar })
}

/// A JSON tensor of an Open Inference message.
fn tensor(spec: &TensorSpec, data: &str) -> Value {
    let shape: Vec<Value> = spec.shape.iter().map(|size| dimension(*size)).collect();
    let flat = list(&scalar(spec.dtype));
    json!({
        "type": "object",
        "required": ["name", "datatype", "shape", data],
        "properties": {
            "name": { "const": spec.name },
            "datatype": { "const": spec.dtype.oip_name() },
            "shape": exactly(&shape),
            data: { "anyOf": [flat, values(&spec.shape, spec)] },
        },
    })
}

fn exactly(items: &[Value]) -> Value {
    json!({
        "type": "array",
        "prefixItems": items,
        "items": false,
        "minItems": items.len(),
        "maxItems": items.len(),
    })
}

fn dimension(size: i64) -> Value {
    match size {
        -1 => json!({ "type": "integer", "minimum": 0 }),
        size => json!({ "const": size }),
    }
}

/// Nested lists of `shape`.
fn values(shape: &[i64], spec: &TensorSpec) -> Value {
    let Some((&size, inner)) = shape.split_first() else { return scalar(spec.dtype) };
    let items = values(inner, spec);
    match size {
        -1 => list(&items),
        size => json!({ "type": "array", "items": items, "minItems": size, "maxItems": size }),
    }
}

fn scalar(dtype: DType) -> Value {
    match dtype {
        DType::Fp16 | DType::Bf16 | DType::Fp32 | DType::Fp64 => json!({ "type": "number" }),
        DType::Bool => json!({ "type": "boolean" }),
        DType::Bytes => json!({ "type": "string" }),
        _ => json!({ "type": "integer" }),
    }
}
