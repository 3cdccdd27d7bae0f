//! What was counted: Triton's statistics extension, and Prometheus metrics.

use bytes::Bytes;
use ferrule_runtime::ServedModel;
use http::{HeaderValue, Response, header};
use serde_json::{Value, json};

use super::error::from_coded;
use super::path::ModelPath;
use super::{Answer, describe, find};
use crate::App;
use crate::metrics::LoadedModel;

/// `GET /v2/models/stats` and `GET /v2/models/{model}/stats`.
pub(super) fn of(path: Option<&ModelPath<'_>>, app: &App) -> Answer {
    let served = match path {
        None => app.registry.loaded(),
        Some(path) if path.version.is_some() => vec![find(path, app)?],
        Some(path) => app.registry.versions(&path.name).map_err(|error| from_coded(&error))?,
    };
    let all: Value = served.iter().map(|served| statistics(served, app)).collect();
    Ok(describe::value(&json!({ "model_stats": all })))
}

fn statistics(served: &ServedModel, app: &App) -> Value {
    let totals = app.metrics.model(&served.name, &served.version).totals();
    json!({
        "name": served.name,
        "version": served.version,
        "last_inference": totals.last_ms,
        "inference_count": totals.row_sum,
        "execution_count": totals.successes(),
        "inference_stats": {
            "success": { "count": totals.successes(), "ns": totals.success_ns },
            "fail": { "count": totals.failures(), "ns": totals.failure_ns },
        },
        "batch_stats": [],
    })
}

/// `GET /metrics`.
pub(super) fn metrics(app: &App) -> Response<Bytes> {
    let loaded = app.registry.loaded();
    let models: Vec<LoadedModel<'_>> = loaded
        .iter()
        .map(|served| LoadedModel {
            name: &served.name,
            version: &served.version,
            kind: &served.model.manifest().kind,
            digest: served.model.digest(),
        })
        .collect();
    let mut response = Response::new(Bytes::from(app.metrics.render(&models)));
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}
