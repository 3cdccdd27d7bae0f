//! Inference requests made beforehand, and what their answers must say.

use crate::{
    LoadError, Protocol, Target,
    call::{Caller, Failure},
    grpc,
};
use bytes::Bytes;
use ferrule_base::DType;
use ferrule_proto::inference::{
    InferTensorContents, ModelInferRequest, ModelInferResponse,
    model_infer_request::InferInputTensor,
};
use prost::Message;
use serde_json::{Value, json};
use std::time::Duration;

/// The values of an answer's first output.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Of an integer dtype.
    Integers(Vec<i64>),
    /// Of a floating dtype.
    Floats(Vec<f64>),
}

/// Rows to ask about, row after row.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The name of the model's input.
    pub input: &'a str,
    /// Its dtype: FP32 or FP64; values are rounded to it.
    pub dtype: DType,
    /// All values.
    pub values: &'a [f64],
    /// Values a row.
    pub width: usize,
    /// Rows in a request.
    pub per_request: usize,
}

/// A request and what its answer must say.
#[derive(Clone, Debug)]
pub struct Exchange {
    protocol: Protocol,
    body: Bytes,
    answer: Bytes,
    values: Values,
}

impl Exchange {
    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// The first output of the answer that was got when the exchange was made.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The answer says the same; equal bytes need no decoding.
    pub(crate) fn is_answered_by(&self, answer: &Bytes) -> bool {
        *answer == self.answer
            || decoded(self.protocol, answer).is_ok_and(|values| values == self.values)
    }
}

/// Sends each request of `rows` once, one after the other, and keeps its answer.
///
/// # Errors
/// [`LoadError`] where the server cannot be reached, refuses a request, or answers otherwise than
/// the protocol says.
pub fn probe(
    target: &Target,
    rows: &Rows<'_>,
    timeout: Duration,
) -> Result<Vec<Exchange>, LoadError> {
    let size = rows.width.saturating_mul(rows.per_request);
    if size == 0 || rows.values.is_empty() || !rows.values.len().is_multiple_of(size) {
        return Err(LoadError::Setting {
            name: "rows",
            expected: "a whole number of requests, each of at least one value",
            got: format!("{} values for requests of {size}", rows.values.len()),
        });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let failed = |failure| refusal(target, failure);
        let mut caller = Caller::connect(target, timeout).await.map_err(failed)?;
        let mut exchanges = Vec::new();
        for values in rows.values.chunks_exact(size) {
            let body = encoded(target, rows, values);
            let answer = caller.call(body.clone(), timeout).await.map_err(failed)?;
            let values = decoded(target.protocol, &answer).map_err(|cause| LoadError::Answer {
                address: target.address.clone(),
                expected: "an Open Inference answer",
                cause,
            })?;
            exchanges.push(Exchange { protocol: target.protocol, body, answer, values });
        }
        Ok(exchanges)
    })
}

fn refusal(target: &Target, failure: Failure) -> LoadError {
    let address = target.address.clone();
    match failure {
        Failure::Connect(cause) => LoadError::Connect { address, cause },
        other => LoadError::Refused { address, cause: other.to_string() },
    }
}

fn encoded(target: &Target, rows: &Rows<'_>, values: &[f64]) -> Bytes {
    match target.protocol {
        Protocol::Grpc => grpc::frame(&grpc_request(target, rows, values).encode_to_vec()),
        Protocol::Rest => rest_request(rows, values).to_string().into(),
    }
}

