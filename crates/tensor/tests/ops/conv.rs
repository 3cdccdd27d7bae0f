use ferrule_base::DType;
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::{conv2d, conv2d_filter_grad, conv2d_input_grad, pool, pool_grad};

use crate::{array, floats, indices, numbers, output, shape};

/// Images, filters, strides, padding (top, left) and the output's height and width.
#[derive(Debug)]
struct Case {
    x: [usize; 4],
    filter: [usize; 4],
    strides: [usize; 2],
    pad: [usize; 2],
    size: [usize; 2],
}

impl Case {
    fn output(&self) -> Shape {
        shape(&[self.x[0], self.size[0], self.size[1], self.filter[3]])
    }

    /// Calls `visit` with the flat places of an image, a filter and an output element for each product.
    fn products(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let [n, h, w, c] = self.x;
        let [kh, kw, _, m] = self.filter;
        for (to, index) in indices(&[n, self.size[0], self.size[1], m]).iter().enumerate() {
            for within in indices(&[kh, kw, c]) {
                let place = |axis: usize| {
                    (index[axis + 1] * self.strides[axis] + within[axis])
                        .checked_sub(self.pad[axis])
                };
                let (Some(y), Some(x)) = (place(0), place(1)) else { continue };
                if y < h && x < w {
                    let from = ((index[0] * h + y) * w + x) * c + within[2];
                    let filter = ((within[0] * kw + within[1]) * c + within[2]) * m + index[3];
                    visit(from, filter, to);
                }
            }
        }
    }
}

fn cases() -> Vec<Case> {
    let case = |x, filter, strides, pad, size| Case { x, filter, strides, pad, size };
    vec![
        case([2, 5, 6, 3], [3, 3, 3, 4], [1, 1], [1, 1], [5, 6]),
        case([2, 5, 6, 3], [3, 3, 3, 4], [1, 1], [0, 0], [3, 4]),
        case([1, 7, 8, 2], [3, 2, 2, 5], [2, 3], [1, 0], [4, 3]),
        case([3, 4, 4, 6], [1, 1, 6, 7], [1, 1], [0, 0], [4, 4]),
        case([2, 4, 5, 2], [1, 1, 2, 3], [2, 2], [0, 0], [2, 3]),
        case([2, 28, 28, 1], [5, 5, 1, 8], [1, 1], [2, 2], [28, 28]),
        case([3, 3, 3, 2], [5, 5, 2, 3], [1, 1], [2, 2], [3, 3]),
        case([0, 4, 4, 1], [3, 3, 1, 2], [1, 1], [1, 1], [4, 4]),
        case([1, 2, 2, 1], [2, 2, 1, 1], [3, 3], [0, 0], [1, 1]),
        case([2, 9, 17, 16], [3, 3, 16, 35], [1, 1], [1, 1], [9, 17]),
        case([2, 9, 16, 16], [4, 3, 16, 70], [2, 2], [1, 1], [4, 8]),
        case([1, 24, 27, 16], [3, 3, 16, 24], [1, 1], [2, 2], [26, 29]),
        case([1, 9, 9, 8], [2, 2, 8, 9], [1, 1], [3, 3], [12, 12]),
    ]
}

/// A case that looks random: of filters that reach beyond images, of windows that touch nothing, and of
/// channels that fill vectors as often as not.
fn drawn(seed: u64) -> Case {
    let drawn = numbers(16, seed);
    let between = |at: usize, least: usize, most: usize| {
        least + ((drawn[at] + 1.0) / 2.0 * (most + 1 - least) as f64) as usize
    };
    let channels = [1, 3, 8, 16, 16, 16, 24, 32, 48][between(0, 0, 8)];
    let x = [between(1, 0, 3), between(2, 1, 11), between(3, 1, 11), channels];
    let filter = [between(4, 1, 6), between(5, 1, 6), channels, between(6, 1, 70)];
    let strides = if drawn[9] < 0.0 { [1, 1] } else { [between(7, 1, 2), between(8, 1, 3)] };
    let pad = [between(10, 0, 3), between(11, 0, 3)];
    let size = [0, 1].map(|axis| {
        let most = (x[axis + 1] + pad[axis]).div_ceil(strides[axis]);
        between(12 + axis, 1, most)
    });
    Case { x, filter, strides, pad, size }
}

