//! Text to tokens and back: byte-pair encoding by scores and by ranks, and WordPiece.

mod alphabet;
mod bert;
mod bpe;
mod bytelevel;
mod decoder;
mod fallback;
mod gguf;
mod hash;
mod json;
mod llama2c;
mod merge;
mod merges;
mod normalize;
mod pretokenize;
mod rules;
mod special;
mod spm;
mod unicode;
mod vocabulary;
mod wordpiece;

pub use decoder::Decoder;

use bpe::Bpe;
use merge::Merger;
use special::{Piece, Specials};
use vocabulary::{Index, NONE, Vocabulary};
use wordpiece::WordPiece;

/// Names of tokens that end a turn, whatever kind the file gives them.
const LAST: [&[u8]; 10] = [
    b"<|im_end|>",
    b"<|endoftext|>",
    b"<|eot_id|>",
    b"<|eom_id|>",
    b"<|end_of_text|>",
    b"<|end|>",
    b"<end_of_turn>",
    b"<EOT>",
    b"<|return|>",
    "<｜end▁of▁sentence｜>".as_bytes(),
];

/// How text is read that is the name of a special token, such as `<s>` or `<|im_end|>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// As the token: for chat templates and whoever is trusted to steer the model.
    Parse,
    /// As plain text, of which no special token can come: for what strangers write.
    Text,
}

/// Text to tokens, and tokens to text.
///
/// # Examples
/// A vocabulary in llama2.c's format, of which the first three tokens are special:
/// ```
/// use ferrule_format::llama2c::Llama2cTokenizer;
/// use ferrule_lm::{Special, TextDecoder, Tokenizer};
///
/// let mut file = 9_u32.to_le_bytes().to_vec();
/// for (score, text) in [(0.0_f32, "<unk>"), (0.0, "\n<s>\n"), (0.0, "\n</s>\n"), (-1.0, " "),
///     (-2.0, "a"), (-3.0, "b"), (-1.0, "ab"), (-2.0, " ab")]
/// {
///     file.extend(score.to_le_bytes());
///     file.extend((text.len() as u32).to_le_bytes());
///     file.extend(text.as_bytes());
/// }
/// let tokenizer = Tokenizer::from_llama2c(&Llama2cTokenizer::parse(&file)?)?;
/// let tokens = tokenizer.encode("abba", Special::Text);
/// assert_eq!(tokens, [7, 5, 4]);
/// assert_eq!(tokenizer.decode(&tokens), "abba");
///
/// let mut decoder = TextDecoder::new();
/// let text: String = tokens.iter().map(|&token| decoder.push(&tokenizer, token).to_owned()).collect();
/// assert_eq!(text, " abba");
/// # Ok::<(), ferrule_lm::LmError>(())
/// ```
#[derive(Debug)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
    specials: Specials,
    model: Model,
    ends: Ends,
    /// Whether `▁` in a text is a space, as it is in SentencePiece's vocabularies.
    marks_are_spaces: bool,
}

/// How words become tokens.
#[derive(Debug)]
enum Model {
    Bpe(Bpe),
    WordPiece(WordPiece),
}

impl Model {
    fn index(&self) -> &Index {
        match self {
            Self::Bpe(bpe) => &bpe.index,
            Self::WordPiece(pieces) => &pieces.index,
        }
    }
}

/// The tokens around a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ends {
    bos: Option<u32>,
    eos: Option<u32>,
    /// What is put before a text, and after it.
    before: Vec<u32>,
    after: Vec<u32>,
    /// The tokens that end what a model generates.
    last: Vec<u32>,
    /// Whether the first space of a decoded text is the one that encoding put there.
    strips_space: bool,
}

impl Tokenizer {
    /// The tokens of `text`, without those that mark its ends.
    pub fn encode(&self, text: &str, special: Special) -> Vec<u32> {
        let mut tokens = Vec::with_capacity(text.len() / 4 + 1);
        self.encode_into(text, special, &mut tokens);
        tokens
    }

    /// The tokens of `text` between those that mark its ends, as the model was trained.
    pub fn encode_with_ends(&self, text: &str, special: Special) -> Vec<u32> {
        let mut tokens = self.ends.before.clone();
        self.encode_into(text, special, &mut tokens);
        tokens.extend_from_slice(&self.ends.after);
        tokens
    }

    fn encode_into(&self, text: &str, special: Special, tokens: &mut Vec<u32>) {
        let mut merger = Merger::default();
        let unmarked;
        let text = if self.marks_are_spaces && text.contains(spm::SPACE_MARK) {
            unmarked = text.replace(spm::SPACE_MARK, " ");
            &unmarked
        } else {
            text
        };
        let pieces = self.specials.pieces(text, special == Special::Parse);
        for (at, piece) in pieces.enumerate() {
            match (piece, &self.model) {
                (Piece::Token(token), _) => tokens.push(token),
                (Piece::Text(text), Model::Bpe(bpe)) => {
                    bpe.encode(&self.vocabulary, text, at == 0, &mut merger, tokens);
                }
                (Piece::Text(text), Model::WordPiece(pieces)) => {
                    pieces.encode(&self.vocabulary, text, tokens);
                }
            }
        }
    }

    /// The bytes that `token` writes: none for a special token, and `None` for one that is not there.
    /// A character may take several tokens.
    pub fn bytes_of(&self, token: u32) -> Option<&[u8]> {
        let kind = self.vocabulary.kind(token)?;
        Some(if kind.is_special() { &[] } else { self.vocabulary.text(token) })
    }

    /// The text of `token`, its name if it is special, and `None` for one that is not there.
    pub fn name_of(&self, token: u32) -> Option<&[u8]> {
        self.vocabulary.kind(token).map(|_| self.vocabulary.text(token))
    }

    /// The text that `tokens` write. Special tokens and unknown ones write none; bytes that can be of no
    /// character become U+FFFD; a space that encoding puts before a text is taken away.
    pub fn decode(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> =
            tokens.iter().filter_map(|&token| self.bytes_of(token)).flatten().copied().collect();
        let text = match bytes.strip_prefix(b" ") {
            Some(rest) if self.ends.strips_space => rest,
            _ => &bytes,
        };
        String::from_utf8_lossy(text).into_owned()
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.vocabulary.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The token that begins a text, or `[CLS]`.
    pub fn bos(&self) -> Option<u32> {
        self.ends.bos
    }

    /// The token that ends a text, or `[SEP]`.
    pub fn eos(&self) -> Option<u32> {
        self.ends.eos
    }

    /// Whether [`Tokenizer::encode_with_ends`] puts [`Tokenizer::bos`] first.
    pub fn adds_bos(&self) -> bool {
        self.ends.bos.is_some() && self.ends.before.first() == self.ends.bos.as_ref()
    }

    /// Whether generation ends with `token`: the end of the text, of a turn or of a message.
    pub fn is_end(&self, token: u32) -> bool {
        self.ends.last.contains(&token)
    }

    /// The token whose whole text, or name, is `text`.
    pub fn token_id(&self, text: &str) -> Option<u32> {
        let found = || self.model.index().find(&self.vocabulary, text.as_bytes());
        self.specials.find(text.as_bytes()).or_else(|| Some(found()).filter(|&id| id != NONE))
    }
}
