//! Plain code.

use super::Engine;
use crate::half::{from_bf16, from_f16};

/// Arrays of four, which compilers keep in registers and turn into what vectors there are.
#[derive(Clone, Copy)]
pub(super) struct Scalar;

const LANES: usize = 4;

impl Engine for Scalar {
    const LANES: usize = LANES;
    const ROWS: usize = 1;
    const CENTRES_BYTES: bool = false;
    type B = [u32; LANES];
    type F = [f32; LANES];

    operations! {
        load(from: *const u8) -> [u32; LANES] = from.cast::<[u32; LANES]>().read_unaligned();
        store(to: *mut u8, b: [u32; LANES]) = to.cast::<[u32; LANES]>().write_unaligned(b);
        splat(x: u32) -> [u32; LANES] = [x; LANES];
        and(a: [u32; LANES], b: [u32; LANES]) -> [u32; LANES] =
            std::array::from_fn(|i| a[i] & b[i]);
        or(a: [u32; LANES], b: [u32; LANES]) -> [u32; LANES] = std::array::from_fn(|i| a[i] | b[i]);
        add(a: [u32; LANES], b: [u32; LANES]) -> [u32; LANES] =
            std::array::from_fn(|i| a[i].wrapping_add(b[i]));
        down(b: [u32; LANES], n: u32) -> [u32; LANES] = b.map(|b| b >> n);
        up(b: [u32; LANES], n: u32) -> [u32; LANES] = b.map(|b| b << n);
        max(a: [u32; LANES], b: [u32; LANES]) -> [u32; LANES] =
            std::array::from_fn(|i| a[i].max(b[i]));
        greatest(b: [u32; LANES]) -> u32 = b.into_iter().fold(0, u32::max);
        sum(b: [u32; LANES]) -> i32 = b.into_iter().fold(0, u32::wrapping_add) as i32;
        store_i8(to: *mut i8, b: [u32; LANES]) =
            to.cast::<[i8; LANES]>().write(b.map(|b| b as i8));
        bits(v: [f32; LANES]) -> [u32; LANES] = v.map(f32::to_bits);
        round(v: [f32; LANES]) -> [u32; LANES] = v.map(|v| {
            // Its lower bits are an integer's.
            let rounder = 12_582_912f32;
            (v + rounder).to_bits().wrapping_sub(rounder.to_bits())
        });
        load_i8(from: *const u8) -> [u32; LANES] =
            from.cast::<[i8; LANES]>().read().map(|x| i32::from(x) as u32);
        load_u8(from: *const u8) -> [u32; LANES] = from.cast::<[u8; LANES]>().read().map(u32::from);
        float(b: [u32; LANES]) -> [f32; LANES] = b.map(|b| b as i32 as f32);
        splat_f32(x: f32) -> [f32; LANES] = [x; LANES];
        load_f32(from: *const f32) -> [f32; LANES] = from.cast::<[f32; LANES]>().read_unaligned();
        load_f16(from: *const u16) -> [f32; LANES] =
            from.cast::<[u16; LANES]>().read_unaligned().map(from_f16);
        load_bf16(from: *const u16) -> [f32; LANES] =
            from.cast::<[u16; LANES]>().read_unaligned().map(from_bf16);
        store_f32(to: *mut f32, v: [f32; LANES]) = to.cast::<[f32; LANES]>().write_unaligned(v);
        store_some_f32(to: *mut f32, v: [f32; LANES], count: usize) =
            std::slice::from_raw_parts_mut(to, count).copy_from_slice(&v[..count]);
        add_f32(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] =
            std::array::from_fn(|i| a[i] + b[i]);
        max_f32(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] =
            std::array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] });
        sum_f32(v: [f32; LANES]) -> f32 = (v[0] + v[2]) + (v[1] + v[3]);
        greatest_f32(v: [f32; LANES]) -> f32 = {
            let [a, b, c, d] = v;
            let (a, b) = (if a > c { a } else { c }, if b > d { b } else { d });
            if a > b { a } else { b }
        };
        mul(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] =
            std::array::from_fn(|i| a[i] * b[i]);
        mul_add(a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] =
            std::array::from_fn(|i| a[i].mul_add(b[i], c[i]));
    }

    #[inline(always)]
    unsafe fn dot(
        sum: [u32; LANES],
        weights: [[u32; LANES]; 4],
        inputs: *const i8,
        _: u32,
    ) -> [u32; LANES] {
        // SAFETY: the trait's contract.
        let inputs = unsafe { inputs.cast::<[[i8; 4]; 4]>().read() };
        let mut sum = sum.map(|sum| sum as i32);
        for (weights, inputs) in weights.iter().zip(inputs) {
            for (sum, four) in sum.iter_mut().zip(weights) {
                for (byte, input) in four.to_le_bytes().into_iter().zip(inputs) {
                    *sum += i32::from(byte) * i32::from(input);
                }
            }
        }
        sum.map(|sum| sum as u32)
    }
}
