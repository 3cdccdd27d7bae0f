//! The OpenAPI 3.1 document of a server: its paths, with the shapes that its models' signatures say.

use std::fmt::Write as _;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use ferrule_artifact::Manifest;
use ferrule_runtime::ServedModel;
use serde_json::{Map, Value, json};

use crate::rest;

mod tensors;

/// The document of a running server, written anew when other models are loaded.
///
/// Writing it takes far longer than any other answer to so short a request.
#[derive(Debug, Default)]
pub struct Cache(ArcSwapOption<(String, Bytes)>);

impl Cache {
    /// The text of the document for the models that are `loaded`, sorted by name and version.
    pub fn text(&self, loaded: &[Arc<ServedModel>]) -> Bytes {
        let mut key = String::with_capacity(128);
        for served in loaded {
            let digest = served.model.digest();
            let _ = writeln!(key, "{} {} {digest}", served.name, served.version);
        }
        if let Some(cached) = &*self.0.load()
            && cached.0 == key
        {
            return cached.1.clone();
        }
        let text = Bytes::from(of_loaded(loaded).to_string());
        self.0.store(Some(Arc::new((key, text.clone()))));
        text
    }
}

/// The document for loaded models; the paths without a version answer as the latest.
fn of_loaded(loaded: &[Arc<ServedModel>]) -> Value {
    let models: Vec<(Vec<&str>, &ServedModel)> = loaded
        .chunk_by(|one, next| one.name == next.name)
        .filter_map(|all| {
            let versions = all.iter().map(|served| served.version.as_str()).collect();
            Some((versions, &**all.last()?))
        })
        .collect();
    let offers = models.iter().map(|(versions, latest)| Offer {
        name: &latest.name,
        versions,
        manifest: latest.model.manifest(),
    });
    document(&offers.collect::<Vec<_>>())
}

/// A model as it is offered: the name in its paths, and its manifest.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The name that it is served under.
    pub name: &'a str,
    /// Its versions that are loaded; paths with a version are described for each.
    pub versions: &'a [&'a str],
    /// What it takes and gives.
    pub manifest: &'a Manifest,
}

