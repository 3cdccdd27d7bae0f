//! What is fuzzed: one file a target, named after what it reads.

mod artifact;
mod csv;
mod gguf;
mod graph;
mod grpc;
mod llama2c;
mod parquet;
mod rest;
mod safetensors;
mod safetensors_index;
mod served;

/// Every target.
pub const TARGETS: &[Target] = &[
    artifact::TARGET,
    csv::TARGET,
    gguf::TARGET,
    graph::TARGET,
    grpc::TARGET,
    llama2c::TARGET,
    parquet::TARGET,
    rest::TARGET,
    safetensors::TARGET,
    safetensors_index::TARGET,
];

/// A parser to be fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, for `make fuzz` and for findings.
    pub name: &'static str,
    /// Inputs to begin with, most of them valid.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces of its language, put into inputs as they are.
    pub words: &'static [&'static [u8]],
    /// Mends what a mutation breaks and a parser checks first (lengths, digests), so that the deeper
    /// checks are reached too. Half of the inputs pass through it.
    pub repair: Option<fn(Vec<u8>) -> Vec<u8>>,
    /// Parses one input and uses all of the result; a panic is a finding.
    pub run: fn(&[u8]) -> Answer,
}

/// How a target answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Whether it took the input.
    pub accepted: bool,
    /// Its error, or what it made of the input: inputs with answers not seen before are mutated further.
    pub text: String,
}

impl Answer {
    /// The answer of a parser's result, where `describe` uses all of what was parsed.
    pub fn new<T, E: std::fmt::Display>(
        result: Result<T, E>,
        describe: impl FnOnce(T) -> String,
    ) -> Self {
        match result {
            Ok(value) => Self { accepted: true, text: describe(value) },
            Err(error) => Self { accepted: false, text: error.to_string() },
        }
    }
}
