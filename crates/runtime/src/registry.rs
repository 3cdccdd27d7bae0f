//! The models served: by name and version, loaded and dropped while requests run.
//!
//! A request holds an `Arc` of its model, so a reload or an unload never takes one away from it.
//! Readers take no lock; writers take turns.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use ferrule_base::Limits;

use crate::disk::{self, Files, Stamp};
use crate::{InputTensor, Model, OutputTensor, RequestError, RuntimeError, Wanted, open};

/// One version of a model, as served.
#[derive(Debug)]
pub struct ServedModel {
    /// The name that requests use.
    pub name: String,
    /// The version, in digits.
    pub version: String,
    /// The model.
    pub model: Arc<dyn Model>,
    stamp: Stamp,
}

impl ServedModel {
    /// Predicts: see [`Model::predict`].
    ///
    /// # Errors
    /// [`RequestError`] for inputs that do not fit the signature.
    pub fn predict(
        &self,
        inputs: &[InputTensor<'_>],
        wanted: Wanted,
    ) -> Result<Vec<OutputTensor>, RequestError> {
        self.model.predict(inputs, wanted)
    }
}

/// The loaded versions of one name; never empty.
type Versions = BTreeMap<u64, Arc<ServedModel>>;
type Models = HashMap<String, Versions>;

/// A line of the repository's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The model's name.
    pub name: String,
    /// The version, in digits.
    pub version: String,
    /// Whether it is served.
    pub ready: bool,
    /// Why it is not served; fit for any client.
    pub reason: String,
}

/// A file that could not be loaded, for the log.
#[derive(Debug)]
pub struct Failure {
    /// The model's name.
    pub name: String,
    /// The version, in digits.
    pub version: String,
    /// Why.
    pub error: RuntimeError,
}

/// What writers know beside the models.
#[derive(Debug, Default)]
struct Shelf {
    /// Every file, loaded or not.
    files: Files,
    /// Names that were unloaded on request: changes of their files do not bring them back.
    unloaded: BTreeSet<String>,
    /// Files that failed to load, by name and version.
    failed: BTreeMap<(String, u64), (Stamp, String)>,
}

/// The models served.
#[derive(Debug)]
pub struct Registry {
    paths: Vec<PathBuf>,
    name: Option<String>,
    limits: Limits,
    models: ArcSwap<Models>,
    cost_per_byte: AtomicUsize,
    shelf: Mutex<Shelf>,
}

impl Registry {
    /// Loads every model that `paths` stand for: artifacts, folders with `NAME.safetensors` or
    /// `NAME/VERSION.safetensors` in them, or a folder of one model's versions. `name` renames the
    /// one model given.
    ///
    /// # Errors
    /// [`RuntimeError`] where a file cannot be served; then none is.
    pub fn open(
        paths: &[PathBuf],
        name: Option<&str>,
        limits: Limits,
    ) -> Result<Self, RuntimeError> {
        let files = disk::find(paths, name)?;
        let models = load_all(&files, &limits)?;
        let cost_per_byte = AtomicUsize::new(highest_cost(&models));
        Ok(Self {
            cost_per_byte,
            paths: paths.to_vec(),
            name: name.map(str::to_owned),
            limits,
            models: ArcSwap::from_pointee(models),
            shelf: Mutex::new(Shelf { files, ..Shelf::default() }),
        })
    }

    /// The model called `name`, in `version`; an empty version is the latest.
    ///
    /// # Errors
    /// [`RequestError::ModelNotFound`] and [`RequestError::VersionNotFound`].
    pub fn get(&self, name: &str, version: &str) -> Result<Arc<ServedModel>, RequestError> {
        let models = self.models.load();
        let Some(versions) = models.get(name) else {
            disk::check_name(name)?;
            return Err(not_found(name, &models));
        };
        let found = match version {
            "" => versions.values().next_back(),
            text => disk::parse_version(text).and_then(|version| versions.get(&version)),
        };
        found.cloned().ok_or_else(|| {
            let loaded: Vec<String> = versions.keys().map(u64::to_string).collect();
            let got = version.chars().take(128).collect();
            let (name, loaded) = (name.to_owned(), loaded.join(", "));
            RequestError::VersionNotFound { name, version: got, loaded }
        })
    }

