//! Small integers as runs: of one value, or of values packed bit by bit.
//!
//! Source: <https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>

use super::ParquetError;
use super::error::damaged;
use super::thrift::Thrift;

const WIDTH_MAX: u32 = 32;

/// A reader of integers of `width` bits.
#[derive(Debug)]
pub(super) struct Hybrid<'a> {
    rest: &'a [u8],
    width: u32,
    run: Run<'a>,
}

#[derive(Debug)]
enum Run<'a> {
    Repeated { value: u32, left: usize },
    Packed { bits: Bits<'a>, left: usize },
}

/// Bits from the lowest of each byte on.
#[derive(Debug)]
struct Bits<'a> {
    rest: &'a [u8],
    held: u64,
    count: u32,
}

impl<'a> Hybrid<'a> {
    pub(super) fn new(bytes: &'a [u8], width: u32) -> Result<Self, ParquetError> {
        if width > WIDTH_MAX {
            return Err(damaged("integers wider than 32 bits"));
        }
        Ok(Self { rest: bytes, width, run: Run::Repeated { value: 0, left: 0 } })
    }

    /// The next value and how often it follows, at most `most` times, which is not 0.
    pub(super) fn run(&mut self, most: usize) -> Result<(u32, usize), ParquetError> {
        self.fill()?;
        match &mut self.run {
            Run::Repeated { value, left } => {
                let count = most.min(*left);
                *left = left.saturating_sub(count);
                Ok((*value, count))
            }
            Run::Packed { left, .. } if self.width == 0 => {
                let count = most.min(*left);
                *left = left.saturating_sub(count);
                Ok((0, count))
            }
            Run::Packed { bits, left } => {
                *left = left.saturating_sub(1);
                Ok((bits.take(self.width)?, 1))
            }
        }
    }

    /// Fills `out` with the entries of `dictionary` that the next integers number.
    pub(super) fn look_up<T: Copy>(
        &mut self,
        dictionary: &[T],
        mut out: &mut [T],
    ) -> Result<(), ParquetError> {
        while !out.is_empty() {
            self.fill()?;
            let left = match &mut self.run {
                Run::Repeated { left, .. } | Run::Packed { left, .. } => left,
            };
            let count = out.len().min(*left);
            *left = left.saturating_sub(count);
            let (part, after) = out.split_at_mut_checked(count).unwrap_or_default();
            match &mut self.run {
                Run::Repeated { value, .. } => part.fill(entry(dictionary, *value)?),
                Run::Packed { bits, .. } => {
                    let (eights, rest) = part.as_chunks_mut::<8>();
                    for slots in eights {
                        for (slot, index) in slots.iter_mut().zip(bits.take_eight(self.width)?) {
                            *slot = entry(dictionary, index)?;
                        }
                    }
                    for slot in rest {
                        *slot = entry(dictionary, bits.take(self.width)?)?;
                    }
                }
            }
            out = after;
        }
        Ok(())
    }

    /// Starts the next run where the last is used up.
    fn fill(&mut self) -> Result<(), ParquetError> {
        while matches!(self.run, Run::Repeated { left: 0, .. } | Run::Packed { left: 0, .. }) {
            let mut thrift = Thrift { rest: self.rest };
            let head = thrift.varint()?;
            let count = usize::try_from(head >> 1).unwrap_or(usize::MAX);
            self.run = if head & 1 == 0 {
                let mut value = 0;
                for shift in (0..self.width).step_by(8) {
                    value |= u32::from(thrift.byte()?).wrapping_shl(shift);
                }
                Run::Repeated { value, left: count }
            } else {
                // Groups of eight values; the last may be cut short.
                let bytes = count.saturating_mul(self.width as usize).min(thrift.rest.len());
                let (packed, rest) = thrift.rest.split_at_checked(bytes).unwrap_or_default();
                thrift.rest = rest;
                let bits = Bits { rest: packed, held: 0, count: 0 };
                Run::Packed { bits, left: count.saturating_mul(8) }
            };
            self.rest = thrift.rest;
        }
        Ok(())
    }
}

fn entry<T: Copy>(dictionary: &[T], index: u32) -> Result<T, ParquetError> {
    let found = dictionary.get(index as usize).copied();
    found.ok_or_else(|| damaged("a value is not in the dictionary"))
}

