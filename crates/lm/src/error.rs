//! What can go wrong with a language model.

use ferrule_base::{Coded, ErrorCode};
use ferrule_format::FormatError;
use ferrule_tensor::Cancelled;

/// Why a model or a request is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LmError {
    /// The file's bytes break its format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The model is of a family that is not written here.
    #[error("the architecture {architecture:?} is not supported; {known} are")]
    UnsupportedArchitecture {
        /// What the file says.
        architecture: String,
        /// Those that are, as a list.
        known: &'static str,
    },
    /// The tokenizer is of a kind that is not written here.
    #[error("the tokenizer {tokenizer:?} is not supported; {known} are")]
    UnsupportedTokenizer {
        /// What the file says.
        tokenizer: String,
        /// Those that are, as a list.
        known: &'static str,
    },
    /// The file lacks something that its architecture needs.
    #[error("the model has no {what} {name:?}")]
    Missing {
        /// Such as `tensor` or `key`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A tensor that would change the result, of a kind that no family here has.
    #[error("the tensor {name:?} is not read here, and without it the answers would be wrong")]
    UnreadTensor {
        /// The tensor.
        name: String,
    },
    /// A number or a name in the file is one that cannot be.
    #[error("{name} is {got}; expected {expected}")]
    Invalid {
        /// What is wrong.
        name: String,
        /// What it may be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A prompt and its answer do not fit the context.
    #[error("the prompt has {prompt} tokens, and the context holds {context}; shorten the prompt")]
    ContextLength {
        /// Tokens of the prompt.
        prompt: usize,
        /// Most tokens of the context.
        context: usize,
    },
    /// The keys and values of all sequences take what they may.
    #[error(
        "the cache of keys and values has {used} of {max} bytes in use and needs {needed} more"
    )]
    CacheFull {
        /// Bytes in use.
        used: usize,
        /// Most bytes.
        max: usize,
        /// Bytes that were asked for.
        needed: usize,
    },
    /// A token that the vocabulary has not.
    #[error("token {token} is not one of the vocabulary's {vocabulary}")]
    UnknownToken {
        /// The token.
        token: u32,
        /// Tokens that there are.
        vocabulary: usize,
    },
    /// A prompt of no tokens.
    #[error("the prompt is empty; expected at least one token")]
    EmptyPrompt,
    /// A conversation with a model that has no template for one.
    #[error("the model has no chat template: it is no chat model; complete a text with it instead")]
    NoChatTemplate,
    /// The model's chat template is wrong, or refuses the messages.
    #[error("the model's chat template: {detail}")]
    ChatTemplate {
        /// What it says.
        detail: String,
    },
    /// The file cannot be read.
    #[error("{path}: {detail}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        detail: String,
    },
    /// Stopped on request.
    #[error("stopped on request")]
    Cancelled,
}

impl From<Cancelled> for LmError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl Coded for LmError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Format(error) => error.code(),
            Self::UnsupportedArchitecture { .. }
            | Self::UnsupportedTokenizer { .. }
            | Self::UnreadTensor { .. } => ErrorCode::Unimplemented,
            Self::Missing { .. } | Self::Invalid { .. } => ErrorCode::InvalidArgument,
            Self::ContextLength { .. } | Self::UnknownToken { .. } => ErrorCode::InvalidArgument,
            Self::EmptyPrompt | Self::NoChatTemplate | Self::ChatTemplate { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::Unreadable { .. } => ErrorCode::Io,
            Self::CacheFull { .. } => ErrorCode::ResourceExhausted,
            Self::Cancelled => ErrorCode::Cancelled,
        }
    }
}
