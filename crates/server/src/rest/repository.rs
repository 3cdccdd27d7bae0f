//! Triton's model-repository extension: which models there are, loading and unloading them.

use bytes::Bytes;
use ferrule_base::{Coded, Limits};
use ferrule_runtime::{IndexEntry, RuntimeError};
use http::{Request, Response};
use serde_json::{Value, json};

use super::error::{RestError, from_coded};
use super::infer_request::set;
use super::json::{Cursor, Fault};
use super::{Answer, describe, media};
use crate::App;

/// `POST /v2/repository/index`; `{"ready": true}` leaves out what is not served.
pub(super) fn index(request: &Request<Bytes>, app: &App) -> Answer {
    media::check_prediction(request)?;
    let ready_only = read_ready(request.body(), &app.config.limits)?;
    let entries = app.registry.index().into_iter().filter(|entry| entry.ready || !ready_only);
    let line = |entry: IndexEntry| {
        json!({
            "name": entry.name,
            "version": entry.version,
            "state": if entry.ready { "READY" } else { "UNAVAILABLE" },
            "reason": entry.reason,
        })
    };
    Ok(describe::value(&entries.map(line).collect::<Value>()))
}

fn read_ready(body: &[u8], limits: &Limits) -> Result<bool, Fault> {
    let mut ready = None;
    read_members(body, limits, |cursor, name| match name {
        "ready" => set(&mut ready, || cursor.bool("a boolean")),
        _ => cursor.skip(),
    })?;
    Ok(ready.unwrap_or(false))
}

/// Reads a body that is empty or an object.
fn read_members(
    body: &[u8],
    limits: &Limits,
    mut member: impl FnMut(&mut Cursor<'_>, &str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if body.is_empty() {
        return Ok(());
    }
    let mut cursor = Cursor::new(body, limits.json_depth_max)?;
    cursor.object("a JSON object", |cursor, name| {
        member(cursor, &name).map_err(|fault| fault.in_member(&name))
    })?;
    cursor.end()
}

/// `POST /v2/repository/models/{model}/load`: from its files, anew where it is loaded already.
pub(super) fn load(request: &Request<Bytes>, name: &str, app: &App) -> Answer {
    check(request, app)?;
    app.load_model(name).map_err(|error| of_runtime(&error))?;
    Ok(done())
}

/// `POST /v2/repository/models/{model}/unload`: requests that run end as they would have.
pub(super) fn unload(request: &Request<Bytes>, name: &str, app: &App) -> Answer {
    check(request, app)?;
    app.registry.unload(name).map_err(|error| from_coded(&error))?;
    Ok(done())
}

fn done() -> Response<Bytes> {
    describe::value(&json!({}))
}

/// Models come from the server's own files: a request may not bring a configuration or a file.
fn check(request: &Request<Bytes>, app: &App) -> Result<(), RestError> {
    media::check_administration(request)?;
    read_members(request.body(), &app.config.limits, |cursor, name| match name {
        "parameters" => cursor.object("an object", |cursor, name| match &*name {
            "unload_dependents" => cursor.bool("a boolean").map(drop),
            _ => Err(Fault::new("models are loaded from the server's files as they are")
                .in_member(&name)),
        }),
        _ => cursor.skip(),
    })?;
    Ok(())
}

/// The error without the paths that its text may name.
fn of_runtime(error: &RuntimeError) -> RestError {
    RestError::of_code(error.code(), error.public_message())
}
