//! Bytes to a verified artifact, from any source.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};

use ferrule_base::Limits;
use ferrule_format::FormatError;
use ferrule_format::foreign::{self, Foreign};
use ferrule_format::safetensors::{Header, PREFIX_BYTES, TensorInfo};

use crate::digest::creation_check;
use crate::encode::{self, CREATED_AT, CREATED_AT_CHECK, DIGEST, MANIFEST};
use crate::{Artifact, Fault, Manifest, Tensor, graph, kmeans};

/// Reads and verifies the artifact of `file_bytes` bytes in `source`.
///
/// Allocates the file's size and a remainder that the limits bound, whatever the bytes claim.
///
/// # Errors
/// A [`Fault`] that says what is wrong: see its variants.
pub fn read(mut source: impl Read, file_bytes: u64, limits: &Limits) -> Result<Artifact, Fault> {
    let max = limits.artifact_bytes_max;
    if file_bytes > max {
        return Err(Fault::TooLarge { size: file_bytes, max });
    }
    let head = read_head(&mut source, file_bytes, limits)?;
    let header = parse_head(&head, file_bytes, limits)?;
    let seal = entries(header.metadata())?;
    let manifest = Manifest::from_json(seal.manifest)?;
    let tensors = read_tensors(&mut source, header.tensors())?;
    if source.read(&mut [0]).map_err(read_failure)? != 0 {
        return Err(Fault::Changed);
    }
    verify(&seal, &head, &manifest, &tensors)?;
    check_model(&manifest, &tensors)?;
    let (digest, created_at) = (seal.digest.clone(), seal.created_at.clone());
    Ok(Artifact { manifest, tensors, created_at, digest })
}

/// The values under `__metadata__`.
struct Seal<'a> {
    manifest: &'a String,
    digest: &'a String,
    created_at: &'a String,
    created_at_check: &'a String,
}

/// Both hashes must be those of the contents, and `head` the one that they are written with.
fn verify(
    seal: &Seal<'_>,
    head: &[u8],
    manifest: &Manifest,
    tensors: &[Tensor],
) -> Result<(), Fault> {
    let layout = encode::layout(tensors)?;
    let computed = encode::digest(seal.manifest, &layout, tensors);
    if computed != *seal.digest {
        return Err(Fault::Digest { recorded: seal.digest.clone(), computed });
    }
    if creation_check(seal.digest, seal.created_at) != *seal.created_at_check {
        return Err(Fault::CreationTime);
    }
    let canonical = manifest.to_json()? == *seal.manifest
        && encode::head(seal.manifest, &layout, seal.digest, seal.created_at) == head;
    if canonical { Ok(()) } else { Err(Fault::NotCanonical) }
}

/// The kinds that are known.
const KINDS: &str = "kmeans and graph";

/// Whether `tensors` make a model of the manifest's kind: held before a save and after a load.
pub(crate) fn check_model(manifest: &Manifest, tensors: &[Tensor]) -> Result<(), Fault> {
    match manifest.kind.as_str() {
        kmeans::KIND => kmeans::check(manifest, tensors).map(drop),
        graph::KIND => graph::check(manifest, tensors),
        kind => Err(Fault::UnknownKind { kind: kind.to_owned(), known: KINDS }),
    }
}

/// The length field and the header. Their bytes say what the file is where it is no artifact.
fn read_head(source: &mut impl Read, file_bytes: u64, limits: &Limits) -> Result<Vec<u8>, Fault> {
    let mut head = take(source, file_bytes.min(PREFIX_BYTES as u64))?;
    let Some(prefix) = head.first_chunk::<PREFIX_BYTES>() else {
        let (part, needed) = ("the length of the header", PREFIX_BYTES as u64);
        let truncated = FormatError::Truncated { part, needed, available: head.len() as u64 };
        return Err(not_safetensors(&head, truncated));
    };
    let length = Header::length(*prefix, file_bytes, limits);
    let length = length.map_err(|error| not_safetensors(&head, error))?;
    head.append(&mut take(source, length as u64)?);
    Ok(head)
}

fn parse_head(head: &[u8], file_bytes: u64, limits: &Limits) -> Result<Header, Fault> {
    let data_bytes = file_bytes.saturating_sub(head.len() as u64);
    let (_, json) = head.split_at_checked(PREFIX_BYTES).unwrap_or_default();
    Header::parse(json, data_bytes, limits).map_err(|error| not_safetensors(head, error))
}

/// The error for a file that is no safetensors, named for what it is where its start tells.
fn not_safetensors(start: &[u8], error: FormatError) -> Fault {
    const PICKLE_HINT: &str = "Ferrule never loads pickles or archives of them: load it where it was \
         made and use ferrule.save(estimator, path)";
    const OTHER_HINT: &str = "make artifacts with ferrule.save(model, path)";
    match foreign::recognise(start) {
        Some(Foreign { name: what, may_hold_model: true }) => {
            Fault::Foreign { what, hint: PICKLE_HINT }
        }
        Some(Foreign { name: what, .. }) => Fault::Foreign { what, hint: OTHER_HINT },
        None => Fault::Format(error),
    }
}

/// The values under `__metadata__`, which must have no others.
fn entries(metadata: &BTreeMap<String, String>) -> Result<Seal<'_>, Fault> {
    let value = |key: &str| {
        let detail = || format!("__metadata__ has no {key:?}");
        metadata.get(key).ok_or_else(|| Fault::NotAnArtifact { detail: detail() })
    };
    let seal = Seal {
        manifest: value(MANIFEST)?,
        digest: value(DIGEST)?,
        created_at: value(CREATED_AT)?,
        created_at_check: value(CREATED_AT_CHECK)?,
    };
    if metadata.len() == 4 { Ok(seal) } else { Err(Fault::NotCanonical) }
}

fn read_tensors(source: &mut impl Read, infos: &[TensorInfo]) -> Result<Vec<Tensor>, Fault> {
    let read_one = |info: &TensorInfo| {
        let bytes = take(source, info.end.saturating_sub(info.start))?;
        let TensorInfo { name, dtype, shape, .. } = info.clone();
        Ok(Tensor { name, dtype, shape, bytes })
    };
    infos.iter().map(read_one).collect()
}

/// Exactly `count` bytes, which the caller has checked against the file's size.
fn take(source: &mut impl Read, count: u64) -> Result<Vec<u8>, Fault> {
    let out_of_memory = || read_failure(ErrorKind::OutOfMemory.into());
    let capacity = usize::try_from(count).map_err(|_| out_of_memory())?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(capacity).map_err(|_| out_of_memory())?;
    source.take(count).read_to_end(&mut bytes).map_err(read_failure)?;
    if bytes.len() == capacity { Ok(bytes) } else { Err(Fault::Changed) }
}

fn read_failure(source: std::io::Error) -> Fault {
    Fault::Io { action: "read", source, hint: "" }
}
