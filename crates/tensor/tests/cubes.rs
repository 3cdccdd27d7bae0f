//! Cubes against one element at a time, in every shape that the kernels treat on its own.

use ferrule_base::DType;
use ferrule_tensor::cubes::{Cubes, CubesError, Layout, Recipe, Rows, StackShape, xxh64};
use ferrule_tensor::{Control, Isa};

const STACK: StackShape = StackShape { frames: 3, columns: 40, rows: 50, dtype: DType::Fp64 };
const RECIPE: Recipe = Recipe {
    shape: [3, 20, 24],
    per_layer: true,
    rows: Rows::Every { start: 0, step: 1 },
    dtype: DType::Fp64,
    layout: Layout::FrameRowColumn,
    seed: 11,
};

/// An arena whose elements are all different, as bytes.
fn arena(stack: StackShape) -> Vec<u8> {
    let count = stack.frames * stack.columns * stack.rows;
    match stack.dtype {
        // Every bit pattern of a half, so NaN and infinity too.
        DType::Fp16 => (0..count).flat_map(|i| (i as u16).to_ne_bytes()).collect(),
        DType::Fp32 => (0..count).flat_map(|i| (i as f32 / 7.0).to_ne_bytes()).collect(),
        _ => (0..count).flat_map(|i| (i as f64 / 7.0).to_ne_bytes()).collect(),
    }
}

fn fill(cubes: &Cubes, stack: &[u8], first: u64, n: usize, isa: Isa, threads: usize) -> Vec<u8> {
    let mut out = vec![0xAA; n * cubes.cube_bytes()];
    cubes.fill(stack, first, &mut out, isa, threads, &Control::new()).unwrap();
    out
}

/// The bytes of a cube of its stack's dtype, by its indices.
fn expected(stack: StackShape, recipe: Recipe, arena: &[u8], cube: u64) -> Vec<u8> {
    let cubes = Cubes::new(stack, recipe).unwrap();
    let [frames, n_rows, n_columns] = recipe.shape;
    let (mut columns, mut rows) = (vec![0; frames * n_columns], vec![0; frames * n_rows]);
    cubes.indices(cube, &mut columns, &mut rows);
    let size = stack.dtype.size();
    let mut out = Vec::new();
    let mut put = |frame: usize, row: u32, column: u32| {
        let at = (frame * stack.columns + column as usize) * stack.rows + row as usize;
        out.extend_from_slice(&arena[at * size..][..size]);
    };
    for frame in 0..frames {
        let columns = &columns[frame * n_columns..][..n_columns];
        let rows = &rows[frame * n_rows..][..n_rows];
        match recipe.layout {
            Layout::FrameRowColumn => {
                rows.iter().for_each(|&row| columns.iter().for_each(|&col| put(frame, row, col)));
            }
            Layout::FrameColumnRow => {
                columns.iter().for_each(|&col| rows.iter().for_each(|&row| put(frame, row, col)));
            }
        }
    }
    out
}

fn check(stack: StackShape, recipe: Recipe) {
    let recipe = Recipe { dtype: stack.dtype, ..recipe };
    let arena = arena(stack);
    let cubes = Cubes::new(stack, recipe).unwrap();
    let first = u64::from(u32::MAX);
    let wanted: Vec<u8> =
        (first..first + 3).flat_map(|cube| expected(stack, recipe, &arena, cube)).collect();
    for isa in Isa::available() {
        for threads in [1, 3] {
            let got = fill(&cubes, &arena, first, 3, isa, threads);
            assert!(got == wanted, "{stack:?} {recipe:?} {isa:?} {threads}");
        }
    }
}

#[test]
fn every_shape_layout_and_precision_gives_the_elements_that_the_indices_name() {
    for dtype in [DType::Fp16, DType::Fp32, DType::Fp64] {
        for layout in [Layout::FrameRowColumn, Layout::FrameColumnRow] {
            for (rows, columns) in [(1, 1), (3, 5), (8, 8), (16, 16), (17, 31), (33, 7), (50, 40)] {
                for per_layer in [false, true] {
                    let recipe = Recipe { shape: [3, rows, columns], per_layer, layout, ..RECIPE };
                    check(StackShape { dtype, ..STACK }, recipe);
                }
            }
        }
    }
}

