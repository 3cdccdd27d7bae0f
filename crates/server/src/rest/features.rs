//! Features that come by name, in any order, each once.

use super::json::Fault;

/// Which of a model's features a request has given so far.
pub(crate) struct Features<'a> {
    names: &'a [String],
    given: Vec<bool>,
    /// Where the next name is looked for first: clients send them in order.
    next: usize,
}

impl<'a> Features<'a> {
    pub(crate) fn new(names: &'a [String]) -> Self {
        Self { names, given: Vec::new(), next: 0 }
    }

    /// Whether none was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The column of the feature called `name`, which must not have been given before.
    ///
    /// # Errors
    /// [`Fault`] for a name that the model does not know, or knows already.
    pub(crate) fn claim(&mut self, name: &str) -> Result<usize, Fault> {
        let expected = self.names.get(self.next).is_some_and(|next| next == name);
        let column = if expected { Some(self.next) } else { self.position(name) };
        let column = column.ok_or_else(|| self.unknown())?;
        self.given.resize(self.names.len(), false);
        self.next = column.saturating_add(1);
        match self.given.get_mut(column) {
            Some(given) if !*given => *given = true,
            _ => return Err(Fault::new("expected this feature once, got it twice")),
        }
        Ok(column)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|feature| feature == name)
    }

    fn unknown(&self) -> Fault {
        match self.names {
            [] => Fault::new("the model's features have no names; send lists of numbers"),
            [only] => Fault::new(format!("the model has no such feature; it has `{only}`")),
            [first, .., last] => Fault::new(format!(
                "the model has no such feature; it has {}, from `{first}` to `{last}`",
                self.names.len()
            )),
        }
    }

    /// Errs unless each feature was given.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        let missing = match self.given.iter().position(|given| !given) {
            None if !self.given.is_empty() => return Ok(()),
            missing => missing.unwrap_or(0),
        };
        Err(match self.names.get(missing) {
            Some(name) => Fault::new(format!("the feature `{name}` is missing")),
            None => self.unknown(),
        })
    }
}
