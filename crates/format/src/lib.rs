//! File formats: bytes to checked views, with no I/O and no unsafe code.