#[test]
fn rows_may_start_anywhere_be_apart_or_drawn() {
    for dtype in [DType::Fp16, DType::Fp64] {
        for layout in [Layout::FrameRowColumn, Layout::FrameColumnRow] {
            let stack = StackShape { dtype, ..STACK };
            for (start, step, n) in [(1, 1, 20), (30, 1, 20), (45, 1, 5), (2, 3, 16), (49, 7, 1)] {
                let rows = Rows::Every { start, step };
                check(stack, Recipe { rows, layout, shape: [2, n, 24], ..RECIPE });
            }
            for per_layer in [false, true] {
                check(stack, Recipe { rows: Rows::Random, layout, per_layer, ..RECIPE });
            }
        }
    }
}

#[test]
fn frames_of_fewer_rows_than_a_register_holds_are_taken() {
    let stack = StackShape { frames: 2, columns: 9, rows: 3, dtype: DType::Fp32 };
    for layout in [Layout::FrameRowColumn, Layout::FrameColumnRow] {
        check(stack, Recipe { shape: [2, 3, 9], layout, ..RECIPE });
        check(stack, Recipe { shape: [2, 2, 1], layout, ..RECIPE });
    }
}

#[test]
fn layers_wider_and_longer_than_a_buffer_are_made_in_pieces() {
    let stack = StackShape { frames: 2, columns: 700, rows: 3000, dtype: DType::Fp32 };
    for layout in [Layout::FrameRowColumn, Layout::FrameColumnRow] {
        check(stack, Recipe { shape: [2, 37, 519], layout, ..RECIPE });
        check(stack, Recipe { shape: [1, 2999, 3], layout, ..RECIPE });
    }
}

#[test]
fn a_checksum_is_the_sum_of_the_layers_hashes() {
    for layout in [Layout::FrameRowColumn, Layout::FrameColumnRow] {
        let cubes = Cubes::new(STACK, Recipe { layout, dtype: DType::Fp32, ..RECIPE }).unwrap();
        let stack = arena(STACK);
        for (first, n) in [(0, 0), (7, 1), (u64::MAX - 3, 2), (100, 90)] {
            let made = fill(&cubes, &stack, first, n, Isa::Scalar, 1);
            let layers = made.chunks_exact(cubes.cube_bytes() / 3).zip(first.wrapping_mul(3)..);
            let hashes = layers.map(|(layer, seed)| xxh64(layer, seed));
            let expected = hashes.fold(0, u64::wrapping_add);
            for isa in Isa::available() {
                for threads in [1, 4] {
                    let control = Control::new();
                    let got = cubes.checksum(&stack, first, n, isa, threads, &control);
                    assert_eq!(got, Ok(expected), "{first} {n} {isa:?} {threads}");
                }
            }
        }
    }
}

#[test]
fn a_stack_may_start_anywhere() {
    let mut moved = vec![0; 1];
    moved.extend(arena(STACK));
    for layout in [Layout::FrameRowColumn, Layout::FrameColumnRow] {
        for rows in [Rows::Every { start: 3, step: 1 }, Rows::Random] {
            let recipe = Recipe { layout, rows, ..RECIPE };
            let cubes = Cubes::new(STACK, recipe).unwrap();
            for isa in Isa::available() {
                let got = fill(&cubes, &moved[1..], 8, 1, isa, 1);
                assert!(got == expected(STACK, recipe, &moved[1..], 8), "{recipe:?} {isa:?}");
            }
        }
    }
}

#[test]
fn large_outputs_are_written_past_the_caches_wherever_they_start() {
    let stack = StackShape { frames: 4, columns: 120, rows: 130, dtype: DType::Fp32 };
    let recipe = Recipe { shape: [4, 101, 99], dtype: DType::Fp32, ..RECIPE };
    let arena = arena(stack);
    let cubes = Cubes::new(stack, recipe).unwrap();
    let n = (1 << 20) / cubes.cube_bytes() + 3;
    let wanted: Vec<u8> =
        (5..5 + n as u64).flat_map(|cube| expected(stack, recipe, &arena, cube)).collect();
    for isa in Isa::available() {
        for offset in [0, 1, 16, 63] {
            let mut out = vec![0; wanted.len() + 64];
            let part = &mut out[offset..offset + wanted.len()];
            cubes.fill(&arena, 5, part, isa, 2, &Control::new()).unwrap();
            assert!(*part == wanted[..], "{isa:?} {offset}");
        }
    }
}

