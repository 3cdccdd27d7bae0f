//! The body of a `:predict` request of a model that takes several inputs, or rows that are no lists of
//! numbers: rows (`instances`), each an input or an object with all of them, or whole inputs
//! (`inputs`).

use ferrule_artifact::{Signature, TensorSpec};
use ferrule_base::{DType, Limits};

use super::data::{read_number, with_element};
use super::infer_request::{missing, set};
use super::json::{Cursor, Element, Fault, Kind};
use super::predict_request::{Form, read_signature_name};

/// Rows of every input.
#[derive(Debug)]
pub(crate) struct PredictTensors {
    pub(crate) form: Form,
    /// One for each input of the signature, in its order; `None` for one that was left out.
    pub(crate) inputs: Vec<Option<Rows>>,
}

/// Rows of one input: `bytes` are their elements, little-endian, row after row.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) count: usize,
    pub(crate) bytes: Vec<u8>,
}

/// Whether every input of a model is rows of a known shape.
pub(crate) fn takes_rows(signature: &Signature) -> bool {
    let is_rows = |spec: &TensorSpec| {
        let inner = spec.shape.split_first().filter(|(rows, _)| **rows == -1);
        inner.is_some_and(|(_, inner)| inner.iter().all(|&size| size >= 0))
    };
    !signature.inputs.is_empty() && signature.inputs.iter().all(is_rows)
}

impl PredictTensors {
    /// Parses a body for a model for which [`takes_rows`] holds.
    ///
    /// # Errors
    /// [`Fault`] that names the field, what was expected and what was got.
    pub(crate) fn parse(
        body: &[u8],
        signature: &Signature,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let mut reader = Reader {
            signature,
            elements_left: limits.elements_max,
            inputs: signature.inputs.iter().map(|_| None).collect(),
        };
        let mut cursor = Cursor::new(body, limits.json_depth_max)?;
        let (mut form, mut signature_name) = (None, None);
        cursor.object("a JSON object with `instances`", |cursor, name| {
            match &*name {
                "instances" => set(&mut form, || reader.instances(cursor).map(|()| Form::Rows)),
                "inputs" => set(&mut form, || reader.columns(cursor).map(|()| Form::Columns)),
                "signature_name" => set(&mut signature_name, || read_signature_name(cursor)),
                _ => cursor.skip(),
            }
            .map_err(|fault| fault.in_member(&name))
        })?;
        cursor.end()?;
        let form = form.ok_or_else(|| missing("instances", "an array of rows"))?;
        reader.check_counts()?;
        Ok(Self { form, inputs: reader.inputs })
    }
}

/// What was read so far.
struct Reader<'a> {
    signature: &'a Signature,
    elements_left: usize,
    inputs: Vec<Option<Rows>>,
}

impl Reader<'_> {
    /// Reads an array of rows.
    fn instances(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let rows = cursor.array("an array of rows", |cursor, _| {
            if cursor.kind()? == Kind::Object {
                self.named(cursor, Self::row)
            } else {
                let only = self.only()?;
                self.row(cursor, only)
            }
        })?;
        if rows == 0 {
            // No row tells of what inputs it is.
            self.inputs.iter_mut().for_each(|input| *input = Some(Rows::default()));
        }
        Ok(())
    }

    /// Reads `inputs`: all rows of the one input, or of each input by its name.
    fn columns(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        if cursor.kind()? == Kind::Object {
            return self.named(cursor, Self::rows);
        }
        let only = self.only()?;
        self.rows(cursor, only)
    }

    /// Reads an object that has what `read` reads of each input by its name.
    fn named(
        &mut self,
        cursor: &mut Cursor<'_>,
        read: fn(&mut Self, &mut Cursor<'_>, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut seen = vec![None; self.inputs.len()];
        cursor.object("an object", |cursor, name| {
            let place = self.place(&name);
            place
                .and_then(|place| match seen.get_mut(place) {
                    Some(seen) => set(seen, || read(self, cursor, place)),
                    None => Ok(()),
                })
                .map_err(|fault| fault.in_member(&name))
        })?;
        let mut absent = self.signature.inputs.iter().zip(&seen);
        match absent.find(|(spec, seen)| seen.is_none() && !spec.optional) {
            Some((spec, _)) => Err(missing(&spec.name, "an input of the model")),
            None => Ok(()),
        }
    }

    fn rows(&mut self, cursor: &mut Cursor<'_>, place: usize) -> Result<(), Fault> {
        self.entry(place);
        cursor.array("an array of rows", |cursor, _| self.row(cursor, place)).map(|_| ())
    }

    /// Reads one row of one input.
    fn row(&mut self, cursor: &mut Cursor<'_>, place: usize) -> Result<(), Fault> {
        let Some(spec) = self.signature.inputs.get(place) else { return Ok(()) };
        let inner = spec.shape.get(1..).unwrap_or_default();
        let sizes = inner.iter().map(|&size| usize::try_from(size).unwrap_or_default());
        let elements = sizes.fold(1, usize::saturating_mul);
        let left = self.elements_left.checked_sub(elements.max(1));
        self.elements_left = left.ok_or_else(|| Fault::new("expected fewer numbers in all"))?;
        let dtype = spec.dtype;
        let Some(rows) = self.entry(place) else { return Ok(()) };
        rows.count = rows.count.saturating_add(1);
        with_element!(dtype, read_nested(cursor, inner, &mut rows.bytes))
            .unwrap_or_else(|| Err(Fault::new(format!("{dtype} has no JSON form here"))))
    }

    fn entry(&mut self, place: usize) -> Option<&mut Rows> {
        self.inputs.get_mut(place).map(|input| input.get_or_insert_default())
    }

    /// The place of the input of this name.
    fn place(&self, name: &str) -> Result<usize, Fault> {
        let found = self.signature.inputs.iter().position(|spec| spec.name == name);
        found.ok_or_else(|| Fault::new(format!("expected one of {}", self.names())))
    }

    /// The place of the one input that a row without a name is of.
    fn only(&self) -> Result<usize, Fault> {
        if self.inputs.len() == 1 {
            return Ok(0);
        }
        Err(Fault::new(format!("expected an object with {}", self.names())))
    }

    fn names(&self) -> String {
        let names: Vec<String> =
            self.signature.inputs.iter().map(|spec| format!("`{}`", spec.name)).collect();
        names.join(", ")
    }

    /// All inputs must have as many rows.
    fn check_counts(&self) -> Result<(), Fault> {
        let mut counts = self.inputs.iter().flatten().map(|rows| rows.count);
        let first = counts.next().unwrap_or_default();
        match counts.find(|count| *count != first) {
            None => Ok(()),
            Some(other) => Err(Fault::new(format!(
                "expected as many rows of each input, got {first} and {other}"
            ))),
        }
    }
}

/// Reads nested lists of these sizes; the depth of the recursion is their number.
fn read_nested<T: Element>(
    cursor: &mut Cursor<'_>,
    sizes: &[i64],
    bytes: &mut Vec<u8>,
) -> Result<(), Fault> {
    let Some((&size, inner)) = sizes.split_first() else {
        return read_number::<T>(cursor, bytes);
    };
    let expected = usize::try_from(size).unwrap_or_default();
    let of = if inner.is_empty() { "numbers" } else { "lists" };
    let got = cursor.array("a list", |cursor, index| {
        if index >= expected {
            return Err(Fault::new(format!("expected {expected} {of}, got more")));
        }
        read_nested::<T>(cursor, inner, bytes)
    })?;
    if got < expected {
        return Err(Fault::new(format!("expected {expected} {of}, got {got}")));
    }
    Ok(())
}