fn assert_near(got: &[f32], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((f64::from(*got) - expected).abs() < 1e-4, "{what}: {got} is not {expected}");
    }
}

/// Numbers of which most are 0.
fn mostly_zeros(dims: &[usize], seed: u64) -> Array {
    let mut made = floats(dims, seed);
    let zeros = floats(dims, seed + 1);
    for (x, &other) in made.as_mut_slice::<f32>().iter_mut().zip(zeros.as_slice::<f32>()) {
        *x = if other < 0.6 { 0.0 } else { *x };
    }
    made
}

#[test]
fn convolutions_and_their_gradients_are_the_sums_that_define_them() {
    for (number, case) in cases().iter().enumerate() {
        holds(&format!("case {number}"), case, &floats(&case.output(), 3));
        holds(&format!("case {number}, mostly zeros"), case, &mostly_zeros(&case.output(), 3));
    }
}

#[test]
fn gradients_of_any_shape_leave_zeros_out_of_their_sums() {
    for seed in 0..80 {
        let case = drawn(seed);
        let g = mostly_zeros(&case.output(), seed);
        holds(&format!("seed {seed}: {case:?}"), &case, &g);
        let m = case.filter[3];
        let (x, filter) = (floats(&case.x, 1), floats(&case.filter, 2));
        // Filters of zeros for channels of ones change no sum, but nothing is left out for them.
        let (wide_filter, wide_g) = (widened(&filter, 4 * m, 0.0), widened(&g, 4 * m, 1.0));
        let Case { strides, pad, .. } = case;
        let by_x = |filter: &Array, g: &Array| -> Vec<f32> {
            output(x.elements(), |out| {
                conv2d_input_grad(filter.view(), g.view(), strides, pad, x.shape(), out);
            })
        };
        if strides == [1, 1] && pad[0] < case.filter[0] && pad[1] < case.filter[1] {
            assert_same(&by_x(&wide_filter, &wide_g), &by_x(&filter, &g), &case);
        }
        let by_filter = |g: &Array, filter: &Array| -> Vec<f32> {
            output(filter.elements(), |out| {
                conv2d_filter_grad(x.view(), g.view(), strides, pad, filter.shape(), out);
            })
        };
        // Of one image and few products the sums are made in one go.
        if case.x[0] == 1 && 5 * case.output().elements() * filter.elements() / m <= 1 << 20 {
            let wide = by_filter(&wide_g, &wide_filter);
            let narrow = wide.chunks_exact(5 * m).flat_map(|row| row[..m].iter().copied());
            assert_same(&narrow.collect::<Vec<_>>(), &by_filter(&g, &filter), &case);
        }
    }
}

/// The bits are the same, but for the sign of 0.
fn assert_same(a: &[f32], b: &[f32], case: &Case) {
    let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || (*a == 0.0 && *b == 0.0);
    assert!(a.len() == b.len() && a.iter().zip(b).all(same), "{case:?}");
}