fn grpc_request(target: &Target, rows: &Rows<'_>, values: &[f64]) -> ModelInferRequest {
    let raw: Vec<u8> = match rows.dtype {
        DType::Fp32 => values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    ModelInferRequest {
        model_name: target.model.clone(),
        inputs: vec![InferInputTensor {
            name: rows.input.to_owned(),
            datatype: rows.dtype.to_string(),
            shape: vec![rows.per_request as i64, rows.width as i64],
            ..Default::default()
        }],
        raw_input_contents: vec![raw.into()],
        ..Default::default()
    }
}

fn rest_request(rows: &Rows<'_>, values: &[f64]) -> Value {
    let data: Vec<Value> = match rows.dtype {
        DType::Fp32 => values.iter().map(|&value| json!(value as f32)).collect(),
        _ => values.iter().map(|&value| json!(value)).collect(),
    };
    json!({"inputs": [{
        "name": rows.input,
        "datatype": rows.dtype.oip_name(),
        "shape": [rows.per_request, rows.width],
        "data": data,
    }]})
}

fn decoded(protocol: Protocol, answer: &Bytes) -> Result<Values, String> {
    match protocol {
        Protocol::Grpc => grpc_values(answer),
        Protocol::Rest => rest_values(answer),
    }
}

fn grpc_values(answer: &Bytes) -> Result<Values, String> {
    let answer = ModelInferResponse::decode(answer.clone()).map_err(|error| error.to_string())?;
    let output = answer.outputs.first().ok_or("it has no output")?;
    if let Some(raw) = answer.raw_output_contents.first() {
        return raw_values(&output.datatype, raw);
    }
    let contents = output.contents.as_ref().ok_or("its output has no contents")?;
    typed_values(&output.datatype, contents)
}

fn raw_values(datatype: &str, raw: &[u8]) -> Result<Values, String> {
    fn each<const N: usize, T>(raw: &[u8], convert: fn([u8; N]) -> T) -> Result<Vec<T>, String> {
        let (elements, rest) = raw.as_chunks::<N>();
        if !rest.is_empty() {
            return Err("its raw contents are not a whole number of elements".to_owned());
        }
        Ok(elements.iter().map(|&element| convert(element)).collect())
    }
    Ok(match DType::from_oip_name(datatype) {
        Some(DType::Int32) => {
            Values::Integers(each(raw, |bytes| i64::from(i32::from_le_bytes(bytes)))?)
        }
        Some(DType::Int64) => Values::Integers(each(raw, i64::from_le_bytes)?),
        Some(DType::Fp32) => {
            Values::Floats(each(raw, |bytes| f64::from(f32::from_le_bytes(bytes)))?)
        }
        Some(DType::Fp64) => Values::Floats(each(raw, f64::from_le_bytes)?),
        _ => {
            return Err(format!(
                "its output is {datatype}; INT32, INT64, FP32 or FP64 is expected"
            ));
        }
    })
}

fn typed_values(datatype: &str, contents: &InferTensorContents) -> Result<Values, String> {
    Ok(match DType::from_oip_name(datatype) {
        Some(DType::Int32) => {
            Values::Integers(contents.int_contents.iter().map(|&value| value.into()).collect())
        }
        Some(DType::Int64) => Values::Integers(contents.int64_contents.clone()),
        Some(DType::Fp32) => {
            Values::Floats(contents.fp32_contents.iter().map(|&value| value.into()).collect())
        }
        Some(DType::Fp64) => Values::Floats(contents.fp64_contents.clone()),
        _ => {
            return Err(format!(
                "its output is {datatype}; INT32, INT64, FP32 or FP64 is expected"
            ));
        }
    })
}

fn rest_values(answer: &[u8]) -> Result<Values, String> {
    let answer: Value = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    let data = answer["outputs"][0]["data"].as_array().ok_or("it has no outputs[0].data")?;
    if let Some(integers) = data.iter().map(Value::as_i64).collect() {
        return Ok(Values::Integers(integers));
    }
    let floats: Option<_> = data.iter().map(Value::as_f64).collect();
    floats.map(Values::Floats).ok_or_else(|| "outputs[0].data is not all numbers".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[f64]) -> Rows<'_> {
        Rows { input: "X", dtype: DType::Fp64, values, width: 2, per_request: 1 }
    }

    #[test]
    fn a_rest_request_is_the_protocols_json() {
        let request = rest_request(&rows(&[0.5, -1.0]), &[0.5, -1.0]);
        let expected = json!({"inputs": [
            {"name": "X", "datatype": "FP64", "shape": [1, 2], "data": [0.5, -1.0]}]});
        assert_eq!(request, expected);
    }

    #[test]
    fn raw_contents_are_little_endian_and_whole() {
        assert_eq!(
            raw_values("INT32", &[1, 0, 0, 0, 255, 255, 255, 255]),
            Ok(Values::Integers(vec![1, -1]))
        );
        assert_eq!(raw_values("FP64", &2.5f64.to_le_bytes()), Ok(Values::Floats(vec![2.5])));
        assert!(raw_values("INT32", &[1, 0, 0]).is_err());
        assert!(raw_values("BYTES", &[]).is_err());
    }

    #[test]
    fn an_answer_that_says_the_same_in_other_bytes_is_right_and_another_label_wrong() {
        let exchange = Exchange {
            protocol: Protocol::Rest,
            body: Bytes::new(),
            answer: Bytes::from_static(br#"{"outputs":[{"data":[2]}]}"#),
            values: Values::Integers(vec![2]),
        };
        let same = Bytes::from_static(br#"{"id":"7","outputs":[{"data":[2]}]}"#);
        let other = Bytes::from_static(br#"{"outputs":[{"data":[1]}]}"#);
        assert!(exchange.is_answered_by(&same));
        assert!(!exchange.is_answered_by(&other));
        assert!(!exchange.is_answered_by(&Bytes::from_static(b"{}")));
    }
}
