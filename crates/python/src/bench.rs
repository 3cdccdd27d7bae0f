//! The load driver behind `ferrule bench`.

use crate::errors::to_py;
use ferrule_base::DType;
use ferrule_loadgen::{Exchange, Load, LoadError, Protocol, Report, Rows, Target, Values};
use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// How often a run looks for Ctrl-C.
const POLL: Duration = Duration::from_millis(50);

/// Requests to one model of one server, answered once and ready to be sent many times.
#[pyclass(module = "ferrule._core", frozen)]
pub(crate) struct LoadDriver {
    target: Target,
    exchanges: Vec<Exchange>,
    timeout: Duration,
}

#[pymethods]
impl LoadDriver {
    #[new]
    #[pyo3(signature = (protocol, address, model, input_name, dtype, rows, *, api_key=None, timeout=10.0))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments on the Python side")]
    fn new(
        py: Python<'_>,
        protocol: &str,
        address: String,
        model: String,
        input_name: &str,
        dtype: &str,
        rows: Vec<Vec<f64>>,
        api_key: Option<String>,
        timeout: f64,
    ) -> PyResult<Self> {
        let protocol = Protocol::from_name(protocol).ok_or_else(|| {
            PyValueError::new_err(format!("protocol must be grpc or rest; got {protocol}"))
        })?;
        let dtype = DType::from_oip_name(dtype)
            .filter(|dtype| matches!(dtype, DType::Fp32 | DType::Fp64))
            .ok_or_else(|| {
                PyValueError::new_err(format!("dtype must be FP32 or FP64; got {dtype}"))
            })?;
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|error| PyValueError::new_err(format!("timeout: {error}")))?;
        let width = rows.first().map_or(0, Vec::len);
        let values: Vec<f64> = rows.into_iter().flatten().collect();
        let target = Target { protocol, address, model, api_key };
        let rows = Rows { input: input_name, dtype, values: &values, width, per_request: 1 };
        let exchanges = py
            .detach(|| ferrule_loadgen::probe(&target, &rows, timeout))
            .map_err(|error| to_py(py, &error))?;
        Ok(Self { target, exchanges, timeout })
    }

    /// The values of the first output for each row, as the server gave them.
    fn answers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.exchanges
            .iter()
            .map(|exchange| match exchange.values() {
                Values::Integers(values) => values.into_pyobject(py),
                Values::Floats(values) => values.into_pyobject(py),
            })
            .collect()
    }

    /// Drives the server; returns throughput, latencies in milliseconds, errors and checks.
    #[pyo3(signature = (*, connections, streams, seconds, warm_up, rate, threads, check_every))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments on the Python side")]
    fn run<'py>(
        &self,
        py: Python<'py>,
        connections: usize,
        streams: usize,
        seconds: f64,
        warm_up: f64,
        rate: Option<f64>,
        threads: usize,
        check_every: u64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let timeout = self.timeout;
        let load =
            Load { connections, streams, seconds, warm_up, rate, threads, timeout, check_every };
        let report =
            py.detach(|| self.run_until_signal(&load))?.map_err(|error| to_py(py, &error))?;
        to_dict(py, &report)
    }
}

impl LoadDriver {
    /// Runs on a thread of its own while this one looks for signals.
    fn run_until_signal(&self, load: &Load) -> PyResult<Result<Report, LoadError>> {
        let stop = Arc::new(AtomicBool::new(false));
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            let flag = Arc::clone(&stop);
            scope.spawn(move || {
                // The receiver is gone only after a signal, when nobody wants the report.
                let _ =
                    sender.send(ferrule_loadgen::run(&self.target, &self.exchanges, load, &flag));
            });
            loop {
                match receiver.recv_timeout(POLL) {
                    Ok(report) => return Ok(report),
                    Err(RecvTimeoutError::Disconnected) => return Ok(Err(LoadError::Cancelled)),
                    Err(RecvTimeoutError::Timeout) => {
                        let signal = Python::attach(|py| py.check_signals());
                        signal.inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
                    }
                }
            }
        })
    }
}

fn to_dict<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let milliseconds = |share| report.latency.quantile(share) as f64 / 1e6;
    let dict = PyDict::new(py);
    dict.set_item("throughput", report.throughput)?;
    dict.set_item("answered", report.latency.count())?;
    dict.set_item("p50_ms", milliseconds(0.5))?;
    dict.set_item("p90_ms", milliseconds(0.9))?;
    dict.set_item("p99_ms", milliseconds(0.99))?;
    dict.set_item("p999_ms", milliseconds(0.999))?;
    dict.set_item("max_ms", report.latency.max() as f64 / 1e6)?;
    dict.set_item("mean_ms", report.latency.mean() / 1e6)?;
    dict.set_item("drained", report.drained)?;
    dict.set_item("checked", report.checked)?;
    dict.set_item("wrong", report.wrong)?;
    dict.set_item("abandoned", report.abandoned)?;
    dict.set_item("errors", report.errors.clone())?;
    Ok(dict)
}