/// Checks a convolution, and its gradients where `g` comes back.
fn holds(what: &str, case: &Case, g: &Array) {
    let (x, filter) = (floats(&case.x, 1), floats(&case.filter, 2));
    let values = |a: &Array| a.as_slice::<f32>().iter().map(|&x| f64::from(x)).collect();
    let (xs, filters, gs): (Vec<f64>, Vec<f64>, Vec<f64>) =
        (values(&x), values(&filter), values(g));
    let mut y = vec![0.0; gs.len()];
    let (mut by_x, mut by_filter) = (vec![0.0; xs.len()], vec![0.0; filters.len()]);
    case.products(|at_x, at_filter, to| {
        y[to] += xs[at_x] * filters[at_filter];
        by_x[at_x] += gs[to] * filters[at_filter];
        by_filter[at_filter] += gs[to] * xs[at_x];
    });
    let Case { strides, pad, .. } = *case;
    let got: Vec<f32> = output(y.len(), |out| {
        conv2d(x.view(), filter.view(), strides, pad, &case.output(), out);
    });
    assert_near(&got, &y, what);
    let got: Vec<f32> = output(by_x.len(), |out| {
        conv2d_input_grad(filter.view(), g.view(), strides, pad, x.shape(), out);
    });
    assert_near(&got, &by_x, &format!("{what} by images"));
    let got: Vec<f32> = output(by_filter.len(), |out| {
        conv2d_filter_grad(x.view(), g.view(), strides, pad, filter.shape(), out);
    });
    assert_near(&got, &by_filter, &format!("{what} by filters"));
}

/// An array with as many more channels, the last axis, of a value.
fn widened(of: &Array, more: usize, value: f32) -> Array {
    let mut dims = of.shape().to_vec();
    let channels = dims[3];
    dims[3] += more;
    let pixels = of.as_slice::<f32>().chunks_exact(channels);
    let wide = |pixel: &[f32]| pixel.iter().copied().chain(vec![value; more]).collect::<Vec<_>>();
    let values: Vec<f32> = pixels.flat_map(wide).collect();
    array(&dims, &values)
}

/// With an infinite channel nothing is left out: 0 times infinity is NaN. Products with 0 that are
/// left out change no bit.
#[test]
fn products_with_zero_change_no_bit_and_hide_no_infinity() {
    for case in cases().iter().filter(|case| case.x[3] >= 8) {
        let Case { strides, pad, .. } = *case;
        let (x, filter) = (floats(&case.x, 1), floats(&case.filter, 2));
        let g = mostly_zeros(&case.output(), 3);
        let infinite = |a: &Array, channels: usize| {
            let mut a = a.clone();
            a.as_mut_slice::<f32>().iter_mut().step_by(channels).for_each(|x| *x = f32::INFINITY);
            a
        };
        let channels = case.x[3];
        let by_x = |filter: &Array, g: &Array| -> Vec<f32> {
            output(x.elements(), |out| {
                conv2d_input_grad(filter.view(), g.view(), strides, pad, x.shape(), out);
            })
        };
        let by_filter = |x: &Array| -> Vec<f32> {
            output(filter.elements(), |out| {
                conv2d_filter_grad(x.view(), g.view(), strides, pad, filter.shape(), out);
            })
        };
        let m = case.filter[3];
        let row = |at: usize| at / m % channels;
        let got = by_x(&infinite(&filter, channels * m), &g);
        assert!(got.iter().any(|x| x.is_nan()));
        if strides == [1, 1] && pad[0] < case.filter[0] {
            // Filters of zeros for channels of ones change no sum, but nothing is left out for them.
            let all = by_x(&widened(&filter, 4 * m, 0.0), &widened(&g, 4 * m, 1.0));
            assert!(all.iter().zip(by_x(&filter, &g)).all(|(&all, some)| {
                all.to_bits() == some.to_bits() || (all == 0.0 && some == 0.0)
            }));
        }
        let got = by_filter(&infinite(&x, channels));
        for (at, (&got, expected)) in got.iter().zip(by_filter(&x)).enumerate() {
            assert!(if row(at) == 0 { got.is_nan() } else { got.to_bits() == expected.to_bits() });
        }
    }
}

