//! A disk that forgets: every state that a power loss may leave, at every step.
//!
//! Until a file is synced any of its sectors may be missing and it may be shorter; until its folder is
//! synced any of the names made, changed or removed in it may be as before.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::super::{FileSystem, replace};

const SECTOR: usize = 512;

#[derive(Clone)]
enum Step {
    Create(PathBuf, usize),
    Write(usize, Vec<u8>),
    Sync(usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    SyncFolder,
}

#[derive(Clone, Default)]
struct Recorder {
    steps: Rc<RefCell<Vec<Step>>>,
    forgets_sync: bool,
    forgets_folder: bool,
}

struct RecordedFile {
    id: usize,
    steps: Rc<RefCell<Vec<Step>>>,
}

impl Write for RecordedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = &bytes[..bytes.len().min(700)];
        self.steps.borrow_mut().push(Step::Write(self.id, part.to_vec()));
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Recorder {
    fn push(&self, step: Step) -> io::Result<()> {
        self.steps.borrow_mut().push(step);
        Ok(())
    }
}

impl FileSystem for Recorder {
    type File = RecordedFile;

    fn create(&self, path: &Path) -> io::Result<RecordedFile> {
        let id = self.steps.borrow().len();
        self.push(Step::Create(path.into(), id))?;
        Ok(RecordedFile { id, steps: Rc::clone(&self.steps) })
    }

    fn sync(&self, file: &RecordedFile) -> io::Result<()> {
        if self.forgets_sync { Ok(()) } else { self.push(Step::Sync(file.id)) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.push(Step::Rename(from.into(), to.into()))
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        if self.forgets_folder { Ok(()) } else { self.push(Step::SyncFolder) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.push(Step::Remove(path.into()))
    }
}

/// What is on the disk for certain, and what may be.
#[derive(Default)]
struct Disk {
    names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<Step>,
    written: BTreeMap<usize, Vec<u8>>,
    synced: BTreeMap<usize, usize>,
}

impl Disk {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Write(id, bytes) => self.written.entry(*id).or_default().extend(bytes),
            Step::Sync(id) => {
                self.synced.insert(*id, self.written.get(id).map_or(0, Vec::len));
            }
            Step::SyncFolder => {
                let pending = std::mem::take(&mut self.pending_names);
                pending.iter().for_each(|step| apply(&mut self.names, step));
            }
            naming => self.pending_names.push(naming.clone()),
        }
    }

    /// What `path` may hold after a power loss now: every subset of the pending names, and for bytes
    /// that are not synced every cut at a sector and every single missing sector.
    fn contents(&self, path: &Path) -> Vec<Option<Vec<u8>>> {
        let subsets = 1usize << self.pending_names.len();
        (0..subsets)
            .map(|subset| {
                let mut names = self.names.clone();
                let chosen = self.pending_names.iter().enumerate();
                chosen
                    .filter(|(i, _)| subset >> i & 1 == 1)
                    .for_each(|(_, s)| apply(&mut names, s));
                names.get(path).copied()
            })
            .flat_map(|id| {
                id.map_or(vec![None], |id| self.bytes(id).into_iter().map(Some).collect())
            })
            .collect()
    }

    fn bytes(&self, id: usize) -> Vec<Vec<u8>> {
        let whole = self.written.get(&id).cloned().unwrap_or_default();
        let safe = self.synced.get(&id).copied().unwrap_or(0);
        let mut states = vec![whole.clone()];
        for start in (safe..whole.len()).step_by(SECTOR) {
            states.push(whole[..start].to_vec());
            let mut torn = whole.clone();
            let end = (start + SECTOR).min(whole.len());
            torn[start..end].fill(0);
            states.push(torn);
        }
        states
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, step: &Step) {
    match step {
        Step::Create(path, id) => drop(names.insert(path.clone(), *id)),
        Step::Rename(from, to) => {
            if let Some(id) = names.remove(from) {
                names.insert(to.clone(), id);
            }
        }
        Step::Remove(path) => drop(names.remove(path)),
        _ => unreachable!("only names are pending"),
    }
}

/// Replaces OLD by NEW on `recorder`; counts (crash states, states that are neither, states after the
/// return that are not NEW).
fn crash(recorder: &Recorder, new_bytes: usize) -> (usize, usize, usize) {
    let path = Path::new("/no such folder/model.safetensors");
    let (old, new) = (vec![1u8; 3000], (0..new_bytes).map(|i| (i % 251) as u8 + 2).collect());
    let new: Vec<u8> = new;
    let mut disk = Disk::default();
    disk.names.insert(path.into(), usize::MAX);
    disk.written.insert(usize::MAX, old.clone());
    disk.synced.insert(usize::MAX, old.len());

    replace(recorder, path, |file| new.chunks(1000).try_for_each(|part| file.write_all(part)))
        .unwrap();
    let (mut states, mut bad) = (0, 0);
    for step in recorder.steps.borrow().iter() {
        disk.take(step);
        let contents = disk.contents(path);
        states += contents.len();
        bad += contents.iter().flatten().filter(|c| **c != old && **c != new).count();
        bad += contents.iter().filter(|content| content.is_none()).count();
    }
    let after = disk.contents(path);
    let not_new = after.iter().filter(|content| content.as_ref() != Some(&new)).count();
    (states, bad, not_new)
}

#[test]
fn after_a_power_loss_at_any_step_there_is_the_old_file_or_the_new_one() {
    let mut total = 0;
    for new_bytes in [0, 1, 511, 512, 513, 4096, 10_000, 100_000] {
        let (states, bad, not_new) = crash(&Recorder::default(), new_bytes);
        assert_eq!((bad, not_new), (0, 0), "{new_bytes} bytes, {states} states");
        total += states;
    }
    assert!(total > 300, "{total} states");
}

#[test]
fn without_a_sync_of_the_file_the_power_loss_is_seen() {
    let forgetful = Recorder { forgets_sync: true, ..Recorder::default() };
    assert!(crash(&forgetful, 10_000).1 > 0);
}

#[test]
fn without_a_sync_of_the_folder_the_old_file_may_come_back_after_a_save() {
    let forgetful = Recorder { forgets_folder: true, ..Recorder::default() };
    let (_, bad, not_new) = crash(&forgetful, 10_000);
    assert_eq!(bad, 0);
    assert!(not_new > 0);
}
