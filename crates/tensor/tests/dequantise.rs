//! Every kind of stored weights has the bits that the `gguf` package gives them, on every instruction set.

use ferrule_base::{BlockKind, Limits};
use ferrule_format::gguf::Gguf;
use ferrule_tensor::Isa;
use ferrule_tensor::quant::dequantise::dequantise_on;

/// Made by `scripts/record_gguf.py`.
const GOLDEN: &[u8] = include_bytes!("../../format/tests/gguf/kinds.gguf");

/// Bits that are equal where the floats are, and for any two NaNs.
fn bits(weights: impl Iterator<Item = f32>) -> Vec<u32> {
    weights.map(|weight| if weight.is_nan() { f32::NAN } else { weight }.to_bits()).collect()
}

#[test]
fn weights_have_the_bits_of_the_reference_whatever_the_scales_and_the_instructions() {
    let gguf = Gguf::parse(GOLDEN, &Limits::default()).expect("a GGUF file");
    for kind in BlockKind::all() {
        let tensor = |name: &str| gguf.tensor(name).expect("both are there");
        let (blocks, weights) = (tensor(kind.name()), tensor(&format!("{kind}.weights")));
        assert_eq!(blocks.kind, kind);
        let expected = weights.bytes.as_chunks().0.iter().map(|float| f32::from_le_bytes(*float));
        let expected = bits(expected);
        for isa in Isa::available() {
            let mut found = vec![0.0; expected.len()];
            dequantise_on(isa, kind, blocks.bytes, &mut found);
            let found = bits(found.into_iter());
            let unlike = found.iter().zip(&expected).position(|(a, b)| a != b);
            assert_eq!(unlike, None, "{kind} on {isa:?}: first unlike weight");
        }
    }
}

#[test]
#[should_panic(expected = "32 weights of kind Q4_0 in 17 bytes")]
fn blocks_that_are_not_whole_are_refused() {
    dequantise_on(Isa::Scalar, BlockKind::Q4_0, &[0; 17], &mut [0.0; 32]);
}
