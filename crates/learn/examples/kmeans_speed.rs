//! Times Lloyd iterations on the shapes that the benchmarks use, for profiling the kernels.
//!
//! `cargo run --release -p ferrule-learn --example kmeans_speed -- [SHAPE…] [--algorithm NAME]`
//! where a shape is `ROWSxCOLSxCLUSTERSxf32|f64`. Prints milliseconds an iteration (the median; of the
//! calling thread's processor time, the mean), its rate a core in GFLOP/s (2 a product) and GB/s,
//! and what labels and statistics take.

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
/// Products of rows and centres that a fit takes, as far as its iterations may go.
const PRODUCTS: usize = 10_000_000_000;
const ITERATIONS_MIN: usize = 4;
const ITERATIONS_MAX: usize = 300;

/// Seconds since the start, and processor seconds of the calling thread, which other work on the
/// machine leaves alone; with one thread, that is all there is.
#[derive(Clone, Copy)]
struct Moment {
    wall: Instant,
    cpu: f64,
}

impl Moment {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let nanoseconds = text.split(' ').next().and_then(|word| word.parse::<f64>().ok());
        Self { wall: Instant::now(), cpu: nanoseconds.unwrap_or(f64::NAN) / 1e9 }
    }

    fn wall_ms_until(&self, end: &Self) -> f64 {
        (end.wall - self.wall).as_secs_f64() * 1e3
    }

    fn cpu_ms_until(&self, end: &Self) -> f64 {
        (end.cpu - self.cpu) * 1e3
    }
}

/// The moments at which iterations end.
struct Clock(Mutex<Vec<Moment>>);

impl Observer for Clock {
    fn iteration(&self, _: &IterationReport) -> bool {
        self.0.lock().expect("one thread").push(Moment::now());
        true
    }
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
    let max_iter = (PRODUCTS / (n * d * k)).clamp(ITERATIONS_MIN, ITERATIONS_MAX);
    let params = Params { n_clusters: k, max_iter, tol: -1.0, algorithm, n_threads: threads };
    let clock = Clock(Mutex::new(vec![Moment::now()]));
    let start = Moment::now();
    let fitted = fit(x, None, init, &params, &mut labels, &control, Some(&clock)).expect("a fit");
    let total = start.wall_ms_until(&Moment::now());
    let ends = clock.0.into_inner().expect("one thread");
    let steps = || ends.windows(2);
    let iteration = median(steps().map(|w| w[0].wall_ms_until(&w[1])).collect());
    let cpu = ends[0].cpu_ms_until(&ends[ends.len() - 1]) / fitted.n_iter as f64;
    let start = Moment::now();
    predict(x, &fitted.centers, &mut labels, None, threads, &control).expect("labels");
    let labelling = start.wall_ms_until(&Moment::now());
    let start = Moment::now();
    column_stats(x, threads, &control).expect("statistics");
    let stats = start.wall_ms_until(&Moment::now());
    let (flop, bytes) = (2.0 * (n * d * k) as f64, (n * d * size_of::<T>()) as f64);
    let core_seconds = cpu * threads as f64 / 1e3;
    println!(
        "{n}x{d} k={k} {}: {iteration:.3} ms/iteration ({cpu:.3} of processor: {:.1} GFLOP/s and \
         {:.2} GB/s a core); labels {labelling:.2} ms, statistics {stats:.2} ms, \
         fit of {} iterations {total:.1} ms",
        T::NAME,
        flop / core_seconds / 1e9,
        bytes / core_seconds / 1e9,
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
