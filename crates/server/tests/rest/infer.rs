//! `POST /v2/models/{model}/infer`.

use serde_json::json;

use crate::fixture::{app, json as parse, post, refused, send};

const PATH: &str = "/v2/models/iris/infer";

fn body(data: &str) -> String {
    format!(r#"{{"inputs":[{{"name":"X","datatype":"FP64","shape":[2,2],"data":{data}}}]}}"#)
}

#[test]
fn flat_and_nested_data_give_the_same_labels() {
    let app = app();
    for data in ["[1,1,9,1]", "[[1,1],[9,1]]", " [ [ 1.0 , 1e0 ] , [ 90e-1 , 1 ] ] "] {
        let (status, answer) = post(&app, PATH, &body(data));
        assert_eq!(status, 200, "{answer}");
        let label = json!([{ "name": "label", "datatype": "INT32", "shape": [2], "data": [0, 1] }]);
        let expected = json!({ "model_name": "iris", "model_version": "2", "outputs": label });
        assert_eq!(answer, expected);
    }
}

#[test]
fn members_may_come_in_any_order_and_the_id_is_echoed() {
    let app = app();
    let body = r#"{"outputs":[{"name":"distances"}],"parameters":{"priority":1},
        "inputs":[{"data":[[3,4]],"shape":[1,2],"parameters":{},"datatype":"FP64","name":"X"}],
        "id":"a\"b\u00e9"}"#;
    let (status, answer) = post(&app, "/v2/models/iris/versions/1/infer", body);
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["id"], &answer["model_version"]), (&json!("a\"bé"), &json!("1")));
    let distances = &answer["outputs"][0];
    assert_eq!((&distances["name"], &distances["shape"]), (&json!("distances"), &json!([1, 3])));
    let wanted = [5.0, 65f64.sqrt(), 45f64.sqrt()];
    for (got, wanted) in distances["data"].as_array().unwrap().iter().zip(wanted) {
        assert!((got.as_f64().unwrap() - wanted).abs() < 1e-12);
    }
}

#[test]
fn binary_tensors_go_both_ways() {
    let app = app();
    let header = r#"{"inputs":[{"name":"X","datatype":"FP64","shape":[1,2],
        "parameters":{"binary_data_size":16}}],
        "outputs":[{"name":"label","parameters":{"binary_data":true}},{"name":"distances"}]}"#;
    let mut body = header.as_bytes().to_vec();
    body.extend([9.0f64, 1.0].iter().flat_map(|value| value.to_le_bytes()));
    let length = header.len().to_string();
    let headers = [("inference-header-content-length", length.as_str())];
    let response = send(&app, "POST", PATH, &headers, body);
    assert_eq!(response.status(), 200, "{:?}", response.body());
    let split = response.headers()["inference-header-content-length"].to_str().unwrap();
    let (header, binary) = response.body().split_at(split.parse().unwrap());
    let answer: serde_json::Value = serde_json::from_slice(header).unwrap();
    assert_eq!(answer["outputs"][0]["parameters"]["binary_data_size"], 4);
    assert_eq!(answer["outputs"][1]["data"].as_array().unwrap().len(), 3);
    assert_eq!(binary, 1i32.to_le_bytes());
}

#[test]
fn binary_data_output_asks_for_every_output_not_named_otherwise() {
    let app = app();
    let body = body("[1,1,9,1]")
        .replace("{\"inputs\"", "{\"parameters\":{\"binary_data_output\":true},\"inputs\"");
    let response = send(&app, "POST", PATH, &[], body);
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    assert!(response.body().ends_with(&[0, 0, 0, 0, 1, 0, 0, 0]));
}

#[test]
fn no_rows_give_no_labels() {
    let app = app();
    let body = r#"{"inputs":[{"name":"X","datatype":"FP64","shape":[0,2],"data":[]}]}"#;
    let (status, answer) = post(&app, PATH, body);
    assert_eq!((status, &answer["outputs"][0]["data"]), (200, &json!([])), "{answer}");
}

