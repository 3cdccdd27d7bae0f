//! Nearest centres, held to a plain loop: the same bits on every instruction set, for every
//! shape, layout and split of the rows.

use ferrule_tensor::kernels::{ColumnSums, DIRECT_COLS_MAX, Sums};
use ferrule_tensor::{Assigner, Float, Isa, MatrixView, Scratch};

/// A small generator (SplitMix64), so that the tests need no crate.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// From -1 to 1; coarse every other time, so that ties and duplicates happen.
    fn values<T: Float>(&mut self, count: usize) -> Vec<T> {
        let coarse = self.below(2) == 0;
        (0..count)
            .map(|_| {
                let value = self.next() as f64 / u64::MAX as f64 * 2.0 - 1.0;
                T::from_f64(if coarse { (value * 2.0).round() } else { value + 3.0 })
            })
            .collect()
    }
}

/// The label that the documentation promises, by the formula alone.
fn reference<T: Float>(row: &[T], centers: &[T]) -> (i32, T) {
    let (d, k) = (row.len(), centers.len() / row.len());
    let square = |c: &[T]| chain(row, c);
    let shift: Vec<T> = (0..d)
        .map(|j| {
            let sum = centers.chunks(d).fold(0.0, |sum, c| sum + c[j].to_f64());
            T::from_f64(sum / k as f64)
        })
        .collect();
    let product = |c: &[T]| {
        let shifted = |j: usize| (c[j] - shift[j]).to_f64();
        let norm = (0..d).fold(0.0, |sum, j| sum + shifted(j) * shifted(j));
        (0..d).fold(T::from_f64(0.5 * norm), |sum, j| {
            (-(row[j] - shift[j])).mul_add(c[j] - shift[j], sum)
        })
    };
    let mut best = (T::INFINITY, 0);
    for (i, c) in centers.chunks(d).enumerate() {
        let value = if d <= DIRECT_COLS_MAX { square(c) } else { product(c) };
        if value < best.0 {
            best = (value, i);
        }
    }
    (best.1 as i32, own_distance(row, &centers[best.1 * d..][..d]))
}

/// `Σ (x - c)²`, one chain in feature order.
fn chain<T: Float>(row: &[T], center: &[T]) -> T {
    row.iter().zip(center).fold(T::ZERO, |sum, (&x, &c)| (x - c).mul_add(x - c, sum))
}

/// The same by 16 chains and halves where there are many features.
fn own_distance<T: Float>(row: &[T], center: &[T]) -> T {
    if row.len() <= DIRECT_COLS_MAX {
        return chain(row, center);
    }
    let mut sums: Vec<T> = (0..16)
        .map(|lane| {
            let every_16th = |values: &[T]| -> Vec<T> {
                values.iter().copied().skip(lane).step_by(16).collect()
            };
            chain(&every_16th(row), &every_16th(center))
        })
        .collect();
    while sums.len() > 1 {
        let upper = sums.split_off(sums.len() / 2);
        sums.iter_mut().zip(upper).for_each(|(sum, upper)| *sum += upper);
    }
    sums[0]
}

/// The same matrix in other layouts: rows apart, columns first, both apart.
fn layouts<T: Float>(data: &[T], n: usize, d: usize) -> Vec<(Vec<T>, usize, usize)> {
    [(d, 1), (d + 3, 1), (1, n), (2, 2 * n + 1), (2 * d, 2)]
        .into_iter()
        .map(|(row_stride, col_stride)| {
            let mut out = vec![T::INFINITY; (n - 1) * row_stride + (d - 1) * col_stride + 1];
            for i in 0..n {
                for j in 0..d {
                    out[i * row_stride + j * col_stride] = data[i * d + j];
                }
            }
            (out, row_stride, col_stride)
        })
        .collect()
}

fn check_shape<T: Float>(random: &mut Random, n: usize, d: usize, k: usize) {
    let plain: Vec<T> = random.values(n * d);
    let centers: Vec<T> = random.values(k * d);
    let expected: Vec<_> = plain.chunks(d).map(|row| reference(row, &centers)).collect();
    for isa in Isa::available() {
        let assigner = Assigner::new(&centers, k, d, isa);
        for (data, row_stride, col_stride) in layouts(&plain, n, d) {
            let x = MatrixView::new(&data, n, d, row_stride, col_stride).unwrap();
            let start = random.below(n);
            let mut scratch = Scratch::default();
            for rows in [0..n, start..n, start..start + 1, 0..start] {
                let mut labels = vec![-7; rows.len()];
                let mut sq_dist = vec![T::ZERO; rows.len()];
                let facts = format!("{} {isa:?} n={n} d={d} k={k} {rows:?}", T::NAME);
                assigner.assign(x, rows.clone(), &mut labels, Some(&mut sq_dist), &mut scratch);
                let got: Vec<_> = labels.iter().copied().zip(sq_dist).collect();
                assert_eq!(
                    got,
                    expected[rows.clone()],
                    "{facts} strides {row_stride} {col_stride}"
                );
                let mut all = vec![T::ZERO; rows.len() * k];
                assigner.squared_distances(x, rows.clone(), &mut all, &mut scratch);
                for (i, all) in all.chunks(k).enumerate() {
                    let row = &plain[(rows.start + i) * d..][..d];
                    let chains: Vec<T> = centers.chunks(d).map(|c| chain(row, c)).collect();
                    assert_eq!(all, chains, "{facts}");
                }
            }
        }
    }
}

