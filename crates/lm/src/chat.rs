//! Conversations as the text that a model was trained on, by its own template (Jinja, as Hugging Face's
//! `chat_template`).
//!
//! Templates come with models and are not trusted: they run with bounded fuel and depth, and see
//! nothing but the messages.

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};
use serde::Serialize;

use crate::LmError;
use crate::tokenizer::Tokenizer;

/// Steps of a template before it is stopped.
const FUEL: u64 = 1_000_000;
/// Deepest nesting of calls.
const DEPTH: usize = 64;
const NAME: &str = "chat_template";

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`, or what else the template knows.
    pub role: String,
    /// The text.
    pub content: String,
}

/// A template that was understood.
pub struct Template {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

impl Template {
    /// # Errors
    /// The text is no template.
    pub fn new(text: &str, tokenizer: &Tokenizer) -> Result<Self, LmError> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(DEPTH);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_template_owned(NAME, text.to_owned()).map_err(refused)?;
        let text_of = |token: Option<u32>| {
            let name = token.and_then(|token| tokenizer.name_of(token)).unwrap_or_default();
            String::from_utf8_lossy(name).into_owned()
        };
        Ok(Self { environment, bos: text_of(tokenizer.bos()), eos: text_of(tokenizer.eos()) })
    }

    /// The text of a conversation, up to where the answer begins.
    ///
    /// # Errors
    /// The template refuses the messages, or takes too long.
    pub fn render(&self, messages: &[Message]) -> Result<String, LmError> {
        let template = self.environment.get_template(NAME).map_err(refused)?;
        template
            .render(context! {
                messages,
                add_generation_prompt => true,
                bos_token => self.bos,
                eos_token => self.eos,
            })
            .map_err(refused)
    }
}

fn refused(error: Error) -> LmError {
    LmError::ChatTemplate { detail: error.to_string() }
}
