//! gRPC's health service: the server as a whole, its services, and each model by name.

use std::rc::Rc;

use bytes::Bytes;
use ferrule_base::ErrorCode;
use ferrule_proto::health::health_check_response::ServingStatus;
use ferrule_proto::health::{HealthCheckRequest, HealthCheckResponse};
use http::Response;
use http_body::Frame;

use super::frame;
use super::status::{self, Status};
use crate::App;
use crate::lifecycle::Stage;
use crate::net::body::Reply;
use crate::net::connection::Connection;

const SERVICES: [&str; 4] =
    ["", "inference.GRPCInferenceService", "ferrule.v1.Predictor", "grpc.health.v1.Health"];

fn status_of(app: &App, service: &str) -> ServingStatus {
    let known = SERVICES.contains(&service) || app.registry.versions(service).is_ok();
    match (known, app.is_ready()) {
        (false, _) => ServingStatus::ServiceUnknown,
        (true, true) => ServingStatus::Serving,
        (true, false) => ServingStatus::NotServing,
    }
}

pub(super) fn check(app: &App, request: HealthCheckRequest) -> Result<HealthCheckResponse, Status> {
    match status_of(app, &request.service) {
        ServingStatus::ServiceUnknown => Err(Status::new(
            ErrorCode::NotFound,
            "no such service; leave the name empty for the whole server, or give a model's",
        )),
        status => Ok(HealthCheckResponse { status: status.into() }),
    }
}

/// Tells the status now and each time it changes, until the caller or the server goes.
pub(super) fn watch(
    connection: &Rc<Connection>,
    message: Bytes,
) -> Result<Response<Reply>, Status> {
    let request: HealthCheckRequest = frame::decode(message)?;
    let worker = Rc::clone(&connection.worker);
    let mut stages = worker.stages.clone();
    Ok(status::streaming(move |sender| async move {
        let mut told = None;
        for next in [Stage::Noticed, Stage::Closing] {
            let status = status_of(&worker.app, &request.service);
            if told != Some(status) {
                let answer = frame::encode(&HealthCheckResponse { status: status.into() });
                if sender.send(Frame::data(answer)).await.is_err() {
                    return Ok(());
                }
                told = Some(status);
            }
            tokio::select! {
                () = stages.reach(next) => {}
                () = sender.closed() => return Ok(()),
            }
        }
        Err(Status::new(ErrorCode::Unavailable, "the server is shutting down"))
    }))
}
