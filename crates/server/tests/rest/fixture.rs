//! A server's state over a saved K-Means: three centres in two dimensions.

use std::path::PathBuf;
use std::sync::OnceLock;

use bytes::Bytes;
use ferrule_artifact::{FORMAT_VERSION, Manifest, Signature, Tensor, TensorSpec};
use ferrule_base::DType;
use ferrule_server::{App, Config, Phase, rest};
use http::{Request, Response};
use serde_json::{Map, Value};

pub(crate) const CENTERS: [f64; 6] = [0.0, 0.0, 10.0, 0.0, 0.0, 10.0];

fn spec(name: &str, dtype: DType, shape: &[i64], optional: bool) -> TensorSpec {
    TensorSpec { name: name.to_owned(), dtype, shape: shape.to_vec(), optional }
}

fn save(path: &std::path::Path, feature_names: Option<Vec<String>>) {
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        kind: "kmeans".to_owned(),
        hyperparameters: Map::new(),
        signature: Signature {
            inputs: vec![spec("X", DType::Fp64, &[-1, 2], false)],
            outputs: vec![
                spec("label", DType::Int32, &[-1], false),
                spec("distances", DType::Fp64, &[-1, 3], true),
            ],
            feature_names,
        },
        training: Map::new(),
        metadata: Map::new(),
        versions: Default::default(),
    };
    let centers = Tensor {
        name: "cluster_centers".to_owned(),
        dtype: DType::Fp64,
        shape: vec![3, 2],
        bytes: CENTERS.iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    ferrule_artifact::save(path, manifest, vec![centers]).unwrap();
}

/// A state of its own, with the models `iris` (versions 1 and 2) and `named`, whose features have
/// names; ready.
pub(crate) fn app() -> App {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("ferrule-rest-{}", std::process::id()));
        for (name, names) in
            [("iris", None), ("named", Some(vec!["length".to_owned(), "width".to_owned()]))]
        {
            std::fs::create_dir_all(folder.join(name)).unwrap();
            save(&folder.join(name).join("1.safetensors"), names);
        }
        save(&folder.join("iris").join("2.safetensors"), None);
        folder
    });
    let app = App::new(Config { models: vec![folder.clone()], ..Config::default() }).unwrap();
    app.set_phase(Phase::Ready);
    app
}

/// Sends a request with the headers given.
pub(crate) fn send(
    app: &App,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    rest::handle(request.body(Bytes::from(body.into())).unwrap(), app)
}

pub(crate) fn get(app: &App, path: &str) -> (u16, Value) {
    json(send(app, "GET", path, &[], ""))
}

pub(crate) fn post(app: &App, path: &str, body: &str) -> (u16, Value) {
    json(send(app, "POST", path, &[("content-type", "application/json")], body))
}

/// The status, and the body, which must be JSON.
pub(crate) fn json(response: Response<Bytes>) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = serde_json::from_slice(response.body());
    (status, body.unwrap_or_else(|error| panic!("{error}: {:?}", response.body())))
}

/// Asserts that a request is refused with 400 and a text that holds each of `parts`.
pub(crate) fn refused(app: &App, path: &str, body: &str, parts: &[&str]) {
    let (status, answer) = post(app, path, body);
    let text = answer["error"].as_str().unwrap_or_default();
    assert_eq!(status, 400, "{body}\n{answer}");
    for part in parts {
        assert!(text.contains(part), "{body}\n{part:?} is not in {text:?}");
    }
}
