//! Every family of decoders, with seeded weights, held to its formulas written out in double precision.

mod reference;

use std::sync::Arc;

use ferrule_base::Coded as _;
use ferrule_base::ErrorCode;
use ferrule_lm::LmError;
use ferrule_lm::decoder::{Budget, Decoder, Feed, Sequence, Wanted};
use ferrule_tensor::Control;
use reference::{Family, Tiny};

/// What may lie between sums in single precision, keys and values in half precision, and the formulas.
const TOLERANCE: f64 = 2e-2;
const CONTEXT: usize = 96;

fn decoder(tiny: &Tiny) -> Decoder {
    Decoder::open(tiny).expect("a model that is whole")
}

fn tokens(count: usize) -> Vec<u32> {
    (0..count as u32).map(|i| (i * i * 7 + 3 * i + 1) % Tiny::VOCABULARY as u32).collect()
}

fn sequence(decoder: &Decoder) -> Sequence {
    Sequence::new(decoder.config(), &Budget::new(1 << 24), CONTEXT)
}

fn run(decoder: &Decoder, sequence: &mut Sequence, tokens: &[u32], wanted: Wanted) -> Vec<f32> {
    let feed = Feed { sequence, tokens, wanted };
    decoder.forward(&mut [feed], &Control::new()).expect("tokens that fit")
}

#[test]
fn each_family_follows_its_formulas() {
    for family in Family::ALL {
        let tiny = Tiny::new(family);
        let (decoder, tokens) = (decoder(&tiny), tokens(70));
        let found = run(&decoder, &mut sequence(&decoder), &tokens, Wanted::All);
        let expected = tiny.logits(&tokens);
        assert_eq!(found.len(), expected.len());
        for (place, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
            let off = (f64::from(found) - expected).abs();
            assert!(off < TOLERANCE, "{family:?}, {place}: {found} for {expected}");
        }
    }
}

#[test]
fn logits_have_the_same_bits_however_the_tokens_come() {
    for family in Family::ALL {
        let decoder = decoder(&Tiny::new(family));
        let tokens = tokens(67);
        let together = run(&decoder, &mut sequence(&decoder), &tokens, Wanted::All);
        for piece in [1, 5, 33] {
            let mut sequence = sequence(&decoder);
            let pieces = tokens.chunks(piece);
            let found: Vec<f32> =
                pieces.flat_map(|piece| run(&decoder, &mut sequence, piece, Wanted::All)).collect();
            assert!(found == together, "{family:?} in pieces of {piece}");
        }
    }
}

#[test]
fn logits_have_the_same_bits_alone_and_among_others() {
    let decoder = decoder(&Tiny::new(Family::Gemma3));
    let texts: Vec<Vec<u32>> = (0..9).map(|i| tokens(5 + 7 * i)[i..].to_vec()).collect();
    let mut sequences: Vec<Sequence> = texts.iter().map(|_| sequence(&decoder)).collect();
    let mut feeds: Vec<Feed> = sequences
        .iter_mut()
        .zip(&texts)
        .map(|(sequence, tokens)| Feed { sequence, tokens, wanted: Wanted::Last })
        .collect();
    let together = decoder.forward(&mut feeds, &Control::new()).expect("tokens that fit");
    for (tokens, together) in texts.iter().zip(together.chunks_exact(Tiny::VOCABULARY)) {
        let alone = run(&decoder, &mut sequence(&decoder), tokens, Wanted::Last);
        assert!(alone == together, "{} tokens", tokens.len());
    }
}

