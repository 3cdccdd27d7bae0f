//! linfa's K-Means as a worker of `benches/kmeans_fit.py`.
//!
//! usage: bench-linfa SAMPLES CENTERS ROWS COLUMNS CLUSTERS float32|float64 OUT
//!
//! The files are raw little-endian numbers, row by row. Prints a line once the samples are in
//! memory; then, for each line of input (a number of iterations), fits once, writes the centres to OUT and prints one line
//! of JSON: the seconds of the fit and what linfa calls inertia.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::Array2;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

type Failure = Box<dyn Error>;

/// What the two float types need beyond linfa's own trait.
trait Number: linfa::Float {
    const BYTES: usize;
    fn read(bytes: &[u8]) -> Self;
    fn write(self, out: &mut Vec<u8>);
}

impl Number for f32 {
    const BYTES: usize = 4;
    fn read(bytes: &[u8]) -> Self {
        Self::from_le_bytes(bytes.try_into().expect("a chunk of 4 bytes"))
    }
    fn write(self, out: &mut Vec<u8>) {
        out.extend(self.to_le_bytes());
    }
}

impl Number for f64 {
    const BYTES: usize = 8;
    fn read(bytes: &[u8]) -> Self {
        Self::from_le_bytes(bytes.try_into().expect("a chunk of 8 bytes"))
    }
    fn write(self, out: &mut Vec<u8>) {
        out.extend(self.to_le_bytes());
    }
}

struct Job {
    samples: String,
    centers: String,
    rows: usize,
    columns: usize,
    clusters: usize,
    out: String,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [samples, centers, rows, columns, clusters, dtype, out] = arguments.as_slice() else {
        return Err("expected 7 arguments: see the head of main.rs".into());
    };
    let job = Job {
        samples: samples.clone(),
        centers: centers.clone(),
        rows: rows.parse()?,
        columns: columns.parse()?,
        clusters: clusters.parse()?,
        out: out.clone(),
    };
    match dtype.as_str() {
        "float32" => serve::<f32>(&job),
        "float64" => serve::<f64>(&job),
        other => Err(format!("expected float32 or float64, got {other}").into()),
    }
}

fn read<T: Number>(path: &str, rows: usize, columns: usize) -> Result<Array2<T>, Failure> {
    let numbers = std::fs::read(path)?.chunks_exact(T::BYTES).map(T::read).collect();
    Ok(Array2::from_shape_vec((rows, columns), numbers)?)
}

fn serve<T: Number>(job: &Job) -> Result<(), Failure> {
    let centers = read::<T>(&job.centers, job.clusters, job.columns)?;
    let data = DatasetBase::from(read::<T>(&job.samples, job.rows, job.columns)?);
    let mut out = std::io::stdout();
    writeln!(out, "{{\"linfa-clustering\": \"0.8.1\"}}")?;
    for line in std::io::stdin().lock().lines() {
        let iterations: u64 = line?.parse()?;
        // linfa refuses a tolerance of zero; its loop stops below it, so this one never stops it
        // before centres stand still.
        let params = KMeans::params_with_rng(job.clusters, Xoshiro256Plus::seed_from_u64(0))
            .init_method(KMeansInit::Precomputed(centers.clone()))
            .n_runs(1)
            .tolerance(T::min_positive_value())
            .max_n_iterations(iterations);
        let start = Instant::now();
        let model = params.fit(&data)?;
        let seconds = start.elapsed().as_secs_f64();
        let mut bytes = Vec::new();
        model.centroids().iter().for_each(|value| value.write(&mut bytes));
        std::fs::write(&job.out, bytes)?;
        // linfa's inertia is a mean over the rows.
        let inertia = model.inertia().to_f64().unwrap_or(f64::NAN) * job.rows as f64;
        writeln!(out, "{{\"seconds\": {seconds}, \"inertia\": {inertia}}}")?;
    }
    Ok(())
}
