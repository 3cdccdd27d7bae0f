//! What the server and its models are: metadata, readiness, status, the OpenAPI document.

use std::sync::Arc;

use bytes::Bytes;
use ferrule_artifact::TensorSpec;
use ferrule_runtime::ServedModel;
use http::Response;
use serde_json::{Value, json};

use super::error::{from_coded, json_response};
use super::path::ModelPath;
use super::{Answer, find};
use crate::App;
use crate::app::{EXTENSIONS, SERVER_NAME, SERVER_VERSION, platform};

pub(super) fn value(value: &Value) -> Response<Bytes> {
    json_response(value.to_string().into_bytes())
}

/// `GET /v2`.
pub(super) fn server() -> Response<Bytes> {
    value(&json!({
        "name": SERVER_NAME,
        "version": SERVER_VERSION,
        "extensions": EXTENSIONS,
    }))
}

/// `GET /v2/models/{model}`.
pub(super) fn model(path: &ModelPath<'_>, app: &App) -> Answer {
    let served = find(path, app)?;
    let loaded = app.registry.versions(&served.name).map_err(|error| from_coded(&error))?;
    let versions: Vec<&str> = loaded.iter().map(|served| served.version.as_str()).collect();
    let manifest = served.model.manifest();
    Ok(value(&json!({
        "name": served.name,
        "versions": versions,
        "platform": platform(&manifest.kind),
        "inputs": tensors(&manifest.signature.inputs),
        "outputs": tensors(&manifest.signature.outputs),
    })))
}

fn tensors(specs: &[TensorSpec]) -> Value {
    let tensor = |spec: &TensorSpec| {
        json!({
            "name": spec.name, "datatype": spec.dtype.oip_name(), "shape": spec.shape,
        })
    };
    specs.iter().map(tensor).collect()
}

/// `GET /v2/models/{model}/ready`.
pub(super) fn model_ready(path: &ModelPath<'_>, app: &App) -> Answer {
    let served = find(path, app)?;
    Ok(value(&json!({ "name": served.name, "ready": app.is_ready() })))
}

/// `GET /v1/models/{model}`: TensorFlow Serving's status of each version.
pub(super) fn status(path: &ModelPath<'_>, app: &App) -> Answer {
    let served = match path.version {
        Some(_) => vec![find(path, app)?],
        None => app.registry.versions(&path.name).map_err(|error| from_coded(&error))?,
    };
    let status = |served: &Arc<ServedModel>| {
        json!({
            "version": served.version,
            "state": "AVAILABLE",
            "status": { "error_code": "OK", "error_message": "" },
        })
    };
    let all: Value = served.iter().rev().map(status).collect();
    Ok(value(&json!({ "model_version_status": all })))
}

/// `GET /openapi.json`.
pub(super) fn openapi(app: &App) -> Response<Bytes> {
    json_response(app.openapi.text(&app.registry.loaded()))
}