#[test]
fn a_sequence_goes_on_from_where_it_was_cut() {
    let decoder = decoder(&Tiny::new(Family::Qwen3));
    let (tokens, mut sequence) = (tokens(60), sequence(&decoder));
    let first = run(&decoder, &mut sequence, &tokens, Wanted::Last);
    sequence.truncate(20);
    assert_eq!(sequence.tokens(), &tokens[..20]);
    run(&decoder, &mut sequence, &[5, 6, 7], Wanted::Nothing);
    sequence.truncate(20);
    assert!(run(&decoder, &mut sequence, &tokens[20..], Wanted::Last) == first);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let decoder = decoder(&Tiny::new(Family::Llama));
    let budget = Budget::new(1 << 24);
    let mut sequence = Sequence::new(decoder.config(), &budget, 40);
    run(&decoder, &mut sequence, &tokens(30), Wanted::Nothing);
    let used = budget.used();
    let mut refused = |tokens: &[u32]| {
        let feed = Feed { sequence: &mut sequence, tokens, wanted: Wanted::Last };
        let error = decoder.forward(&mut [feed], &Control::new()).expect_err("too much");
        assert_eq!((sequence.tokens().len(), budget.used()), (30, used));
        error
    };
    let long = refused(&tokens(11));
    assert_eq!(long, LmError::ContextLength { prompt: 41, context: 40 });
    let unknown = Tiny::VOCABULARY as u32;
    let error = refused(&[1, unknown]);
    assert_eq!(error, LmError::UnknownToken { token: unknown, vocabulary: Tiny::VOCABULARY });
}

#[test]
fn the_cache_is_bounded_and_given_back() {
    let decoder = decoder(&Tiny::new(Family::Llama));
    let one = {
        let budget = Budget::new(1 << 24);
        let mut sequence = Sequence::new(decoder.config(), &budget, CONTEXT);
        run(&decoder, &mut sequence, &[1], Wanted::Nothing);
        budget.used()
    };
    let budget = Budget::new(3 * one);
    let new = || Sequence::new(decoder.config(), &budget, CONTEXT);
    let mut first = new();
    run(&decoder, &mut first, &tokens(64), Wanted::Nothing);
    assert_eq!(budget.used(), 2 * one);
    let mut second = new();
    let feed = Feed { sequence: &mut second, tokens: &tokens(33), wanted: Wanted::Last };
    let error = decoder.forward(&mut [feed], &Control::new()).expect_err("two blocks are too many");
    assert_eq!(error.code(), ErrorCode::ResourceExhausted);
    assert_eq!((budget.used(), second.tokens().len()), (2 * one, 0));
    drop(first);
    assert_eq!(Arc::strong_count(&budget), 2);
    assert_eq!(budget.used(), 0);
    run(&decoder, &mut second, &tokens(33), Wanted::Last);
    assert_eq!(budget.used(), 2 * one);
}

#[test]
fn a_file_that_lacks_something_is_refused_by_its_name() {
    for (key, expected) in [
        ("block_count", "the model has no key \"block_count\""),
        ("token_embd.weight", "the model has no tensor \"token_embd.weight\""),
        ("blk.1.ffn_up.weight", "the model has no tensor \"blk.1.ffn_up.weight\""),
    ] {
        let tiny = Tiny::new(Family::Llama).without(key);
        let error = Decoder::open(&tiny).err().expect("something is missing");
        assert_eq!(error.to_string(), expected);
    }
    let tiny = Tiny::new(Family::Qwen3).without("attention.key_length");
    let error = Decoder::open(&tiny.with_number("attention.head_count", 64.0)).err();
    let text = "attention.key_length is 0; expected an even number from 2 to 1024";
    assert_eq!(error.expect("heads of no elements").to_string(), text);
    let tiny = Tiny::new(Family::Llama).with_tensor("blk.6.ffn_up.bias", &[80]);
    let error = Decoder::open(&tiny).err().expect("a bias that nobody adds");
    assert_eq!(error.code(), ErrorCode::Unimplemented);
    let tiny = Tiny::new(Family::Llama).with_number("attention.head_count_kv", 3.0);
    let error = Decoder::open(&tiny).err().expect("4 heads over 3");
    let text = "attention.head_count_kv is 3; expected a divisor of the 4 heads";
    assert_eq!(error.to_string(), text);
}