impl Bits<'_> {
    /// The next eight times `width` bits, at most 32 each: at once where they begin with a byte and are few.
    fn take_eight(&mut self, width: u32) -> Result<[u32; 8], ParquetError> {
        const HALF: u32 = 4;
        let mut values = [0; 8];
        let (Some(bytes), true) = (self.rest.first_chunk::<16>(), self.count == 0 && width <= 16)
        else {
            for value in &mut values {
                *value = self.take(width)?;
            }
            return Ok(values);
        };
        let word = u128::from_le_bytes(*bytes);
        let mask = 1u64.wrapping_shl(width).wrapping_sub(1);
        let mut halves = [word as u64, word.wrapping_shr(width.wrapping_mul(HALF)) as u64];
        for (four, half) in
            values.as_chunks_mut::<{ HALF as usize }>().0.iter_mut().zip(&mut halves)
        {
            for value in four {
                *value = (*half & mask) as u32;
                *half = half.wrapping_shr(width);
            }
        }
        self.rest = self.rest.get(width as usize..).unwrap_or_default();
        Ok(values)
    }

    /// The next `width` bits, at most 32.
    fn take(&mut self, width: u32) -> Result<u32, ParquetError> {
        while self.count < width {
            // Fewer than 32 bits are held, so that 32 more fit.
            if let Some((word, rest)) = self.rest.split_first_chunk::<4>() {
                self.held |= u64::from(u32::from_le_bytes(*word)).wrapping_shl(self.count);
                self.count = self.count.wrapping_add(32);
                self.rest = rest;
            } else {
                let end = || ParquetError::Truncated { part: "a run of packed integers" };
                let (&byte, rest) = self.rest.split_first().ok_or_else(end)?;
                self.held |= u64::from(byte).wrapping_shl(self.count);
                self.count = self.count.wrapping_add(8);
                self.rest = rest;
            }
        }
        let mask = 1u64.wrapping_shl(width).wrapping_sub(1);
        let value = self.held & mask;
        self.held = self.held.wrapping_shr(width);
        self.count = self.count.wrapping_sub(width);
        Ok(value as u32)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_runs_are_read() {
        // The format's own example of packed values, then 5 four times.
        let bytes = [0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010, 8, 5];
        let mut hybrid = Hybrid::new(&bytes, 3).unwrap();
        let mut out = [0; 12];
        hybrid.look_up(&[0, 1, 2, 3, 4, 5, 6, 7], &mut out).unwrap();
        assert_eq!(out, [0, 1, 2, 3, 4, 5, 6, 7, 5, 5, 5, 5]);
    }

    #[test]
    fn an_index_past_the_dictionary_and_a_cut_run_are_damage() {
        let read =
            |bytes: &[u8]| Hybrid::new(bytes, 8).unwrap().look_up(&[1.0, 2.0], &mut [0.0; 9]);
        assert!(matches!(read(&[18, 2]), Err(ParquetError::Damaged { .. })));
        assert!(matches!(read(&[3, 0, 1]), Err(ParquetError::Truncated { .. })));
        assert!(matches!(read(&[2, 0]), Err(ParquetError::Truncated { .. })));
        assert!(Hybrid::new(&[], 33).is_err());
    }

    #[test]
    fn widths_of_0_and_32_bits_are_read() {
        assert_eq!(Hybrid::new(&[6], 0).unwrap().run(9).unwrap(), (0, 3));
        let bytes = [3, 1, 0, 0, 0x80];
        assert_eq!(Hybrid::new(&bytes, 32).unwrap().run(9).unwrap(), (0x8000_0001, 1));
    }

    #[test]
    fn values_of_any_width_come_back_however_they_are_taken() {
        for width in 0..=20u32 {
            let values: Vec<u32> = (0..80u32)
                .map(|n| n.wrapping_mul(0x9e37_79b1) >> 12 & ((1 << width) - 1))
                .collect();
            let mut bits = vec![0u8; 10 * width as usize];
            for (index, value) in values.iter().enumerate() {
                for bit in 0..width as usize {
                    let at = index * width as usize + bit;
                    bits[at / 8] |= ((value >> bit & 1) as u8) << (at % 8);
                }
            }
            let dictionary: Vec<u32> = (0..1 << width).collect();
            let bytes = [&[10 << 1 | 1], &bits[..]].concat();
            for parts in [vec![80], vec![3, 77], vec![8, 1, 40, 31]] {
                let mut hybrid = Hybrid::new(&bytes, width).unwrap();
                let mut got = vec![0; 80];
                let mut rest = &mut got[..];
                for count in parts {
                    let (part, after) = rest.split_at_mut(count);
                    hybrid.look_up(&dictionary, part).unwrap();
                    rest = after;
                }
                assert_eq!(got, values, "{width} bits");
            }
        }
    }
}
