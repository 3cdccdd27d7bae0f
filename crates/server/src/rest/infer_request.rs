//! The body of an Open Inference `infer` request, with Triton's binary-tensor extension.
//!
//! The JSON header may hold a tensor's numbers, or only their size in bytes
//! (`parameters.binary_data_size`); then they follow the header, in the order of the inputs.

use std::borrow::Cow;

use ferrule_base::{DType, Limits, element_count};

use super::data::read_tensor;
use super::json::{Cursor, Excerpt, Fault, Kind};

/// A request as it was sent: every field checked against the protocol, none yet against a model.
#[derive(Debug)]
pub(crate) struct InferRequest<'a> {
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) inputs: Vec<Input<'a>>,
    /// The outputs asked for; empty where the request leaves them to the model.
    pub(crate) outputs: Vec<RequestedOutput<'a>>,
    /// Whether outputs that are not named come as binary data.
    pub(crate) binary_output: bool,
}

/// One tensor: `bytes` are its elements, little-endian, row-major, as many as `shape` says.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<i64>,
    pub(crate) bytes: Cow<'a, [u8]>,
}

/// An output that the request names.
#[derive(Debug)]
pub(crate) struct RequestedOutput<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) binary: bool,
}

/// The parameters that mean something here; others are accepted and have no effect.
#[derive(Default)]
struct Parameters {
    binary_data: Option<bool>,
    binary_data_output: Option<bool>,
    binary_data_size: Option<usize>,
}

impl<'a> InferRequest<'a> {
    /// Parses a body whose JSON header is `header_length` bytes long (the whole body if `None`).
    ///
    /// # Errors
    /// [`Fault`] that names the field, what was expected and what was got.
    pub(crate) fn parse(
        body: &'a [u8],
        header_length: Option<usize>,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let header_length = header_length.unwrap_or(body.len());
        let (header, mut binary) = body.split_at_checked(header_length).ok_or_else(|| {
            Fault::new(format!(
                "header `inference-header-content-length`: expected at most {} (the length of the \
                 body), got {header_length}",
                body.len()
            ))
        })?;
        let mut cursor = Cursor::new(header, limits.json_depth_max)?;
        let request = Self::read(&mut cursor, &mut binary, limits)?;
        cursor.end()?;
        match binary.len() {
            0 => Ok(request),
            left => Err(Fault::new(format!(
                "expected the sum of all `binary_data_size` to be the bytes after the JSON header; \
                 {left} bytes are left over"
            ))),
        }
    }

    /// Whether the output called `name` is to come as binary data.
    pub(crate) fn wants_binary(&self, name: &str) -> bool {
        let named = self.outputs.iter().find(|output| output.name == name);
        named.map_or(self.binary_output, |output| output.binary)
    }

    fn read(
        cursor: &mut Cursor<'a>,
        binary: &mut &'a [u8],
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let mut id = None;
        let mut inputs = None;
        let mut outputs = None;
        let mut parameters = None;
        cursor.object("a JSON object with `inputs`", |cursor, name| {
            match &*name {
                "id" => set(&mut id, || read_name(cursor, limits)),
                "inputs" => set(&mut inputs, || read_inputs(cursor, binary, limits)),
                "outputs" => set(&mut outputs, || read_outputs(cursor, limits)),
                "parameters" => set(&mut parameters, || Parameters::read(cursor)),
                _ => cursor.skip(),
            }
            .map_err(|fault| fault.in_member(&name))
        })?;
        let binary_output = parameters.and_then(|given| given.binary_data_output) == Some(true);
        let outputs = outputs.unwrap_or_default().into_iter();
        let outputs = outputs.map(|(name, binary)| RequestedOutput {
            name,
            binary: binary.unwrap_or(binary_output),
        });
        Ok(Self {
            id,
            inputs: inputs.ok_or_else(|| missing("inputs", "an array of tensors"))?,
            outputs: outputs.collect(),
            binary_output,
        })
    }
}

/// Sets a field that may stand only once.
pub(crate) fn set<T>(
    field: &mut Option<T>,
    read: impl FnOnce() -> Result<T, Fault>,
) -> Result<(), Fault> {
    if field.is_some() {
        return Err(Fault::new("expected this field once, got it twice"));
    }
    *field = Some(read()?);
    Ok(())
}

