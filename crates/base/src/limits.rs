//! Every limit on what comes from outside, in one place, with safe defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds on files and requests. Each can be set; none is off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest artifact, bytes.
    pub artifact_bytes_max: u64,
    /// Largest JSON header of an artifact, bytes.
    pub artifact_header_bytes_max: usize,
    /// Largest metadata and table of tensors of a GGUF file, bytes.
    pub gguf_header_bytes_max: usize,
    /// Most tensors in an artifact or a GGUF file.
    pub artifact_tensors_max: usize,
    /// Largest request body, bytes.
    pub body_bytes_max: usize,
    /// Largest set of request headers, bytes.
    pub header_bytes_max: usize,
    /// Most header fields in a request.
    pub header_fields_max: usize,
    /// Longest request target, bytes.
    pub uri_bytes_max: usize,
    /// Deepest nesting of a JSON body.
    pub json_depth_max: usize,
    /// Most tensors in a request.
    pub tensors_max: usize,
    /// Most dimensions of a tensor.
    pub rank_max: usize,
    /// Most elements of a tensor, in or out.
    pub elements_max: usize,
    /// Most bytes that the arrays between the inputs and the outputs of a prediction take.
    pub work_bytes_max: usize,
    /// Most rows of a run that requests share; 1: each runs alone.
    pub shared_rows_max: usize,
    /// Longest model name, version or request id, bytes.
    pub name_bytes_max: usize,
    /// Most open connections.
    pub connections_max: usize,
    /// Most concurrent streams of an HTTP/2 connection.
    pub streams_max: u32,
    /// Most request bytes held in memory at a time, over all connections.
    pub buffered_bytes_max: usize,
    /// Most predictions waiting for the compute threads.
    pub queue_max: usize,
    /// From accept to the end of the TLS handshake.
    #[serde(with = "seconds")]
    pub handshake_timeout: Duration,
    /// From accept to the first byte.
    #[serde(with = "seconds")]
    pub first_byte_timeout: Duration,
    /// From the first byte to the end of the headers.
    #[serde(with = "seconds")]
    pub header_timeout: Duration,
    /// Longest pause within a body, coming or going.
    #[serde(with = "seconds")]
    pub body_idle_timeout: Duration,
    /// Longest a request may take, whatever its own deadline says.
    #[serde(with = "seconds")]
    pub request_timeout: Duration,
    /// Longest idle time of a kept-alive connection.
    #[serde(with = "seconds")]
    pub keep_alive_timeout: Duration,
    /// Longest drain at shutdown.
    #[serde(with = "seconds")]
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            artifact_bytes_max: 4 << 30,
            artifact_header_bytes_max: 16 * MIB,
            gguf_header_bytes_max: 32 * MIB,
            artifact_tensors_max: 65_536,
            body_bytes_max: 16 * MIB,
            header_bytes_max: 16 << 10,
            header_fields_max: 100,
            uri_bytes_max: 8 << 10,
            json_depth_max: 64,
            tensors_max: 64,
            rank_max: 8,
            elements_max: 16 * MIB,
            work_bytes_max: 1 << 30,
            shared_rows_max: 64,
            name_bytes_max: 128,
            connections_max: 10_000,
            streams_max: 100,
            buffered_bytes_max: 256 * MIB,
            queue_max: 1024,
            handshake_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            keep_alive_timeout: Duration::from_secs(120),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Durations are written as seconds, whole or with a fraction.
mod seconds {
    use super::Duration;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_f64(value.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(input)?;
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|value| !value.is_zero() && value.as_secs() <= 86_400)
            .ok_or_else(|| D::Error::custom("expected seconds above 0 and at most 86400"))
    }
}
