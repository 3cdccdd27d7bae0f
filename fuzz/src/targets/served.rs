//! What the targets that are servers serve.

use std::sync::OnceLock;

use ferrule_artifact::{FORMAT_VERSION, Manifest, Signature, Tensor, TensorSpec};
use ferrule_base::DType;
use ferrule_server::{App, Config, Phase};
use serde_json::Map;

/// A server's state over one K-Means whose features have names.
pub(super) fn app() -> &'static App {
    static APP: OnceLock<App> = OnceLock::new();
    APP.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("ferrule-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let path = folder.join("named.safetensors");
        let centers = Tensor {
            name: "cluster_centers".to_owned(),
            dtype: DType::Fp64,
            shape: vec![3, 2],
            bytes: [0.0, 0.0, 10.0, 0.0, 0.0, 10.0f64]
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect(),
        };
        ferrule_artifact::save(&path, manifest(), vec![centers]).expect("a valid artifact");
        let app = App::new(Config { models: vec![path], ..Config::default() });
        std::fs::remove_dir_all(&folder).expect("the folder just made");
        let app = app.expect("a valid configuration");
        app.set_phase(Phase::Ready);
        app
    })
}

fn manifest() -> Manifest {
    let spec = |name: &str, dtype, shape: &[i64], optional| TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: shape.to_vec(),
        optional,
    };
    Manifest {
        format_version: FORMAT_VERSION,
        kind: "kmeans".to_owned(),
        hyperparameters: Map::new(),
        signature: Signature {
            inputs: vec![spec("X", DType::Fp64, &[-1, 2], false)],
            outputs: vec![
                spec("label", DType::Int32, &[-1], false),
                spec("distances", DType::Fp64, &[-1, 3], true),
            ],
            feature_names: Some(vec!["length".to_owned(), "width".to_owned()]),
        },
        training: Map::new(),
        metadata: Map::new(),
        versions: Default::default(),
    }
}
