//! Models behind HTTP and gRPC, with no Python.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod access_log;
mod announce;
mod app;
mod auth;
mod batch;
pub mod cli;
mod compute;
mod config;
mod error;
pub mod grpc;
mod host;
mod lifecycle;
mod log;
pub mod metrics;
mod net;
pub mod openapi;
mod request_id;
pub mod rest;
mod schema;
mod service;
mod tls;

pub use app::{App, Phase};
pub use config::Config;
pub use error::ServerError;
pub use lifecycle::{Server, start};
pub use schema::{SchemaKind, schema};
