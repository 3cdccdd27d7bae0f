//! Recognises what a file is when it is not what was asked for, so that the error can help.

/// A well-known kind of file, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// What it is, such as "a pickle".
    pub name: &'static str,
    /// Whether the file may hold a Python model, perhaps pickled.
    pub may_hold_model: bool,
}

/// (first bytes, what they mean, whether a Python model may be inside)
const MAGIC: [(&[u8], &str, bool); 28] = [
    (b"\x80\x02", "a pickle", true),
    (b"\x80\x03", "a pickle", true),
    (b"\x80\x04", "a pickle", true),
    (b"\x80\x05", "a pickle", true),
    (b"ccopy_reg\n", "a pickle", true),
    (b"PK\x03\x04", "a zip archive (a PyTorch, Keras or npz file is one)", true),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", true),
    (b"GGUF", "a GGUF file", false),
    (b"\x93NUMPY", "a NumPy array", false),
    (b"\x1f\x8b", "a gzip file (a joblib dump may be one)", true),
    (b"\x78\x01", "a zlib stream (a joblib dump may be one)", true),
    (b"\x78\x5e", "a zlib stream (a joblib dump may be one)", true),
    (b"\x78\x9c", "a zlib stream (a joblib dump may be one)", true),
    (b"\x78\xda", "a zlib stream (a joblib dump may be one)", true),
    (b"BZh", "a bzip2 file (a joblib dump may be one)", true),
    (b"\xfd7zXZ\0", "an xz file (a joblib dump may be one)", true),
    (b"\x04\x22\x4d\x18", "an lz4 file (a joblib dump may be one)", true),
    (b"\x28\xb5\x2f\xfd", "a zstd file", false),
    (b"PAR1", "a Parquet file", false),
    (b"ARROW1", "an Arrow file", false),
    (b"%PDF", "a PDF", false),
    (b"\x7fELF", "an executable", false),
    (b"MZ", "an executable", false),
    (b"#!", "a script", false),
    (b"version https://git-lfs", "a pointer of Git LFS (`git lfs pull` gets the file)", false),
    (b"<!doctype html", "a web page (perhaps an error of the download)", false),
    (b"<!DOCTYPE html", "a web page (perhaps an error of the download)", false),
    (b"<html", "a web page (perhaps an error of the download)", false),
];

/// What `start`, the first bytes of a file, says that the file is; `None` where it says nothing.
pub fn recognise(start: &[u8]) -> Option<Foreign> {
    let known = MAGIC.iter().find(|(magic, ..)| start.starts_with(magic));
    known.map(|&(_, name, may_hold_model)| Foreign { name, may_hold_model })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pickle_is_recognised_and_a_safetensors_file_is_not() {
        assert_eq!(recognise(b"\x80\x05\x95").map(|f| f.name), Some("a pickle"));
        assert_eq!(recognise(b"\x40\0\0\0\0\0\0\0{\"a\":"), None);
        assert_eq!(recognise(b""), None);
    }
}