pub(crate) fn missing(name: &str, expected: &str) -> Fault {
    Fault::new(format!("the field is missing; expected {expected}")).in_member(name)
}

fn read_name<'a>(cursor: &mut Cursor<'a>, limits: &Limits) -> Result<Cow<'a, str>, Fault> {
    let name = cursor.string("a string")?;
    if name.len() > limits.name_bytes_max {
        return Err(Fault::new(format!(
            "expected at most {} bytes, got {}",
            limits.name_bytes_max,
            name.len()
        )));
    }
    Ok(name)
}

fn check_count(index: usize, limits: &Limits) -> Result<(), Fault> {
    if index >= limits.tensors_max {
        return Err(Fault::new(format!("expected at most {} tensors", limits.tensors_max)));
    }
    Ok(())
}

fn read_inputs<'a>(
    cursor: &mut Cursor<'a>,
    binary: &mut &'a [u8],
    limits: &Limits,
) -> Result<Vec<Input<'a>>, Fault> {
    let mut inputs = Vec::new();
    cursor.array("an array of tensors", |cursor, index| {
        check_count(index, limits)?;
        inputs.push(Draft::read(cursor, limits)?.finish(binary, limits)?);
        Ok(())
    })?;
    Ok(inputs)
}

/// The members of one input, in whatever order they came.
#[derive(Default)]
struct Draft<'a> {
    name: Option<Cow<'a, str>>,
    dtype: Option<DType>,
    shape: Option<Vec<i64>>,
    parameters: Option<Parameters>,
    data: Option<Data<'a>>,
}

/// Where the numbers of an input are.
enum Data<'a> {
    /// Read: data type and shape came first.
    Read(Vec<u8>),
    /// Checked to be JSON, to be read from here once data type and shape are known.
    At(Cursor<'a>),
}

impl<'a> Draft<'a> {
    fn read(cursor: &mut Cursor<'a>, limits: &Limits) -> Result<Self, Fault> {
        let mut draft = Draft::default();
        cursor.object("a tensor (an object)", |cursor, member| {
            match &*member {
                "name" => set(&mut draft.name, || read_name(cursor, limits)),
                "datatype" => set(&mut draft.dtype, || read_dtype(cursor)),
                "shape" => set(&mut draft.shape, || read_shape(cursor, limits)),
                "parameters" => set(&mut draft.parameters, || Parameters::read(cursor)),
                "data" => {
                    let known = draft.dtype.zip(draft.shape.as_deref());
                    set(&mut draft.data, || read_data(cursor, known, limits))
                }
                _ => cursor.skip(),
            }
            .map_err(|fault| fault.in_member(&member))
        })?;
        Ok(draft)
    }

    fn finish(self, binary: &mut &'a [u8], limits: &Limits) -> Result<Input<'a>, Fault> {
        let name = self.name.ok_or_else(|| missing("name", "a string"))?;
        let dtype = self.dtype.ok_or_else(|| missing("datatype", "a string such as `FP64`"))?;
        let shape = self.shape.ok_or_else(|| missing("shape", "an array of integers"))?;
        let count = count(&shape, limits).map_err(|fault| fault.in_member("shape"))?;
        let size = self.parameters.and_then(|given| given.binary_data_size);
        let bytes = match (self.data, size) {
            (Some(Data::Read(bytes)), None) => Cow::Owned(bytes),
            (Some(Data::At(mut cursor)), None) => Cow::Owned(
                read_tensor(&mut cursor, dtype, &shape, count)
                    .map_err(|fault| fault.in_member("data"))?,
            ),
            (None, Some(size)) => Cow::Borrowed(
                take_binary(binary, size, byte_count(dtype, count, size))
                    .map_err(|f| f.in_member("binary_data_size").in_member("parameters"))?,
            ),
            (None, None) => return Err(missing("data", "numbers, or `binary_data_size`")),
            (Some(_), Some(_)) => {
                return Err(Fault::new("expected `data` or `binary_data_size`, got both"));
            }
        };
        Ok(Input { name, dtype, shape, bytes })
    }
}

fn count(shape: &[i64], limits: &Limits) -> Result<usize, Fault> {
    element_count(shape, limits.rank_max, limits.elements_max)
        .map_err(|error| Fault::new(error.to_string()))
}

fn read_data<'a>(
    cursor: &mut Cursor<'a>,
    known: Option<(DType, &[i64])>,
    limits: &Limits,
) -> Result<Data<'a>, Fault> {
    let Some((dtype, shape)) = known else {
        let here = *cursor;
        cursor.skip()?;
        return Ok(Data::At(here));
    };
    read_tensor(cursor, dtype, shape, count(shape, limits)?).map(Data::Read)
}

