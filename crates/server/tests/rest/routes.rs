//! Everything but predictions: methods, media types, metadata, repository, statistics, metrics.

use ferrule_server::Phase;
use serde_json::json;

use crate::fixture::{app, get, json as parse, post, send};

const ROW: &str = r#"{"instances":[[1,1]]}"#;
const PREDICT: &str = "/v1/models/iris:predict";

#[test]
fn health_says_live_and_ready_and_readiness_goes_first() {
    let app = app();
    for path in ["/healthz", "/v2/health/live", "/readyz", "/v2/health/ready"] {
        assert_eq!(get(&app, path), (200, json!({ "live": true, "ready": true })), "{path}");
    }
    app.set_phase(Phase::Draining);
    let draining = json!({ "live": true, "ready": false });
    assert_eq!(get(&app, "/v2/health/live"), (200, draining.clone()));
    assert_eq!(get(&app, "/v2/health/ready"), (503, draining));
    assert_eq!(post(&app, PREDICT, ROW).0, 200);
}

#[test]
fn metadata_gives_the_signature_and_the_versions() {
    let app = app();
    let (status, server) = get(&app, "/v2");
    assert_eq!((status, &server["name"]), (200, &json!("ferrule")));
    let (status, model) = get(&app, "/v2/models/iris");
    assert_eq!(status, 200);
    assert_eq!(model["versions"], json!(["1", "2"]));
    assert_eq!(model["platform"], "ferrule_kmeans");
    let input = json!([{ "name": "X", "datatype": "FP64", "shape": [-1, 2] }]);
    assert_eq!(model["inputs"], input);
    assert_eq!(model["outputs"][1]["name"], "distances");
    let ready = json!({ "name": "iris", "ready": true });
    assert_eq!(get(&app, "/v2/models/iris/versions/1/ready"), (200, ready));
    let (_, status) = get(&app, "/v1/models/iris");
    assert_eq!(status["model_version_status"][0]["version"], "2");
    assert_eq!(status["model_version_status"][0]["state"], "AVAILABLE");
}

#[test]
fn what_does_not_exist_is_404_and_says_what_does() {
    let app = app();
    for path in ["/", "/v2/models", "/v3", "/v2/models/iris/infer/x"] {
        let (status, answer) = get(&app, path);
        assert_eq!(status, 404, "{path}");
        assert!(answer["error"].as_str().unwrap().contains("/openapi.json"), "{answer}");
    }
    let (status, answer) = get(&app, "/v2/models/nope");
    assert_eq!(status, 404);
    assert!(answer["error"].as_str().unwrap().contains("iris"), "{answer}");
    let (status, answer) = get(&app, "/v2/models/iris/versions/3");
    assert_eq!(status, 404);
    assert!(answer["error"].as_str().unwrap().contains("1, 2"), "{answer}");
}

#[test]
fn methods_that_a_path_does_not_answer_are_405_with_allow() {
    let app = app();
    for (method, path, allow) in [
        ("GET", PREDICT, "POST, OPTIONS"),
        ("DELETE", "/v2/models/iris", "GET, HEAD, OPTIONS"),
        ("POST", "/metrics", "GET, HEAD, OPTIONS"),
        ("BREW", "/v2/models/iris/infer", "POST, OPTIONS"),
    ] {
        let response = send(&app, method, path, &[], "");
        assert_eq!(response.status(), 405, "{method} {path}");
        assert_eq!(response.headers()["allow"], allow);
        assert!(parse(response).1["error"].as_str().unwrap().contains(allow));
    }
    let options = send(&app, "OPTIONS", PREDICT, &[], "");
    assert_eq!((options.status().as_u16(), options.headers().len()), (204, 1));
    assert_eq!(options.headers()["allow"], "POST, OPTIONS");
}

#[test]
fn bodies_that_are_compressed_or_of_another_type_are_415() {
    let app = app();
    for headers in [
        [("content-encoding", "gzip")],
        [("content-type", "text/plain")],
        [("content-type", "multipart/form-data; boundary=x")],
        [("content-type", "application/xml")],
        [("content-type", "")],
    ] {
        let (status, answer) = parse(send(&app, "POST", PREDICT, &headers, ROW));
        assert_eq!(status, 415, "{headers:?} {answer}");
    }
    for headers in [
        [("content-type", "application/json; charset=utf-8")],
        [("content-type", "Application/JSON")],
        [("content-type", "application/x-www-form-urlencoded")],
        [("content-encoding", "identity")],
    ] {
        assert_eq!(send(&app, "POST", PREDICT, &headers, ROW).status(), 200, "{headers:?}");
    }
}

