//! Products with quantised weights, against sums in double precision.

mod reference;

use ferrule_base::BlockKind;
use ferrule_tensor::Isa;
use ferrule_tensor::quant::{Inputs, Weights, matmul_on};
use reference::{Random, blocks, dequantised, rounded};

/// What `rows` of `x` times the weights are on `isa`.
fn products(isa: Isa, weights: &Weights, x: &[f32], rows: usize) -> Vec<f32> {
    let mut inputs = Inputs::new();
    inputs.set(x, rows, weights.cols(), &[weights]);
    let mut out = vec![f32::NAN; rows * weights.rows()];
    matmul_on(isa, &inputs, &[weights], &mut [&mut out]);
    out
}

fn weights(kind: BlockKind, rows: usize, cols: usize, random: &mut Random) -> (Weights, Vec<f32>) {
    let source = blocks(kind, rows * cols, random);
    (Weights::pack(kind, rows, cols, &source), dequantised(kind, &source))
}

fn is_float(kind: BlockKind) -> bool {
    kind.block_len() == 1
}

#[test]
fn products_are_those_of_the_dequantised_weights_and_the_rounded_inputs() {
    let mut random = Random(1);
    for kind in BlockKind::all() {
        for (rows, cols) in [(1, 256), (16, 512), (37, 768), (50, 2048)] {
            let (weights, plain) = weights(kind, rows, cols, &mut random);
            for n in [1, 3, 12, 29] {
                let x = random.floats(n * cols);
                let inputs = if is_float(kind) { x.clone() } else { rounded(&x) };
                for isa in Isa::available() {
                    let got = products(isa, &weights, &x, n);
                    for (index, got) in got.into_iter().enumerate() {
                        let (r, i) = (index / rows, index % rows);
                        let terms = plain[i * cols..][..cols].iter().zip(&inputs[r * cols..]);
                        let terms = terms.map(|(w, x)| f64::from(*w) * f64::from(*x));
                        let (sum, size) = terms.fold((0.0, 0.0), |(s, t), x| (s + x, t + x.abs()));
                        let error = (f64::from(got) - sum).abs();
                        assert!(
                            error <= 2e-6 * size,
                            "{kind} {isa:?} {rows}x{cols} {n}: {got} {sum}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn bits_depend_neither_on_the_other_rows_nor_on_the_instruction_set() {
    let mut random = Random(2);
    for kind in BlockKind::all() {
        let cols = if is_float(kind) { 67 } else { kind.block_len() * 3 };
        let (weights, _) = weights(kind, 53, cols, &mut random);
        let x = random.floats(512 * cols);
        let alone: Vec<f32> =
            x.chunks_exact(cols).flat_map(|row| products(Isa::Avx512, &weights, row, 1)).collect();
        for isa in Isa::available() {
            for n in (1..=17).chain([64, 512]) {
                let together = products(isa, &weights, &x[..n * cols], n);
                let same = together.iter().zip(&alone).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{kind} {isa:?} {n}");
            }
        }
    }
}

#[test]
fn several_weights_share_their_inputs() {
    let mut random = Random(3);
    let (cols, n) = (256, 5);
    let kinds = [BlockKind::Q5_0, BlockKind::F32, BlockKind::Q4_K];
    let all = kinds.map(|kind| weights(kind, 640, cols, &mut random).0);
    let x = random.floats(n * cols);
    let all: Vec<&Weights> = all.iter().collect();
    let mut inputs = Inputs::new();
    inputs.set(&random.floats(70 * cols), 70, cols, &all);
    inputs.set(&x, n, cols, &all);
    let mut outs = vec![vec![0.0; n * 640]; 3];
    let mut places: Vec<&mut [f32]> = outs.iter_mut().map(|out| &mut out[..]).collect();
    matmul_on(Isa::detect(), &inputs, &all, &mut places);
    for (weights, out) in all.iter().zip(&outs) {
        assert_eq!(*out, products(Isa::detect(), weights, &x, n), "{}", weights.kind());
    }
}

#[test]
fn a_row_is_what_the_source_dequantises_to() {
    let mut random = Random(4);
    for kind in BlockKind::all() {
        let (rows, cols) = (37, 512);
        let (weights, plain) = weights(kind, rows, cols, &mut random);
        let mut row = vec![0.0; cols];
        for r in 0..rows {
            weights.row(r, &mut row);
            let same = row.iter().zip(&plain[r * cols..]).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{kind} row {r}");
        }
    }
}

#[test]
fn packed_bytes_are_as_many_as_the_sources_and_are_read_back_from_anywhere() {
    let mut random = Random(5);
    for kind in BlockKind::all() {
        let (rows, cols) = (32, 256);
        let (weights, _) = weights(kind, rows, cols, &mut random);
        assert_eq!(Some(weights.as_bytes().len()), kind.bytes_of(rows * cols), "{kind}");
        let file = [&[0; 5][..], weights.as_bytes()].concat();
        let owner = std::sync::Arc::new(file);
        let read = Weights::from_packed(kind, rows, cols, owner.clone(), 5).expect("is there");
        let x = random.floats(cols);
        let isa = Isa::detect();
        assert_eq!(products(isa, &read, &x, 1), products(isa, &weights, &x, 1), "{kind}");
        assert!(Weights::from_packed(kind, rows, cols, owner, 6).is_none(), "{kind}");
    }
    assert_eq!(Weights::packed_len(BlockKind::Q4_K, 16, 128), None);
    assert_eq!(Weights::packed_len(BlockKind::F32, usize::MAX, 2), None);
}

#[test]
fn inputs_that_are_not_finite_make_products_that_are_not_numbers() {
    let mut random = Random(6);
    let (weights, _) = weights(BlockKind::Q8_0, 20, 64, &mut random);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = random.floats(2 * 64);
        x[70] = bad;
        let out = products(Isa::detect(), &weights, &x, 2);
        assert!(out[..20].iter().all(|x| x.is_finite()), "{bad}");
        assert!(out[20..].iter().all(|x| x.is_nan()), "{bad}");
    }
    let tiny = vec![1e-38; 64];
    assert_eq!(products(Isa::detect(), &weights, &tiny, 1), [0.0; 20]);
}

#[test]
fn nothing_times_nothing_is_nothing() {
    let none = Weights::pack(BlockKind::Q4_0, 0, 32, &[]);
    assert!(products(Isa::detect(), &none, &[1.0; 64], 2).is_empty());
    let empty = Weights::pack(BlockKind::F32, 3, 0, &[]);
    assert_eq!(products(Isa::detect(), &empty, &[], 2), [0.0; 6]);
    let some = Weights::pack(BlockKind::F32, 1, 1, &1f32.to_le_bytes());
    assert!(products(Isa::detect(), &some, &[], 0).is_empty());
}
