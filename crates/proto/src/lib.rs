//! The messages of the Open Inference Protocol, of `ferrule.v1`, and of gRPC's health and
//! reflection services: generated from `proto/`, checked in, and held fresh by a test.
#![forbid(unsafe_code)]

#[rustfmt::skip]
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod inference {
    include!("generated/inference.rs");
}

#[rustfmt::skip]
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod predictor {
    include!("generated/ferrule.v1.rs");
}

#[rustfmt::skip]
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod health {
    include!("generated/grpc.health.v1.rs");
}

#[rustfmt::skip]
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod reflection {
    include!("generated/grpc.reflection.v1.rs");
}

/// A `FileDescriptorSet` of every .proto file, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");

/// The text that `ferrule.v1` is generated from, for clients in other languages.
pub const FERRULE_V1_PROTO: &str = include_str!("../proto/ferrule_v1.proto");
