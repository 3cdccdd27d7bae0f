//! What a client of a model needs: its OpenAPI document, its protobuf, and requests ready to send.

use std::fmt::Write as _;
use std::str::FromStr;

use ferrule_artifact::{Manifest, TensorSpec};
use ferrule_base::DType;
use serde_json::{Value, json};

use crate::openapi::{self, Offer};
use crate::rest;

/// Which description of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaKind {
    /// The OpenAPI 3.1 document of a server that offers the model.
    OpenApi,
    /// The protobuf that gRPC clients are generated from.
    Proto,
    /// A request, and programs in three languages that send it.
    Example,
}

impl FromStr for SchemaKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "openapi" => Ok(Self::OpenApi),
            "proto" => Ok(Self::Proto),
            "example" => Ok(Self::Example),
            other => Err(format!("expected `openapi`, `proto` or `example`, got `{other}`")),
        }
    }
}

/// The description of a model that is served as `name`.
pub fn schema(name: &str, manifest: &Manifest, kind: SchemaKind) -> String {
    match kind {
        SchemaKind::OpenApi => {
            pretty(&openapi::document(&[Offer { name, versions: &[], manifest }]))
        }
        SchemaKind::Proto => proto(name, manifest),
        SchemaKind::Example => example(name, manifest),
    }
}

fn pretty(value: &Value) -> String {
    let mut text = format!("{value:#}");
    text.push('\n');
    text
}

fn shape_text(shape: &[i64]) -> String {
    let sizes: Vec<String> = shape.iter().map(i64::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

fn proto(name: &str, manifest: &Manifest) -> String {
    let mut text = format!("// The model `{name}` ({}):\n", manifest.kind);
    let signature = &manifest.signature;
    let mut describe = |role: &str, specs: &[TensorSpec]| {
        for TensorSpec { name, dtype, shape, optional } in specs {
            let shape = shape_text(shape);
            let optional = if *optional { ", on request" } else { "" };
            let _ = writeln!(text, "//   {role} `{name}`: {dtype} {shape}{optional}");
        }
    };
    describe("input", &signature.inputs);
    describe("output", &signature.outputs);
    text.push_str(
        "// ferrule.v1.Predictor is for lean clients; inference.GRPCInferenceService is\n",
    );
    text.push_str("// the Open Inference Protocol, for existing ones. Both are served.\n\n");
    text.push_str(ferrule_proto::FERRULE_V1_PROTO);
    text
}

/// One row for an input: small numbers, none of them special.
fn example_row(input: &TensorSpec) -> Vec<Value> {
    let sizes = input.shape.iter().map(|&size| usize::try_from(size).unwrap_or(1));
    let count = sizes.fold(1usize, usize::saturating_mul).min(EXAMPLE_ELEMENTS_MAX);
    let element = |place: usize| match input.dtype {
        DType::Fp16 | DType::Bf16 | DType::Fp32 | DType::Fp64 => json!(0.5 + (place % 10) as f64),
        DType::Bool => json!(place.is_multiple_of(2)),
        _ => json!(place % 10),
    };
    (0..count).map(element).collect()
}

/// Elements beyond which an example of an input is cut.
const EXAMPLE_ELEMENTS_MAX: usize = 65_536;

fn example_tensor(input: &TensorSpec) -> Value {
    let shape: Vec<i64> = input.shape.iter().map(|&size| if size < 0 { 1 } else { size }).collect();
    json!({
        "name": input.name,
        "datatype": input.dtype.oip_name(),
        "shape": shape,
        "data": example_row(input),
    })
}

fn example(name: &str, manifest: &Manifest) -> String {
    let signature = &manifest.signature;
    let inputs: Vec<Value> = signature.inputs.iter().map(example_tensor).collect();
    let infer = json!({ "inputs": inputs }).to_string();
    if !rest::takes_plain_rows(signature) {
        return TENSORS_TEMPLATE.replace("{name}", name).replace("{infer}", &infer);
    }
    let row = signature.inputs.first().map(example_row).unwrap_or_default();
    let instance = match &signature.feature_names {
        Some(names) => names.iter().cloned().zip(row.iter().cloned()).collect(),
        None => json!(row),
    };
    let predict = json!({ "instances": [instance] }).to_string();
    let row: Vec<String> = row.iter().map(Value::to_string).collect();
    TEMPLATE
        .replace("{name}", name)
        .replace("{infer}", &infer)
        .replace("{predict}", &predict)
        .replace("{row}", &row.join(", "))
}

/// What `--example` prints; each part is a whole program.
const TEMPLATE: &str = include_str!("schema/example.md");
/// The same for a model that takes tensors, not rows.
const TENSORS_TEMPLATE: &str = include_str!("schema/example_tensors.md");

#[cfg(test)]
mod tests;