#[test]
fn models_are_unloaded_and_loaded_and_the_index_shows_it() {
    let app = app();
    let index = |body: &str| post(&app, "/v2/repository/index", body).1;
    assert_eq!(index("").as_array().unwrap().len(), 3);
    assert_eq!(post(&app, "/v2/repository/models/iris/unload", "").0, 200);
    assert_eq!(post(&app, PREDICT, ROW).0, 404);
    assert_eq!(index(r#"{"ready":true}"#).as_array().unwrap().len(), 1);
    assert_eq!(index("{}")[0]["state"], "UNAVAILABLE");
    let body = r#"{"parameters":{"unload_dependents":false}}"#;
    assert_eq!(post(&app, "/v2/repository/models/iris/load", body).0, 200);
    assert_eq!(post(&app, PREDICT, ROW).0, 200);
    assert_eq!(index("{}")[0]["state"], "READY");
}

#[test]
fn a_request_brings_no_model_of_its_own_and_a_web_page_changes_nothing() {
    let app = app();
    let load = "/v2/repository/models/iris/load";
    let (status, answer) = post(&app, load, r#"{"parameters":{"config":"{}"}}"#);
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().starts_with("`parameters.config`"), "{answer}");
    assert_eq!(post(&app, "/v2/repository/models/..%2Fetc%2Fpasswd/load", "").0, 400);
    assert_eq!(post(&app, "/v2/repository/models/nope/load", "").0, 404);
    for headers in [
        [("origin", "https://example.org"), ("content-type", "application/json")],
        [("origin", "null"), ("content-type", "application/json")],
    ] {
        assert_eq!(send(&app, "POST", load, &headers, "").status(), 403);
    }
    for headers in
        [[("content-type", "text/plain")], [("content-type", "application/x-www-form-urlencoded")]]
    {
        assert_eq!(send(&app, "POST", load, &headers, "").status(), 415);
    }
}

#[test]
fn statistics_and_metrics_count_each_outcome_and_no_unknown_model() {
    let app = app();
    for _ in 0..3 {
        post(&app, PREDICT, r#"{"instances":[[1,1],[2,2]]}"#);
    }
    post(&app, PREDICT, "{}");
    post(&app, "/v1/models/unheard-of:predict", ROW);
    let (_, statistics) = get(&app, "/v2/models/iris/versions/2/stats");
    let statistics = &statistics["model_stats"][0];
    assert_eq!(statistics["inference_count"], 6);
    assert_eq!(statistics["execution_count"], 3);
    assert_eq!(statistics["inference_stats"]["success"]["count"], 3);
    assert_eq!(statistics["inference_stats"]["fail"]["count"], 1);
    assert_eq!(get(&app, "/v2/models/stats").1["model_stats"].as_array().unwrap().len(), 3);
    let response = send(&app, "GET", "/metrics", &[], "");
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    for line in [
        "ferrule_requests_total{model=\"iris\",version=\"2\",code=\"ok\"} 3\n",
        "ferrule_requests_total{model=\"iris\",version=\"2\",code=\"invalid_argument\"} 1\n",
        "ferrule_requests_in_flight{model=\"iris\",version=\"2\"} 0\n",
        "ferrule_batch_rows_sum{model=\"iris\",version=\"2\"} 6\n",
        "ferrule_http_responses_total{status=\"404\"} 1\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("unheard-of"));
}

#[test]
fn the_openapi_document_has_a_path_for_each_model_and_version() {
    let (status, document) = get(&app(), "/openapi.json");
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    for path in [
        "/v2/models/iris/infer",
        "/v2/models/iris/versions/1/infer",
        "/v1/models/named:predict",
        "/v1/models/named/versions/1:predict",
    ] {
        assert!(document["paths"][path]["post"].is_object(), "{path}");
    }
}