/// The flat places of the elements of each window, in order.
fn windows(
    x: [usize; 4],
    size: [usize; 2],
    strides: [usize; 2],
    pad: [usize; 2],
    out: [usize; 2],
) -> Vec<Vec<usize>> {
    let case = Case { x, filter: [size[0], size[1], 1, 1], strides, pad, size: out };
    let [n, h, w, c] = case.x;
    indices(&[n, out[0], out[1], c])
        .iter()
        .map(|index| {
            let within = indices(&size);
            let at = within.iter().filter_map(|within| {
                let y = (index[1] * strides[0] + within[0]).checked_sub(pad[0])?;
                let x = (index[2] * strides[1] + within[1]).checked_sub(pad[1])?;
                (y < h && x < w).then(|| ((index[0] * h + y) * w + x) * c + index[3])
            });
            at.collect()
        })
        .collect()
}

#[test]
fn pools_and_their_gradients_are_what_windows_say() {
    for (dims, size, strides, pad, out) in [
        ([2, 6, 6, 3], [2, 2], [2, 2], [0, 0], [3, 3]),
        ([1, 5, 7, 70], [3, 3], [2, 2], [1, 1], [3, 4]),
        ([2, 4, 4, 1], [3, 2], [1, 1], [1, 0], [4, 4]),
        ([1, 1, 1, 2], [1, 1], [1, 1], [0, 0], [1, 1]),
    ] {
        let mut x = floats(&dims, 4);
        // Ties.
        x.as_mut_slice::<f32>().iter_mut().for_each(|x| *x = (*x * 3.0).round());
        let to = shape(&[dims[0], out[0], out[1], dims[3]]);
        let windows = windows(dims, size, strides, pad, out);
        let xs = x.as_slice::<f32>();
        let g = floats(&to, 5);
        for max in [true, false] {
            let got: Vec<f32> = output(windows.len(), |out| {
                pool(max, x.view(), size, strides, pad, &to, out);
            });
            let mut by_x = vec![0.0; xs.len()];
            for ((window, &got), &g) in windows.iter().zip(&got).zip(g.as_slice::<f32>()) {
                let most = window.iter().map(|&at| xs[at]).fold(f32::NEG_INFINITY, f32::max);
                let sum: f32 = window.iter().map(|&at| xs[at]).sum();
                if max {
                    assert_eq!(got, most);
                    by_x[*window.iter().find(|&&at| xs[at] == most).unwrap()] += f64::from(g);
                } else {
                    let count = window.len() as f32;
                    assert!((got - sum / count).abs() < 1e-6);
                    window.iter().for_each(|&at| by_x[at] += f64::from(g / count));
                }
            }
            let y = array(&to, &got);
            let got: Vec<f32> = output(xs.len(), |out| {
                pool_grad(max, x.view(), y.view(), g.view(), false, size, strides, pad, out);
            });
            assert_near(&got, &by_x, "pool");
            if max {
                let stopped = g.as_slice::<f32>().iter().zip(y.as_slice::<f32>());
                let stopped: Vec<f32> =
                    stopped.map(|(&g, &y)| if y <= 0.0 { 0.0 } else { g }).collect();
                let by_pool = |g: &Array, rectifies: bool| -> Vec<f32> {
                    output(xs.len(), |out| {
                        let [x, y, g] = [x.view(), y.view(), g.view()];
                        pool_grad(true, x, y, g, rectifies, size, strides, pad, out);
                    })
                };
                assert_eq!(by_pool(&g, true), by_pool(&array(&to, &stopped), false));
            }
        }
    }
}

#[test]
fn a_nan_is_the_greatest_of_its_window() {
    let x = array(&[1, 2, 2, 1], &[1.0, f32::NAN, 3.0, 4.0]);
    let to = shape(&[1, 1, 1, 1]);
    let y: Vec<f32> = output(1, |out| pool(true, x.view(), [2, 2], [2, 2], [0, 0], &to, out));
    assert!(y[0].is_nan());
    let (y, g) = (array(&to, &y), Array::from_slice(DType::Fp32, to, &[2f32]));
    let got: Vec<f32> = output(4, |out| {
        pool_grad(true, x.view(), y.view(), g.view(), false, [2, 2], [2, 2], [0, 0], out);
    });
    assert_eq!(got, [0.0, 2.0, 0.0, 0.0]);
}
