//! What the server and its models say of themselves.

use std::collections::HashMap;

use ferrule_artifact::TensorSpec;
use ferrule_proto::inference::model_metadata_response::TensorMetadata;
use ferrule_proto::inference::{
    ModelMetadataRequest, ModelMetadataResponse, ModelReadyRequest, ModelReadyResponse,
    ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest, ServerMetadataResponse,
    ServerReadyRequest, ServerReadyResponse,
};

use super::status::Status;
use crate::App;
use crate::app::{EXTENSIONS, SERVER_NAME, SERVER_VERSION};

pub(super) fn server_live(
    _app: &App,
    _request: ServerLiveRequest,
) -> Result<ServerLiveResponse, Status> {
    Ok(ServerLiveResponse { live: true })
}

pub(super) fn server_ready(
    app: &App,
    _request: ServerReadyRequest,
) -> Result<ServerReadyResponse, Status> {
    Ok(ServerReadyResponse { ready: app.is_ready() })
}

pub(super) fn model_ready(
    app: &App,
    request: ModelReadyRequest,
) -> Result<ModelReadyResponse, Status> {
    let loaded = app.registry.get(&request.name, &request.version);
    let known = match loaded {
        Ok(_) => true,
        Err(_) if app.registry.knows(&request.name, &request.version) => false,
        Err(error) => return Err(error.into()),
    };
    Ok(ModelReadyResponse { ready: known && app.is_ready() })
}

pub(super) fn server_metadata(
    _app: &App,
    _request: ServerMetadataRequest,
) -> Result<ServerMetadataResponse, Status> {
    Ok(ServerMetadataResponse {
        name: SERVER_NAME.to_owned(),
        version: SERVER_VERSION.to_owned(),
        extensions: EXTENSIONS.iter().map(|&name| name.to_owned()).collect(),
    })
}

pub(super) fn model_metadata(
    app: &App,
    request: ModelMetadataRequest,
) -> Result<ModelMetadataResponse, Status> {
    let served = app.registry.get(&request.name, &request.version)?;
    let versions = match request.version.as_str() {
        "" => app.registry.versions(&request.name)?,
        _ => vec![served.clone()],
    };
    let manifest = served.model.manifest();
    let properties = HashMap::from([
        ("kind".to_owned(), manifest.kind.clone()),
        ("digest".to_owned(), served.model.digest().to_owned()),
    ]);
    Ok(ModelMetadataResponse {
        name: served.name.clone(),
        versions: versions.iter().map(|served| served.version.clone()).collect(),
        platform: crate::app::platform(&manifest.kind),
        inputs: manifest.signature.inputs.iter().map(tensor).collect(),
        outputs: manifest.signature.outputs.iter().map(tensor).collect(),
        properties,
    })
}

fn tensor(spec: &TensorSpec) -> TensorMetadata {
    TensorMetadata {
        name: spec.name.clone(),
        datatype: spec.dtype.oip_name().to_owned(),
        shape: spec.shape.clone(),
    }
}
