//! What stands between a transformer's products, held to plain double precision.

use ferrule_tensor::Isa;
use ferrule_tensor::ops::transformer::{
    Attention, BLOCK_POSITIONS, Gate, Pairs, Past, Rotary, attend, attend_on, block_len, from_f16,
    gate, gelu, layer_norm, rms_norm, rms_norm_in_place, store, to_f16,
};

/// Numbers between -1 and 1, the same each time.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn assert_close(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (place, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let off = (f64::from(found) - expected).abs();
        assert!(off <= tolerance, "{place}: {found} for {expected}");
    }
}

/// Keys and values of a sequence, in blocks.
struct Cache {
    blocks: Vec<Vec<u16>>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

fn cache(shape: &Attention, positions: usize) -> Cache {
    let width = shape.kv_heads * shape.dim;
    let rounded = |x: Vec<f32>| -> Vec<f32> { x.iter().map(|&x| from_f16(to_f16(x))).collect() };
    let keys = rounded(numbers(positions * width, 1));
    let values = rounded(numbers(positions * width, 2));
    let count = positions.div_ceil(BLOCK_POSITIONS);
    let mut blocks = vec![vec![0; block_len(shape)]; count];
    for position in 0..positions {
        let (key, value) =
            (&keys[position * width..][..width], &values[position * width..][..width]);
        let block = &mut blocks[position / BLOCK_POSITIONS];
        store(shape, block, position % BLOCK_POSITIONS, key, value);
    }
    Cache { blocks, keys, values }
}

/// Attention of one row, written out.
fn expected(shape: &Attention, query: &[f32], position: usize, cache: &Cache) -> Vec<f64> {
    let (dim, group) = (shape.dim, shape.heads / shape.kv_heads);
    let width = shape.kv_heads * dim;
    let first = shape.window.map_or(0, |window| (position + 1).saturating_sub(window));
    let mut out = Vec::new();
    for head in 0..shape.heads {
        let at = |of: &[f32], p: usize, d: usize| f64::from(of[p * width + head / group * dim + d]);
        let score = |p: usize| -> f64 {
            let product = |d: usize| f64::from(query[head * dim + d]) * at(&cache.keys, p, d);
            f64::from(shape.scale) * (0..dim).map(product).sum::<f64>()
        };
        let scores: Vec<f64> = (first..=position).map(score).collect();
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
        let whole: f64 = weights.iter().sum();
        for d in 0..dim {
            let sum = |(i, weight): (usize, &f64)| weight * at(&cache.values, first + i, d);
            out.push(weights.iter().enumerate().map(sum).sum::<f64>() / whole);
        }
    }
    out
}

fn attended(shape: &Attention, queries: &[f32], first: usize, cache: &Cache) -> Vec<f32> {
    let blocks: Vec<&[u16]> = cache.blocks.iter().map(|block| &block[..]).collect();
    let mut out = vec![f32::NAN; queries.len()];
    attend(shape, queries, first, Past { blocks: &blocks }, &mut out);
    out
}

#[test]
fn attention_is_softmax_over_what_a_row_sees() {
    for (heads, kv_heads, dim, window) in [
        (8, 4, 8, None),
        (9, 3, 64, None),
        (4, 1, 40, Some(50)),
        (2, 2, 34, Some(1)),
        (4, 1, 256, None),
    ] {
        let shape = Attention { heads, kv_heads, dim, scale: 0.7, window };
        let cache = cache(&shape, 171);
        for (first, rows) in [(0, 1), (31, 3), (64, 64), (3, 168), (170, 1)] {
            let width = heads * dim;
            let queries = numbers(rows * width, first as u64 + 9);
            let found = attended(&shape, &queries, first, &cache);
            for row in 0..rows {
                let query = &queries[row * width..][..width];
                let expected = expected(&shape, query, first + row, &cache);
                assert_close(&found[row * width..][..width], &expected, 1e-5);
            }
        }
    }
}

#[test]
fn a_rows_attention_has_the_same_bits_alone_and_among_others() {
    let shape = Attention { heads: 6, kv_heads: 2, dim: 48, scale: 0.1, window: Some(70) };
    let cache = cache(&shape, 300);
    let width = shape.heads * shape.dim;
    let queries = numbers(250 * width, 5);
    let together = attended(&shape, &queries, 50, &cache);
    for row in 0..250 {
        let alone = attended(&shape, &queries[row * width..][..width], 50 + row, &cache);
        assert_eq!(alone, together[row * width..][..width], "row {row}");
    }
}

#[test]
fn attention_has_the_same_bits_on_each_instruction_set() {
    for (heads, kv_heads, dim) in [(6, 2, 50), (4, 1, 64), (3, 3, 16)] {
        let shape = Attention { heads, kv_heads, dim, scale: 0.1, window: None };
        let cache = cache(&shape, 100);
        let blocks: Vec<&[u16]> = cache.blocks.iter().map(|block| &block[..]).collect();
        for rows in [1, 19] {
            let queries = numbers(rows * heads * dim, 5);
            let on = |isa| {
                let mut out = vec![f32::NAN; queries.len()];
                attend_on(isa, &shape, &queries, 80, Past { blocks: &blocks }, &mut out);
                out
            };
            let plain = on(Isa::Scalar);
            for isa in Isa::available() {
                assert_eq!(on(isa), plain, "{isa:?} {rows} {dim}");
            }
        }
    }
}

#[test]
fn norms_are_those_of_the_papers() {
    for width in [1, 7, 16, 640] {
        let (x, weight) = (numbers(3 * width, 1), numbers(width, 2));
        let bias = numbers(width, 3);
        let (mut root, mut layer) = (Vec::new(), Vec::new());
        for row in x.chunks_exact(width) {
            let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / width as f64;
            let square = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / width as f64;
            for (i, &x) in row.iter().enumerate() {
                let (w, x) = (f64::from(weight[i]), f64::from(x));
                root.push(x / (square + 1e-5).sqrt() * w);
                let variance = square - mean * mean;
                layer.push((x - mean) / (variance + 1e-2).sqrt() * w + f64::from(bias[i]));
            }
        }
        let mut out = vec![0.0; x.len()];
        rms_norm(&x, &weight, 1e-5, &mut out);
        assert_close(&out, &root, 1e-6);
        let mut in_place = x.clone();
        rms_norm_in_place(&mut in_place, &weight, 1e-5);
        assert_eq!(in_place, out);
        in_place.clone_from(&x);
        layer_norm(&mut in_place, &weight, &bias, 1e-2);
        assert_close(&in_place, &layer, 1e-5);
    }
}

#[test]
fn gates_are_those_of_the_papers() {
    let x: Vec<f32> = numbers(1000, 1).iter().map(|x| x * 12.0).collect();
    let up = numbers(1000, 2);
    let with = |of: fn(f64) -> f64| -> Vec<f64> {
        x.iter().zip(&up).map(|(&x, &up)| of(f64::from(x)) * f64::from(up)).collect()
    };
    let mut silu = x.clone();
    gate(Gate::Silu, &mut silu, &up);
    assert_close(&silu, &with(|x| x / (1.0 + (-x).exp())), 3e-6);
    let mut gelu_tanh = x.clone();
    gate(Gate::GeluTanh, &mut gelu_tanh, &up);
    let root = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
    let root: fn(f64) -> f64 = root;
    let exact: Vec<f64> = x
        .iter()
        .zip(&up)
        .map(|(&x, &up)| f64::from(x) / 2.0 * (1.0 + root(f64::from(x)).tanh()) * f64::from(up))
        .collect();
    assert_close(&gelu_tanh, &exact, 3e-6);
    let mut erf = [0.0, 1.0, -1.0, 3.0, f32::INFINITY];
    gelu(&mut erf);
    let expected = [0.0, 0.841_344_746_068_543, -0.158_655_253_931_457, 2.995_950_305_844_72];
    assert_close(&erf[..4], &expected, 1e-6);
    assert_eq!(erf[4], f32::INFINITY);
}

#[test]
fn pairs_are_turned_by_their_positions_angle() {
    let (dim, position) = (8, 1234);
    for pairs in [Pairs::Neighbours, Pairs::Halves] {
        let divisors = [1.0, 2.0, 4.0, 8.0];
        let rotary = Rotary::new(pairs, dim, 10_000.0, 2.0, Some(&divisors));
        let mut table = vec![0.0; dim];
        rotary.table(position, &mut table);
        let heads = numbers(2 * dim, 4);
        let mut turned = heads.clone();
        rotary.turn(&mut turned, &table);
        for head in 0..2 {
            for (i, divisor) in divisors.iter().enumerate() {
                let (a, b) = match pairs {
                    Pairs::Neighbours => (2 * i, 2 * i + 1),
                    Pairs::Halves => (i, i + dim / 2),
                };
                let frequency = 10_000_f64.powf(-2.0 * i as f64 / dim as f64);
                let (s, c) = (position as f64 * frequency / 2.0 / f64::from(*divisor)).sin_cos();
                let of = |values: &[f32], i: usize| f64::from(values[head * dim + i]);
                let (x, y) = (of(&heads, a), of(&heads, b));
                let found = [turned[head * dim + a], turned[head * dim + b]];
                assert_close(&found, &[x * c - y * s, x * s + y * c], 1e-6);
            }
        }
    }
}
