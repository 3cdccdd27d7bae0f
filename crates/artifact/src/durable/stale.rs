//! Temporary files that a killed writer left. A writer holds a lock on its own until it is done, and
//! the system lets go of a dead writer's, so that a lock to be had means a file to be removed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{PREFIX, SUFFIX};

/// Locks a new temporary file; false where a sweep removed it before the lock was had.
pub(super) fn keep(file: &File, path: &Path) -> bool {
    // Where a file system has no locks nothing is swept either.
    if file.lock().is_err() {
        return true;
    }
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(named)) => (ours.dev(), ours.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Removes the temporary files in `folder` whose writers are dead. Best effort: a failure here is
/// none of the save's, which says what it cannot do itself.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| is_ours(&entry.file_name())) {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            remove_if_abandoned(&entry.path());
        }
    }
}

fn is_ours(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes())
}

fn remove_if_abandoned(path: &Path) {
    if let Ok(file) = File::open(path)
        && file.try_lock().is_ok()
    {
        let _ = fs::remove_file(path);
    }
}