    /// The loaded versions of `name`, lowest first.
    ///
    /// # Errors
    /// [`RequestError::ModelNotFound`].
    pub fn versions(&self, name: &str) -> Result<Vec<Arc<ServedModel>>, RequestError> {
        let models = self.models.load();
        match models.get(name) {
            Some(versions) => Ok(versions.values().cloned().collect()),
            None => disk::check_name(name).and_then(|()| Err(not_found(name, &models))),
        }
    }

    /// Every loaded version of every model, by name and version.
    pub fn loaded(&self) -> Vec<Arc<ServedModel>> {
        let models = self.models.load();
        let sorted: BTreeMap<&String, &Versions> = models.iter().collect();
        sorted.values().flat_map(|versions| versions.values().cloned()).collect()
    }

    /// The most that a byte of input costs with any model loaded whose requests do not go through a
    /// line of their own: see [`Model::cost_per_byte`].
    pub fn cost_per_byte(&self) -> usize {
        self.cost_per_byte.load(Ordering::Relaxed)
    }

    /// Whether the files hold `version` of `name` (or any, where it is empty), served or not.
    pub fn knows(&self, name: &str, version: &str) -> bool {
        let shelf = self.shelf();
        let Some(versions) = shelf.files.get(name) else { return false };
        let exact = || disk::parse_version(version).is_some_and(|v| versions.contains_key(&v));
        version.is_empty() || exact()
    }

    /// Every version of every model that the files hold, served or not.
    pub fn index(&self) -> Vec<IndexEntry> {
        let shelf = self.shelf();
        let models = self.models.load();
        let mut entries = Vec::new();
        for (name, versions) in &shelf.files {
            for version in versions.keys() {
                let ready = models.get(name).is_some_and(|loaded| loaded.contains_key(version));
                let failed = shelf.failed.get(&(name.clone(), *version));
                let reason = match failed {
                    Some((_, reason)) => reason.clone(),
                    None if ready => String::new(),
                    None => "unloaded".to_owned(),
                };
                let (name, version) = (name.clone(), version.to_string());
                entries.push(IndexEntry { name, version, ready, reason });
            }
        }
        entries
    }

    /// Loads every version of `name` from its files, anew where it is loaded already. All of them are
    /// served, or what was served stays.
    ///
    /// # Errors
    /// [`RuntimeError`] for a name that no file has, and for a file that cannot be served.
    pub fn load(&self, name: &str) -> Result<(), RuntimeError> {
        disk::check_name(name)?;
        let mut shelf = self.shelf();
        shelf.files = disk::find(&self.paths, self.name.as_deref())?;
        let Some(files) = shelf.files.get(name) else {
            return Err(not_found(name, &self.models.load()).into());
        };
        let loaded = files.iter().map(|(version, path)| {
            load_one(name, *version, path, &self.limits).map(|model| (*version, model))
        });
        let versions = loaded.collect::<Result<Versions, _>>()?;
        shelf.unloaded.remove(name);
        shelf.failed.retain(|(failed, _), _| failed != name);
        self.change(|models| {
            models.insert(name.to_owned(), versions);
        });
        Ok(())
    }

    /// Stops serving every version of `name`. Requests that run end as they would have.
    ///
    /// # Errors
    /// [`RequestError::ModelNotFound`] where it is not loaded.
    pub fn unload(&self, name: &str) -> Result<(), RequestError> {
        disk::check_name(name)?;
        let mut shelf = self.shelf();
        let models = self.models.load();
        if !models.contains_key(name) {
            return Err(not_found(name, &models));
        }
        shelf.unloaded.insert(name.to_owned());
        self.change(|models| {
            models.remove(name);
        });
        Ok(())
    }

