//! The repository and statistics extensions.

use ferrule_proto::inference::repository_index_response::ModelIndex;
use ferrule_proto::inference::{
    InferStatistics, ModelStatistics, ModelStatisticsRequest, ModelStatisticsResponse,
    RepositoryIndexRequest, RepositoryIndexResponse, RepositoryModelLoadRequest,
    RepositoryModelLoadResponse, RepositoryModelUnloadRequest, RepositoryModelUnloadResponse,
    StatisticDuration,
};
use ferrule_runtime::ServedModel;

use ferrule_base::ErrorCode;

use super::status::Status;
use crate::App;

/// There is one repository, without a name.
fn check_repository(name: &str) -> Result<(), Status> {
    if name.is_empty() {
        return Ok(());
    }
    Err(Status::new(ErrorCode::NotFound, "there is one repository, without a name; leave it empty"))
}

/// Parameters of a load would replace what is on disk, which no client may.
fn check_no_parameters(count: usize) -> Result<(), Status> {
    if count == 0 {
        return Ok(());
    }
    Err(Status::new(ErrorCode::InvalidArgument, "a load takes no parameters; leave them out"))
}

pub(super) fn index(
    app: &App,
    request: RepositoryIndexRequest,
) -> Result<RepositoryIndexResponse, Status> {
    check_repository(&request.repository_name)?;
    let entries = app.registry.index().into_iter();
    let models = entries.filter(|entry| entry.ready || !request.ready).map(|entry| ModelIndex {
        name: entry.name,
        version: entry.version,
        state: if entry.ready { "READY" } else { "UNAVAILABLE" }.to_owned(),
        reason: entry.reason,
    });
    Ok(RepositoryIndexResponse { models: models.collect() })
}

pub(super) fn load(
    app: &App,
    request: RepositoryModelLoadRequest,
) -> Result<RepositoryModelLoadResponse, Status> {
    check_repository(&request.repository_name)?;
    check_no_parameters(request.parameters.len())?;
    app.load_model(&request.model_name)
        .map_err(|error| Status::of_load(&error))
        .map(|()| RepositoryModelLoadResponse {})
}

pub(super) fn unload(
    app: &App,
    request: RepositoryModelUnloadRequest,
) -> Result<RepositoryModelUnloadResponse, Status> {
    check_repository(&request.repository_name)?;
    app.registry.unload(&request.model_name)?;
    Ok(RepositoryModelUnloadResponse {})
}

pub(super) fn statistics(
    app: &App,
    request: ModelStatisticsRequest,
) -> Result<ModelStatisticsResponse, Status> {
    let served = match (request.name.as_str(), request.version.as_str()) {
        ("", _) => app.registry.loaded(),
        (name, "") => app.registry.versions(name)?,
        (name, version) => vec![app.registry.get(name, version)?],
    };
    let model_stats = served.iter().map(|served| statistics_of(app, served)).collect();
    Ok(ModelStatisticsResponse { model_stats })
}

fn statistics_of(app: &App, served: &ServedModel) -> ModelStatistics {
    let totals = app.metrics.model(&served.name, &served.version).totals();
    let duration = |count, ns| Some(StatisticDuration { count, ns });
    let success = duration(totals.successes(), totals.success_ns);
    ModelStatistics {
        name: served.name.clone(),
        version: served.version.clone(),
        last_inference: totals.last_ms,
        inference_count: totals.row_sum,
        execution_count: totals.successes(),
        inference_stats: Some(InferStatistics {
            success,
            compute_infer: success,
            fail: duration(totals.failures(), totals.failure_ns),
            ..InferStatistics::default()
        }),
        batch_stats: Vec::new(),
    }
}
