//! A file as bytes in memory, read when they are first looked at.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Deref;
use std::path::Path;

/// The bytes of a file, read only. They are mapped where the system can do that: opening then costs the
/// same for any size, memory holds only what is looked at, and processes share it.
///
/// The file must not be changed meanwhile. One that is replaced by another (`rename`) stays as it was;
/// bytes that are written over in place may be seen, and a file that is cut short ends the process with
/// `SIGBUS` when its missing bytes are looked at. So map only files of which nobody but their owner can
/// do that, and do not trust that what has been checked once stays so.
#[derive(Debug)]
pub struct Mapped(Bytes);

#[derive(Debug)]
enum Bytes {
    #[cfg(unix)]
    Mapping(mapping::Mapping),
    Read(Vec<u8>),
}

impl Mapped {
    /// The file at `path`.
    ///
    /// # Errors
    /// Those of the system; [`io::ErrorKind::InvalidInput`] where `path` is no regular file, such as a folder,
    /// a pipe or a device; [`io::ErrorKind::OutOfMemory`] where it can neither be mapped nor be read.
    ///
    /// # Examples
    /// ```
    /// let path = std::env::temp_dir().join("ferrule-mapped-example");
    /// std::fs::write(&path, b"bytes")?;
    /// assert_eq!(*ferrule_tensor::Mapped::open(&path)?, *b"bytes");
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(path: &Path) -> io::Result<Self> {
        // Looked at before it is opened, since opening a pipe waits; and again after, since the path may
        // have come to name something else.
        check_regular(&std::fs::metadata(path)?)?;
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        check_regular(&metadata)?;
        #[cfg(unix)]
        if let Some(mapping) = mapping::Mapping::new(&file, metadata.len()) {
            return Ok(Self(Bytes::Mapping(mapping)));
        }
        read(file, metadata.len()).map(Bytes::Read).map(Self)
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            #[cfg(unix)]
            Bytes::Mapping(mapping) => mapping.bytes(),
            Bytes::Read(bytes) => bytes,
        }
    }
}

fn check_regular(metadata: &std::fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
}

fn read(file: File, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    usize::try_from(size)
        .ok()
        .and_then(|size| bytes.try_reserve_exact(size).ok())
        .ok_or(io::ErrorKind::OutOfMemory)?;
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
mod mapping {
    use std::fs::File;
    use std::os::fd::AsRawFd as _;
    use std::ptr::{NonNull, null_mut};

    /// A private mapping that is read only.
    #[derive(Debug)]
    pub(super) struct Mapping {
        start: NonNull<u8>,
        len: usize,
    }

    // SAFETY: the memory is owned, and nothing here writes it.
    unsafe impl Send for Mapping {}
    // SAFETY: as above.
    unsafe impl Sync for Mapping {}

    impl Mapping {
        /// The first `len` bytes of `file`; `None` where it is empty or the system refuses.
        pub(super) fn new(file: &File, len: u64) -> Option<Self> {
            let len = usize::try_from(len).ok().filter(|len| *len > 0)?;
            // SAFETY: a new mapping touches no memory that is there, and outlives the descriptor.
            let start = unsafe {
                let (access, kind) = (libc::PROT_READ, libc::MAP_PRIVATE);
                libc::mmap(null_mut(), len, access, kind, file.as_raw_fd(), 0)
            };
            if start == libc::MAP_FAILED {
                return None;
            }
            Some(Self { start: NonNull::new(start.cast())?, len })
        }

        pub(super) fn bytes(&self) -> &[u8] {
            // SAFETY: `len` bytes are mapped until `self` is dropped, and any bits are a byte. That the file
            // stays as it is the owner of the file answers for: see `Mapped`.
            unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
        }
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: mapped with this length, and nothing borrows it any more.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("ferrule-{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).expect("written");
        path
    }

    #[test]
    fn a_mapping_has_the_bytes_of_its_file_and_keeps_them_when_that_is_replaced() {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| (i * i) as u8).collect();
        let path = file("mapped", &bytes);
        let mapped = Mapped::open(&path).expect("opens");
        std::fs::rename(file("other", b"other"), &path).expect("replaced");
        assert_eq!(*mapped, *bytes);
        assert_eq!(*Mapped::open(&path).expect("opens"), *b"other");
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn an_empty_file_is_no_bytes_and_what_is_no_file_is_refused() {
        let path = file("empty", b"");
        assert!(Mapped::open(&path).expect("opens").is_empty());
        std::fs::remove_file(&path).expect("removed");
        let kind = |path: &Path| Mapped::open(path).expect_err("is no file").kind();
        assert_eq!(kind(&path), io::ErrorKind::NotFound);
        assert_eq!(kind(&std::env::temp_dir()), io::ErrorKind::InvalidInput);
        #[cfg(unix)]
        assert_eq!(kind(Path::new("/dev/zero")), io::ErrorKind::InvalidInput);
    }
}