/// The definition of a finite binary16 number.
fn value_of_half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[test]
fn other_precisions_are_rounded_once_to_the_nearest() {
    let halves = StackShape { dtype: DType::Fp16, ..STACK };
    let (singles, doubles) =
        (StackShape { dtype: DType::Fp32, ..STACK }, StackShape { dtype: DType::Fp64, ..STACK });
    for isa in Isa::available() {
        let of = |stack: StackShape, dtype| {
            let cubes = Cubes::new(stack, Recipe { dtype, ..RECIPE }).unwrap();
            fill(&cubes, &arena(stack), 0, 2, isa, 1)
        };
        let (exact, rounded) = (of(doubles, DType::Fp64), of(doubles, DType::Fp32));
        let exact = exact.as_chunks::<8>().0.iter().map(|&bytes| f64::from_ne_bytes(bytes));
        let rounded = rounded.as_chunks::<4>().0.iter().map(|&bytes| f32::from_ne_bytes(bytes));
        assert!(exact.map(|x| x as f32).eq(rounded));
        let (single, wide) = (of(singles, DType::Fp32), of(singles, DType::Fp64));
        let single = single.as_chunks::<4>().0.iter().map(|&b| f64::from(f32::from_ne_bytes(b)));
        assert!(single.eq(wide.as_chunks::<8>().0.iter().map(|&bytes| f64::from_ne_bytes(bytes))));
        let (half, wide) = (of(halves, DType::Fp16), of(halves, DType::Fp64));
        for (&half, &wide) in half.as_chunks::<2>().0.iter().zip(wide.as_chunks::<8>().0) {
            let (bits, wide) = (u16::from_ne_bytes(half), f64::from_ne_bytes(wide));
            assert_eq!(wide.to_bits(), value_of_half(bits).to_bits(), "{bits:#x}");
        }
    }
}

#[test]
fn what_cannot_be_made_is_refused_with_the_numbers() {
    let refused = |stack, recipe| Cubes::new(stack, recipe).unwrap_err();
    assert_eq!(
        refused(STACK, Recipe { shape: [4, 20, 24], ..RECIPE }),
        CubesError::Side { what: "frames", wanted: 4, available: 3 }
    );
    assert_eq!(
        refused(STACK, Recipe { rows: Rows::Every { start: 40, step: 3 }, ..RECIPE }),
        CubesError::Side { what: "rows", wanted: 20, available: 4 }
    );
    assert_eq!(
        refused(STACK, Recipe { shape: [3, 20, 0], ..RECIPE }),
        CubesError::Side { what: "columns", wanted: 0, available: 40 }
    );
    assert_eq!(
        refused(StackShape { dtype: DType::Int64, ..STACK }, RECIPE),
        CubesError::DType(DType::Int64)
    );
    let huge = StackShape { frames: usize::MAX / 8, ..STACK };
    assert_eq!(refused(huge, RECIPE), CubesError::TooLarge);
    let cubes = Cubes::new(STACK, RECIPE).unwrap();
    let (arena, control) = (arena(STACK), Control::new());
    let fill =
        |stack: &[u8], bytes| cubes.fill(stack, 0, &mut vec![0; bytes], Isa::Scalar, 1, &control);
    assert_eq!(
        fill(&arena[1..], cubes.cube_bytes()),
        Err(CubesError::Length { what: "the stack", got: 47_999, expected: 48_000 })
    );
    assert_eq!(
        fill(&arena, cubes.cube_bytes() + 1),
        Err(CubesError::Length { what: "the output", got: 11_521, expected: 11_520 })
    );
    assert_eq!(fill(&arena, 0), Ok(()));
    control.cancel();
    assert!(matches!(fill(&arena, cubes.cube_bytes()), Err(CubesError::Cancelled(_))));
}
