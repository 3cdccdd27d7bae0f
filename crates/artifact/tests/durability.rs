//! Real processes and real files: killed writers, many writers, paths that are no files.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Folder, centers, manifest};
use ferrule_artifact::{load, save};
use ferrule_base::{Coded, ErrorCode, Limits};

const TARGET: &str = "FERRULE_TEST_TARGET";

/// Not a test of its own: what the killed process of the next test runs.
#[test]
fn write_for_ever_where_a_parent_asks() {
    let Some(path) = std::env::var_os(TARGET) else { return };
    for round in 0.. {
        let k = 100 + round % 7;
        save(Path::new(&path), manifest(k, 50), centers(k, 50)).unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_a_whole_file_and_the_next_save_clears_what_it_left() {
    let folder = Folder::new();
    let path = folder.join("model.safetensors");
    let mut left = 0;
    for round in 0..40u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "write_for_ever_where_a_parent_asks"])
            .env(TARGET, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while !path.exists() && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(u64::from(round) * 379 % 9_000));
        child.kill().unwrap();
        child.wait().unwrap();
        load(&path, &Limits::default()).unwrap();
        left += folder.names().len() - 1;
    }
    save(&path, manifest(2, 2), centers(2, 2)).unwrap();
    assert_eq!(folder.names(), ["model.safetensors"], "{left} temporary files were left");
}

#[test]
fn of_many_writers_one_wins_whole() {
    let folder = Folder::new();
    let path = folder.join("model.safetensors");
    std::thread::scope(|scope| {
        for k in 1..9 {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..20 {
                    save(path, manifest(k, 8), centers(k, 8)).unwrap();
                    load(path, &Limits::default()).unwrap();
                }
            });
        }
    });
    assert_eq!(folder.names(), ["model.safetensors"]);
}

#[test]
fn a_path_that_cannot_be_saved_to_is_named_with_what_to_do() {
    let folder = Folder::new();
    std::fs::write(folder.join("file"), b"x").unwrap();
    std::os::unix::fs::symlink("/", folder.join("link")).unwrap();
    let cases = [
        (folder.path().to_owned(), ErrorCode::InvalidArgument, "is a folder"),
        (folder.join("link"), ErrorCode::InvalidArgument, "is a folder"),
        (folder.join("new/"), ErrorCode::InvalidArgument, "is a folder"),
        ("".into(), ErrorCode::InvalidArgument, "give the path of a file"),
        ("/".into(), ErrorCode::InvalidArgument, "is a folder"),
        ("..".into(), ErrorCode::InvalidArgument, "is a folder"),
        ("/dev/null".into(), ErrorCode::InvalidArgument, "is a device"),
        (folder.join("missing/model"), ErrorCode::NotFound, "make its folder first"),
        (folder.join("file/model"), ErrorCode::Io, "make its folder first"),
        (folder.join(&"x".repeat(300)), ErrorCode::Io, "choose a shorter name"),
    ];
    for (path, code, text) in cases {
        let error = save(&path, manifest(2, 2), centers(2, 2)).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.code(), code, "{message}");
        assert!(message.contains(text), "{message}");
        assert!(message.starts_with(&path.display().to_string()), "{message}");
    }
    assert_eq!(folder.names(), ["file", "link"]);
}

#[test]
fn a_link_is_followed_by_a_load_and_replaced_by_a_save() {
    let folder = Folder::new();
    let (file, link) = (folder.join("v1.safetensors"), folder.join("current.safetensors"));
    save(&file, manifest(2, 2), centers(2, 2)).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(load(&link, &Limits::default()).unwrap().tensors, centers(2, 2));
    save(&link, manifest(3, 2), centers(3, 2)).unwrap();
    assert_eq!(load(&file, &Limits::default()).unwrap().tensors, centers(2, 2));
    assert_eq!(load(&link, &Limits::default()).unwrap().tensors, centers(3, 2));
}

#[test]
fn what_is_no_regular_file_is_refused_without_reading_it() {
    let folder = Folder::new();
    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let cases = [
        (folder.path().to_owned(), "is a folder"),
        (pipe, "is a pipe"),
        ("/dev/zero".into(), "is a device"),
        (folder.join("none"), "no such file"),
    ];
    for (path, text) in cases {
        let started = Instant::now();
        let message = load(&path, &Limits::default()).unwrap_err().to_string();
        assert!(message.contains(text), "{message}");
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn a_sparse_file_beyond_the_limit_is_refused_by_its_size() {
    let folder = Folder::new();
    let path = folder.join("huge");
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let error = load(&path, &Limits::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ResourceExhausted);
    assert!(error.to_string().contains("artifact_bytes_max"), "{error}");
}