#[test]
fn a_refusal_names_the_field_what_was_expected_and_what_was_got() {
    let app = app();
    let input = |members: &str| format!(r#"{{"inputs":[{{{members}}}]}}"#);
    let full = |changed: &str, to: &str| body("[1,1,9,1]").replace(changed, to);
    let cases: &[(String, &[&str])] = &[
        (String::new(), &["expected a value", "the end of the body"]),
        ("[]".into(), &["expected a JSON object with `inputs`", "an array"]),
        ("{}".into(), &["`inputs`", "missing"]),
        (r#"{"inputs":[]}"#.into(), &["no input is given", "X"]),
        (r#"{"inputs":{}}"#.into(), &["`inputs`", "an array of tensors", "an object"]),
        (r#"{"inputs":[1]}"#.into(), &["`inputs[0]`", "a tensor", "a number"]),
        (full("\"name\":\"X\",", ""), &["`inputs[0].name`", "missing"]),
        (full("\"datatype\":\"FP64\",", ""), &["`inputs[0].datatype`", "missing"]),
        (full("\"shape\":[2,2],", ""), &["`inputs[0].shape`", "missing"]),
        (input(r#""name":"X","datatype":"FP64","shape":[2,2]"#), &["`inputs[0].data`", "missing"]),
        (full("\"X\"", "\"Y\""), &["unknown input \"Y\"", "\"X\""]),
        (full("\"X\"", "7"), &["`inputs[0].name`", "a string", "a number"]),
        (full("FP64", "FP65"), &["`inputs[0].datatype`", "FP65"]),
        (full("FP64", "FP32"), &["\"X\"", "FP64", "FP32"]),
        (full("[2,2]", "[2,-2]"), &["`inputs[0].", "-2"]),
        (full("[2,2]", "[2,2.0]"), &["`inputs[0].shape[1]`", "an integer", "2.0"]),
        (full("[2,2]", "[4]"), &["shape", "[-1, 2]", "[4]"]),
        (full("[2,2]", "[9223372036854775807,3]"), &["`inputs[0].", "more than"]),
        (full("[2,2]", "[1,1,1,1,1,1,1,1,4]"), &["`inputs[0].shape[8]`", "at most 8"]),
        (full("[2,2]", "[3,2]"), &["`inputs[0].data`", "expected 6", "got 4"]),
        (full("[2,2]", "[1,2]"), &["`inputs[0].data[2]`", "expected 2", "got more"]),
        (body("[[1,1],[9]]"), &["`inputs[0].data[1]`", "expected 2", "got 1"]),
        (body("[[1,1],9,1]"), &["`inputs[0].data[1]`", "an array", "a number"]),
        (body("[1,1,9,null]"), &["`inputs[0].data[3]`", "a number", "null"]),
        (body("[1,1,9,\"1\"]"), &["`inputs[0].data[3]`", "a number", "a string"]),
        (body("[1,1,9,1e400]"), &["`inputs[0].data[3]`", "a finite FP64", "1e400"]),
        (body("[1,1,9,NaN]"), &["`inputs[0].data[3]`", "NaN"]),
        (body("[1,1,9,-Infinity]"), &["`inputs[0].data[3]`"]),
        (full("\"data\"", "\"data\":[1,1,9,1],\"data\""), &["`inputs[0].data`", "twice"]),
        (full("\"data\"", "\"parameters\":{\"binary_data_size\":32},\"data\""), &["got both"]),
        (full("}]}", "}],\"outputs\":[{\"name\":\"y\"}]}"), &["\"y\"", "label"]),
        (full("}]}", "}],\"outputs\":[{}]}"), &["`outputs[0].name`", "missing"]),
        (full("}]}", "}],\"id\":7}"), &["`id`", "a string", "a number"]),
        (full("}]}", "}]} x"), &["not valid JSON", "the end of the body"]),
    ];
    for (body, parts) in cases {
        refused(&app, PATH, body, parts);
    }
}

#[test]
fn binary_sizes_that_do_not_add_up_are_refused() {
    let app = app();
    let header = |size: i64| {
        format!(
            r#"{{"inputs":[{{"name":"X","datatype":"FP64","shape":[1,2],
            "parameters":{{"binary_data_size":{size}}}}}]}}"#
        )
    };
    let cases: [(i64, usize, i64, &str); 6] = [
        (16, 15, 0, "expected 16 bytes after the JSON header, got 15"),
        (16, 17, 0, "1 bytes are left over"),
        (8, 8, 0, "`inputs[0].parameters.binary_data_size`: expected 16"),
        (-1, 16, 0, "expected a number of bytes, got -1"),
        (i64::MAX, 16, 0, "expected 16"),
        (16, 16, 1_000, "`inference-header-content-length`: expected at most"),
    ];
    for (size, bytes, beyond, part) in cases {
        let header = header(size);
        let length = (header.len() as i64 + beyond).to_string();
        let body = [header.as_bytes(), &vec![0; bytes]].concat();
        let headers = [("inference-header-content-length", length.as_str())];
        let (status, answer) = parse(send(&app, "POST", PATH, &headers, body));
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains(part), "{part} is not in {answer}");
    }
    for length in ["-1", "x", "1.5", "", "99999999999999999999"] {
        let headers = [("inference-header-content-length", length)];
        let (status, answer) = parse(send(&app, "POST", PATH, &headers, "{}"));
        assert_eq!(status, 400, "{length}: {answer}");
    }
}

#[test]
fn an_output_that_json_has_not_is_refused_and_never_written() {
    let app = app();
    let body = r#"{"inputs":[{"name":"X","datatype":"FP64","shape":[1,2],"data":[1e300,1e300]}],
        "outputs":[{"name":"distances"}]}"#;
    let (status, answer) = post(&app, PATH, body);
    assert_eq!(status, 400, "{answer}");
    let text = answer["error"].as_str().unwrap();
    assert!(text.contains("`distances`") && text.contains("binary data"), "{text}");
}