#[test]
fn labels_and_distances_are_the_formulas_bit_for_bit() {
    let mut random = Random(1);
    let shapes = [(1, 1, 1), (5, 1, 5), (300, 2, 3), (70, 3, 70), (9, 784, 12), (100, 16, 64)];
    for (n, d, k) in shapes {
        check_shape::<f32>(&mut random, n, d, k);
        check_shape::<f64>(&mut random, n, d, k);
    }
    for _ in 0..40 {
        let (n, d, k) = (1 + random.below(400), 1 + random.below(40), 1 + random.below(40));
        check_shape::<f32>(&mut random, n, d, k);
        check_shape::<f64>(&mut random, n, d, k);
    }
}

fn check_sums<T: Float>(random: &mut Random, n: usize, d: usize, k: usize) {
    let data: Vec<T> = random.values(n * d);
    let centers: Vec<T> = random.values(k * d);
    let weights: Vec<T> = random.values(n);
    for weights in [None, Some(&weights[..])] {
        let mut first: Option<Sums> = None;
        for isa in Isa::available() {
            let assigner = Assigner::new(&centers, k, d, isa);
            for (data, row_stride, col_stride) in layouts(&data, n, d) {
                let x = MatrixView::new(&data, n, d, row_stride, col_stride).unwrap();
                let mut sums = Sums::new(k, d);
                assigner.sum_nearest(x, 0..n, weights, &mut sums, &mut Scratch::default());
                let expected = first.get_or_insert_with(|| sums.clone());
                assert_eq!(&sums, expected, "{} {isa:?} n={n} d={d} k={k}", T::NAME);
            }
        }
        check_against_plain_sums(&data, &centers, weights, &first.unwrap());
    }
}

fn check_against_plain_sums<T: Float>(
    data: &[T],
    centers: &[T],
    weights: Option<&[T]>,
    got: &Sums,
) {
    let (k, d) = (got.weights.len(), centers.len() / got.weights.len());
    let mut expected = Sums::new(k, d);
    for (i, row) in data.chunks(d).enumerate() {
        let label = reference(row, centers).0 as usize;
        let weight = weights.map_or(1.0, |weights| weights[i].to_f64());
        expected.weights[label] += weight;
        for (sum, x) in expected.sums[label * d..].iter_mut().zip(row) {
            *sum += weight * x.to_f64();
        }
    }
    assert_eq!(got.weights, expected.weights);
    for (got, expected) in got.sums.iter().zip(&expected.sums) {
        assert!((got - expected).abs() <= 1e-11 * (1.0 + expected.abs()), "{got} {expected}");
    }
}

#[test]
fn sums_have_the_same_bits_on_every_instruction_set_and_layout() {
    let mut random = Random(2);
    for _ in 0..30 {
        let (n, d, k) = (1 + random.below(700), 1 + random.below(30), 1 + random.below(20));
        check_sums::<f32>(&mut random, n, d, k);
        check_sums::<f64>(&mut random, n, d, k);
    }
}

#[test]
fn moved_rows_leave_the_sums_of_the_new_labels() {
    let mut random = Random(3);
    let (n, d, k) = (500, 21, 6);
    let data: Vec<f32> = random.values(n * d);
    let x = MatrixView::contiguous(&data, n, d).unwrap();
    let labels: Vec<Vec<i32>> =
        (0..3).map(|_| (0..n).map(|_| random.below(k) as i32).collect()).collect();
    let none = vec![-1; n];
    for isa in Isa::available() {
        let mut tiles = [ColumnSums::new(k, 0..9), ColumnSums::new(k, 9..d)];
        for tile in &mut tiles {
            tile.update(x, &none, &labels[0], None, isa);
            tile.update(x, &labels[0], &labels[1], None, isa);
            tile.update(x, &labels[1], &labels[2], None, isa);
        }
        let mut expected = Sums::new(k, d);
        expected.add_rows(x, 0..n, &labels[2], None, isa);
        for tile in &tiles {
            let width = tile.cols.len();
            for (i, sum) in tile.sums.iter().enumerate() {
                let expected = expected.sums[i / width * d + tile.cols.start + i % width];
                assert!((sum - expected).abs() < 1e-9, "{isa:?} {sum} {expected}");
            }
        }
    }
}

#[test]
fn a_row_that_overflows_gets_a_label_that_no_instruction_set_disputes() {
    for d in [3, 20] {
        let mut data = vec![1.0f32; 40 * d];
        data[5] = f32::NAN;
        data[7 * d] = f32::INFINITY;
        data[9 * d..10 * d].fill(f32::MAX);
        data[11 * d..12 * d].fill(-f32::MAX);
        let centers: Vec<f32> = (0..9 * d).map(|i| (i % 7) as f32 - 3.0).collect();
        let x = MatrixView::contiguous(&data, 40, d).unwrap();
        let labels = Isa::available().map(|isa| {
            let assigner = Assigner::new(&centers, 9, d, isa);
            let mut labels = vec![-1; 40];
            assigner.assign(x, 0..40, &mut labels, None, &mut Scratch::default());
            labels
        });
        let labels: Vec<_> = labels.collect();
        assert!(labels.iter().all(|l| *l == labels[0]), "{labels:?}");
        assert!(labels[0].iter().all(|label| (0..9).contains(label)));
    }
}
