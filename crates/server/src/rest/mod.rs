//! REST: one synchronous, pure function from request to response.
//!
//! Open Inference Protocol v2 with Triton's binary-tensor, repository and statistics extensions,
//! TensorFlow Serving's `:predict`, health, metrics and the OpenAPI document.

use std::sync::Arc;

use bytes::Bytes;
use ferrule_artifact::Signature;
use ferrule_runtime::ServedModel;
use http::{Method, Request, Response, StatusCode};

use crate::App;
use crate::batch::Handled;
use error::{RestError, from_coded};
use path::{ModelPath, Route};

mod data;
mod describe;
mod error;
mod features;
mod health;
mod infer_request;
mod json;
mod media;
mod path;
mod predict;
mod predict_request;
mod predict_tensors;
mod repository;
mod respond;
mod statistics;

type Answer = Result<Response<Bytes>, RestError>;

/// Answers a request whose whole body has arrived, within the limits.
pub fn handle(request: Request<Bytes>, app: &App) -> Response<Bytes> {
    counted(answer(&request, app).alone(), app)
}

/// The same, where a prediction may share a run with others.
pub(crate) fn begin(request: Request<Bytes>, app: &Arc<App>) -> Handled<Response<Bytes>> {
    match answer(&request, app) {
        Handled::Now(answer) => Handled::Now(counted(answer, app)),
        waits => {
            let app = Arc::clone(app);
            waits.map(move |answer| counted(answer, &app))
        }
    }
}

fn counted(answer: Answer, app: &App) -> Response<Bytes> {
    let response = answer.unwrap_or_else(RestError::into_response);
    app.metrics.http_response(response.status().as_u16());
    response
}

fn answer(request: &Request<Bytes>, app: &App) -> Handled<Answer> {
    match Route::parse(request.uri().path()) {
        Some(Route::Infer(path)) if *request.method() == Method::POST => {
            predict::infer(request, &path, app)
        }
        Some(Route::Predict(path)) if *request.method() == Method::POST => {
            predict::predict(request, &path, app)
        }
        route => Handled::Now(other(request, route, app)),
    }
}

/// The answer to anything but a prediction.
fn other(request: &Request<Bytes>, route: Option<Route<'_>>, app: &App) -> Answer {
    let Some(route) = route else {
        return Err(RestError::new(
            StatusCode::NOT_FOUND,
            "no such path; /openapi.json lists those there are",
        ));
    };
    if request.method() == Method::OPTIONS {
        return Ok(health::options(route.allow()));
    }
    if !route.answers(request.method()) {
        return Err(RestError::method_not_allowed(route.allow()));
    }
    match route {
        Route::Live => Ok(health::live(app)),
        Route::Ready => Ok(health::ready(app)),
        Route::ServerMetadata => Ok(describe::server()),
        Route::ModelMetadata(path) => describe::model(&path, app),
        Route::ModelReady(path) => describe::model_ready(&path, app),
        Route::Status(path) => describe::status(&path, app),
        Route::OpenApi => Ok(describe::openapi(app)),
        Route::Metrics => Ok(statistics::metrics(app)),
        Route::Statistics(path) => statistics::of(path.as_ref(), app),
        Route::RepositoryIndex => repository::index(request, app),
        Route::Load(name) => repository::load(request, &name, app),
        Route::Unload(name) => repository::unload(request, &name, app),
        // Another method of these was refused above.
        Route::Infer(_) | Route::Predict(_) => Err(RestError::method_not_allowed("POST")),
    }
}

/// Whether a model of this signature takes rows, as `:predict` has them.
pub(crate) fn takes_rows(signature: &Signature) -> bool {
    takes_plain_rows(signature) || predict_tensors::takes_rows(signature)
}

/// Whether a row is a list of numbers.
pub(crate) fn takes_plain_rows(signature: &Signature) -> bool {
    predict_request::RowSpec::of(signature).is_some()
}

/// The loaded model that a path names.
fn find(path: &ModelPath<'_>, app: &App) -> Result<Arc<ServedModel>, RestError> {
    let version = path.version.as_deref().unwrap_or_default();
    app.registry.get(&path.name, version).map_err(|error| from_coded(&error))
}
