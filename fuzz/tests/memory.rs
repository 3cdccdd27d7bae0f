//! What a load takes of the heap, for files that are good and for files made to take much.

use ferrule_artifact::{Artifact, Manifest, Tensor, load, read, save};
use ferrule_base::{DType, Limits};
use ferrule_fuzz::memory::measure;
use serde_json::json;

fn manifest(k: usize, d: usize) -> Manifest {
    serde_json::from_value(json!({
        "format_version": 1,
        "kind": "kmeans",
        "hyperparameters": {},
        "signature": {
            "inputs": [{"name": "X", "dtype": "FP32", "shape": [-1, d]}],
            "outputs": [
                {"name": "label", "dtype": "INT32", "shape": [-1]},
                {"name": "distances", "dtype": "FP32", "shape": [-1, k], "optional": true},
            ],
        },
        "training": {},
        "metadata": {},
        "versions": {},
    }))
    .expect("a manifest")
}

#[test]
fn a_load_takes_the_size_of_the_file_and_a_little() {
    let (k, d) = (4096, 1024);
    let bytes = vec![0; k * d * 4];
    let centers =
        Tensor { name: "cluster_centers".into(), dtype: DType::Fp32, shape: vec![k, d], bytes };
    let path = std::env::temp_dir().join(format!("ferrule-memory-{}", std::process::id()));
    let (saved, saving) = measure(|| save(&path, manifest(k, d), vec![centers]));
    saved.expect("saved");
    let size = std::fs::metadata(&path).expect("a file").len() as usize;
    let (artifact, loading) = measure(|| load(&path, &Limits::default()).expect("loads"));
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(artifact.tensors.len(), 1);
    assert!(loading.peak_bytes < size + 64 * 1024, "{loading:?} for {size} bytes");
    assert!(loading.count < 500, "{loading:?}");
    assert!(saving.peak_bytes < 64 * 1024, "{saving:?}: a save copies no tensor");
}

/// What a file with `header` makes a reader hold beyond the file's size.
fn excess(header: String, data_bytes: usize) -> usize {
    let length = (header.len() as u64).to_le_bytes();
    let file = [&length, header.as_bytes(), &vec![0; data_bytes]].concat();
    let (result, usage) = measure(|| -> Result<Artifact, _> {
        read(&file[..], file.len() as u64, &Limits::default())
    });
    assert!(result.is_err());
    usage.peak_bytes.saturating_sub(file.len())
}

#[test]
fn headers_made_to_take_much_take_less_than_64_mib_beyond_their_size() {
    let tensor = |i: usize| {
        format!("\"{i:x}\":{{\"dtype\":\"U8\",\"shape\":[0,0,0,0,0],\"data_offsets\":[0,0]}}")
    };
    let tensors: Vec<String> = (0..65_536).map(tensor).collect();
    let strings: Vec<String> = (0..65_536).map(|i| format!("\"{i:x}\":\"\"")).collect();
    let metadata = |manifest: &str| {
        let manifest = manifest.replace('"', "\\\"");
        let rest =
            "\"ferrule.digest\":\"\",\"ferrule.created_at\":\"\",\"ferrule.created_at_check\":\"\"";
        format!("{{\"__metadata__\":{{\"ferrule.manifest\":\"{manifest}\",{rest}}}}}")
    };
    let nested = |item: &str, count: usize| {
        let items = vec![item; count].join(",");
        metadata(&format!("{{\"format_version\":1,\"metadata\":{{\"a\":[{items}]}}}}"))
    };
    let cases = [
        ("many tensors", format!("{{{}}}", tensors.join(","))),
        ("many strings", format!("{{\"__metadata__\":{{{}}}}}", strings.join(","))),
        ("one long string", metadata(&"x".repeat(15 << 20))),
        ("one long name", format!("{{\"{}\":{{}}}}", "x".repeat(15 << 20))),
        ("escapes", format!("{{\"{}\":{{}}}}", "\\n".repeat(7 << 20))),
        ("numbers", nested("0", 300_000)),
        ("arrays", nested("[0]", 100_000)),
        ("objects", nested("{\"\":0}", 38_000)),
        ("too many numbers", nested("0", 5_000_000)),
        ("too many arrays", nested("[0]", 3_000_000)),
        ("too many objects", nested("{\"\":0}", 1_500_000)),
    ];
    for (name, header) in cases {
        let excess = excess(header, 0);
        println!("{name}: {excess} bytes beyond the file's size");
        assert!(excess < 64 << 20, "{name}: {excess} bytes");
    }
}