    /// Serves what the files hold now: loads new and changed ones, drops those that are gone. A file
    /// that cannot be served leaves what was served before; each such failure is told once.
    pub fn refresh(&self) -> Vec<Failure> {
        let mut shelf = self.shelf();
        // A folder that cannot be read for a moment is no reason to drop its models.
        let Ok(files) = disk::find(&self.paths, self.name.as_deref()) else { return Vec::new() };
        let mut failures = Vec::new();
        let before = self.models.load_full();
        let mut after = Models::new();
        for (name, files) in &files {
            if shelf.unloaded.contains(name) {
                continue;
            }
            let old = before.get(name);
            let mut versions = Versions::new();
            for (version, path) in files {
                let old = old.and_then(|old| old.get(version)).cloned();
                let served = self.fresh(&mut shelf, name, *version, path, old, &mut failures);
                versions.extend(served.map(|served| (*version, served)));
            }
            if !versions.is_empty() {
                after.insert(name.clone(), versions);
            }
        }
        shelf.files = files;
        self.store(after);
        failures
    }

    /// What to serve for a file: `old` where it is unchanged or cannot be loaded.
    fn fresh(
        &self,
        shelf: &mut Shelf,
        name: &str,
        version: u64,
        path: &std::path::Path,
        old: Option<Arc<ServedModel>>,
        failures: &mut Vec<Failure>,
    ) -> Option<Arc<ServedModel>> {
        let Ok(stamp) = Stamp::of(path) else { return old };
        let key = (name.to_owned(), version);
        let known = old.as_ref().is_some_and(|old| old.stamp == stamp)
            || shelf.failed.get(&key).is_some_and(|(failed, _)| *failed == stamp);
        if known {
            return old;
        }
        match load_one(name, version, path, &self.limits) {
            Ok(served) => {
                shelf.failed.remove(&key);
                Some(served)
            }
            Err(error) => {
                shelf.failed.insert(key, (stamp, error.public_message()));
                failures.push(Failure {
                    name: name.to_owned(),
                    version: version.to_string(),
                    error,
                });
                old
            }
        }
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        // A writer that panicked has stored either all of its change or nothing.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the models by a changed copy. The caller holds the shelf.
    fn change(&self, edit: impl FnOnce(&mut Models)) {
        let mut models = Models::clone(&self.models.load());
        edit(&mut models);
        self.store(models);
    }

    fn store(&self, models: Models) {
        self.cost_per_byte.store(highest_cost(&models), Ordering::Relaxed);
        self.models.store(Arc::new(models));
    }
}

fn highest_cost(models: &Models) -> usize {
    let all = models.values().flat_map(Versions::values);
    let inline = all.filter(|served| !served.model.is_queued());
    inline.map(|served| served.model.cost_per_byte()).max().unwrap_or(0)
}

/// Loads every file, or says of each that cannot be loaded why.
fn load_all(files: &Files, limits: &Limits) -> Result<Models, RuntimeError> {
    let mut models = Models::new();
    let mut failures = Vec::new();
    for (name, versions) in files {
        for (version, path) in versions {
            match load_one(name, *version, path, limits) {
                Ok(model) => {
                    models.entry(name.clone()).or_default().insert(*version, model);
                }
                Err(error) => failures.push(error),
            }
        }
    }
    match (failures.pop(), failures.is_empty()) {
        (None, _) => Ok(models),
        (Some(only), true) => Err(only),
        (Some(last), false) => {
            failures.push(last);
            Err(RuntimeError::Several { failures })
        }
    }
}

fn load_one(
    name: &str,
    version: u64,
    path: &std::path::Path,
    limits: &Limits,
) -> Result<Arc<ServedModel>, RuntimeError> {
    let unreadable = |source| RuntimeError::Unreadable { path: path.to_owned(), source };
    let stamp = Stamp::of(path).map_err(unreadable)?;
    let model = open(path, limits)?;
    let (name, version) = (name.to_owned(), version.to_string());
    Ok(Arc::new(ServedModel { name, version, model, stamp }))
}

/// How many names a message lists.
const LISTED_MAX: usize = 8;

fn not_found(name: &str, models: &Models) -> RequestError {
    let mut names: Vec<&str> = models.keys().map(String::as_str).collect();
    names.sort_unstable();
    let more = if names.len() > LISTED_MAX { ", …" } else { "" };
    names.truncate(LISTED_MAX);
    let hint = match names.as_slice() {
        [] => "none is".to_owned(),
        names => format!("loaded: {}{more}", names.join(", ")),
    };
    RequestError::ModelNotFound { name: name.to_owned(), hint }
}
