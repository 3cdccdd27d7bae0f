//! Every body that the REST face reads: the first byte of an input says which path gets the rest.

use ferrule_server::rest;
use http::Request;
use serde_json::Value;

use super::served::app;
use super::{Answer, Target};

pub(super) const TARGET: Target = Target { name: "rest", seeds, words: WORDS, repair: None, run };

const WORDS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b"null",
    b"true",
    b"NaN",
    b"-0",
    b"1e400",
    b"1e-400",
    b"0.1",
    b"9223372036854775808",
    b"12345678901234567890",
    b"\"inputs\":",
    b"\"outputs\":",
    b"\"instances\":",
    b"\"name\":",
    b"\"X\"",
    b"\"datatype\":",
    b"\"FP64\"",
    b"\"FP32\"",
    b"\"BYTES\"",
    b"\"shape\":",
    b"[1,2]",
    b"[-1]",
    b"[4294967296,4294967296]",
    b"\"data\":",
    b"\"parameters\":",
    b"\"binary_data_size\":",
    b"\"binary_data\":true",
    b"\"binary_data_output\":true",
    b"\"id\":",
    b"\"label\"",
    b"\"distances\"",
    b"\"length\":",
    b"\"width\":",
];

/// What the first byte chooses, by its remainder; with a header length, the JSON ends two bytes
/// after the body's first `}}`, or where the body does.
const PATHS: [(&str, bool); 5] = [
    ("/v2/models/named/infer", false),
    ("/v2/models/named/infer", true),
    ("/v1/models/named:predict", false),
    ("/v2/repository/index", false),
    ("/v2/repository/models/nope/unload", false),
];

fn seeds() -> Vec<Vec<u8>> {
    [
        (0, r#"{"id":"a","inputs":[{"name":"X","datatype":"FP64","shape":[2,2],"data":[1,2,3,4]}]}"#),
        (0, r#"{"inputs":[{"data":[[1.5,-2e3]],"shape":[1,2],"datatype":"FP64","name":"X"}],"outputs":[{"name":"distances"},{"name":"label","parameters":{"binary_data":true}}]}"#),
        (0, r#"{"inputs":[{"name":"length","datatype":"FP64","shape":[1],"data":[1]},{"name":"width","datatype":"FP64","shape":[1],"data":[2]}]}"#),
        (1, r#"{"inputs":[{"name":"X","datatype":"FP64","shape":[1,2],"parameters":{"binary_data_size":16}}]}abcdefghijklmnop"#),
        (2, r#"{"instances":[[1,2],[3,4]]}"#),
        (2, r#"{"signature_name":"serving_default","instances":[{"length":1,"width":2},{"X":[3,4]}]}"#),
        (2, r#"{"inputs":{"length":[1,2],"width":[3,4]}}"#),
        (2, r#"{"inputs":{"X":[[1,2]]}}"#),
        (3, r#"{"ready":true}"#),
        (4, r#"{"parameters":{"unload_dependents":false}}"#),
    ]
    .map(|(path, body)| [&[path], body.as_bytes()].concat())
    .to_vec()
}

fn run(input: &[u8]) -> Answer {
    let Some((choice, body)) = input.split_first() else {
        return Answer { accepted: false, text: String::new() };
    };
    let (path, binary) = PATHS[usize::from(*choice) % PATHS.len()];
    let mut request = Request::post(path);
    if binary {
        let end = body.windows(2).position(|pair| pair == b"}}").map_or(body.len(), |at| at + 4);
        request = request.header("inference-header-content-length", end);
    }
    let request = request.body(body.to_vec().into()).expect("a path and a header that are valid");
    let response = rest::handle(request, app());
    let status = response.status().as_u16();
    assert!(matches!(status, 200 | 400 | 404 | 413), "{status}");
    let json_bytes = response.headers().get("inference-header-content-length");
    let json_bytes = json_bytes.and_then(|length| length.to_str().ok()?.parse().ok());
    let json = &response.body()[..json_bytes.unwrap_or(response.body().len())];
    let value: Value = serde_json::from_slice(json).expect("an answer that is JSON");
    let text = value["error"].as_str().map_or_else(|| "ok".to_owned(), str::to_owned);
    // The text before the first quote: what follows repeats the input.
    let text = text.split(['`', '"']).step_by(2).collect();
    Answer { accepted: status == 200, text }
}
