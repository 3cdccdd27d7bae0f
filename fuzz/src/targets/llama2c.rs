//! The readers of llama2.c's files: a model, and a vocabulary, of the same bytes.

use ferrule_format::llama2c::{Llama2c, Llama2cTokenizer};

use super::{Answer, Target};

pub(super) const TARGET: Target = Target {
    name: "llama2c",
    seeds,
    words: &[b"\x01\0\0\0", b"\x02\0\0\0", b"\x08\0\0\0", b"24ka", b"\xff\xff\xff\xff"],
    repair: None,
    run,
};

/// Small models, with an output of their own and without, and a vocabulary.
fn seeds() -> Vec<Vec<u8>> {
    let model = |sizes: [i32; 7], floats: usize| {
        [sizes.map(i32::to_le_bytes).as_flattened(), &vec![0; 4 * floats]].concat()
    };
    let tokens = b"\x02\0\0\0\0\0\0\xbf\x02\0\0\0ab\0\0\0\0\0\0\0\0";
    vec![
        model([2, 1, 1, 1, 1, 1, 1], 2 + 2 + 16 + 2 + 6 + 2 + 2),
        model([2, 1, 1, 1, 1, -1, 1], 2 + 2 + 16 + 2 + 6 + 2 + 2 + 2),
        model([8, 6, 2, 4, 2, 5, 3], 758),
        tokens.to_vec(),
    ]
}

fn run(input: &[u8]) -> Answer {
    let model = Answer::new(Llama2c::parse(input), |model| {
        let (mut bytes, mut count) = (0, 0);
        for name in model.names() {
            let tensor = model.tensor(&name).expect("a tensor that the reader lists");
            let weights: usize = tensor.shape.iter().product();
            assert_eq!(tensor.bytes.len(), 4 * weights, "{name}");
            (bytes, count) = (bytes + tensor.bytes.len(), count + 1);
        }
        assert!(bytes < input.len(), "tensors share no byte");
        format!("{}{}", "t".repeat(count), model.config().shared)
    });
    let tokens = Answer::new(Llama2cTokenizer::parse(input), |tokens| {
        assert_eq!(tokens.iter().count(), tokens.len());
        let longest = tokens.iter().map(|(_, token)| token.len()).max();
        format!("{}{}", "t".repeat(tokens.len().min(4)), "c".repeat(longest.unwrap_or(0).min(4)))
    });
    let (accepted, text) = (model.accepted || tokens.accepted, model.text + &tokens.text);
    Answer { accepted, text }
}
