//! Times Lloyd iterations on the shapes that the benchmarks use, for profiling the kernels.
//!
//! `cargo run --release -p ferrule-learn --example kmeans_speed -- [SHAPE…] [--algorithm NAME]`
//! where a shape is `ROWSxCOLSxCLUSTERSxf32|f64`. Prints milliseconds an iteration (the median), what
//! the statistics and the labelling pass take, and the rate in GFLOP/s (2 a product) and GB/s.

use std::sync::Mutex;
use std::time::Instant;

use ferrule_learn::kmeans::{
    Algorithm, Float, IterationReport, Observer, Params, Rng, Samples, column_stats, fit, predict,
};
use ferrule_tensor::{Control, Isa, MatrixView, thread_count};

const SHAPES: [&str; 5] = [
    "1000000x2x3xf64",
    "1000000x16x64xf32",
    "1000000x3x1000xf32",
    "100000x784x100xf32",
    "1000000x128x1000xf32",
];
const ITERATIONS: usize = 10;

/// The times at which iterations end.
struct Clock(Mutex<Vec<Instant>>);

impl Observer for Clock {
    fn iteration(&self, _: &IterationReport) -> bool {
        self.0.lock().expect("one thread").push(Instant::now());
        true
    }
}

fn milliseconds(start: Instant, end: Instant) -> f64 {
    (end - start).as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn time_shape<T: Float>((n, d, k): (usize, usize, usize), algorithm: Algorithm) {
    let mut rng = Rng::new(1);
    let data: Vec<T> = (0..n * d).map(|_| T::from_f64(rng.uniform())).collect();
    let x = Samples::Dense(MatrixView::contiguous(&data, n, d).expect("n x d elements"));
    let init = data[..k * d].to_vec();
    let (mut labels, control, threads) = (vec![0; n], Control::new(), thread_count());
    let max_iter = if n * d * k > 10_000_000_000 { 4 } else { ITERATIONS };
    let params = Params { n_clusters: k, max_iter, tol: -1.0, algorithm, n_threads: threads };
    let clock = Clock(Mutex::new(vec![Instant::now()]));
    let start = Instant::now();
    let fitted = fit(x, None, init, &params, &mut labels, &control, Some(&clock)).expect("a fit");
    let total = milliseconds(start, Instant::now());
    let ends = clock.0.into_inner().expect("one thread");
    let iteration = median(ends.windows(2).map(|w| milliseconds(w[0], w[1])).collect());
    let start = Instant::now();
    predict(x, &fitted.centers, &mut labels, None, threads, &control).expect("labels");
    let labelling = milliseconds(start, Instant::now());
    let start = Instant::now();
    column_stats(x, threads, &control).expect("statistics");
    let stats = milliseconds(start, Instant::now());
    let (flop, bytes) = (2.0 * (n * d * k) as f64, (n * d * size_of::<T>()) as f64);
    println!(
        "{n}x{d} k={k} {}: {iteration:.3} ms/iteration, {:.1} GFLOP/s, {:.2} GB/s; labels {labelling:.2} ms, \
         statistics {stats:.2} ms, fit of {} iterations {total:.1} ms",
        T::NAME,
        flop / iteration / 1e6,
        bytes / iteration / 1e6,
        fitted.n_iter
    );
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut algorithm = Algorithm::Lloyd;
    if let Some(at) = arguments.iter().position(|argument| argument == "--algorithm") {
        let name = arguments.drain(at..).nth(1).expect("a name after --algorithm");
        algorithm = match name.as_str() {
            "auto" => Algorithm::Auto,
            "elkan" => Algorithm::Elkan,
            "hamerly" => Algorithm::Hamerly,
            "spatial" => Algorithm::Spatial,
            _ => Algorithm::Lloyd,
        };
    }
    if arguments.is_empty() {
        arguments = SHAPES.map(String::from).to_vec();
    }
    println!("{:?}, {} threads, {algorithm:?}", Isa::detect(), thread_count());
    for shape in &arguments {
        let parts: Vec<_> = shape.split('x').collect();
        let number = |i: usize| parts[i].parse().expect("ROWSxCOLSxCLUSTERSxf32|f64");
        let sizes = (number(0), number(1), number(2));
        if parts[3] == "f64" {
            time_shape::<f64>(sizes, algorithm);
        } else {
            time_shape::<f32>(sizes, algorithm);
        }
    }
}