/// Bytes of `count` elements. The elements of `BYTES` vary in size, so any `size` may be right.
fn byte_count(dtype: DType, count: usize, size: usize) -> usize {
    match dtype {
        DType::Bytes => size,
        _ => count.saturating_mul(dtype.size()),
    }
}

fn take_binary<'a>(binary: &mut &'a [u8], size: usize, expected: usize) -> Result<&'a [u8], Fault> {
    if size != expected {
        return Err(Fault::new(format!(
            "expected {expected} (the bytes of this shape and datatype), got {size}"
        )));
    }
    let (taken, left) = binary.split_at_checked(size).ok_or_else(|| {
        Fault::new(format!(
            "expected {size} bytes after the JSON header, got {}; is the header \
             `inference-header-content-length` set?",
            binary.len()
        ))
    })?;
    *binary = left;
    Ok(taken)
}

fn read_dtype(cursor: &mut Cursor<'_>) -> Result<DType, Fault> {
    let name = cursor.string("a string such as `FP64`")?;
    DType::from_oip_name(&name).ok_or_else(|| {
        Fault::new(format!("expected a datatype such as `FP64`, got `{}`", Excerpt(&name)))
    })
}

fn read_shape(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<Vec<i64>, Fault> {
    let mut shape = Vec::with_capacity(2);
    cursor.array("an array of integers", |cursor, index| {
        if index >= limits.rank_max {
            return Err(Fault::new(format!("expected at most {} dimensions", limits.rank_max)));
        }
        shape.push(cursor.integer("an integer")?);
        Ok(())
    })?;
    Ok(shape)
}

type NamedOutput<'a> = (Cow<'a, str>, Option<bool>);

fn read_outputs<'a>(
    cursor: &mut Cursor<'a>,
    limits: &Limits,
) -> Result<Vec<NamedOutput<'a>>, Fault> {
    let mut outputs: Vec<NamedOutput<'a>> = Vec::new();
    cursor.array("an array of outputs", |cursor, index| {
        check_count(index, limits)?;
        let mut name = None;
        let mut parameters = None;
        cursor.object("an output (an object)", |cursor, member| {
            match &*member {
                "name" => set(&mut name, || read_name(cursor, limits)),
                "parameters" => set(&mut parameters, || Parameters::read(cursor)),
                _ => cursor.skip(),
            }
            .map_err(|fault| fault.in_member(&member))
        })?;
        let name = name.ok_or_else(|| missing("name", "a string"))?;
        if outputs.iter().any(|(other, _)| *other == name) {
            return Err(Fault::new("expected each output once, got this one twice"));
        }
        outputs.push((name, parameters.and_then(|given| given.binary_data)));
        Ok(())
    })?;
    Ok(outputs)
}

impl Parameters {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        let mut given = Self::default();
        cursor.object("an object", |cursor, name| {
            match &*name {
                "binary_data" => set(&mut given.binary_data, || cursor.bool("a boolean")),
                "binary_data_output" => {
                    set(&mut given.binary_data_output, || cursor.bool("a boolean"))
                }
                "binary_data_size" => set(&mut given.binary_data_size, || read_size(cursor)),
                "classification" => Err(Fault::new("the classification extension is not served")),
                unsupported if unsupported.starts_with("shared_memory_") => {
                    Err(Fault::new("shared memory is not served; send the data in the request"))
                }
                _ => read_scalar(cursor),
            }
            .map_err(|fault| fault.in_member(&name))
        })?;
        Ok(given)
    }
}

fn read_size(cursor: &mut Cursor<'_>) -> Result<usize, Fault> {
    let size = cursor.integer("a number of bytes")?;
    usize::try_from(size).map_err(|_| Fault::new(format!("expected a number of bytes, got {size}")))
}

/// A parameter that is not known may be any string, number or boolean.
fn read_scalar(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    match cursor.kind()? {
        Kind::Text | Kind::Number | Kind::Bool => cursor.skip(),
        other => Err(Fault::new(format!("expected a string, a number or a boolean, got {other}"))),
    }
}
