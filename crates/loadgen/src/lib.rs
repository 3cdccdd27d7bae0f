//! Drives a model server over gRPC or REST, checks its answers, and counts latencies from the
//! moment a call was meant to be sent, so that a stalled server cannot hide its queue.
#![forbid(unsafe_code)]

mod call;
mod error;
mod grpc;
mod histogram;
mod load;
mod message;
mod rest;
mod target;
mod worker;

pub use error::LoadError;
pub use histogram::Histogram;
pub use load::{Load, Report, run};
pub use message::{Exchange, Rows, Values, probe};
pub use target::{Protocol, Target};
