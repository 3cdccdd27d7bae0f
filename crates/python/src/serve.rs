//! The server inside Python: a handle, and the command line of `ferrule serve`.

use std::ffi::OsString;

use ferrule_server::{Config, cli};
use pyo3::prelude::*;

use crate::errors::to_py;

/// A running server; configured by the JSON form of `serve.toml`.
#[pyclass(frozen)]
pub(crate) struct Server(ferrule_server::Server);

#[pymethods]
impl Server {
    #[new]
    fn new(py: Python<'_>, config: &str) -> PyResult<Self> {
        let config = Config::from_json(config).map_err(|error| to_py(py, &error))?;
        let server = py.detach(|| ferrule_server::start(config));
        server.map(Self).map_err(|error| to_py(py, &error))
    }

    /// Where REST is served: address and port.
    #[getter]
    fn http_address(&self) -> String {
        self.0.http_address().to_string()
    }

    /// Where gRPC is served: address and port.
    #[getter]
    fn grpc_address(&self) -> String {
        self.0.grpc_address().to_string()
    }

    /// Serves what the models' files hold now.
    fn refresh(&self, py: Python<'_>) {
        py.detach(|| self.0.app().refresh());
    }

    /// Drains, then stops; whether every request was answered.
    fn shutdown(&self, py: Python<'_>) -> bool {
        py.detach(|| self.0.shutdown())
    }

    /// Stops at once.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.0.stop());
    }
}

/// Runs a command line (the program's name first) until a signal ends it; returns the exit code.
#[pyfunction]
pub(crate) fn serve_main(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    let keyboard_interrupt = take_interrupts(py)?;
    let code = py.detach(|| cli::run(arguments));
    if let Some((signals, handler)) = keyboard_interrupt {
        signals.call_method1("signal", (signals.getattr("SIGINT")?, handler))?;
    }
    Ok(code)
}

/// Python's own SIGINT handler would raise once we return; put aside, it is given back. `None` in
/// threads other than the main one, which Python lets have no say in this.
fn take_interrupts(py: Python<'_>) -> PyResult<Option<(Bound<'_, PyAny>, Bound<'_, PyAny>)>> {
    let signals = py.import("signal")?.into_any();
    let default = (signals.getattr("SIGINT")?, signals.getattr("SIG_DFL")?);
    match signals.call_method1("signal", default) {
        Ok(handler) => Ok(Some((signals, handler))),
        Err(_) => Ok(None),
    }
}
