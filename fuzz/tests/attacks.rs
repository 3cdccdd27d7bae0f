//! Every file of `attacks/gguf.py` gets its verdict, at once and in little memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ferrule_base::{Coded as _, Limits};
use ferrule_format::gguf::Gguf;
use ferrule_fuzz::memory::measure;
use serde_json::Value;

const MEMORY_MAX: usize = 16 << 20;
const TIME_MAX: Duration = Duration::from_millis(50);

/// Runs the script, and gives each file's verdict by its name.
fn verdicts(folder: &Path) -> BTreeMap<String, Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../attacks/gguf.py");
    let done = Command::new("python3").arg(script).arg(folder).output().expect("python3 is there");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = std::fs::read_to_string(folder.join("verdicts.json")).expect("was written");
    serde_json::from_str(&text).expect("JSON")
}

/// The class of the error and its text, both empty where the file is read.
fn answer(file: &[u8]) -> (String, String) {
    match Gguf::parse(file, &Limits::default()) {
        Ok(_) => (String::new(), String::new()),
        Err(error) => (format!("{:?}Error", error.code()), error.to_string()),
    }
}

#[test]
fn each_file_has_its_verdict_within_50_ms_and_16_mib() {
    let folder = std::env::temp_dir().join(format!("ferrule-attacks-{}", std::process::id()));
    let verdicts = verdicts(&folder);
    assert!(verdicts.len() >= 60, "{}", verdicts.len());
    let mut slowest = (Duration::ZERO, String::new());
    for (name, verdict) in verdicts {
        let file = std::fs::read(folder.join(&name)).expect("was written");
        let ((class, text), usage) = measure(|| answer(&file));
        assert_eq!(class, verdict["error"].as_str().unwrap_or_default(), "{name}: {text}");
        let says = verdict["says"].as_str().expect("a string");
        assert!(text.contains(says), "{name}: {text}");
        assert!(text.len() < 300 && !text.contains(char::is_control), "{name}: {text}");
        assert!(usage.peak_bytes < MEMORY_MAX, "{name}: {usage:?}");
        let time = (0..3).map(|_| {
            let started = Instant::now();
            let _ = answer(&file);
            started.elapsed()
        });
        slowest = slowest.max((time.min().expect("three"), name));
    }
    std::fs::remove_dir_all(folder).expect("removed");
    assert!(slowest.0 < TIME_MAX, "{slowest:?}");
}
