//! The extension module `ferrule._core`: conversions and error mapping only, no algorithms.

use pyo3::prelude::*;

mod artifact;
mod bench;
mod buffers;
mod cluster;
mod control;
mod cubes;
mod data;
mod errors;
mod flow;
mod lm;
mod samples;
mod schema;
mod serve;

/// The Rust core of Ferrule.
#[pymodule(gil_used = false)]
mod _core {
    use super::PyResult;
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::artifact::{artifact_load, artifact_save};
    #[pymodule_export]
    use crate::bench::LoadDriver;
    #[pymodule_export]
    use crate::cluster::{
        column_variances, kmeans_fit, kmeans_plus_plus, kmeans_predict, kmeans_random_rows,
        kmeans_transform, minibatch_step,
    };
    #[pymodule_export]
    use crate::cubes::{CubeMaker, hash};
    #[pymodule_export]
    use crate::data::{CsvFile, ParquetFile, safetensors_header};
    #[pymodule_export]
    use crate::flow::{
        CompiledFunction, FlowGraph, FlowSession, GraphTensor, ServedModel, Tensor, TensorFunction,
        TensorOp, TracedPart, is_grad_enabled, is_tracing, part_abort, part_begin, part_end,
        save_graph, set_grad_enabled, tensor_fed, tensor_from, tensor_gradients, tensor_shared,
        tensor_signature, trace_abort, trace_begin, trace_cond, trace_end, trace_while,
    };
    #[pymodule_export]
    use crate::lm::{LanguageModel, TextGeneration};
    #[pymodule_export]
    use crate::schema::schema;
    #[pymodule_export]
    use crate::serve::{Server, serve_main};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
