//! Every call to the file system fails once, in every way.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use ferrule_base::{Coded, ErrorCode};

use super::super::{FileSystem, Os, replace};

/// The operating system's files, but call number `fail_at` fails with `kind`.
struct Flaky {
    calls: Cell<usize>,
    fail_at: usize,
    kind: ErrorKind,
}

struct FlakyFile<'a> {
    file: File,
    system: &'a Flaky,
}

impl Flaky {
    fn call<T>(&self, action: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let call = self.calls.replace(self.calls.get() + 1);
        if call == self.fail_at { Err(self.kind.into()) } else { action() }
    }
}

impl Write for FlakyFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Short writes: a disk that fills up takes a part first.
        let part = &bytes[..bytes.len().min(1000)];
        self.system.call(|| self.file.write(part))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<'a> FileSystem for &'a Flaky {
    type File = FlakyFile<'a>;

    fn create(&self, path: &Path) -> io::Result<FlakyFile<'a>> {
        self.call(|| Ok(FlakyFile { file: Os.create(path)?, system: self }))
    }

    fn sync(&self, file: &FlakyFile<'a>) -> io::Result<()> {
        self.call(|| Os.sync(&file.file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| Os.rename(from, to))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.call(|| Os.sync_folder(folder))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Os.remove(path)
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ferrule-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    folder
}

#[test]
fn whatever_call_fails_the_file_is_whole_and_nothing_else_stays() {
    let folder = folder("failures");
    let path = folder.join("model");
    let new = vec![7u8; 5_000];
    let kinds = [
        (ErrorKind::StorageFull, ErrorCode::Io, "free some space"),
        (ErrorKind::PermissionDenied, ErrorCode::PermissionDenied, "write permission"),
        (ErrorKind::ReadOnlyFilesystem, ErrorCode::Io, "a folder that can be written"),
        (ErrorKind::Other, ErrorCode::Io, "cannot"),
        (ErrorKind::WriteZero, ErrorCode::Io, "cannot"),
    ];
    for (kind, code, hint) in kinds {
        for fail_at in 0.. {
            fs::write(&path, b"old").unwrap();
            let flaky = Flaky { calls: Cell::new(0), fail_at, kind };
            let result = replace(&&flaky, &path, |file| file.write_all(&new));
            let found = fs::read(&path).unwrap();
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "call {fail_at}");
            let Err(fault) = result else {
                assert_eq!(found, new);
                assert_eq!(fail_at, 9, "create, five writes, sync, rename, sync of the folder");
                break;
            };
            assert!(found == b"old" || (found == new && fail_at == 8), "call {fail_at}");
            assert_eq!(fault.code(), code);
            assert!(fault.to_string().contains(hint), "{fault}");
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_interrupted_write_is_taken_up_again() {
    let folder = folder("interrupted");
    let path = folder.join("model");
    let flaky = Flaky { calls: Cell::new(0), fail_at: 2, kind: ErrorKind::Interrupted };
    replace(&&flaky, &path, |file| file.write_all(&[7u8; 5_000])).unwrap();
    assert_eq!(fs::read(&path).unwrap(), [7u8; 5_000]);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_a_dead_writer_left_is_removed_and_what_a_live_one_holds_is_not() {
    let folder = folder("stale");
    let (dead, live) = (folder.join(".ferrule-1-a-0.tmp"), folder.join(".ferrule-1-b-0.tmp"));
    let theirs = folder.join(".other-1-a-0.tmp");
    fs::write(&dead, b"half").unwrap();
    fs::write(&theirs, b"not ours").unwrap();
    let held = Os.create(&live).unwrap();
    replace(&Os, &folder.join("model"), |file| file.write_all(b"new")).unwrap();
    assert!(!dead.exists() && live.exists() && theirs.exists());
    drop(held);
    replace(&Os, &folder.join("model"), |file| file.write_all(b"new")).unwrap();
    assert!(!live.exists() && theirs.exists());
    fs::remove_dir_all(folder).unwrap();
}
