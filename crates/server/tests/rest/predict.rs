//! `POST /v1/models/{model}:predict`.

use serde_json::json;

use crate::fixture::{app, post, refused};

const LISTS: &str = "/v1/models/iris:predict";
const NAMED: &str = "/v1/models/named:predict";

#[test]
fn rows_as_lists_or_as_objects_give_predictions() {
    let app = app();
    let cases = [
        (LISTS, r#"{"instances":[[1,1],[9,1],[1,9]]}"#),
        ("/v1/models/iris/versions/1:predict", r#"{"instances":[[1,1],[9,1],[1,9]]}"#),
        (LISTS, r#"{"signature_name":"serving_default","instances":[[1,1],{"X":[9,1]},[1,9]]}"#),
        (NAMED, r#"{"instances":[{"length":1,"width":1},{"width":1,"length":9},[1,9]]}"#),
    ];
    for (path, body) in cases {
        let (status, answer) = post(&app, path, body);
        assert_eq!((status, answer), (200, json!({ "predictions": [0, 1, 2] })), "{body}");
    }
}

#[test]
fn columns_give_outputs() {
    let app = app();
    let cases = [
        (LISTS, r#"{"inputs":[[1,1],[9,1],[1,9]]}"#),
        (LISTS, r#"{"inputs":{"X":[[1,1],[9,1],[1,9]]}}"#),
        (NAMED, r#"{"inputs":{"width":[1,1,9],"length":[1,9,1]}}"#),
    ];
    for (path, body) in cases {
        let (status, answer) = post(&app, path, body);
        assert_eq!((status, answer), (200, json!({ "outputs": [0, 1, 2] })), "{body}");
    }
}

#[test]
fn no_rows_give_no_predictions() {
    let (status, answer) = post(&app(), LISTS, r#"{"instances":[]}"#);
    assert_eq!((status, answer), (200, json!({ "predictions": [] })));
}

#[test]
fn a_refusal_names_the_field_what_was_expected_and_what_was_got() {
    let app = app();
    let cases: &[(&str, &str, &[&str])] = &[
        (LISTS, "", &["expected a value", "the end of the body"]),
        (LISTS, "{}", &["`instances`", "missing"]),
        (LISTS, r#"{"instances":5}"#, &["`instances`", "an array of rows", "a number"]),
        (LISTS, r#"{"instances":[1,2]}"#, &["`instances[0]`", "a list of 2 numbers", "a number"]),
        (LISTS, r#"{"instances":[[1,2],[1]]}"#, &["`instances[1]`", "expected 2", "got 1"]),
        (LISTS, r#"{"instances":[[1,2,3]]}"#, &["`instances[0][2]`", "expected 2", "got more"]),
        (LISTS, r#"{"instances":[[1,true]]}"#, &["`instances[0][1]`", "a number", "a boolean"]),
        (LISTS, r#"{"instances":[[1,1e999]]}"#, &["`instances[0][1]`", "finite", "1e999"]),
        (LISTS, r#"{"instances":[{}]}"#, &["`instances[0]`", "have no names"]),
        (LISTS, r#"{"instances":[{"a":1}]}"#, &["`instances[0].a`", "have no names"]),
        (LISTS, r#"{"instances":[[1,2]],"inputs":[[1,2]]}"#, &["`inputs`", "twice"]),
        (LISTS, r#"{"signature_name":"x","instances":[]}"#, &["serving_default", "`x`"]),
        (NAMED, r#"{"instances":[{"length":1}]}"#, &["`instances[0]`", "`width` is missing"]),
        (NAMED, r#"{"instances":[{"length":1,"length":1}]}"#, &["`instances[0].length`", "twice"]),
        (NAMED, r#"{"instances":[{"length":1,"depth":1}]}"#, &["`instances[0].depth`", "`width`"]),
        (NAMED, r#"{"instances":[{"length":"1","width":1}]}"#, &["length`", "a string"]),
        (NAMED, r#"{"instances":[{"X":[1,2],"length":1}]}"#, &["got both"]),
        (NAMED, r#"{"inputs":{"length":[1,2],"width":[1]}}"#, &["one length, got 2 and 1"]),
        (NAMED, r#"{"inputs":{"length":[1,2]}}"#, &["`width` is missing"]),
    ];
    for (path, body, parts) in cases {
        refused(&app, path, body, parts);
    }
}
