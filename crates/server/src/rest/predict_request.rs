//! The body of a TensorFlow Serving `:predict` request: rows (`instances`) or columns (`inputs`).

use ferrule_artifact::{Signature, TensorSpec};
use ferrule_base::{DType, Limits};

use super::data::{read_number, with_element};
use super::features::Features;
use super::infer_request::{missing, set};
use super::json::{Cursor, Element, Excerpt, Fault, Kind};

/// Which of the two forms a request has; its answer has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `instances`: the answer holds `predictions`.
    Rows,
    /// `inputs`: the answer holds `outputs`.
    Columns,
}

/// A matrix of features: `bytes` are its elements, little-endian, row after row.
#[derive(Debug)]
pub(crate) struct PredictRequest {
    pub(crate) form: Form,
    pub(crate) rows: usize,
    pub(crate) bytes: Vec<u8>,
}

/// What the rows of a model are: its one input `[-1, width]`.
#[derive(Clone, Copy)]
pub(crate) struct RowSpec<'a> {
    pub(crate) input: &'a TensorSpec,
    pub(crate) width: usize,
    /// As many as the width, or none.
    feature_names: &'a [String],
}

impl<'a> RowSpec<'a> {
    /// The rows that `signature` takes; `None` where it is not one matrix of known width.
    pub(crate) fn of(signature: &'a Signature) -> Option<Self> {
        let [input] = signature.inputs.as_slice() else { return None };
        let [-1, width] = *input.shape.as_slice() else { return None };
        let width = usize::try_from(width).ok()?;
        let names = signature.feature_names.as_deref().unwrap_or_default();
        let feature_names = if names.len() == width { names } else { &[] };
        Some(Self { input, width, feature_names })
    }

    fn row_bytes(&self) -> usize {
        self.width.saturating_mul(self.input.dtype.size())
    }
}

/// The names that a client may use for the one signature that a model has.
const SIGNATURE_NAME: &str = "serving_default";

impl PredictRequest {
    /// Parses a body for a model whose rows are as `spec` says.
    ///
    /// # Errors
    /// [`Fault`] that names the field, what was expected and what was got.
    pub(crate) fn parse(body: &[u8], spec: RowSpec<'_>, limits: &Limits) -> Result<Self, Fault> {
        let dtype = spec.input.dtype;
        with_element!(dtype, parse_elements(body, spec, limits))
            .unwrap_or_else(|| Err(Fault::new(format!("{dtype} has no JSON form here"))))
    }
}

fn parse_elements<T: Element>(
    body: &[u8],
    spec: RowSpec<'_>,
    limits: &Limits,
) -> Result<PredictRequest, Fault> {
    let mut cursor = Cursor::new(body, limits.json_depth_max)?;
    let mut request = None;
    let mut signature_name = None;
    cursor.object("a JSON object with `instances`", |cursor, name| {
        match &*name {
            "instances" => set(&mut request, || read_rows::<T>(cursor, spec, limits)),
            "inputs" => set(&mut request, || read_inputs::<T>(cursor, spec, limits)),
            "signature_name" => set(&mut signature_name, || read_signature_name(cursor)),
            _ => cursor.skip(),
        }
        .map_err(|fault| fault.in_member(&name))
    })?;
    cursor.end()?;
    request.ok_or_else(|| missing("instances", "an array of rows"))
}

pub(super) fn read_signature_name(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    match cursor.string("a string")? {
        name if name == SIGNATURE_NAME => Ok(()),
        name => Err(Fault::new(format!("expected `{SIGNATURE_NAME}`, got `{}`", Excerpt(&name)))),
    }
}

/// Reads an array of rows, each a list of numbers or an object.
fn read_rows<T: Element>(
    cursor: &mut Cursor<'_>,
    spec: RowSpec<'_>,
    limits: &Limits,
) -> Result<PredictRequest, Fault> {
    let rows_max = limits.elements_max.checked_div(spec.width).unwrap_or(limits.elements_max);
    let mut bytes = Vec::with_capacity(spec.row_bytes().min(cursor.remaining().saturating_mul(4)));
    let rows = cursor.array("an array of rows", |cursor, index| {
        if index >= rows_max {
            return Err(Fault::new(format!(
                "expected at most {rows_max} rows of {} numbers",
                spec.width
            )));
        }
        match cursor.kind()? {
            Kind::Array => read_row::<T>(cursor, spec.width, &mut bytes),
            Kind::Object => read_row_object::<T>(cursor, spec, &mut bytes),
            other => Err(Fault::new(format!(
                "expected a list of {} numbers or an object, got {other}",
                spec.width
            ))),
        }
    })?;
    Ok(PredictRequest { form: Form::Rows, rows, bytes })
}

