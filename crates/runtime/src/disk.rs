//! Where models lie: which files the paths given stand for, under which names and versions.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::{RequestError, RuntimeError};

/// Files by name and version.
pub(crate) type Files = BTreeMap<String, BTreeMap<u64, PathBuf>>;

const EXTENSION: &str = "safetensors";
const NAME_BYTES_MAX: usize = 128;
/// The version of a file that stands alone.
const ONLY_VERSION: u64 = 1;

/// What tells a file from the one that was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of the file at `path` now.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let facts = fs::metadata(path)?;
        let changed = (facts.mtime(), facts.mtime_nsec());
        Ok(Self { inode: facts.ino(), bytes: facts.len(), changed })
    }
}

/// Whether `name` may be a model's name.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// Checks a name that a client gave.
pub(crate) fn check_name(name: &str) -> Result<(), RequestError> {
    if is_name(name) {
        return Ok(());
    }
    let got = name.chars().take(NAME_BYTES_MAX).collect();
    Err(RequestError::Name { what: "model name", got })
}

/// The files that `paths` stand for: artifacts, folders of artifacts, folders of folders of versions.
/// `name` is for the case of one model alone.
pub(crate) fn find(paths: &[PathBuf], name: Option<&str>) -> Result<Files, RuntimeError> {
    if name.is_some() && paths.len() > 1 {
        return Err(RuntimeError::NameForMany);
    }
    let mut files = Files::new();
    for path in paths {
        let facts = fs::metadata(path).map_err(|source| unreadable(path, source))?;
        if facts.is_dir() {
            add_folder(&mut files, path)?;
        } else {
            let name = match name {
                Some(name) => name.to_owned(),
                None => stem(path),
            };
            add(&mut files, name, ONLY_VERSION, path.clone())?;
        }
    }
    match name {
        Some(_) if files.len() > 1 => Err(RuntimeError::NameForMany),
        Some(name) => Ok(files.into_values().map(|versions| (name.to_owned(), versions)).collect()),
        None => Ok(files),
    }
}

fn unreadable(path: &Path, source: io::Error) -> RuntimeError {
    RuntimeError::Unreadable { path: path.to_owned(), source }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn add(files: &mut Files, name: String, version: u64, path: PathBuf) -> Result<(), RuntimeError> {
    if !is_name(&name) {
        return Err(RuntimeError::Name { path, got: name });
    }
    let versions = files.entry(name.clone()).or_default();
    match versions.insert(version, path.clone()) {
        None => Ok(()),
        Some(first) => Err(RuntimeError::Duplicate { name, version, first, second: path }),
    }
}

/// A folder is a repository; or, where its artifacts are all called by numbers, one model's versions.
fn add_folder(files: &mut Files, folder: &Path) -> Result<(), RuntimeError> {
    let (artifacts, folders) = list(folder)?;
    let versions = versions(&artifacts);
    if !artifacts.is_empty() && versions.len() == artifacts.len() && folders.is_empty() {
        let name = fs::canonicalize(folder).map_err(|source| unreadable(folder, source))?;
        let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return versions
            .into_iter()
            .try_for_each(|(version, path)| add(files, name.clone(), version, path));
    }
    let before = files.len();
    for path in artifacts {
        add(files, stem(&path), ONLY_VERSION, path)?;
    }
    for inner in folders {
        let name = inner.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (version, path) in self::versions(&list(&inner)?.0) {
            add(files, name.clone(), version, path)?;
        }
    }
    if files.len() == before {
        return Err(RuntimeError::EmptyFolder { path: folder.to_owned() });
    }
    Ok(())
}

/// The artifacts and the folders in `folder`, sorted, without hidden ones.
fn list(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), RuntimeError> {
    let entries = fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
    let (mut artifacts, mut folders) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry.map_err(|source| unreadable(folder, source))?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() {
            folders.push(path);
        } else if path.extension().is_some_and(|extension| extension == EXTENSION) {
            artifacts.push(path);
        }
    }
    artifacts.sort();
    folders.sort();
    Ok((artifacts, folders))
}

/// Those of `artifacts` that are called by a version number.
fn versions(artifacts: &[PathBuf]) -> Vec<(u64, PathBuf)> {
    let version = |path: &PathBuf| Some((parse_version(&stem(path))?, path.clone()));
    artifacts.iter().filter_map(version).collect()
}

/// A version as it is written in one way only: digits, no leading zero.
pub(crate) fn parse_version(text: &str) -> Option<u64> {
    text.parse().ok().filter(|version: &u64| version.to_string() == text)
}
