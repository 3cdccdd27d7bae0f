//! Every message that the gRPC face reads: the first byte of an input says which method gets the rest, a
//! framed message.

use ferrule_base::ErrorCode;
use ferrule_proto::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use ferrule_proto::inference::{
    InferTensorContents, ModelInferRequest, ModelMetadataRequest, RepositoryIndexRequest,
};
use ferrule_proto::predictor::PredictRequest;
use ferrule_server::grpc;
use prost::Message;

use super::served::app;
use super::{Answer, Target};

pub(super) const TARGET: Target =
    Target { name: "grpc", seeds, words: WORDS, repair: Some(repair), run };

/// Names, the heads of fields, and lengths that are not there.
const WORDS: &[&[u8]] = &[
    b"named",
    b"\x0a\x05named",
    b"\x0a\x01X",
    b"\x12\x04FP64",
    b"\x12\x04FP32",
    b"\x12\x05BYTES",
    b"\x1a\x02\x01\x02",
    b"label",
    b"distances",
    b"shared_memory_region",
    b"\x2a\x00",
    b"\x32\x00",
    b"\x3a\x10",
    b"\x3a\x00",
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x0b",
    b"\x0c",
];

/// What the first byte chooses, by its remainder: the methods that change nothing, so that each input
/// meets the same state.
const METHODS: [&str; 9] = [
    "/inference.GRPCInferenceService/ModelInfer",
    "/ferrule.v1.Predictor/Predict",
    "/inference.GRPCInferenceService/ModelReady",
    "/inference.GRPCInferenceService/ModelMetadata",
    "/inference.GRPCInferenceService/ModelStatistics",
    "/inference.GRPCInferenceService/RepositoryIndex",
    "/inference.GRPCInferenceService/ServerMetadata",
    "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];
const FRAME_HEAD_BYTES: usize = 5;

fn seeds() -> Vec<Vec<u8>> {
    let name = || "named".to_owned();
    let values = [1.5, -2.0, 3.0, 4e9];
    let input = |contents| ModelInferRequest {
        model_name: name(),
        id: "a".to_owned(),
        inputs: vec![InferInputTensor {
            name: "X".to_owned(),
            datatype: "FP64".to_owned(),
            shape: vec![2, 2],
            contents,
            ..Default::default()
        }],
        outputs: vec![InferRequestedOutputTensor {
            name: "distances".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let contents = InferTensorContents { fp64_contents: values.to_vec(), ..Default::default() };
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let raw = ModelInferRequest { raw_input_contents: vec![bytes.into()], ..input(None) };
    let predict =
        PredictRequest { model: name(), values: values.to_vec(), columns: 2, ..Default::default() };
    let metadata = ModelMetadataRequest { name: name(), ..Default::default() }.encode_to_vec();
    let index = RepositoryIndexRequest { ready: true, ..Default::default() };
    [
        (0, input(Some(contents)).encode_to_vec()),
        (0, raw.encode_to_vec()),
        (1, predict.encode_to_vec()),
        (2, metadata.clone()),
        (3, metadata.clone()),
        (4, metadata),
        (5, index.encode_to_vec()),
        (6, Vec::new()),
        (7, Vec::new()),
        (8, b"\x3a\x01*".to_vec()),
    ]
    .map(|(method, message)| {
        repair([&[method], &[0; FRAME_HEAD_BYTES][..], message.as_slice()].concat())
    })
    .to_vec()
}

/// Writes the head of the frame anew.
fn repair(mut input: Vec<u8>) -> Vec<u8> {
    let start = 1 + FRAME_HEAD_BYTES;
    input.resize(input.len().max(start), 0);
    let length = u32::try_from(input.len() - start).expect("inputs are short");
    input[1] = 0;
    input[2..start].copy_from_slice(&length.to_be_bytes());
    input
}

fn run(input: &[u8]) -> Answer {
    let Some((choice, body)) = input.split_first() else {
        return Answer { accepted: false, text: String::new() };
    };
    let path = METHODS[usize::from(*choice) % METHODS.len()];
    match grpc::handle(path, &body.to_vec().into(), app()) {
        Ok(frame) => {
            let (head, message) = frame.split_at(FRAME_HEAD_BYTES);
            let length = u32::try_from(message.len()).expect("answers are short").to_be_bytes();
            assert_eq!(head, [&[0][..], &length].concat());
            Answer { accepted: true, text: format!("{path} ok") }
        }
        Err(status) => {
            assert!(!matches!(status.code(), ErrorCode::Internal | ErrorCode::Io), "{status:?}");
            // The text before the first quote: what follows repeats the input.
            let text: String = status.message().split(['`', '"']).step_by(2).collect();
            Answer { accepted: false, text: format!("{path} {text}") }
        }
    }
}
