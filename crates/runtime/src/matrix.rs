//! The one matrix that a tabular model takes: as one tensor, or as one tensor for each column.

use std::borrow::Cow;

use ferrule_artifact::{Signature, TensorSpec};
use ferrule_base::Limits;

use crate::model::names_of;
use crate::tensor::Element;
use crate::{InputTensor, RequestError};

/// Row-major values, `rows` × `cols` of them, all finite.
#[derive(Debug)]
pub(crate) struct Matrix<'a, T: Clone> {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) values: Cow<'a, [T]>,
}

/// Reads the matrix that the signature's first input describes: from an input of its name, or, where
/// the fit knew the names of its columns, from an input for each column.
pub(crate) fn read_matrix<'a, T: Element>(
    signature: &Signature,
    inputs: &[InputTensor<'a>],
    limits: &Limits,
) -> Result<Matrix<'a, T>, RequestError> {
    let Some(spec) = signature.inputs.first() else {
        return Err(RequestError::NoInput { expected: expected(signature) });
    };
    match (inputs, &signature.feature_names) {
        ([], _) => Err(RequestError::NoInput { expected: expected(signature) }),
        ([input], _) if input.name == spec.name => whole(spec, input, limits),
        (_, Some(names)) if !inputs.iter().any(|input| input.name == spec.name) => {
            from_columns(signature, spec, names, inputs, limits)
        }
        _ => Err(odd_one(signature, spec, inputs)),
    }
}

fn whole<'a, T: Element>(
    spec: &TensorSpec,
    input: &InputTensor<'a>,
    limits: &Limits,
) -> Result<Matrix<'a, T>, RequestError> {
    let count = input.check(limits)?;
    input.check_against(spec)?;
    let values = read_finite::<T>(input)?;
    let cols = spec.shape.get(1).and_then(|cols| usize::try_from(*cols).ok()).unwrap_or(0);
    let rows = count.checked_div(cols).unwrap_or(0);
    Ok(Matrix { rows, cols, values })
}

fn read_finite<'a, T: Element>(input: &InputTensor<'a>) -> Result<Cow<'a, [T]>, RequestError> {
    let Some(values) = T::read(&input.data) else {
        let (expected, got) = (T::DTYPE, input.dtype);
        return Err(RequestError::DataType { input: input.name.to_owned(), expected, got });
    };
    match values.iter().position(|value| !value.to_f64().is_finite()) {
        None => Ok(values),
        Some(index) => {
            let value = values.get(index).map_or(f64::NAN, |value| value.to_f64());
            Err(RequestError::NonFinite { input: input.name.to_owned(), index, value })
        }
    }
}

fn from_columns<'a, T: Element>(
    signature: &Signature,
    spec: &TensorSpec,
    names: &[String],
    inputs: &[InputTensor<'a>],
    limits: &Limits,
) -> Result<Matrix<'a, T>, RequestError> {
    if let Some(input) = inputs.iter().find(|input| !names.iter().any(|name| name == input.name)) {
        let (name, expected) = (input.name.to_owned(), expected(signature));
        return Err(RequestError::UnknownInput { name, expected });
    }
    let mut columns = Vec::with_capacity(names.len());
    let mut first_rows: Option<(&str, usize)> = None;
    for name in names {
        let values = column::<T>(signature, spec, name, inputs, limits)?;
        match first_rows {
            None => first_rows = Some((name, values.len())),
            Some((other, expected)) if values.len() != expected => {
                let (input, other, rows) = (name.clone(), other.to_owned(), values.len());
                return Err(RequestError::RowCount { input, rows, other, expected });
            }
            Some(_) => {}
        }
        columns.push(values);
    }
    let rows = first_rows.map_or(0, |(_, rows)| rows);
    let mut values = Vec::with_capacity(rows.saturating_mul(columns.len()));
    for row in 0..rows {
        values.extend(columns.iter().filter_map(|column| column.get(row).copied()));
    }
    Ok(Matrix { rows, cols: names.len(), values: Cow::Owned(values) })
}

/// The values of the input called `name`, of shape [n] or [n, 1].
fn column<'a, T: Element>(
    signature: &Signature,
    spec: &TensorSpec,
    name: &str,
    inputs: &[InputTensor<'a>],
    limits: &Limits,
) -> Result<Cow<'a, [T]>, RequestError> {
    let mut of_name = inputs.iter().filter(|input| input.name == name);
    let Some(input) = of_name.next() else {
        let (name, expected) = (name.to_owned(), expected(signature));
        return Err(RequestError::MissingInput { name, expected });
    };
    if of_name.next().is_some() {
        return Err(RequestError::DuplicateInput { name: name.to_owned() });
    }
    input.check(limits)?;
    let shape = if input.shape.len() == 2 { vec![-1, 1] } else { vec![-1] };
    input.check_against(&TensorSpec { shape, ..spec.clone() })?;
    read_finite::<T>(input)
}

/// What a request to this model brings.
fn expected(signature: &Signature) -> String {
    let whole = names_of(&signature.inputs);
    match &signature.feature_names {
        Some(names) => {
            let columns: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            format!("{whole}, or one input for each of {}", columns.join(", "))
        }
        None => whole,
    }
}

/// The error for inputs of which one has the right name, or none has.
fn odd_one(signature: &Signature, spec: &TensorSpec, inputs: &[InputTensor<'_>]) -> RequestError {
    match inputs.iter().find(|input| input.name != spec.name) {
        Some(input) => {
            let (name, expected) = (input.name.to_owned(), expected(signature));
            RequestError::UnknownInput { name, expected }
        }
        None => RequestError::DuplicateInput { name: spec.name.clone() },
    }
}
