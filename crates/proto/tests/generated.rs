//! The checked-in code is what the .proto files say. After a change of theirs:
//! `cargo test -p ferrule-proto --release -- --ignored rewrite`.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;

const FILES: [&str; 4] =
    ["inference.proto", "ferrule_v1.proto", "health.proto", "reflection.proto"];

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Generates into `folder`: a Rust file for each package and the descriptors for reflection.
fn generate(folder: &Path) {
    let descriptors = protox::compile(FILES, [home().join("proto")]).expect("valid .proto files");
    prost_build::Config::new()
        .bytes(["."])
        .out_dir(folder)
        .compile_fds(descriptors.clone())
        .expect("code");
    let mut lean = descriptors;
    for file in &mut lean.file {
        file.source_code_info = None;
    }
    fs::write(folder.join("descriptors.bin"), lean.encode_to_vec()).expect("a writable folder");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

#[test]
fn checked_in_code_is_what_the_proto_files_say() {
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh).expect("a folder");
    generate(&fresh);
    let kept = home().join("src/generated");
    assert_eq!(names(&kept), names(&fresh));
    for name in names(&fresh) {
        let same = fs::read(kept.join(&name)).ok() == fs::read(fresh.join(&name)).ok();
        assert!(same, "{name} is stale; run the test `rewrite`");
    }
}

#[test]
#[ignore = "writes the generated code"]
fn rewrite() {
    generate(&home().join("src/generated"));
}