/// The document for `offers`.
pub fn document(offers: &[Offer<'_>]) -> Value {
    let mut paths = server_paths();
    let mut schemas = shared_schemas();
    for offer in offers {
        let signature = &offer.manifest.signature;
        let name = offer.name;
        schemas.insert(format!("{name}.InferRequest"), tensors::infer_request(signature));
        schemas.insert(format!("{name}.InferResponse"), tensors::infer_response(signature));
        let rows = rest::takes_rows(signature);
        if rows {
            schemas.insert(format!("{name}.PredictRequest"), tensors::predict_request(signature));
            schemas.insert(format!("{name}.PredictResponse"), tensors::predict_response(signature));
        }
        add_model_paths(&mut paths, name, "", rows);
        for version in offer.versions {
            add_model_paths(&mut paths, name, &format!("/versions/{version}"), rows);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ferrule model server",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Open Inference Protocol v2 and TensorFlow Serving's row format.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
        },
        // Either: a server on loopback asks for no key.
        "security": [{ "key": [] }, {}],
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn content(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn responses(schema: &Value) -> Value {
    json!({
        "200": { "description": "The answer.", "content": content(schema) },
        "4XX": {
            "description": "What is wrong with the request.",
            "content": content(&reference("Error")),
        },
        "503": {
            "description": "Not ready: starting, draining or overloaded.",
            "content": content(&reference("Health")),
        },
    })
}

fn get(id: &str, summary: &str, schema: &Value) -> Value {
    json!({ "get": { "operationId": id, "summary": summary, "responses": responses(schema) } })
}

fn post(id: &str, summary: &str, request: &Value, response: &Value) -> Value {
    json!({ "post": {
        "operationId": id,
        "summary": summary,
        "requestBody": { "required": true, "content": content(request) },
        "responses": responses(response),
    } })
}

fn text(id: &str, summary: &str, media_type: &str) -> Value {
    let body = json!({ media_type: { "schema": { "type": ["string", "object"] } } });
    let ok = json!({ "description": "The text.", "content": body });
    json!({ "get": { "operationId": id, "summary": summary, "responses": { "200": ok } } })
}

fn server_paths() -> Map<String, Value> {
    let health = reference("Health");
    let mut paths = Map::new();
    let mut add = |path: &str, item: Value| paths.insert(path.to_owned(), item);
    add("/v2", get("serverMetadata", "What this server is", &reference("ServerMetadata")));
    add("/v2/health/live", get("serverLive", "Whether the process answers", &health));
    add("/v2/health/ready", get("serverReady", "Whether traffic may come", &health));
    add("/healthz", get("healthz", "As /v2/health/live", &health));
    add("/readyz", get("readyz", "As /v2/health/ready", &health));
    add("/v2/models/stats", get("allStatistics", "Counters of all", &reference("Statistics")));
    add("/metrics", text("metrics", "Prometheus metrics", "text/plain"));
    add("/openapi.json", text("openapi", "This document", "application/json"));
    let index = reference("RepositoryIndex");
    let request = reference("RepositoryIndexRequest");
    add("/v2/repository/index", post("repositoryIndex", "Known models", &request, &index));
    paths
}

fn add_model_paths(paths: &mut Map<String, Value>, name: &str, version: &str, rows: bool) {
    let id = |action: &str| format!("{action}:{name}{}", version.replace('/', ":"));
    let of = |schema: &str| reference(&format!("{name}.{schema}"));
    let v2 = format!("/v2/models/{name}{version}");
    let v1 = format!("/v1/models/{name}{version}");
    let metadata = reference("ModelMetadata");
    paths.insert(v2.clone(), get(&id("metadata"), "The model's signature", &metadata));
    let ready = get(&id("ready"), "Whether the model is loaded", &reference("ModelReady"));
    paths.insert(format!("{v2}/ready"), ready);
    let statistics = get(&id("statistics"), "The model's counters", &reference("Statistics"));
    paths.insert(format!("{v2}/stats"), statistics);
    let (request, response) = (of("InferRequest"), of("InferResponse"));
    let infer = post(&id("infer"), "Predict from tensors", &request, &response);
    paths.insert(format!("{v2}/infer"), infer);
    paths.insert(v1.clone(), get(&id("status"), "The model's versions", &reference("Status")));
    if !rows {
        return;
    }
    let (request, response) = (of("PredictRequest"), of("PredictResponse"));
    let predict = post(&id("predict"), "Predict from rows", &request, &response);
    paths.insert(format!("{v1}:predict"), predict);
}

fn object(properties: &Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn shared_schemas() -> Map<String, Value> {
    let string = json!({ "type": "string" });
    let boolean = json!({ "type": "boolean" });
    let tensor = object(&json!({
        "name": string, "datatype": string, "shape": list(&json!({ "type": "integer" })),
    }));
    let any = json!({ "type": "object" });
    let state = object(&json!({ "name": string, "version": string, "state": string }));
    let status = object(&json!({ "version": string, "state": string, "status": any }));
    let schemas = [
        ("Error", object(&json!({ "error": string }))),
        ("Health", object(&json!({ "live": boolean, "ready": boolean }))),
        (
            "ServerMetadata",
            object(&json!({ "name": string, "version": string, "extensions": list(&string) })),
        ),
        (
            "ModelMetadata",
            object(&json!({
                "name": string, "versions": list(&string), "platform": string,
                "inputs": list(&tensor), "outputs": list(&tensor),
            })),
        ),
        ("ModelReady", object(&json!({ "name": string, "ready": boolean }))),
        ("Statistics", object(&json!({ "model_stats": list(&any) }))),
        ("RepositoryIndex", list(&state)),
        ("RepositoryIndexRequest", json!({ "type": "object", "properties": { "ready": boolean } })),
        ("Status", object(&json!({ "model_version_status": list(&status) }))),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
