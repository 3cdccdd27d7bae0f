//! Artifacts on disk.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use ferrule_base::Limits;

use crate::durable::{self, Os};
use crate::read::check_model;
use crate::{Artifact, ArtifactError, Fault, Manifest, Tensor, clock, encode, read};

/// Saves a model at `path`, whole or not at all, and returns its digest (`sha256:…`).
///
/// The bytes go to a new file in the same folder, which is synced and renamed over `path`, and the
/// folder is synced: readers see the old file or the new one, also after a crash or a power loss. A
/// symbolic link at `path` is replaced; what it points to stays as it is.
///
/// # Errors
/// [`ArtifactError`] with the path: a manifest and tensors that make no model, or a failure of the
/// disk. Whatever was at `path` is then as it was, and no temporary file stays.
pub fn save(
    path: &Path,
    manifest: Manifest,
    tensors: Vec<Tensor>,
) -> Result<String, ArtifactError> {
    try_save(path, &manifest, &tensors).map_err(|fault| ArtifactError::new(path, fault))
}

fn try_save(path: &Path, manifest: &Manifest, tensors: &[Tensor]) -> Result<String, Fault> {
    check_model(manifest, tensors)?;
    let manifest_json = manifest.to_json()?;
    Manifest::from_json(&manifest_json)?;
    let layout = encode::layout(tensors)?;
    let digest = encode::digest(&manifest_json, &layout, tensors);
    let head = encode::head(&manifest_json, &layout, &digest, &clock::now());
    durable::replace(&Os, path, |file| {
        file.write_all(&head)?;
        encode::in_order(&layout, tensors).try_for_each(|tensor| file.write_all(&tensor.bytes))
    })?;
    Ok(digest)
}

/// Loads the artifact at `path` and verifies all of it.
///
/// # Errors
/// [`ArtifactError`] with the path and what is wrong: see [`Fault`].
pub fn load(path: &Path, limits: &Limits) -> Result<Artifact, ArtifactError> {
    try_load(path, limits).map_err(|fault| ArtifactError::new(path, fault))
}

fn try_load(path: &Path, limits: &Limits) -> Result<Artifact, Fault> {
    // Looked at before it is opened, since opening a device may do something; and again after, since
    // the path may have come to name something else.
    check_regular(&std::fs::metadata(path).map_err(open_failure)?)?;
    let file = open(path).map_err(open_failure)?;
    let metadata = file.metadata().map_err(open_failure)?;
    check_regular(&metadata)?;
    read(file, metadata.len(), limits)
}

/// Opens for reading, without waiting where a pipe has taken the file's place.
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

fn check_regular(metadata: &Metadata) -> Result<(), Fault> {
    if metadata.is_file() {
        return Ok(());
    }
    let hint = "name an artifact made by ferrule.save(model, path)";
    Err(Fault::NotAFile { what: durable::kind_name(metadata.file_type()), hint })
}

fn open_failure(source: io::Error) -> Fault {
    match source.kind() {
        ErrorKind::NotFound => Fault::NotFound,
        ErrorKind::PermissionDenied => {
            Fault::Io { action: "open", source, hint: "; ask for read permission on it" }
        }
        _ => Fault::Io { action: "open", source, hint: "" },
    }
}
