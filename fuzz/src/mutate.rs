//! Small changes to bytes: flips, cuts, copies, words of the target's language, numbers at the edge.

use crate::Rng;

/// Longest input.
pub const BYTES_MAX: usize = 1 << 16;

/// Numbers at which arithmetic breaks, as text and as bytes.
const NUMBERS: [i128; 16] = [
    -1,
    0,
    1,
    7,
    8,
    127,
    255,
    65_535,
    65_536,
    i32::MAX as i128,
    u32::MAX as i128,
    1 << 40,
    i64::MAX as i128,
    u64::MAX as i128,
    u64::MAX as i128 + 1,
    1 << 100,
];

/// Changes `bytes` once to eight times. `words` are pieces of the target's language; `other` is another
/// input of the corpus.
pub fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng, words: &[&[u8]], other: &[u8]) {
    let changes = 1 + rng.below(8).min(rng.below(8));
    for _ in 0..changes {
        change(bytes, rng, words, other);
    }
    bytes.truncate(BYTES_MAX);
}

fn change(bytes: &mut Vec<u8>, rng: &mut Rng, words: &[&[u8]], other: &[u8]) {
    match rng.below(10) {
        0 => at(bytes, rng, |byte, rng| *byte ^= 1 << rng.below(8)),
        1 => at(bytes, rng, |byte, rng| *byte = rng.next_u64() as u8),
        2 => cut(bytes, rng),
        3 => bytes.truncate(rng.below(bytes.len() + 1)),
        4 => copy(bytes, rng),
        5 if !words.is_empty() => {
            let word = rng.pick(words);
            insert(bytes, rng, word);
        }
        6 => number_text(bytes, rng),
        7 => number_bytes(bytes, rng),
        8 => splice(bytes, rng, other),
        _ => {
            let byte = rng.next_u64() as u8;
            let run = vec![byte; 1 + rng.below(16)];
            insert(bytes, rng, &run);
        }
    }
}

fn at(bytes: &mut [u8], rng: &mut Rng, change: impl FnOnce(&mut u8, &mut Rng)) {
    let index = rng.below(bytes.len());
    if let Some(byte) = bytes.get_mut(index) {
        change(byte, rng);
    }
}

/// A random range within `length`, most often short.
fn range(rng: &mut Rng, length: usize) -> std::ops::Range<usize> {
    let start = rng.below(length + 1);
    let longest = if rng.one_in(4) { length } else { 16 };
    start..start + rng.below(longest.min(length - start) + 1)
}

fn cut(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let range = range(rng, bytes.len());
    bytes.drain(range);
}

fn copy(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let piece = bytes[range(rng, bytes.len())].to_vec();
    insert(bytes, rng, &piece);
}

fn splice(bytes: &mut Vec<u8>, rng: &mut Rng, other: &[u8]) {
    let piece = &other[range(rng, other.len())];
    insert(bytes, rng, piece);
}

fn insert(bytes: &mut Vec<u8>, rng: &mut Rng, piece: &[u8]) {
    let index = rng.below(bytes.len() + 1);
    if rng.one_in(2) {
        bytes.splice(index..index, piece.iter().copied());
    } else {
        let end = (index + piece.len()).min(bytes.len());
        bytes.splice(index..end, piece.iter().copied());
    }
}

/// Puts another number where a number stands in the text.
fn number_text(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let from = rng.below(bytes.len());
    let Some(start) = bytes.iter().skip(from).position(u8::is_ascii_digit).map(|i| i + from) else {
        return;
    };
    let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = rng.pick(&NUMBERS).to_string();
    bytes.splice(start..start + digits, number.into_bytes());
}

/// Puts a number over one, two, four or eight bytes, in either order.
fn number_bytes(bytes: &mut [u8], rng: &mut Rng) {
    let width = 1 << rng.below(4);
    let mut number = rng.pick(&NUMBERS).to_le_bytes();
    if rng.one_in(2) {
        number[..width].reverse();
    }
    let index = rng.below(bytes.len());
    for (byte, new) in bytes.iter_mut().skip(index).zip(&number[..width]) {
        *byte = *new;
    }
}
