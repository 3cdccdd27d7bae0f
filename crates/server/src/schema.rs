//! What a client of a model needs: its OpenAPI document, its protobuf, and requests ready to send.

use std::fmt::Write as _;
use std::str::FromStr;

use ferrule_artifact::{Manifest, TensorSpec};
use serde_json::{Value, json};

use crate::openapi::{self, Offer};

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

/// One row for the model's first input: small numbers, none of them special.
fn example_row(manifest: &Manifest) -> Vec<f64> {
    let shape = manifest.signature.inputs.first().map_or(&[][..], |input| &input.shape);
    let width = shape.last().and_then(|width| usize::try_from(*width).ok()).unwrap_or(1);
    (0..width).map(|column| 0.5 + (column % 10) as f64).collect()
}

fn example(name: &str, manifest: &Manifest) -> String {
    let row = example_row(manifest);
    let signature = &manifest.signature;
    let input = signature.inputs.first();
    let infer = json!({ "inputs": [{
        "name": input.map(|input| &input.name),
        "datatype": input.map(|input| input.dtype.oip_name()),
        "shape": [1, row.len()],
        "data": row,
    }] });
    let instance = match &signature.feature_names {
        Some(names) => names.iter().cloned().zip(row.iter().map(|x| json!(x))).collect(),
        None => json!(row),
    };
    let predict = json!({ "instances": [instance] }).to_string();
    let row: Vec<String> = row.iter().map(f64::to_string).collect();
    TEMPLATE
        .replace("{name}", name)
        .replace("{infer}", &infer.to_string())
        .replace("{predict}", &predict)
        .replace("{row}", &row.join(", "))
}

/// What `--example` prints; each part is a whole program.
const TEMPLATE: &str = include_str!("schema/example.md");

#[cfg(test)]
mod tests;
