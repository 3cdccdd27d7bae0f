//! Replacing a file so that a crash or a power loss at any moment leaves the old one or the new one.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Fault;

mod stale;
#[cfg(test)]
mod tests;

/// How the names of temporary files begin and end.
const PREFIX: &str = ".ferrule-";
const SUFFIX: &str = ".tmp";

/// What a replacement asks of a file system; tests put failures and power losses behind it.
pub(crate) trait FileSystem {
    type File: Write;
    /// Makes a new file at `path`, with the mode that the umask gives; fails where one is.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Returns once the file's bytes are on the disk.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Returns once the names in `folder` are on the disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The operating system's.
pub(crate) struct Os;

impl FileSystem for Os {
    type File = File;

    fn create(&self, path: &Path) -> io::Result<File> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        if stale::keep(&file, path) { Ok(file) } else { self.create(path) }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// Puts what `write` writes at `path`, whole or not at all.
pub(crate) fn replace<F: FileSystem>(
    system: &F,
    path: &Path,
    write: impl FnOnce(&mut F::File) -> io::Result<()>,
) -> Result<(), Fault> {
    let folder = check_target(path)?;
    stale::sweep(folder);
    let temporary = folder.join(temporary_name());
    let mut file = system.create(&temporary).map_err(|e| failure("make a file beside it", e))?;
    let written = write(&mut file)
        .map_err(|e| failure("write", e))
        .and_then(|()| system.sync(&file).map_err(|e| failure("sync", e)))
        .and_then(|()| system.rename(&temporary, path).map_err(|e| failure("replace", e)));
    if let Err(fault) = written {
        // The first failure is the one to report; the name is gone or the disk is beyond help.
        let _ = system.remove(&temporary);
        return Err(fault);
    }
    system.sync_folder(folder).map_err(|e| failure("sync the folder of", e))
}

/// The folder of `path`, which must name a file or nothing yet.
fn check_target(path: &Path) -> Result<&Path, Fault> {
    let hint = "give the path of a file, such as model.safetensors";
    if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Fault::NotAFile { what: "a folder", hint });
    }
    // Through a link, too: a link to a folder is not to become a file.
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            Err(Fault::NotAFile { what: kind_name(found.file_type()), hint })
        }
        _ => Ok(path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))),
    }
}

/// A name that no other writer uses, whatever its process or thread.
fn temporary_name() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanoseconds = since.map_or(0, |since| since.as_nanos());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}-{nanoseconds:x}-{count}{SUFFIX}", std::process::id()).into()
}

fn failure(action: &'static str, source: io::Error) -> Fault {
    let hint = match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "; free some space and save again: what was there before is untouched"
        }
        ErrorKind::PermissionDenied => "; ask for write permission on its folder",
        ErrorKind::ReadOnlyFilesystem => "; save to a folder that can be written",
        ErrorKind::NotFound | ErrorKind::NotADirectory => "; make its folder first",
        ErrorKind::InvalidFilename => "; choose a shorter name",
        _ => "",
    };
    Fault::Io { action, source, hint }
}

/// What a path that is no regular file is.
pub(crate) fn kind_name(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
