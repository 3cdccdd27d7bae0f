//! How fast products with quantised weights are, in the shapes of two small models, beside what memory
//! gives: `cargo run --release -p ferrule-tensor --example quant_speed [rows ...]`.
//!
//! Each line is one pass over all the matrices of a model of random weights, as decoding a token or
//! prefilling rows of a prompt does it; `GB/s` counts packed bytes, `GOP/s` two operations a weight and row.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ferrule_base::BlockKind::{self, Q4_1, Q4_K, Q5_0, Q6_K, Q8_0};
use ferrule_tensor::pool::{for_each_block, n_threads};
use ferrule_tensor::quant::{Inputs, Weights, matmul};

/// Weights that share inputs: their kind, columns, and the rows of each.
type Layer = (BlockKind, usize, &'static [usize]);

/// A model's name, its layers, how often, and what comes after them.
type Model = (&'static str, &'static [Layer], usize, &'static [Layer]);

const MODELS: [Model; 4] = [
    (
        "SmolLM2-135M Q4_1",
        &[
            (Q4_1, 576, &[576, 192, 192]),
            (Q4_1, 576, &[576]),
            (Q4_1, 576, &[1536, 1536]),
            (Q4_1, 1536, &[576]),
        ],
        30,
        &[],
    ),
    ("its head, Q8_0", &[(Q8_0, 576, &[49152])], 1, &[]),
    (
        "Gemma 3 270M Q4_K_M",
        &[
            (Q5_0, 640, &[1024, 256]),
            (Q8_0, 640, &[256]),
            (Q4_K, 1024, &[640]),
            (Q5_0, 640, &[2048, 2048]),
            (Q6_K, 2048, &[640]),
        ],
        18,
        &[],
    ),
    ("its head, Q8_0", &[(Q8_0, 640, &[262144])], 1, &[]),
];

fn main() {
    let rows: Vec<usize> = std::env::args().skip(1).map(|n| n.parse().expect("rows")).collect();
    let rows = if rows.is_empty() { vec![1, 2, 4, 8, 16, 64, 512] } else { rows };
    println!("{} threads; memory is read at {:.1} GB/s", n_threads(), read_speed());
    for (name, layers, times, last) in MODELS {
        let layers: Vec<Layer> = (0..times).flat_map(|_| layers).chain(last).copied().collect();
        let weights: Vec<Vec<Weights>> = layers.iter().map(random).collect();
        for &rows in &rows {
            // The heads are for few rows.
            if layers.len() > 1 || rows <= 16 {
                measure(name, &layers, &weights, rows);
            }
        }
    }
}

/// Gigabytes a second that all threads read, of 256 MB.
fn read_speed() -> f64 {
    let bytes = vec![1u64; 1 << 25];
    let time = best(|| {
        for_each_block(64, |block| {
            // Eight streams, of which more are on their way than of one.
            let len = bytes.len() / 64;
            let streams: [&[u64]; 8] =
                std::array::from_fn(|stream| &bytes[block * len + stream * len / 8..][..len / 8]);
            let mut sums = [0u64; 8];
            for at in 0..len / 8 {
                for (sum, stream) in sums.iter_mut().zip(streams) {
                    *sum = sum.wrapping_add(stream[at]);
                }
            }
            black_box(sums);
        });
    });
    (bytes.len() * 8) as f64 / time / 1e9
}

fn random((kind, cols, rows): &Layer) -> Vec<Weights> {
    let pack = |rows: &usize| {
        let mut state = 1u32;
        let len = kind.bytes_of(rows * cols).expect("whole blocks");
        // Halves below infinity, whatever byte they start at.
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 & 0x3F
        })
        .take(len)
        .collect();
        Weights::pack(*kind, *rows, *cols, &bytes)
    };
    rows.iter().map(pack).collect()
}

fn measure(name: &str, layers: &[Layer], weights: &[Vec<Weights>], rows: usize) {
    let widest = layers.iter().map(|(_, cols, _)| *cols).max().unwrap_or(0);
    let x: Vec<f32> = (0..rows * widest).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut inputs = Inputs::new();
    // Written again and again, as a model's are.
    let mut outs = [const { Vec::new() }; 3];
    for (_, _, all) in layers {
        for (out, n) in outs.iter_mut().zip(*all) {
            out.resize(out.len().max(rows * n), 0.0);
        }
    }
    let time = best(|| {
        for ((_, cols, all), weights) in layers.iter().zip(weights) {
            let weights: Vec<&Weights> = weights.iter().collect();
            inputs.set(&x[..rows * cols], rows, *cols, &weights);
            let outs = outs.iter_mut().zip(*all).map(|(out, n)| &mut out[..rows * n]);
            let mut outs: Vec<&mut [f32]> = outs.collect();
            matmul(&inputs, &weights, &mut outs);
        }
    });
    let all = weights.iter().flatten();
    let bytes: usize = all.clone().map(|weights| weights.as_bytes().len()).sum();
    let products: usize = all.map(|weights| weights.rows() * weights.cols() * rows).sum();
    println!(
        "{name:20} {rows:4} rows {:9.3} ms {:6.1} GB/s {:7.1} GOP/s",
        time * 1e3,
        bytes as f64 / time / 1e9,
        2.0 * products as f64 / time / 1e9,
    );
}

/// The least of the seconds that `work` takes, in half a second of runs.
fn best(mut work: impl FnMut()) -> f64 {
    let (start, mut best) = (Instant::now(), f64::MAX);
    while start.elapsed() < Duration::from_millis(700) || best == f64::MAX {
        let run = Instant::now();
        work();
        best = best.min(run.elapsed().as_secs_f64());
    }
    best
}