fn read_row<T: Element>(
    cursor: &mut Cursor<'_>,
    width: usize,
    bytes: &mut Vec<u8>,
) -> Result<(), Fault> {
    let got = cursor.array("a list of numbers", |cursor, index| {
        if index >= width {
            return Err(Fault::new(format!("expected {width} numbers in a row, got more")));
        }
        read_number::<T>(cursor, bytes)
    })?;
    if got < width {
        return Err(Fault::new(format!("expected {width} numbers in a row, got {got}")));
    }
    Ok(())
}

/// Reads a row as an object: the input by its name, or each feature by its name.
fn read_row_object<T: Element>(
    cursor: &mut Cursor<'_>,
    spec: RowSpec<'_>,
    bytes: &mut Vec<u8>,
) -> Result<(), Fault> {
    let mut features = Features::new(spec.feature_names);
    let mut whole = None;
    let mut number = Vec::with_capacity(size_of::<T>());
    let start = bytes.len();
    cursor.object("an object", |cursor, name| {
        if name == spec.input.name && cursor.kind()? == Kind::Array {
            set(&mut whole, || read_row::<T>(cursor, spec.width, bytes))
        } else {
            features.claim(&name).and_then(|column| {
                number.clear();
                read_number::<T>(cursor, &mut number)?;
                bytes.resize(start.saturating_add(spec.row_bytes()), 0);
                let row = bytes.get_mut(start..).unwrap_or_default();
                let place = row.chunks_exact_mut(size_of::<T>()).nth(column);
                place.into_iter().for_each(|place| place.copy_from_slice(&number));
                Ok(())
            })
        }
        .map_err(|fault| fault.in_member(&name))
    })?;
    match (whole, features.is_empty()) {
        (Some(()), true) => Ok(()),
        (Some(()), false) => Err(both()),
        (None, _) => features.finish(),
    }
}

fn both() -> Fault {
    Fault::new("expected the input or its features, got both")
}

/// Reads `inputs`: a matrix, or an object with the matrix or a list for each feature.
fn read_inputs<T: Element>(
    cursor: &mut Cursor<'_>,
    spec: RowSpec<'_>,
    limits: &Limits,
) -> Result<PredictRequest, Fault> {
    if cursor.kind()? != Kind::Object {
        let rows = read_rows::<T>(cursor, spec, limits)?;
        return Ok(PredictRequest { form: Form::Columns, ..rows });
    }
    let mut features = Features::new(spec.feature_names);
    let mut columns = Vec::new();
    let mut whole = None;
    cursor.object("an object", |cursor, name| {
        if name == spec.input.name {
            set(&mut whole, || read_rows::<T>(cursor, spec, limits))
        } else {
            features.claim(&name).and_then(|column| {
                columns.push((column, read_column::<T>(cursor)?));
                Ok(())
            })
        }
        .map_err(|fault| fault.in_member(&name))
    })?;
    match (whole, features.is_empty()) {
        (Some(rows), true) => Ok(PredictRequest { form: Form::Columns, ..rows }),
        (Some(_), false) => Err(both()),
        (None, _) => {
            features.finish()?;
            columns.sort_unstable_by_key(|(column, _)| *column);
            interleave::<T>(&columns, limits)
        }
    }
}

fn read_column<T: Element>(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Fault> {
    let mut values = Vec::new();
    cursor.array("a list of numbers", |cursor, _| read_number::<T>(cursor, &mut values))?;
    Ok(values)
}

/// Turns columns into rows.
fn interleave<T: Element>(
    columns: &[(usize, Vec<u8>)],
    limits: &Limits,
) -> Result<PredictRequest, Fault> {
    let mut values: Vec<_> =
        columns.iter().map(|(_, column)| column.chunks_exact(size_of::<T>())).collect();
    let rows = values.first().map_or(0, ExactSizeIterator::len);
    if let Some(other) = values.iter().map(ExactSizeIterator::len).find(|other| *other != rows) {
        return Err(Fault::new(format!("expected lists of one length, got {rows} and {other}")));
    }
    let count = rows.saturating_mul(columns.len());
    if count > limits.elements_max {
        return Err(Fault::new(format!("expected at most {} numbers", limits.elements_max)));
    }
    let mut bytes = Vec::with_capacity(count.saturating_mul(size_of::<T>()));
    for _ in 0..rows {
        let row = values.iter_mut().filter_map(Iterator::next);
        row.for_each(|value| bytes.extend_from_slice(value));
    }
    Ok(PredictRequest { form: Form::Columns, rows, bytes })
}
